"""One small net for all tests of this folder."""

import pytest

from tests.visualization.nets import Case


@pytest.fixture(scope="package")
def small(tmp_path_factory):
    """The `Case` of nets.SMALL."""
    return Case(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="package")
def net(small):
    """Its `TrainedNet`."""
    return small.open()
