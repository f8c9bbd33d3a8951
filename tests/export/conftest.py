"""What the tests of conversion share."""

import pytest

from tests.export import small_net


@pytest.fixture
def small(tmp_path):
    """(deploy prototxt, weights file, {layer: arrays}) of the small net."""
    arrays = small_net.random_weights(small_net.DEPLOY, tmp_path / "small.caffemodel")
    return small_net.write(tmp_path / "small.prototxt", small_net.DEPLOY), str(tmp_path / "small.caffemodel"), arrays
