"""How commands start: a flag that is missing or wrong is one line, with what to type."""

import ast
import os
import pathlib
import pty
import re
import subprocess
import sys
import types

import numpy as np
import pytest

from zoo import command, config_flag
from zoo.formats import datum
from zoo.formats.database_writer import DatabaseWriter

ROOT = pathlib.Path(__file__).resolve().parents[1]

MODULE = """Trains.

  python -m zoo.train --config=configs/lenet.prototxt           trains; the same command again continues
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "flag --{name}=None: Flag --{name} must have a value other than None.",
            "--{name} is missing, want where it is (python -m zoo.train --config=configs/lenet.prototxt)",
        ),
        ("Unknown command line flag 'batch'", "Unknown command line flag 'batch' (see --help)"),
        (
            "Unknown command line flag 'confg'. Did you mean: config, set ?",
            "Unknown command line flag 'confg' (did you mean config, set? see --help)",
        ),
    ],
)
def test_what_is_said_of_a_flag(text, said, monkeypatch, capsys):
    values = command.flags.FlagValues()
    command.flags.DEFINE_string("config", None, "where it is", values)
    monkeypatch.setattr(command.flags, "FLAGS", values)
    monkeypatch.setattr("sys.modules", {**command.sys.modules, "__main__": type("Main", (), {"__doc__": MODULE})})
    assert str(command._said(text.format(name="config"))) == said.format(name="config")


def test_a_field_for_a_flag_is_pointed_to_set(monkeypatch):
    values = command.flags.FlagValues()
    command.flags.DEFINE_string("set", "", "changes", values)
    monkeypatch.setattr(command.flags, "FLAGS", values)
    want = "Unknown command line flag 'max_iter' (see --help; a field of solver or net: --set='max_iter: ...')"
    assert str(command._said("Unknown command line flag 'max_iter'")) == want


def test_a_value_for_a_flag_that_is_on_or_off(monkeypatch, capsys):
    values = command.flags.FlagValues()
    command.flags.DEFINE_bool("csv", False, "as CSV", values)
    monkeypatch.setattr(command.flags, "FLAGS", values)
    with pytest.raises(SystemExit):
        command._parsed(["classify", "--csv=c.csv"])
    said = "error: flag --csv=c.csv: it is on or off, and takes no other value (see --help)\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("wrong", ["--config", "--batch=3"])
def test_flags_that_do_not_parse_end_in_one_line(wrong, monkeypatch, capsys):
    values = command.flags.FlagValues()
    command.flags.DEFINE_string("config", None, "where it is", values, required=True)
    monkeypatch.setattr(command.flags, "FLAGS", values)
    with pytest.raises(SystemExit) as ended:
        command._parsed(["train", *([wrong] if "=" in wrong else [])])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(("typed", "path"), [("lenet", ROOT / "configs/lenet.prototxt"), ("my/net.txt", "my/net.txt")])
def test_what_to_type_next_has_a_packaged_configs_name_as_it_was_typed(typed, path, monkeypatch):
    values = command.flags.FlagValues()
    command.flags.DEFINE(config_flag._Parser(), "config", None, "a net", values)
    monkeypatch.setattr(command.flags, "FLAGS", values)
    command._parsed(["evaluate", f"--config={typed}"])
    assert values.config == str(path) and config_flag.typed(values.config) == typed
    assert command.again("config") == [f"--config={typed}"]


def test_flags_may_be_typed_with_dashes(monkeypatch):
    values = command.flags.FlagValues()
    command.flags.DEFINE_integer("batch_size", None, "how many", flag_values=values)
    command.flags.DEFINE_bool("dry_run", False, "try", flag_values=values)
    monkeypatch.setattr(command.flags, "FLAGS", values)
    assert command._parsed(["train", "--batch-size=3", "--dry-run", "a-word"]) == ["train", "a-word"]
    assert (values.batch_size, values.dry_run) == (3, True)
    command._parsed(["train", "--nodry-run", "--batch-size", "-4"])
    assert (values.batch_size, values.dry_run) == (-4, False)
    with pytest.raises(SystemExit):
        command._parsed(["train", "--batch-sise=3"])


def typed(line):
    """Runs a line in a shell, in which $PYTHON is this Python; returns the process."""
    env = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    return subprocess.run(["bash", "-c", line], cwd=ROOT, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("args", ["zoo", "zoo.convert --help", "zoo.train --help"])
def test_a_reader_that_has_gone_is_no_error(args):
    done = typed(f"$PYTHON -m {args} | head -1; exit ${{PIPESTATUS[0]}}")
    assert done.stderr == "" and done.returncode in (0, 141)
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.skipif(not pathlib.Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("args", ["zoo", "zoo.convert --help"])
def test_a_full_disk_behind_standard_output_is_one_error(args):
    done = typed(f"$PYTHON -m {args} > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "error: cannot write to standard output, got No space left on device\n"


def test_a_closed_standard_output_is_no_error():
    done = typed("$PYTHON -m zoo --version >&-")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_that_is_too_long_is_one_error(capsys):
    assert command._guarded(lambda name: os.stat(name), ["train", "a" * 300], 1)[0] == 1
    assert capsys.readouterr().err == f"error: File name too long, got {'a' * 300}\n"
    with pytest.raises(FileNotFoundError):
        command._guarded(lambda: os.stat("none"), ["train"])


def test_memory_that_ends_is_one_error(capsys):
    def main():
        raise MemoryError

    assert command._guarded(main, ["train"])[0] == 1
    assert capsys.readouterr().err == "error: out of memory\n"


def test_so_is_that_of_tensorflow(capsys, monkeypatch):
    class Exhausted(Exception):
        pass

    said = "OOM when allocating tensor with shape[9,9] and type float on CPU:0 by allocator cpu"

    def main(text=f"Graph execution error:\n\nDetected at node conv\n{said}\n\t [[{{{{node conv}}}}]]"):
        raise Exhausted(text)

    monkeypatch.setitem(sys.modules, "tensorflow", types.SimpleNamespace(errors=None))
    with pytest.raises(Exhausted):
        command._guarded(main, ["train"])
    loaded = types.SimpleNamespace(errors=types.SimpleNamespace(ResourceExhaustedError=Exhausted))
    monkeypatch.setitem(sys.modules, "tensorflow", loaded)
    assert command._guarded(main, ["train"])[0] == 1
    assert capsys.readouterr().err == f"error: out of memory, got {said} (a smaller batch_size)\n"
    with pytest.raises(Exhausted):  # of a disk
        command._guarded(main, ["train", "No space left on device"], arguments=1)


@pytest.mark.parametrize(
    "args",
    [
        "zoo.train --config=configs/lenet.prototxt --run_dir={folder}/run",
        "data_prep.databases --source={folder}/db --backend=records --output={folder}/split/train",
    ],
)
def test_too_little_address_space_for_tensorflow_is_one_line(tmp_path, args):
    """Loading it would hang, crash or end in a traceback, by how much is missing."""
    with DatabaseWriter(tmp_path / "db", "lmdb") as writer:
        writer.put(b"0", datum.raw(np.zeros((4, 5, 3), np.uint8), 0))
    done = typed(f"ulimit -v 1800000; $PYTHON -m {args.format(folder=tmp_path)}")
    assert done.returncode == 1
    more = command.addresses_of_cores() >> 10
    assert done.stderr == (
        f"error: TensorFlow does not start, got a limit of 1800000 kB of address space, want {3670016 + more} kB or "
        "more (the limit is that of `ulimit -v`)\n"
    )
    assert [path.name for path in tmp_path.iterdir() if path.name != "split"] == ["db"]


@pytest.mark.slow
def test_too_little_address_space_for_a_net_is_one_line():
    """Running it would end by a signal or in a traceback, by how much is missing."""
    done = typed(
        "ulimit -v 4500000; $PYTHON -m zoo.benchmark --config=configs/alexnet.prototxt --input_shape=data:1,3,227,227"
    )
    assert done.returncode == 1
    assert "the net may need more address space than is left" in done.stderr
    assert done.stderr.count("error: ") == 1 and "Traceback" not in done.stderr


def test_tensorflow_comes_in_by_one_door():
    """By `command.quiet_tensorflow`, which looks at the address space; what lies above loads it after that."""
    found = []
    for folder in ("zoo", "zoo/formats", "data_prep"):
        for path in (ROOT / folder).glob("*.py"):
            nodes = ast.walk(ast.parse(path.read_text()))
            names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
            found += [path.relative_to(ROOT).as_posix() for name in names if name.split(".")[0] == "tensorflow"]
    assert found == ["zoo/command.py"]


TINY = """net_param {
layer { name: "d" type: "DummyData" top: "x" dummy_data_param { shape { dim: 1 dim: 2 } } }
layer { name: "l" type: "Reduction" bottom: "x" top: "l" loss_weight: 1 } }
base_lr: 1 lr_policy: "fixed" max_iter: 1 snapshot_prefix: "x"
"""


@pytest.mark.parametrize(
    ("env", "folder", "said"),
    [
        (
            "LC_ALL=C.UTF-8",
            b"n\xff",
            "a flag or path that is not UTF-8, got --config={folder}/n\\xff/x.prototxt (rename",
        ),
        ("LC_ALL=C", b"n\xff", "a flag or path that is not UTF-8, got --config={folder}/n\\xff/x.prototxt (rename"),
        (
            "LC_ALL=C PYTHONUTF8=0",
            "é".encode(),
            "a flag or path that the locale cannot say, got --config={folder}/\\xe9",
        ),
    ],
)
def test_a_path_that_is_no_text_is_one_error(tmp_path, env, folder, said):
    folder = os.path.join(os.fsencode(tmp_path), folder)
    os.mkdir(folder)
    line = b"%s $PYTHON -m zoo.train --config='%s/x.prototxt'" % (env.encode(), folder)
    done = typed(line)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {said.format(folder=tmp_path)}") and done.stderr.count("\n") == 1


@pytest.mark.slow
def test_paths_beyond_ascii_in_a_plain_locale(tmp_path):
    folder = tmp_path / "nètz 网"
    folder.mkdir()
    (folder / "sôlver.prototxt").write_text(TINY, encoding="utf-8")
    run = f"LC_ALL=C $PYTHON -m zoo.train --config='{folder}/sôlver.prototxt' --run_dir='{folder}/läuft'"
    done = typed(run.encode())
    assert done.returncode == 0, done.stderr
    assert f"{folder}/läuft/snapshots/x_iter_1.caffemodel" in done.stdout + done.stderr
    assert (folder / "läuft" / "snapshots" / "x_iter_1.caffemodel").is_file()


def seen_at_a_terminal(*args, **env):
    """Returns what a command says on a terminal, which is its stderr."""
    ours, theirs = pty.openpty()
    how = {"cwd": ROOT, "stdout": subprocess.PIPE, "stderr": theirs, "env": {**os.environ, **env}}
    with subprocess.Popen([sys.executable, "-m", *args], **how):
        os.close(theirs)
        said = b""
        while True:
            try:
                more = os.read(ours, 4096)
            except OSError:  # what Linux says at the end of a terminal
                break
            if not more:
                break
            said += more
    os.close(ours)
    return said.decode()


def test_a_terminal_is_told_what_takes_a_while(tmp_path):
    """Pipes are not: what tests and programs read stays as it is."""
    (tmp_path / "broken.prototxt").write_text("layer {")
    (tmp_path / "a.caffemodel").write_bytes(b"\n\0")  # a net without a name
    args = ("zoo.evaluate", f"--config={tmp_path}/broken.prototxt", f"--weights={tmp_path}/a.caffemodel")
    said = seen_at_a_terminal(*args, TERM="xterm", NO_COLOR="")
    assert said.startswith("\r\x1b[KLoading TensorFlow ...")
    loading, _, error = said.rpartition("\r\x1b[K")
    assert error.startswith(f"\x1b[1;31merror:\x1b[0m {tmp_path}/broken.prototxt:1") and error.count("\n") == 1
    piped = subprocess.run([sys.executable, "-m", *args], cwd=ROOT, capture_output=True, text=True)
    assert piped.stderr == re.sub(r"\x1b\[[\d;]*m", "", error).replace("\r\n", "\n")


LEAVES = """
import os
from zoo import command, config_flag

class Node:
    def __init__(self):
        self.me = self

    def __del__(self, write=os.write):
        write(1, b"found")

def main():
    main.kept = Node()

command.run(main)
"""


def test_the_end_is_not_spent_on_a_search_for_garbage():
    """A net leaves hundreds of thousands of objects behind; looking through them took a second and a half."""
    process = subprocess.run([sys.executable, "-c", LEAVES], cwd=ROOT, capture_output=True, text=True)
    assert (process.returncode, process.stdout) == (0, ""), process.stderr


@pytest.mark.parametrize("module", ["train", "evaluate --weights=x", "benchmark"])
def test_a_missing_config_is_said_before_tensorflow_is_loaded(module):
    """Which takes seconds, and is seen here by the limit that it would be refused by."""
    done = typed(f"ulimit -v 1800000; $PYTHON -m zoo.{module} --config=absent.prototxt")
    assert (done.returncode, done.stderr) == (1, "error: absent.prototxt: no such file\n")


DEVICES = "import {module}, tensorflow as tf; tf.constant(1.0); tf.config.list_physical_devices()"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "level", "loud"),
    [("zoo.pycaffe", None, False), ("zoo.cv", None, False), ("zoo.pycaffe", "0", True)],
)
def test_tensorflow_says_nothing_of_the_machine_unless_it_is_asked(module, level, loud):
    """Neither when it is imported (oneDNN, instructions) nor when its devices are first looked for (cuInit)."""
    env = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    env |= {"PYTHONPATH": str(ROOT), "TF_ENABLE_ONEDNN_OPTS": "1", **({"TF_CPP_MIN_LOG_LEVEL": level} if level else {})}
    code = DEVICES.format(module=module)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and bool(done.stderr) is loud, done.stderr


DRAWN = """
import time
from zoo import command, config_flag
from zoo.progress import Progress, waiting

def main():
    with waiting("Drawing"):
        print("a line")
    with Progress(3, "images") as progress:
        for number in progress.over(range(3)):
            print(f"image {number}")
            time.sleep(0.15)

command.run(main)
"""


def test_what_is_printed_comes_above_what_is_drawn(tmp_path):
    """On a terminal that has both stdout and stderr: each line begins where the bar was taken away."""
    (tmp_path / "x.py").write_text(DRAWN)
    ours, theirs = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "x.py"], cwd=tmp_path, stdout=theirs, stderr=theirs, env=env):
        os.close(theirs)
        said = b""
        with pytest.raises(OSError):  # what Linux says at the end of a terminal
            while more := os.read(ours, 4096):
                said += more
    os.close(ours)
    lines = [re.split(r"\r|\x1b\[K", line)[-1] for line in said.decode().split("\r\n")]  # what is left to be seen
    assert lines[:-1] == ["a line", "image 0", "image 1", "image 2"]
