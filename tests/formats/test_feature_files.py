"""Features in each form: read back as they were given; nothing there after a failure."""

import subprocess

import h5py
import numpy as np
import pytest

from zoo.errors import DataError, OutputError
from zoo.formats import caffe_pb2, databases, feature_files

ROWS = {"a": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2), "label": np.array([3, 4], np.float32)}
MORE = {"a": ROWS["a"][:1] + 100, "label": np.array([5], np.float32)}
BOTH = {name: np.concatenate([ROWS[name], MORE[name]]) for name in ROWS}


def written(paths, form, *rows):
    with feature_files.writing(paths, list(ROWS), form) as add:
        for part in rows:
            add(part)


def test_hdf5_and_npz(tmp_path):
    written([tmp_path / "x.h5"], "hdf5", ROWS, MORE)
    written([tmp_path / "x.npz"], "npz", ROWS, MORE)
    with h5py.File(tmp_path / "x.h5") as file, np.load(tmp_path / "x.npz") as arrays:
        for name, want in BOTH.items():
            np.testing.assert_array_equal(file[name][:], want)
            np.testing.assert_array_equal(arrays[name], want)
            assert file[name].dtype == arrays[name].dtype == np.float32


def test_any_name_of_a_blob_in_npz(tmp_path):
    names = ["file", "a", "a/b"]
    with feature_files.writing([tmp_path / "x.npz"], names, "npz") as add:
        add(dict.fromkeys(names, ROWS["a"]))
    with np.load(tmp_path / "x.npz") as arrays:
        assert list(arrays) == names and all((array == ROWS["a"]).all() for array in arrays.values())


def test_tfrecord(tmp_path):
    import tensorflow as tf

    written([tmp_path / "x.tfrecord"], "tfrecord", ROWS, MORE)
    read = [tf.train.Example.FromString(r.numpy()) for r in tf.data.TFRecordDataset(str(tmp_path / "x.tfrecord"))]
    assert len(read) == 3
    feature = read[2].features.feature
    assert list(feature["a/shape"].int64_list.value) == [3, 2, 2] and not feature["label/shape"].int64_list.value
    np.testing.assert_array_equal(feature["a"].float_list.value, BOTH["a"][2].ravel())


@pytest.mark.parametrize("form", ["lmdb", "leveldb"])
def test_databases_as_caffes_tool_writes_them(tmp_path, form):
    written([tmp_path / "a", tmp_path / "label"], form, ROWS, MORE)
    found = databases.Database(tmp_path / "a")
    datums = [caffe_pb2.Datum.FromString(value) for value in found.read(0, 3)]
    assert [(d.channels, d.height, d.width) for d in datums] == [(3, 2, 2)] * 3
    assert list(datums[2].float_data) == BOTH["a"][2].ravel().tolist() and not datums[2].HasField("label")
    label = caffe_pb2.Datum.FromString(databases.Database(tmp_path / "label").read(1, 1)[0])
    assert (label.channels, label.height, label.width, list(label.float_data)) == (1, 1, 1, [4])


@pytest.mark.parametrize("form", ["hdf5", "npz", "tfrecord", "lmdb"])
def test_nothing_is_there_after_a_failure(tmp_path, form):
    paths = [tmp_path / "a", tmp_path / "b"][: 2 if form == "lmdb" else 1]
    with pytest.raises(KeyError), feature_files.writing(paths, list(ROWS), form) as add:
        add(ROWS)
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_mistakes(tmp_path):
    assert feature_files.form_of("a/fc7_lmdb/") == "lmdb" and feature_files.form_of("x.h5") == "hdf5"
    with pytest.raises(OutputError, match=r"x.csv: unknown kind of file for features, want \*.h5"):
        feature_files.form_of("x.csv")
    for form, paths in (("lmdb", [tmp_path / "a"]), ("npz", [tmp_path / "a", tmp_path / "b"])):
        with pytest.raises(OutputError, match="names of files, want"), feature_files.writing(paths, list(ROWS), form):
            pass
    nested = ["a", "label", "a/b"]
    with (
        pytest.raises(OutputError, match="no dataset inside a dataset, got a and a/b"),
        feature_files.writing([tmp_path / "x.h5"], nested, "hdf5"),
    ):
        pass
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="already there"):
        written([tmp_path / "a", tmp_path / "b"], "lmdb", ROWS)
    with pytest.raises(OutputError, match="at most three axes"):
        written([tmp_path / "c", tmp_path / "d"], "lmdb", {"a": np.zeros((1, 1, 1, 1, 1), np.float32)})
    for name, form in (("y.h5", "hdf5"), ("y.npz", "npz")):
        with pytest.raises(DataError, match="differ in shape"):
            written([tmp_path / name], form, ROWS, {"a": np.zeros((1, 4), np.float32)})
    with pytest.raises(OutputError, match="cannot be written"):
        written([tmp_path / "none" / "x.h5"], "hdf5", ROWS)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["x y.h5", "x.npz", "x_lmdb", "x_leveldb"])
def test_how_features_are_opened(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    form = feature_files.form_of(name)
    with feature_files.writing([tmp_path / name], ["ip"], form) as add:
        add({"ip": np.zeros((7, 2), np.float32)})
    line = feature_files.how_to_open(name, form, "ip")
    said = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True)
    assert said.stdout.strip() in ("(7, 2)", "7"), said.stderr
