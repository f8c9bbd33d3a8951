"""MNIST with some of its digits only: which, with which labels, and that they are never taken for others."""

import numpy as np
import pytest

from data_prep import mnist
from tests.data_prep import test_mnist
from tests.data_prep.test_mnist import COUNTS, digits
from zoo.errors import DataError

idx, nowhere = test_mnist.idx, test_mnist.nowhere  # fixtures


def test_images_keep_their_order_and_get_the_place_of_their_digit_as_label():
    images, labels = digits(40, 1)
    got = mnist.only(mnist.Split(images, labels), [2, 3, 5, 8])
    chosen = np.isin(labels, [2, 3, 5, 8])
    np.testing.assert_array_equal(got.images, images[chosen])
    assert got.labels.tolist() == [[2, 3, 5, 8].index(label) for label in labels[chosen]]


def test_some_digits_are_labelled_from_0(tmp_path, idx):
    cards = mnist.prepare(tmp_path / "out", idx_dir=idx, digits="8,2-3,5", shards=2)
    for seed, (split, count) in enumerate(COUNTS.items()):
        images, labels = digits(count, seed)
        chosen = np.isin(labels, [2, 3, 5, 8])
        assert 0 < chosen.sum() < count
        card = cards[split]
        assert (card.classes, card.count, card.made["digits"]) == (("2", "3", "5", "8"), chosen.sum(), "8,2-3,5")
        assert card.made["per_class"] == [int((labels == digit).sum()) for digit in (2, 3, 5, 8)]
        assert card.made["mean"] == pytest.approx(images[chosen].mean(), abs=1e-4)
        assert "--digits=8,2-3,5" in card.prepare


def test_other_digits_than_those_that_are_there_are_refused(tmp_path, idx):
    mnist.prepare(tmp_path / "some", idx_dir=idx, digits="0-4", shards=1)
    mnist.prepare(tmp_path / "all", idx_dir=idx, shards=1)
    mnist.prepare(tmp_path / "some", idx_dir=idx, digits="0,1,2,3,4", shards=1)  # the same in other words
    for folder, asked, there in (
        ("some", {}, "0-4"),
        ("some", {"digits": "5-9"}, "0-4"),
        ("all", {"digits": "5"}, "0-9"),
    ):
        with pytest.raises(DataError, match=f"has other digits, got {there}, want .*--force"):
            mnist.prepare(tmp_path / folder, idx_dir=idx, shards=1, **asked)
    cards = mnist.prepare(tmp_path / "some", idx_dir=idx, shards=1, force=True)
    assert len(cards["train"].classes) == 10


@pytest.mark.parametrize("text", ["", "a", "5-", "9-5", "1-2-3", "10", "0-10", "-1", "1,,2", "²"])
def test_digits_that_are_none(text):
    with pytest.raises(DataError, match="--digits, got .*want digits from 0 to 9"):
        mnist.chosen(text)
