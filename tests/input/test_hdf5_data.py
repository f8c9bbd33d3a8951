"""HDF5Data beyond what real Caffe recorded: ranks, files' borders, shuffling, and files that do not fit."""

import h5py
import numpy as np
import pytest

from tests.input.small_data import layer, take
from zoo.errors import DataError, NetError
from zoo.input.pipeline import data_layer

ROWS = (3, 1, 4)


def definition(batch_size=3, more="", tops=("image", "label")):
    names = " ".join(f'top: "{top}"' for top in tops)
    body = f'hdf5_data_param {{ source: "list.txt" batch_size: {batch_size} {more} }}'
    return layer(f'name: "d" type: "HDF5Data" {names} {body}')


def write(path, first, count, dtype=np.float32):
    """Writes rows whose values tell their number."""
    numbers = np.arange(first, first + count)
    with h5py.File(path, "w") as f:
        values = numbers[:, None] * 100 + np.arange(2 * 3 * 4)
        f["image"] = values.reshape(-1, 2, 3, 4).astype(dtype)
        f["label"] = numbers.astype(dtype)
        f["volume"] = values.reshape(-1, 2, 3, 2, 2).astype(dtype)
        f["pair"] = values[:, :2].astype(dtype)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for i, count in enumerate(ROWS):
        write(tmp_path / f"{i}.h5", sum(ROWS[:i]), count)
    (tmp_path / "list.txt").write_text("0.h5 1.h5\n\n  2.h5")
    return tmp_path


def labels(feed, start, batches):
    return np.concatenate([batch[-1] for batch in take(feed.dataset(start), batches)]).astype(int).tolist()


def test_rows_cross_files_and_the_end(files):
    feed = data_layer(definition(3), "TRAIN")
    assert feed.shapes == ((3, 2, 3, 4), (3,)) and feed.count == 8
    assert labels(feed, 0, 4) == [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3]
    assert labels(feed, 2, 2) == [6, 7, 0, 1, 2, 3]
    image, label = take(feed.dataset(1), 1)[0]
    want = (label[:, None] * 100 + np.arange(24)).reshape(3, 2, 3, 4).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(image, want)
    assert image.dtype == label.dtype == np.float32


def test_a_batch_of_many_passes(files):
    assert labels(data_layer(definition(19), "TEST"), 1, 1) == [(19 + i) % 8 for i in range(19)]


def test_other_ranks_keep_caffes_order(files):
    feed = data_layer(definition(2, tops=("volume", "pair")), "TEST")
    assert feed.shapes == ((2, 2, 3, 2, 2), (2, 2))
    volume, pair = take(feed.dataset(1), 1)[0]
    np.testing.assert_array_equal(volume, (np.array([[200], [300]]) + np.arange(24)).reshape(2, 2, 3, 2, 2))
    np.testing.assert_array_equal(pair, [[200, 201], [300, 301]])


@pytest.mark.parametrize("dtype", [np.float64, np.int32, np.uint8, np.int64])
def test_numbers_of_any_type(files, dtype):
    for i, count in enumerate(ROWS):
        write(files / f"{i}.h5", sum(ROWS[:i]), count, dtype)
    (image, label), *_ = take(data_layer(definition(8), "TEST").dataset(), 1)
    assert label.tolist() == list(range(8))
    want = (np.arange(8)[:, None] * 100 + np.arange(24)).astype(dtype).reshape(8, 2, 3, 4)
    np.testing.assert_array_equal(image, want.transpose(0, 2, 3, 1).astype(np.float32))


def test_shuffled_by_file_and_row(files):
    feed = data_layer(definition(8, "shuffle: true"), "TRAIN", seed=2)
    parts = [list(range(0, 3)), [3], list(range(4, 8))]
    run = [labels(feed, epoch, 1) for epoch in range(12)]
    for epoch in run:
        assert sorted(epoch) == list(range(8))
        starts = [i for i in range(8) if i == 0 or not any({epoch[i - 1], epoch[i]} <= set(part) for part in parts)]
        assert len(starts) == 3, "rows of two files were mixed"
    assert len({tuple(sorted(e.index(part[0]) for part in parts)) for e in run}) > 1
    assert len({tuple(epoch) for epoch in run}) > 6
    assert len({tuple(i for i in epoch if i > 3) for epoch in run}) > 3
    again = data_layer(definition(8, "shuffle: true"), "TRAIN", seed=2)
    assert labels(again, 5, 2) == run[5] + run[6]
    assert labels(data_layer(definition(8, "shuffle: true"), "TRAIN", seed=3), 0, 3) != sum(run[:3], [])


def spoil_names(folder):
    with h5py.File(folder / "1.h5", "a") as f:
        f.move("label", "labels")


def spoil_rows(folder):
    with h5py.File(folder / "1.h5", "a") as f:
        del f["label"]
        f["label"] = np.zeros(5)


def spoil_shape(folder):
    with h5py.File(folder / "1.h5", "a") as f:
        del f["image"]
        f["image"] = np.zeros((1, 2, 4, 3))


def spoil_empty(folder):
    with h5py.File(folder / "1.h5", "a") as f:
        for name, shape in (("image", (0, 2, 3, 4)), ("label", (0,))):
            del f[name]
            f[name] = np.zeros(shape)


def spoil_scalar(folder):
    with h5py.File(folder / "1.h5", "a") as f:
        del f["label"]
        f["label"] = 4.0


def spoil_text(folder):
    with h5py.File(folder / "1.h5", "a") as f:
        del f["label"]
        f["label"] = ["cat"]


def spoil_group(folder):
    with h5py.File(folder / "1.h5", "a") as f:
        del f["label"]
        f.create_group("label")


@pytest.mark.parametrize(
    "spoil, said",
    [
        (spoil_names, r"^1.h5: no dataset \"label\", got \['image', 'labels', .*want one named as the top"),
        (spoil_rows, r"^1.h5: datasets with unlike numbers of rows, got \{'image': 1, 'label': 5\}"),
        (spoil_shape, r"^1.h5: rows of another shape, got \{'image': \(2, 4, 3\).*as in 0.h5"),
        (spoil_empty, "^1.h5: a file without rows"),
        (spoil_scalar, '^1.h5: dataset "label" has no rows'),
        (spoil_text, "^1.h5: label holds no numbers"),
        (spoil_group, "^1.h5: label is not an array"),
        (lambda f: (f / "1.h5").write_bytes(b"not HDF5"), "^1.h5: damaged HDF5 file"),
        (lambda f: (f / "1.h5").unlink(), '^list.txt: HDF5 file "1.h5" is not there, tried 1.h5, nets'),
        (lambda f: (f / "list.txt").write_text(" \n"), "^list.txt: an empty list of HDF5 files"),
        (lambda f: (f / "list.txt").unlink(), 'layer "d" .HDF5Data.: list of HDF5 files "list.txt" is not there'),
        (lambda f: (f / "list.txt").write_bytes(b"\xff"), "^list.txt: cannot read a list of HDF5 files"),
    ],
)
def test_files_that_do_not_fit(files, spoil, said):
    spoil(files)
    with pytest.raises(DataError, match=said):
        data_layer(definition(), "TRAIN")


def test_a_file_that_is_damaged_later(files):
    feed = data_layer(definition(), "TRAIN")
    (files / "2.h5").write_bytes((files / "2.h5").read_bytes()[:900])
    assert labels(feed, 0, 1) == [0, 1, 2]
    with pytest.raises(DataError, match="^2.h5: damaged HDF5 file"), feed.reading():
        take(feed.dataset(1), 1)


def test_nothing_is_transformed(files):
    text = 'name: "d" type: "HDF5Data" top: "label" transform_param { scale: 2 } '
    with pytest.raises(NetError, match="does not transform its data"):
        data_layer(layer(text + 'hdf5_data_param { source: "list.txt" batch_size: 3 }'), "TRAIN")
