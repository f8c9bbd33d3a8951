"""Every layer case that real Caffe recorded, as it trains here and as it is exported."""

import pytest

from tests.layers import golden, recorded


@pytest.mark.parametrize("portable", [False, True], ids=["training", "portable"])
@pytest.mark.parametrize("path", recorded.parameters())
def test_as_caffe(path, portable):
    golden.check(golden.Case(path), portable)
