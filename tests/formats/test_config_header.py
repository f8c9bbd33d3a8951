"""The head of a config as a program reads it."""

import pathlib

import pytest

from zoo.errors import PrototxtError
from zoo.formats import config_header

CONFIGS = sorted((pathlib.Path(__file__).resolve().parents[2] / "configs").glob("*.prototxt"))
HEADER = r"""# LeNet on MNIST.
#
#   python -m data_prep.mnist
#   python -m zoo.train --config=lenet \
#       --restart
#
# net: LeNet, Caffe's form
# parameters: 431,080
# multiply_adds: 2,293,000
# input: 1 x 28 x 28
# recipe: Caffe's
# published: 98.97 %
# published_in: its log
#
# score: a word of prose, no key

base_lr: 1  # net: no key either
"""


def test_what_a_header_says():
    header = config_header.parse(HEADER)
    assert header.title == "LeNet on MNIST."
    assert header.commands == ("python -m data_prep.mnist", "python -m zoo.train --config=lenet --restart")
    assert (header.net, header.input, header.recipe) == ("LeNet, Caffe's form", "1 x 28 x 28", "Caffe's")
    assert (header.published, header.published_in, header.score) == ("98.97 %", "its log", "accuracy")
    assert header.has_published and header.flops == 2293000
    assert config_header.parse(HEADER.replace("2,293,000", "by its size")).flops is None
    none = config_header.parse(
        HEADER.replace("98.97 %", "none that carries over").replace("# published_in: its log\n", "")
    )
    assert not none.has_published


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("# input: 1 x 28 x 28\n", "", 'c: the header has no input, want a line "# input: ..."'),
        ("# recipe:", "# recipes:", r'c:11: the header has an unknown key "recipes" \(did you mean "recipe"\?\)'),
        ("# recipe: Caffe's", "# net: Caffe's", 'c:11: the header has the key "net" twice'),
        ("# recipe: Caffe's", "# by Caffe", "c:11: not a line of the header's keys, got # by Caffe"),
        ("# published_in: its log\n", "", "c: the header gives a published score without its source"),
        ("431,080", "431080", "c:8: not a number of parameters, got 431080"),
        ("2,293,000", "2.3e6", 'c:9: not a number of multiply-adds, got 2.3e6, want "724,406,816", or words'),
        ("# net:", "# Net:", "c: the header has no net"),
    ],
)
def test_mistakes(old, new, says):
    with pytest.raises(PrototxtError, match=says):
        config_header.parse(HEADER.replace(old, new), "c")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_has_its_keys(path):
    header = config_header.read(path)
    assert header.title and any("zoo.train" in command for command in header.commands)
