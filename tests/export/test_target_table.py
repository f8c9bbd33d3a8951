"""The table of what can be written: every ending finds its target, and the table loads neither Keras nor TensorFlow."""

import subprocess
import sys

import pytest

from zoo.errors import UnsupportedError
from zoo.export.targets import TARGETS, target


def test_every_ending_finds_its_own_target():
    for kind in TARGETS:
        for ending in kind.endings:
            assert type(target(f"some/net{ending}")) is kind, ending


def test_an_unknown_ending_is_told_what_there_is():
    with pytest.raises(
        UnsupportedError, match=r"unknown kind of output, got x\.h5, want \.keras, /, \.onnx, \.caffemodel, "
    ):
        target("x.h5")


def test_every_target_is_checked_or_run_when_it_is_verified():
    for kind in TARGETS:
        assert {"check", "readers"} & set(vars(kind)) or kind.of_solver, kind


def test_the_table_costs_no_keras():
    code = "import sys, zoo.export.request, zoo.export.converting; "
    code += "sys.exit(any(name in sys.modules for name in ('keras', 'tensorflow')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
