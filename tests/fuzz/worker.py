"""One target under one engine, in a process that may die: findings are noted as they come.

  python -m tests.fuzz.worker TARGET ENGINE INPUTS SEED DIRECTORY

DIRECTORY gets `ready` (once the seeds are read), `input` (the present one), `count` (how many so far), `found.jsonl` (a
line for each fault that is new) and the inputs that these lines name.
"""

import faulthandler
import hashlib
import json
import os
import pathlib
import sys

WALL_SECONDS = 120  # after which one input is taken to hang, however little CPU it uses
SYSTEM_MEMORY = 6 << 30  # of addresses, for readers that do without TensorFlow


class Worker:
    """Reads inputs, counts them and notes what is wrong."""

    def __init__(self, target, folder):
        from tests.fuzz.judge import judge

        self._target, self._folder, self._judge = target, pathlib.Path(folder), judge
        self._path, self._seen = self._folder / "input", set()
        self._count, self.read_so_far = os.open(self._folder / "count", os.O_RDWR | os.O_CREAT), 0

    def load(self, data):
        """Reads a valid input, uncounted: what that imports is no input's memory or time."""
        self._path.write_bytes(data)
        self._target.read(self._path)

    def __call__(self, data):
        """Reads one input."""
        data = bytes(data)
        with open(self._path, "wb") as file:
            file.write(data)
        self.read_so_far += 1
        os.pwrite(self._count, b"%20d" % self.read_so_far, 0)
        faulthandler.dump_traceback_later(WALL_SECONDS, exit=True)
        try:
            finding = self._judge(self._target.read, self._path)
        finally:
            faulthandler.cancel_dump_traceback_later()
        if finding and finding.key not in self._seen:
            self._seen.add(finding.key)
            name = hashlib.sha256(data).hexdigest()[:12]
            (self._folder / name).write_bytes(data)
            with open(self._folder / "found.jsonl", "a") as file:
                print(json.dumps({"key": finding.key, "said": finding.said, "input": name}), file=file)


def schema(target, worker, count, seed):
    """Reads `count` inputs that hypothesis draws."""
    import hypothesis
    from hypothesis import HealthCheck, Phase

    from tests.fuzz.strategies import inputs

    settings = hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    hypothesis.seed(seed)(settings(hypothesis.given(inputs(target))(lambda data: worker(data))))()


def guided(target, worker, count, seed, folder, atheris):
    """Reads `count` inputs that reach new code, or are made from such, as libFuzzer draws them."""
    corpus = pathlib.Path(folder, "corpus")
    corpus.mkdir(exist_ok=True)
    for number, data in enumerate(target.seeds()):
        (corpus / f"seed{number}").write_bytes(data)
    options = [f"-runs={count}", f"-seed={seed + 1}", "-max_len=16384", "-timeout=200", "-rss_limit_mb=6000"]
    atheris.Setup(["fuzz", *options, "-verbosity=0", f"-artifact_prefix={folder}/", str(corpus)], worker)
    atheris.Fuzz()


def _limit_memory():
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (SYSTEM_MEMORY, SYSTEM_MEMORY))


def main(name, engine, count, seed, folder):
    """Runs the engine; what it finds is in the directory."""
    if engine == "atheris":
        import atheris

        with atheris.instrument_imports(include=["zoo", "data_prep"]):
            target, worker = _ready(name, folder)
        guided(target, worker, int(count), int(seed), folder, atheris)
    else:
        target, worker = _ready(name, folder)
        if not target.cpp:
            _limit_memory()
        schema(target, worker, int(count), int(seed))


def _ready(name, folder):
    """Returns (target, worker) with all loaded that the reader needs."""
    from tests.fuzz.targets import TARGETS

    target = TARGETS[name]
    worker = Worker(target, folder)
    for data in target.seeds():
        worker.load(data)
    pathlib.Path(folder, "ready").touch()
    return target, worker


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
