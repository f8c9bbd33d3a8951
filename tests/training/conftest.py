import pytest

from data_prep import mnist
from tests.training import runs
from tests.training.fork_server import ForkServer


@pytest.fixture(scope="session")
def small_data(tmp_path_factory):
    """Data directory with the splits small/train and small/test."""
    folder = tmp_path_factory.mktemp("small_data")
    runs.make_data(folder)
    return folder


@pytest.fixture(scope="session")
def mnist_data(shared, tmp_path_factory):
    """Data directory with the real mnist/train and mnist/test."""
    folder = tmp_path_factory.mktemp("mnist_data")
    mnist.prepare(folder / "mnist", source="idx", idx_dir=shared / "mnist")
    return folder


@pytest.fixture(scope="session")
def commands():
    """A `ForkServer`: runs commands as a user does, without importing TensorFlow for each."""
    with ForkServer() as server:
        yield server
