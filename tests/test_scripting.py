"""--json and --quiet of every command, on what costs little: no command here loads TensorFlow but one."""

import json
import os
import pathlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from tests.test_plot import LOG
from zoo.__main__ import COMMANDS
from zoo.formats import caffemodel

ROOT = pathlib.Path(__file__).resolve().parents[1]
KEYS = ["command", "exit_code", "seconds", "said", "scores", "made", "next"]
NET = """name: "tiny"
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 1 dim: 4 dim: 4 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 2 } }
"""
EXAMPLES = {  # command line: the keys of its own
    "zoo.list lenet*": {"models"},
    "zoo.doctor net.prototxt": {"file", "findings", "sound"},
    "zoo.upgrade old.prototxt new.prototxt": set(),
    "zoo.parse_log a.log": set(),
    "zoo.plot_log a.log": {"columns"},
    "zoo.plot --log=a.log": {"logs"},
    "zoo.plot_log a.log Iters TrainingLoss a.svg": set(),
    "zoo.draw net.prototxt net.dot --noshapes": {"name", "layers"},
    "zoo.fetch_weights": {"weights"},
    "zoo.fetch_weights alexnet": {"sha1", "licence"},
    "zoo.train --config=lenet --print_config": {"config"},
    "zoo.convert --config=net.prototxt --nodeploy --output=whole.prototxt": set(),
    "zoo.draw net.prototxt net.html": {"name", "layers"},
    "zoo.filters --weights=w.caffemodel": set(),
    "data_prep.hdf5_points --output_dir=points": set(),
    "data_prep.databases --source=list.txt --output=db_lmdb": {"images"},
    "data_prep.mean_image --source=list.txt --output=mean.npy": {"mean_value"},
    "data_prep.detection --source=boxes.csv --output=boxes_lmdb": {"boxes"},
}
FAILING = ["zoo.list nothing", "zoo.doctor gone.prototxt", "zoo.evaluate --config=lenet", "data_prep.mean_image"]


def run(folder, line, *flags):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", *line.split(), *flags]
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scripting")
    (folder / "net.prototxt").write_text(NET)
    (folder / "old.prototxt").write_text('layers { name: "r" type: RELU bottom: "x" top: "y" }\n')
    (folder / "a.log").write_text(LOG)
    caffemodel.write(folder / "w.caffemodel", {"conv": [np.zeros((2, 1, 3, 3), np.float32)]})
    cv2.imwrite(str(folder / "a.png"), np.zeros((4, 4, 3), np.uint8))
    (folder / "list.txt").write_text("a.png 0\n")
    (folder / "boxes.csv").write_text("image,label,xmin,ymin,xmax,ymax\na.png,cat,0,0,2,2\n")
    return folder


@pytest.fixture(scope="module")
def ran(folder):
    """{command line: process} of every example with --json, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(EXAMPLES, pool.map(lambda line: run(folder, line, "--json"), EXAMPLES)))


@pytest.mark.parametrize("line", EXAMPLES)
def test_json(ran, folder, line):
    done = ran[line]
    found = json.loads(done.stdout)
    assert list(found)[: len(KEYS)] == KEYS and found["command"] == line.split()[0]
    assert found["exit_code"] == done.returncode == 0, done.stderr
    assert found.keys() >= EXAMPLES[line]
    assert all((folder / file["path"]).exists() for file in found["made"]), found["made"]
    for typed in found["next"].values():
        module = re.search(r" -m ([\w.]+)", typed)[1]
        assert module == "tensorboard.main" or module in COMMANDS.values()


def test_what_is_typed_next_runs(ran, folder):
    """Those that cost little: what each command suggests is taken as it stands, by a shell."""
    for line in (
        "zoo.parse_log a.log",
        "zoo.plot_log a.log",
        "zoo.upgrade old.prototxt new.prototxt",
        "zoo.fetch_weights",
    ):
        for typed in json.loads(ran[line].stdout)["next"].values():
            env = {**os.environ, "PYTHONPATH": str(ROOT)}
            done = subprocess.run(["bash", "-c", typed], cwd=folder, env=env, capture_output=True, text=True)
            assert done.returncode in (0, 1) and "error" not in done.stderr, (typed, done.stderr)


@pytest.mark.parametrize("line", [line for line in EXAMPLES if EXAMPLES[line]])
def test_keys_of_its_own_are_in_the_table(line):
    module = line.split()[0]
    rows = (ROOT / "docs" / "scripting.md").read_text().splitlines()
    said = [row for row in rows if re.match(rf"\| .*`({re.escape(module)}|{module.removeprefix('data_prep')})`", row)]
    assert len(said) == 1 and all(f"`{key}`" in said[0] for key in EXAMPLES[line])


@pytest.mark.parametrize("line", FAILING)
def test_an_error_in_json(folder, line):
    done = run(folder, line, "--json", "--quiet")
    found = json.loads(done.stdout) if done.stdout else None
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert found is None or f"error: {found['error']}\n" == done.stderr


@pytest.mark.parametrize(
    "line",
    ["zoo.list lenet", "zoo.plot_log a.log", "data_prep.hdf5_points --output_dir=quiet", "zoo.doctor net.prototxt"],
)
def test_quiet_says_nothing(folder, line):
    done = run(folder, line, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_command_has_both_flags_and_defines_neither():
    for module in COMMANDS.values():
        text = ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text()
        assert not re.search(r'DEFINE_\w+\(\s*"(json|quiet)"', text), module
        assert re.search(r"^ +(command|common)\.run\(main", text, re.M), module


STREAMS = """
import os, subprocess, sys
from absl import logging
from zoo import command
from zoo.report import Report

def main():
    print("on the way")
    os.write(1, b"by C\\n")
    subprocess.run(["echo", "by another program"])
    print("a warning", file=sys.stderr)
    logging.info("a log line")
    return Report("Done.")

command.run(main)
"""


@pytest.mark.parametrize(
    ("flags", "out", "err"),
    [
        ((), ["on the way", "by C", "by another program", "Done."], ["a warning", "a log line"]),
        (("--json",), [], ["on the way", "by C", "by another program", "a warning", "a log line"]),
        (("--quiet",), [], []),
        (("--quiet", "--json"), [], []),
    ],
)
def test_where_everything_goes(tmp_path, flags, out, err):
    (tmp_path / "x.py").write_text(STREAMS)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    how = {"cwd": tmp_path, "env": env, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, "x.py", *flags], **how)
    assert sorted(line.rpartition("] ")[2] for line in done.stderr.splitlines()) == sorted(err)
    if "--json" in flags:
        assert json.loads(done.stdout)["said"] == "Done."
    else:
        assert sorted(done.stdout.splitlines()) == sorted(out)
