"""Points of two classes as HDF5 files and lists of them."""

import h5py
import numpy as np
import pytest

from data_prep import hdf5_points
from zoo.errors import DataError


def read(folder, split):
    with h5py.File(folder / f"{split}.h5") as tree:
        return tree["data"][:], tree["label"][:]


def test_both_splits(tmp_path):
    assert hdf5_points.prepare(tmp_path / "p") == {"train": 7500, "test": 2500}
    (train, labels), (test, _) = read(tmp_path / "p", "train"), read(tmp_path / "p", "test")
    assert train.shape == (7500, 4) and test.shape == (2500, 4)
    assert train.dtype == labels.dtype == np.float32 and set(labels) == {0, 1}
    assert (tmp_path / "p" / "train.txt").read_text().split() == [str(tmp_path / "p" / "train.h5")] * 2
    assert (tmp_path / "p" / "test.txt").read_text().split() == [str(tmp_path / "p" / "test.h5")]
    assert sorted(path.name for path in (tmp_path / "p").iterdir() if path.suffix in (".h5", ".txt")) == [
        "test.h5",
        "test.txt",
        "train.h5",
        "train.txt",
    ]


def test_again_does_nothing_and_force_does(tmp_path):
    hdf5_points.prepare(tmp_path)
    before = read(tmp_path, "test")[0]
    assert hdf5_points.prepare(tmp_path) == {}
    with pytest.raises(DataError, match="this was made with --seed=0, want 1 .add --force"):
        hdf5_points.prepare(tmp_path, seed=1)
    assert hdf5_points.prepare(tmp_path, seed=1, force=True) == {"train": 7500, "test": 2500}
    assert not np.array_equal(read(tmp_path, "test")[0], before)


def test_what_ends_halfway_is_made_again(tmp_path):
    hdf5_points.prepare(tmp_path)
    (tmp_path / "test.txt").unlink()
    (tmp_path / "test.txt").mkdir()
    with pytest.raises(DataError, match="test.txt: cannot be written"):
        hdf5_points.prepare(tmp_path, seed=1, force=True)
    (tmp_path / "test.txt").rmdir()
    assert hdf5_points.prepare(tmp_path).keys() == {"train", "test"}


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "p").write_text("")
    with pytest.raises(DataError, match="cannot make the directory"):
        hdf5_points.prepare(tmp_path / "p")
