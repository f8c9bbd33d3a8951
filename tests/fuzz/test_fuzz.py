"""The short form of `make fuzz`: every kept finding, the seeds, and a few drawn inputs a reader, always the same."""

import pathlib
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.judge import judge
from tests.fuzz.strategies import inputs
from tests.fuzz.targets import TARGETS
from zoo.errors import DataError

CORPUS = pathlib.Path(__file__).parent / "corpus"
QUICK = [target for target in TARGETS.values() if not target.cpp]


@pytest.mark.parametrize("target", QUICK, ids=lambda target: target.name)
def test_kept_findings_and_drawn_inputs(tmp_path, target):
    path = tmp_path / "input"

    def check(data):
        path.write_bytes(data)
        finding = judge(target.read, path)
        assert finding is None, finding

    for data in target.seeds():
        path.write_bytes(data)
        target.read(path)  # a seed that is refused would test nothing
    for kept in sorted((CORPUS / target.name).glob("*")):
        check(kept.read_bytes())
    quiet = settings(deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    settings(quiet, max_examples=15, phases=[Phase.generate])(given(inputs(target))(lambda data: check(data)))()


def test_what_is_a_finding(tmp_path):
    def refuses(path):
        raise DataError("no")

    def breaks(path):
        raise KeyError("x")

    class Endless(DataError):
        def __str__(self):
            return "x" * 30_000

    def says_too_much(path):
        raise Endless("no")

    def never_ends(path):
        while True:
            time.process_time()

    assert judge(refuses, tmp_path) is None
    assert judge(lambda path: None, tmp_path) is None
    assert judge(breaks, tmp_path).key.startswith("KeyError in ")
    assert "characters" in judge(says_too_much, tmp_path).key
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.fuzz.judge.CPU_SECONDS", 0.1)
        assert judge(never_ends, tmp_path).key.startswith("slow in ")


IDLE = """
from absl import flags
from tests.fuzz import __main__ as fuzz
fuzz._fuzz = lambda name, engine, count: ({inputs}, [])
flags.FLAGS(["fuzz", "--only=net,idx", "--engine=hypothesis"])
raise SystemExit(fuzz.main())
"""


@pytest.mark.parametrize("inputs", [0, 3])
def test_a_turn_that_reads_nothing_is_said_and_fails(inputs):
    words = [sys.executable, "-c", IDLE.format(inputs=inputs)]
    process = subprocess.run(words, cwd=CORPUS.parents[2], capture_output=True, text=True, timeout=120)
    assert process.returncode == (0 if inputs else 1), process.stderr
    assert process.stdout.count("NOTHING READ net: ") == (0 if inputs else 1)
    assert process.stdout.count("NOTHING READ**") == (0 if inputs else 2)
