"""The story of docs/fine_tuning.md: LeNet learns five digits, gets a new head, and learns five others sooner."""

import pathlib
from typing import NamedTuple

import numpy as np
import pytest

from data_prep import mnist
from tests.training import runs
from zoo.training.trainer import Result

LENET, TUNED = (runs.ROOT / "configs" / f"{name}.prototxt" for name in ("lenet", "lenet_finetune"))


class Story(NamedTuple):
    """Three runs: of the first digits, of the others from its weights, and of the others from fillers."""

    first: Result
    tuned: Result
    scratch: Result
    folder: pathlib.Path


def tell(folder, options, first, after):
    """Returns the `Story` in `folder`; `first` and `after` are changes to the two solvers."""
    for digits in ("0-4", "5-9"):
        mnist.prepare(folder / digits / "mnist", digits=digits, **options)

    def run(config, name, digits, changes, weights=()):
        return runs.train(folder / name, folder / digits, config.read_text(), changes, weights=weights, summaries=False)

    base = run(LENET, "first", "0-4", first)
    weights = folder / "first" / "snapshots" / f"lenet_iter_{base.session.state.iteration}.caffemodel"
    tuned = run(TUNED, "tuned", "5-9", after, [weights])
    return Story(base, tuned, run(TUNED, "scratch", "5-9", after), folder)


def check(story, first, ahead):
    """The base has learned, the tuned net is ahead of the one from fillers, and only its last layer began as that."""
    assert story.first.scores["accuracy"].value >= first
    assert story.tuned.scores["accuracy"].value >= story.scratch.scores["accuracy"].value + ahead
    said = (story.folder / "tuned" / "train.log").read_text()
    assert "Copied: conv1, conv2, ip1\n" in said
    assert "Ignoring source layer ip2\n" in said
    assert "Layer ip2_new gets nothing from it and keeps what its fillers gave\n" in said
    assert "Finetuning" not in (story.folder / "scratch" / "train.log").read_text()
    base, tuned, scratch = (runs.weights(result) for result in story[:3])
    for key in ("conv1/0", "conv2/0", "ip1/0"):  # a few small steps away from where they were copied from
        near, far = (np.abs(other[key] - base[key]).mean() for other in (tuned, scratch))
        assert 0 < near < 0.2 * far


def test_small_digits(tmp_path):
    """Seconds, with the digits of scikit-learn, which any machine has."""
    pytest.importorskip("sklearn")
    options = {"source": "digits", "shards": 1}
    first = "max_iter: 40 test_iter: 2 test_interval: 40 test_initialization: false"
    story = tell(tmp_path, options, first, "max_iter: 4 test_iter: 2 test_interval: 4 test_initialization: false")
    check(story, 0.85, 0.2)


@pytest.mark.slow
def test_mnist(shared, tmp_path):
    options = {"source": "idx", "idx_dir": shared / "mnist"}
    after = "max_iter: 20 test_interval: 20 test_initialization: false"
    story = tell(tmp_path, options, "max_iter: 1000 test_iter: 52", after)
    check(story, 0.99, 0.03)
