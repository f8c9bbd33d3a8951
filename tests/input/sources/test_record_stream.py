"""Records round and round, from anywhere, all or every n-th, and how little is read for it."""

import pathlib

import pytest
import tensorflow as tf

from zoo.formats.records import Shard
from zoo.input.sources.record_stream import record_stream


def write(folder, counts, size=0):
    """Writes shards of so many records, which hold their number and `size` bytes; returns (paths, shards)."""
    paths, shards, number = [], [], 0
    for index, count in enumerate(counts):
        path = folder / f"{index}.tfrecord"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for _ in range(count):
                writer.write(b"%d " % number + bytes(size))
                number += 1
        paths.append(str(path))
        shards.append(Shard(path.name, count, path.stat().st_size, ""))
    return paths, shards


def numbers(stream, count):
    return [int(record.split()[0]) for record in stream.take(count).as_numpy_iterator()]


@pytest.mark.parametrize("size", [0, 40000])
@pytest.mark.parametrize("counts", [(7,), (3, 1, 3), (1, 1, 1, 1, 1, 1, 1), (5, 2)])
def test_all_records_from_anywhere(tmp_path, counts, size):
    made = write(tmp_path, counts, size)
    for first in (0, 1, 2, 3, 4, 6, 7, 8, 13, 700, 1000003):
        assert numbers(record_stream(*made, first), 20) == [(first + i) % 7 for i in range(20)]


@pytest.mark.parametrize("size", [0, 40000])
@pytest.mark.parametrize("parts", [2, 3, 16])
def test_every_nth_record(tmp_path, parts, size):
    """Whether or not the number of records is a multiple of the number of parts."""
    made = write(tmp_path, (3, 1, 6), size)
    for first in (0, 9, 12345):
        for index in {0, 1, parts - 1}:
            want = [(first + index + i * parts) % 10 for i in range(12)]
            assert numbers(record_stream(*made, first, (index, parts)), 12) == want


def bytes_read(stream, count):
    """How many bytes the process asks the system for while it reads records."""
    counted = lambda: int(pathlib.Path("/proc/self/io").read_text().split()[1])  # noqa: E731
    before = counted()
    numbers(stream, count)
    return counted() - before


@pytest.mark.skipif(not pathlib.Path("/proc/self/io").exists(), reason="needs Linux to count what is read")
def test_others_records_are_not_read(tmp_path):
    size, parts = 100000, 8
    made = write(tmp_path, (64, 64), size)
    everything = bytes_read(record_stream(*made, 0), 128)
    assert everything > 128 * size
    assert bytes_read(record_stream(*made, 0, (3, parts)), 16) < 1.3 * everything / parts
    assert bytes_read(record_stream(*made, 120), 4) < 10 * size
