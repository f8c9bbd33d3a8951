"""IDX files, whole and damaged."""

import gzip
import os
import struct

import numpy as np
import pytest

from zoo.errors import DataError
from zoo.formats.idx import read_idx_images, read_idx_labels

IMAGES = np.random.default_rng(5).integers(0, 256, (4, 3, 2), np.uint8)
LABELS = np.array([3, 0, 9, 1], np.uint8)


def images_bytes():
    return struct.pack(">4I", 2051, *IMAGES.shape) + IMAGES.tobytes()


def labels_bytes():
    return struct.pack(">2I", 2049, len(LABELS)) + LABELS.tobytes()


@pytest.mark.parametrize("pack", [lambda b: b, gzip.compress])
def test_reads(tmp_path, pack):
    (tmp_path / "i").write_bytes(pack(images_bytes()))
    (tmp_path / "l").write_bytes(pack(labels_bytes()))
    np.testing.assert_array_equal(read_idx_images(tmp_path / "i"), IMAGES)
    np.testing.assert_array_equal(read_idx_labels(tmp_path / "l"), LABELS)


@pytest.mark.parametrize(
    "data, said",
    [
        (b"", "got 0 bytes, want a header"),
        (b"\0\0", "got 2 bytes"),
        (labels_bytes() + bytes(20), "got magic number 2049, want magic number 2051"),
        (images_bytes()[:-1], "got 23 bytes, want 24 bytes"),
        (images_bytes() + b"x", "got more, want 24 bytes"),
        (struct.pack(">4I", 2051, 0, 3, 2), "got 0 bytes"),
        (struct.pack(">4I", 2051, *[2**32 - 1] * 3), "got 0 bytes"),
        (gzip.compress(images_bytes())[:-6], "cannot read an IDX file"),
        (b"\x1f\x8bnot gzip at all", "cannot read an IDX file"),
    ],
    ids=range(9),  # gzip writes the time into its bytes: ids must not hold them
)
def test_damaged(tmp_path, data, said):
    path = tmp_path / "images"
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_idx_images(path)
    assert said in str(caught.value) and str(path) in str(caught.value)


def test_label_out_of_range(tmp_path):
    (tmp_path / "l").write_bytes(labels_bytes())
    with pytest.raises(DataError, match="label 2 is out of range, got 9, want 0 to 8"):
        read_idx_labels(tmp_path / "l", classes=9)


def test_missing(tmp_path):
    with pytest.raises(DataError, match="cannot read an IDX file"):
        read_idx_labels(tmp_path / "none")


def test_a_bomb_is_refused_by_what_its_header_says(tmp_path, monkeypatch):
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(struct.pack(">4I", 2051, 1000, 100, 100) + bytes(10**7)))
    monkeypatch.setenv("ZOO_MAX_UNPACKED_BYTES", "1000000")
    with pytest.raises(DataError, match="unpacks to more, got 10000000 bytes, want at most 1000000 .--max_unpacked_b"):
        read_idx_images(path)
    monkeypatch.setenv("ZOO_MAX_UNPACKED_BYTES", "10000000")
    assert read_idx_images(path).shape == (1000, 100, 100)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="is a device, pipe or socket, not a file"):
        read_idx_images(tmp_path / "pipe")
