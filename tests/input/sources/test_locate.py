"""What a `source` means where nothing lies under its very name."""

import logging

import numpy as np
import pytest

from tests.input.small_data import data_layer, layer, pictures, take, write_raw
from zoo.errors import DataError, NetError
from zoo.formats import datum
from zoo.formats.database_writer import DatabaseWriter
from zoo.input.pipeline import DataLayer
from zoo.input.sources.locate import find_source, split_of


@pytest.mark.parametrize(
    "name, split",
    [
        ("examples/mnist/mnist_train_lmdb", "mnist/train"),
        ("examples/mnist/mnist_test_leveldb", "mnist/test"),
        ("mnist-train-leveldb", "mnist/train"),
        ("examples/imagenet/ilsvrc12_val_lmdb", "imagenet/val"),
        ("examples/siamese/mnist_siamese_train_leveldb", "mnist_siamese/train"),
        ("../data/cifar10_train_LMDB/", "cifar10/train"),
        ("data/mnist/train", None),
        ("mnist_lmdb", None),
        ("train_lmdb", None),
        ("../val_lmdb", None),
        ("data/val_lmdb", "data/val"),
        ("examples/imagenet/train_leveldb", "imagenet/train"),
        ("data/ilsvrc12/val_lmdb", "imagenet/val"),
    ],
)
def test_names_of_the_tutorials(name, split):
    assert split_of(name) == split


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    write_raw(tmp_path / "data" / "mnist", pictures(5, 4, 3, 1), labels=[7] * 5)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_tutorials_net_reads_prepared_shards(prepared, caplog):
    definition = data_layer("examples/mnist/mnist_train_lmdb", data="backend: LMDB")
    with caplog.at_level(logging.INFO):
        feed = DataLayer(definition, "TRAIN", data_dir="data")
    assert 'source "examples/mnist/mnist_train_lmdb" is not there; reading data/mnist/train in its place' in caplog.text
    data, label = take(feed.dataset(), 1)[0]
    np.testing.assert_array_equal(data, pictures(5, 4, 3, 1)[:4])
    assert set(label) == {7}
    assert DataLayer(definition, "TRAIN", data_dir=prepared / "data").count == 5


def test_a_tutorials_net_reads_a_prepared_database(prepared, caplog):
    path = prepared / "data" / "mnist_siamese" / "train"
    path.parent.mkdir()
    with DatabaseWriter(path, "lmdb") as writer:
        writer.put(b"0", datum.raw(pictures(1, 4, 3, 2)[0], 1))
    name = "examples/siamese/mnist_siamese_train_leveldb"
    with caplog.at_level(logging.INFO):
        feed = DataLayer(data_layer(name), "TRAIN", data_dir="data")
    assert f'"{name}" is not there; reading data/mnist_siamese/train in its place' in caplog.text
    assert feed.shapes[0] == (4, 2, 4, 3)
    with pytest.raises(DataError, match="data_prep.siamese_mnist, then source: .data/mnist_siamese/test"):
        DataLayer(data_layer(name.replace("train", "test")), "TEST", data_dir="data")


def test_a_database_of_that_name_comes_first(prepared, caplog):
    path = prepared / "examples" / "mnist" / "mnist_train_lmdb"
    path.parent.mkdir(parents=True)
    with DatabaseWriter(path, "lmdb") as writer:
        writer.put(b"0", datum.raw(pictures(1, 4, 3, 1)[0], 3))
    with caplog.at_level(logging.INFO):
        feed = DataLayer(data_layer("examples/mnist/mnist_train_lmdb"), "TRAIN", data_dir="data")
    assert set(take(feed.dataset(), 1)[0][1]) == {3} and "in its place" not in caplog.text


def test_both_names_are_said_where_neither_is_there(prepared):
    with pytest.raises(DataError) as caught:
        DataLayer(data_layer("examples/mnist/mnist_test_lmdb"), "TEST", data_dir="data")
    said = str(caught.value)
    assert "data/examples/mnist/mnist_test_lmdb" in said and "data/mnist/test" in said
    assert "python -m data_prep.mnist" in said


def test_a_field_that_caffe_overlooks_is_said_where_it_would_matter(prepared):
    definition = layer(
        'name: "d" type: "Data" top: "a" data_param { source: "data/mnist/train" batch_size: 2 '
        "force_encoded_color: true }"
    )
    with pytest.raises(NetError, match="force_encoded_color unused, got images of 1 channels .write transform_param"):
        DataLayer(definition, "TRAIN")


def test_a_file_is_called_one(tmp_path):
    (tmp_path / "train.tar").touch()
    with pytest.raises(DataError, match='train.tar" is no source, got the file .*, want a split of TFRecord shards'):
        find_source(str(tmp_path / "train.tar"))


def test_splits_next_to_it_are_named(prepared):
    with pytest.raises(DataError, match=r'"mnist/trian" is not there, .*mnist has train; did you mean "train"\?'):
        find_source("mnist/trian", data_dir="data")
