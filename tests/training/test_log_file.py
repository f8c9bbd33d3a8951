"""The file train.log has the whole log; the screen has what the caller's verbosity lets through."""

import logging as python_logging

import pytest
from absl import logging

from zoo.training import trainer


class _Screen(python_logging.Handler):
    def __init__(self):
        super().__init__()
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage())


@pytest.fixture
def screen():
    shown, root = _Screen(), python_logging.getLogger()
    root.addHandler(shown)
    verbosity = logging.get_verbosity()
    yield shown
    logging.set_verbosity(verbosity)
    root.removeHandler(shown)


@pytest.mark.parametrize("verbosity, said", [(logging.WARNING, ["b"]), (logging.INFO, ["a", "b"])])
def test_the_screen_has_what_the_verbosity_lets_through(verbosity, said, screen, tmp_path):
    logging.set_verbosity(verbosity)
    with trainer._log_file(tmp_path / "train.log"):
        logging.info("a")
        logging.warning("b")
    assert screen.said == said
    assert [line[-1] for line in (tmp_path / "train.log").read_text().splitlines()] == ["a", "b"]
    assert logging.get_verbosity() == verbosity and logging.get_absl_logger().propagate
