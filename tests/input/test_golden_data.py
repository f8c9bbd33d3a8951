"""All data layers that real Caffe ran: the same batches to the bit, run from a copy of the same directory."""

import re
import shutil

import numpy as np
import pytest

from tests.conftest import SHARED
from tests.input.small_data import layer, take
from zoo.formats.databases import database_kind
from zoo.input.pipeline import data_layer

CASES = sorted(path.stem for path in (SHARED / "golden" / "data").glob("*.npz")) or ["none"]


@pytest.fixture(scope="module")
def folder(shared, tmp_path_factory):
    copy = tmp_path_factory.mktemp("golden") / "data"
    shutil.copytree(shared / "golden" / "data", copy)
    return copy


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("start", [0, 1, 2])
def test_batches_of_real_caffe(folder, case, start, monkeypatch):
    monkeypatch.chdir(folder)
    with np.load(f"{case}.npz") as golden:
        text = re.search(r"layer \{(.*)\}", str(golden["prototxt"]))[1]
        feed = data_layer(layer(text, "net.prototxt"), str(golden["phase"]))
        with feed.reading():
            batches = take(feed.dataset(start), 3 - start)
        assert len(batches) == 3 - start
        for number, batch in enumerate(batches, start):
            assert len(batch) == len(feed.layer.tops) == len(feed.shapes)
            for top, shape, values in zip(feed.layer.tops, feed.shapes, batch):
                want = golden[f"batch{number}/{top}"]
                got = values.transpose(0, 3, 1, 2) if values.ndim == 4 else values
                assert got.dtype == np.float32 and got.shape == shape == want.shape
                np.testing.assert_array_equal(got, want)


def test_every_kind_is_there(shared):
    kinds = {database_kind(path) for path in (shared / "golden" / "data").iterdir()}
    assert kinds == {None, "LMDB", "LevelDB"} and len(CASES) == 15
