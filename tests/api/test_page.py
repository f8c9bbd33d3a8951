"""docs/python.md, typed as it stands: what it prints is what the page says."""

import doctest
import pathlib
import re

import pytest

from data_prep import mnist
from zoo import command

PAGE = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
HEAVY = "\n## Data\n"  # from here on TensorFlow and real data are needed


def said_wrongly(text):
    """Runs the examples of a page's text; returns what differs."""
    text = "\n\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S))
    test = doctest.DocTestParser().get_doctest(text, {}, "python.md", "docs/python.md", 0)
    assert test.examples
    said = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.REPORT_NDIFF).run(test, out=said.append)
    return "".join(said)


def test_what_needs_no_tensorflow():
    assert not said_wrongly(PAGE[: PAGE.index(HEAVY)])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")  # Keras's own
def test_the_rest_on_real_digits(shared, tmp_path, monkeypatch):
    command.quiet_tensorflow()
    mnist.prepare(tmp_path / "data" / "mnist", source="idx", idx_dir=shared / "mnist")
    (tmp_path / "lenet_iter_10000.caffemodel").symlink_to(shared / "pretrained" / "lenet_iter_10000.caffemodel")
    monkeypatch.chdir(tmp_path)
    assert not said_wrongly("```python\n>>> import zoo\n```\n" + PAGE[PAGE.index(HEAVY) :])
