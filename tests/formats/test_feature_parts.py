"""Features of a long extraction: kept as it goes, taken up by the same request, removed in the end."""

import numpy as np
import pytest

from zoo.errors import OutputError
from zoo.formats import feature_parts

REQUEST = {"weights a": "12"}


@pytest.fixture(autouse=True)
def each_batch_is_kept(monkeypatch):
    monkeypatch.setattr(feature_parts, "SECONDS", 0)


def batch(first, count=3):
    numbers = np.arange(first, first + count, dtype=np.float32)
    return {"fc/7": numbers[:, None] * 2, "label": numbers}


def stopped(output, batches, request=REQUEST):
    """Adds batches of 3 and is killed."""
    with pytest.raises(KeyboardInterrupt), feature_parts.keeping(output, ["fc/7", "label"]) as parts:
        found = parts.begin(request)
        for index in range(batches):
            parts.add(batch(found + 3 * index))
        raise KeyboardInterrupt


def test_the_same_request_goes_on(tmp_path):
    stopped(tmp_path / "x.h5", 2)
    (tmp_path / "x.h5.parts" / ".000002.npz.partial").write_bytes(b"half")
    stopped(tmp_path / "x.h5", 1)
    with feature_parts.keeping(tmp_path / "x.h5", ["fc/7", "label"]) as parts:
        assert parts.begin(REQUEST) == parts.items == 9
        parts.add(batch(9, 2))
        rows = list(parts.rows())
    np.testing.assert_array_equal(np.concatenate([part["label"] for part in rows]), np.arange(11))
    np.testing.assert_array_equal(np.concatenate([part["fc/7"] for part in rows]), 2 * np.arange(11)[:, None])
    assert not list(tmp_path.iterdir())


def test_another_request_begins_again(tmp_path):
    stopped(tmp_path / "x.h5", 2)
    stopped(tmp_path / "x.h5", 1, {"weights a": "13"})
    with feature_parts.keeping(tmp_path / "x.h5", ["fc/7", "label"]) as parts:
        assert parts.begin({"weights a": "13"}) == 3


def test_what_is_short_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_parts, "SECONDS", 30)
    stopped(tmp_path / "x.h5", 2)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_taken_up_is_written_all_the_same_and_removed(tmp_path):
    stopped(tmp_path / "x.h5", 2)
    with pytest.raises(KeyboardInterrupt), feature_parts.keeping(tmp_path / "x.h5", ["fc/7", "label"]) as parts:
        assert parts.begin(None) == 0
        parts.add(batch(50))
        parts.add(batch(53))
        assert len(list((tmp_path / "x.h5.parts").glob("0*.npz"))) == 2  # not held in memory
        assert [row["label"][0] for row in parts.rows()] == [50, 53]
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_nothing_is_kept_of_data_that_are_damaged(tmp_path):
    def settle():
        raise OutputError("a shard is damaged")

    with pytest.raises(OutputError, match="damaged"), feature_parts.keeping(tmp_path / "x", ["a"], settle) as parts:
        parts.begin(REQUEST)
        parts.add({"a": np.zeros(3, np.float32)})
    assert not list(tmp_path.iterdir())


def test_mistakes(tmp_path):
    with (
        feature_parts.keeping(tmp_path / "x.h5", ["label"]),
        pytest.raises(OutputError, match="another process is writing .*x.h5"),
        feature_parts.keeping(tmp_path / "x.h5", ["label"]),
    ):
        pass
    stopped(tmp_path / "x.h5", 1)
    for damaged in (b"no archive", b"PK\x03\x04 and no more", b""):
        (tmp_path / "x.h5.parts" / "000000.npz").write_bytes(damaged)
        with pytest.raises(OutputError, match="cannot read .*000000.npz"):
            stopped(tmp_path / "x.h5", 1)
    with pytest.raises(OutputError, match="cannot write .*nowhere/x.h5.parts, got No such file or directory"):
        stopped(tmp_path / "nowhere" / "x.h5", 1)
