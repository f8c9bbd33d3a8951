"""The options of a run: checked where they are made, and those of the flags."""

import dataclasses
import pathlib
import subprocess
import sys

import pytest

from zoo.errors import SolverError
from zoo.training.run_options import PRECISIONS, RunOptions


def test_they_are_frozen_down_to_their_lists():
    options = RunOptions(weights=["a.caffemodel", pathlib.Path("b.keras")], stages=["deep"])
    assert options.weights == ("a.caffemodel", pathlib.Path("b.keras"))
    assert options.stages == ("deep",)
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.restart = True
    assert dataclasses.replace(options, weights=()) == RunOptions(stages=("deep",))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision(precision):
    assert RunOptions(precision=precision).precision == precision


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"precision": "mixed_bfloat1"}, "no such precision, got 'mixed_bfloat1'.*did you mean \"mixed_bfloat16\""),
        ({"on_sigint": "pause"}, "no such on_sigint, got 'pause', want one of stop, snapshot, none"),
        ({"on_sighup": ""}, "no such on_sighup, got ''"),
        ({"keep_checkpoints": 0}, "keep_checkpoints is not positive, got 0"),
        ({"keep_snapshots": -1}, "keep_snapshots is not positive, got -1"),
        ({"weights": "a.keras"}, r"weights is not a list, got 'a.keras', want \['a.keras'\]"),
        ({"stages": "deep"}, r"stages is not a list, got 'deep', want \['deep'\]"),
        ({"snapshot": "a.solverstate", "weights": ["b.keras"]}, "a.solverstate and weights b.keras, want one of them"),
    ],
)
def test_what_is_no_option_or_contradicts_another(wrong, words):
    with pytest.raises(SolverError, match=words):
        RunOptions(**wrong)


FLAGS = """
import sys
from zoo import train
train.flags.FLAGS(["train", "--config=lenet", *sys.argv[1:]])
print(train._options())
assert not {"tensorflow", "keras"} & set(sys.modules)
"""


def options_of(*args):
    return subprocess.run([sys.executable, "-c", FLAGS, *args], capture_output=True, text=True, check=True).stdout


def test_without_flags_they_are_the_defaults_but_for_the_data_directory():
    assert options_of() == f"{RunOptions(data_dir='data')}\n"


def test_each_flag_reaches_its_option():
    given = options_of(
        "--data_dir=d", "--level=3", "--stage=a,b", "--snapshot=s", "--restart", "--keep=0", "--keep_snapshots=2",
        "--sigint_effect=none", "--sighup_effect=stop", "--nosummaries", "--nohistograms", "--noimages",
        "--nofinal_test", "--precision=mixed_float16", "--cache=ram", "--noverify_shards", "--allow_paths",
        "--nolog_nets", "--snapshot_start", "--own_prefix", "--epoch_lines", "--profile=3:7",
    )  # fmt: skip
    want = RunOptions(
        data_dir="d", level=3, stages=("a", "b"), snapshot="s", restart=True, keep_checkpoints=None, keep_snapshots=2,
        on_sigint="none", on_sighup="stop", summaries=False, histograms=False, images=False, final_test=False,
        precision="mixed_float16", ram_cache=True, verify_shards=False, allow_paths=True, log_nets=False,
        snapshot_start=True, own_prefix=True, epoch_lines=True, profile=(3, 7),
    )  # fmt: skip
    assert given == f"{want}\n"
    unlike = [f.name for f in dataclasses.fields(want) if getattr(want, f.name) == f.default]
    assert unlike == ["weights"]  # which a snapshot excludes
    assert "weights=('a', 'b')" in options_of("--weights=a,b")
