"""What every test may ask for."""

import os
import pathlib

import pytest
from absl import logging

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

SHARED = pathlib.Path(os.environ.get("ZOO_SHARED", pathlib.Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared():
    """The directory of real Caffe's numbers and data; the test is skipped where there is none."""
    if not (SHARED / "golden").is_dir():
        pytest.skip("needs real Caffe's numbers: no ../shared/golden here (ZOO_SHARED may name the folder)")
    return SHARED


@pytest.fixture(autouse=True)
def commands_verbosity():
    """The verbosity of every command: absl's own default would drop what tests look for, or not, by their order."""
    logging.set_verbosity(logging.INFO)
