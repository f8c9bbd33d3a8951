"""The layer cases that real Caffe and its forks recorded, as parameters of a test."""

import pytest

from tests.conftest import SHARED

WHY = "needs real Caffe's numbers in ../shared/golden (or ZOO_SHARED)"


def parameters():
    """Returns a pytest.param for each file of golden/layers and golden/fork_layers; one that is skipped if none is."""
    found = [*(SHARED / "golden" / "layers").glob("*.npz"), *(SHARED / "golden" / "fork_layers").glob("*.npz")]
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(reason=WHY))]
    return [pytest.param(path, id=path.stem) for path in sorted(found)]
