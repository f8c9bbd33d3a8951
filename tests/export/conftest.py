"""What the tests of conversion share."""

import pytest

from tests.export import making


@pytest.fixture
def small(tmp_path):
    """(deploy prototxt, weights file, {layer: arrays}) of the small net."""
    arrays = making.random_weights(making.DEPLOY, tmp_path / "small.caffemodel")
    return making.write(tmp_path / "small.prototxt", making.DEPLOY), str(tmp_path / "small.caffemodel"), arrays
