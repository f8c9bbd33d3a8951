"""The commands with flags that hypothesis draws: known flags, with values that nobody means."""

import os
import pathlib
import re
import tempfile
import time

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.targets import NET, SOLVER
from tests.training.fork_server import ROOT, ForkServer

MODULES = ["zoo.train", "zoo.evaluate", "zoo.convert", "zoo.plot", "zoo.benchmark", "zoo.classify", "zoo.sweep"]
MODULES += ["zoo.extract_features", "zoo.parse_log", "zoo.plot_log", "zoo.upgrade", "zoo.draw", "zoo.detect"]
MODULES += [
    f"data_prep.{name}" for name in ("mnist", "cifar10", "imagenet", "siamese_mnist", "databases", "mean_image")
]
VALUES = ["", "0", "1", "-1", "2147483648", "9" * 400, "nan", "1e400", "true", "none", "é", "a,b", ",", "{", "256x256"]
VALUES += ["0x0", "max_iter: 1", "max_iter: -1", "/dev/null", "/", "LMDB", "\udcff", "x" * 5000, "[*", "../.."]
LIMIT = 120  # seconds
AT_ONCE = 50  # command lines that are drawn from one seed


def flags_of(module):
    """Returns the names of the flags that a module defines, read from its source."""
    text = (ROOT / f"{module.replace('.', '/')}.py").read_text()
    return re.findall(r'flags\.DEFINE_\w+\(\s*"(\w+)"', text)


def lines(folder):
    """Returns the strategy of command lines, [module, flag, ...], with the files that lie in `folder` among values."""
    files = [str(path) for path in sorted(folder.iterdir())] + [str(folder / "absent")]

    def of(module):
        pairs = st.tuples(st.sampled_from(flags_of(module)), st.sampled_from(VALUES + files * 3))
        drawn = st.lists(pairs.map(lambda pair: f"--{pair[0]}={pair[1]}"), max_size=4)
        likely = st.sampled_from([[], *([f"--{n}={f}"] for n in flags_of(module) for f in files[:4])])
        return st.tuples(likely, drawn).map(lambda both: [module, *both[0], *both[1]])

    return st.sampled_from(MODULES).flatmap(of)


def files(folder):
    """Writes the files that flags may name: sound, empty, binary, a directory, a pipe."""
    (folder / "net.prototxt").write_text(NET)
    (folder / "solver.prototxt").write_text(SOLVER.replace("n.prototxt", f"{folder}/net.prototxt"))
    (folder / "empty").touch()
    (folder / "binary").write_bytes(bytes(range(256)))
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")


def judged(process):
    """Returns what is wrong with how a command ended, or None."""
    if process.returncode not in (0, 1, 130, 143) or "Traceback" in process.stderr:
        return f"exit code {process.returncode}: {process.stderr.strip()[-300:]}"
    return None


def fuzz(count, number, seconds):
    """Runs `count` command lines; returns (how many ran, list of (key, said, command line))."""
    found, ran = {}, 0
    quiet = settings(deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    with ForkServer() as server, tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "in").mkdir()
        (folder / "work").mkdir()
        files(folder / "in")
        server.run("--help")  # once all is imported
        deadline = time.monotonic() + seconds

        def one(line):
            nonlocal ran
            if time.monotonic() > deadline:
                return
            ran += 1
            try:
                why = judged(server.run(*line[1:], module=line[0], cwd=folder / "work", timeout=LIMIT))
            except TimeoutError:
                why = f"still running after {LIMIT} s"
            if why:
                last = why.strip().splitlines()[-1][:160]
                found.setdefault(f"{line[0]}: {last}", (why, " ".join(line)[:600]))

        turn = 0
        while ran < count and time.monotonic() < deadline:  # in turns: hypothesis draws all that it is told to
            drawn = given(lines(folder / "in"))(lambda line: one(line))  # each turn decorates a function of its own
            seed(f"{number} {turn}")(settings(quiet, max_examples=min(count - ran, AT_ONCE))(drawn))()
            turn += 1
    return ran, [(key, *rest) for key, rest in found.items()]
