import pytest

from data_prep import mnist
from tests.training import runs


@pytest.fixture(scope="session")
def small_data(tmp_path_factory):
    """Data folder with the splits small/train and small/test."""
    folder = tmp_path_factory.mktemp("small_data")
    runs.make_data(folder)
    return folder


@pytest.fixture(scope="session")
def mnist_data(shared, tmp_path_factory):
    """Data folder with the real mnist/train and mnist/test."""
    folder = tmp_path_factory.mktemp("mnist_data")
    mnist.prepare(folder / "mnist", source="idx", idx_dir=shared / "mnist")
    return folder
