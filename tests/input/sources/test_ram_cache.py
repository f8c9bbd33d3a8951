"""Images kept in memory: the same batches to the bit, nothing read twice, and a clear word where they do not fit."""

import cv2
import numpy as np
import pytest

from tests.input.small_data import data_layer, layer, pictures, take, write_files, write_raw
from zoo.errors import DataError, NetError
from zoo.formats import datum
from zoo.formats.database_writer import DatabaseWriter
from zoo.input import pipeline
from zoo.input.sources import ram_cache
from zoo.input.sources.records import RecordsSource
from zoo.input.transform import Transform

TRANSFORM = Transform(0.5, True, 7, True, np.float32([5, 60, 110]), key=9)


def written(folder, sizes, encoding="jpeg"):
    """Returns the prefix of a split of images of these sizes."""
    images = [pictures(1, *size, 3, seed=i)[0] for i, size in enumerate(sizes)]
    ending = {"jpeg": ".jpg", "png": ".png"}[encoding]
    return write_files(folder, [cv2.imencode(ending, i)[1].tobytes() for i in images], sizes, encoding=encoding)


@pytest.mark.parametrize("encoding", ["jpeg", "png"])
@pytest.mark.parametrize("sizes", [[(9, 12)] * 5, [(9, 12), (8, 7), (20, 9), (7, 7), (13, 10)]], ids=["one", "several"])
@pytest.mark.parametrize("part", [(0, 1), (1, 3), (4, 5)])
@pytest.mark.parametrize("start", [0, 3])
def test_the_same_batches(tmp_path, encoding, sizes, part, start):
    prefix = written(tmp_path, sizes, encoding)
    usual, keeping = RecordsSource(prefix), RecordsSource(prefix)
    keeping.cache_in_ram(part[1])
    for one, other in zip(*(take(s.batches(start, 3, TRANSFORM, part), 9) for s in (usual, keeping)), strict=True):
        for a, b in zip(one, other):
            np.testing.assert_array_equal(a, b)


def test_nothing_is_read_twice(tmp_path):
    prefix = written(tmp_path, [(9, 12)] * 6)
    source = RecordsSource(prefix)
    usual = take(source.batches(0, 3, TRANSFORM), 8)
    source.cache_in_ram()
    batches = iter(source.batches(0, 3, TRANSFORM))
    found = [next(batches) for _ in range(2)]
    (tmp_path / source.card.shards[0].name).unlink()
    found += [next(batches) for _ in range(6)]
    for (a, _), (b, _) in zip(found, usual):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("sizes", [[(40, 30)] * 4, [(40, 30), (30, 40), (60, 20), (20, 60)]])
def test_what_does_not_fit(tmp_path, monkeypatch, sizes):
    source = RecordsSource(written(tmp_path, sizes))
    need = 4 * (40 * 30 * 3 + ram_cache.EACH)
    monkeypatch.setattr(ram_cache, "available", lambda: need / ram_cache.FRACTION - 10)
    with pytest.raises(DataError, match="do not fit in memory"):
        source.cache_in_ram()
    source.cache_in_ram(2)
    monkeypatch.setattr(ram_cache, "available", lambda: need / ram_cache.FRACTION + 10)
    source.cache_in_ram()


def test_what_is_available():
    assert ram_cache.available() > 1 << 20


def test_a_group_with_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(ram_cache, "CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("2000\n")
    assert ram_cache.available() == 3000
    (tmp_path / "memory.max").write_text("max\n")
    assert ram_cache.available() > 3000


def test_damage_is_said_when_sizes_are_read(tmp_path):
    source = RecordsSource(written(tmp_path, [(40, 30), (30, 40)]))
    path = tmp_path / source.card.shards[0].name
    path.write_bytes(path.read_bytes()[:-50] + bytes(50))
    with pytest.raises(DataError, match="a damaged or exchanged shard"):
        source.cache_in_ram()


def refused(definition, error):
    with pytest.raises(error) as caught:
        pipeline.data_layer(definition, "TRAIN", cache_parts=1)
    return str(caught.value)


def test_what_cannot_be_kept(tmp_path):
    images = pictures(3, 9, 12, 3)
    (tmp_path / "raw").mkdir()
    assert "raw images are not decoded" in refused(data_layer(write_raw(tmp_path / "raw", images), 2), DataError)
    with DatabaseWriter(tmp_path / "db", "lmdb") as writer:
        writer.put(b"0", datum.raw(images[0], 0))
    assert "only images in shards" in refused(data_layer(tmp_path / "db", 1), DataError)
    listed = layer(
        'name: "d" type: "ImageData" top: "data" top: "label" image_data_param { source: "l" batch_size: 1 }'
    )
    assert "only images of a Data layer" in refused(listed, NetError)
