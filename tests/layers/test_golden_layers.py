"""Every layer case that real Caffe recorded, as it trains here and as it is exported."""

import pytest

from tests.conftest import SHARED
from tests.layers import golden

CASES = sorted((SHARED / "golden" / "layers").glob("*.npz"))


@pytest.mark.skipif(not CASES, reason="needs real Caffe's numbers in ../shared/golden/layers (or ZOO_SHARED)")
@pytest.mark.parametrize("portable", [False, True], ids=["training", "portable"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_as_caffe(path, portable):
    golden.check(golden.Case(path), portable)
