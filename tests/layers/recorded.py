"""The layer cases that real Caffe and its forks recorded, as parameters of a test."""

import pytest

from tests.conftest import SHARED

WHY = "needs real Caffe's numbers in ../shared/golden (or ZOO_SHARED)"


def paths():
    """Returns the files of golden/layers and golden/fork_layers, sorted."""
    golden = SHARED / "golden"
    return sorted([*(golden / "layers").glob("*.npz"), *(golden / "fork_layers").glob("*.npz")])


def parameters():
    """Returns a pytest.param for each of `paths`; one that is skipped if there is none."""
    found = [pytest.param(path, id=path.stem) for path in paths()]
    return found or [pytest.param(None, marks=pytest.mark.skip(reason=WHY))]
