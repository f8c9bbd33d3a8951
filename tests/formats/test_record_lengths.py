"""Lengths in TFRecord files: counted where they hold, refused where they do not, before TensorFlow reads them."""

import struct

import pytest
import tensorflow as tf

from zoo.errors import DataError
from zoo.formats import record_lengths

LENGTHS = (0, 5, 100, 20000)
BEGINS = (0, 16, 37, 153)


def write(path):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for length in LENGTHS:
            writer.write(bytes(length))
    return path


def masked_crc(data):
    """The checksum that TFRecords have, a bit at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def forge(path, at, length):
    """Writes `length` at byte `at` with the checksum that makes TensorFlow believe it."""
    data = bytearray(path.read_bytes())
    said = struct.pack("<Q", length)
    data[at : at + 12] = said + struct.pack("<I", masked_crc(said))
    path.write_bytes(data)


def test_the_checksum_is_theirs(tmp_path):
    data = write(tmp_path / "a").read_bytes()
    assert struct.unpack_from("<I", data, BEGINS[2] + 8)[0] == masked_crc(data[BEGINS[2] : BEGINS[2] + 8])


def test_counts(tmp_path):
    assert record_lengths.count(write(tmp_path / "a")) == 4
    (tmp_path / "empty").touch()
    assert record_lengths.count(tmp_path / "empty") == 0


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("length", [30000, 1 << 35, 1 << 40, (1 << 64) - 1])
def test_forged_lengths(tmp_path, number, length):
    path = write(tmp_path / "a")
    assert record_lengths.count(path) == 4
    forge(path, BEGINS[number], length)
    with pytest.raises(DataError, match=f"a: a damaged shard, got a record of {length} bytes at byte {BEGINS[number]}"):
        record_lengths.count(path)


@pytest.mark.parametrize("size", [1, 11, 12, 15, 36, 150, 20168])
def test_files_that_end_within_a_record(tmp_path, size):
    path = write(tmp_path / "a")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DataError, match="a damaged shard, got .*record.* at byte .*make it again"):
        record_lengths.count(path, "make it again")


def test_what_cannot_be_read(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(DataError, match="a shard cannot be read"):
            record_lengths.count(path)
