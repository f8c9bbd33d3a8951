"""Fuzzes targets, each in processes of its own, and prints a table; see the package's own words."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from absl import flags

from tests.fuzz import commands
from tests.fuzz.targets import TARGETS
from zoo import command
from zoo.errors import ZooError, did_you_mean

ONLY = flags.DEFINE_list("only", [], "Targets; by default all.")
ENGINE = flags.DEFINE_list("engine", ["hypothesis", "atheris"], "Which engines.")
INPUTS = flags.DEFINE_integer("inputs", None, "Inputs a target; by default its own number, half an engine's.")
SEED = flags.DEFINE_integer("seed", 0, "Of what is drawn.")
SECONDS = flags.DEFINE_integer(
    "seconds", 600, "Of reading, after which an engine's turn at a target ends.", lower_bound=1
)
FINDINGS = flags.DEFINE_string("findings", "fuzz_findings", "Folder for the inputs that were findings.")
RESTARTS = 8  # after crashes
START = 180  # seconds in which a worker has to be ready: it imports TensorFlow, instrumented by one of the engines
ROOT = pathlib.Path(__file__).resolve().parents[2]


def main():
    """Runs what is asked for; returns 1 if anything was found, or if a turn read no input."""
    names = [*TARGETS, "flags"]
    for name in ONLY.value:
        if name not in names:
            raise ZooError("no such target", got=name, hint=did_you_mean(name, names) or ", ".join(names))
    print("| target | engine | inputs | seconds | findings |\n|---|---|---|---|---|", flush=True)
    total, began, found, idle = 0, time.monotonic(), [], []
    for name in ONLY.value or names:
        for engine in ENGINE.value if name != "flags" else ["hypothesis"]:
            if engine == "atheris" and TARGETS[name].cpp:
                continue
            start = time.monotonic()
            if name == "flags":
                inputs, new = commands.fuzz(INPUTS.value or 200, SEED.value, SECONDS.value)
            else:
                inputs, new = _fuzz(name, engine, (INPUTS.value or TARGETS[name].inputs) // len(ENGINE.value))
            total += inputs
            found += [(name, *each) for each in new if (name, each[0]) not in {f[:2] for f in found}]
            if not inputs:
                idle.append(f"NOTHING READ {name}: {engine} read no input in its turn, so this target was not tried")
            read = inputs or "**0, NOTHING READ**"
            print(f"| {name} | {engine} | {read} | {time.monotonic() - start:.0f} | {len(new)} |", flush=True)
    print(f"| all | | {total} | {time.monotonic() - began:.0f} | {len(found)} |")
    for name, key, said, path in found:
        print(f"FOUND {name}: {key}: {said} [{path}]")
    for line in idle:
        print(line)
    return 1 if found or idle else 0


def _fuzz(name, engine, count):
    """Fuzzes one target with one engine; returns (inputs read, list of (key, said, path of the input))."""
    found, done, left = {}, 0, SECONDS.value
    for turn in range(RESTARTS):
        with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
            ended, spent = _worker(name, engine, count - done, SEED.value + 1000 * turn, pathlib.Path(folder), left)
            counted = pathlib.Path(folder, "count")
            done, left = done + (int(counted.read_text() or 0) if counted.exists() else 0), left - spent
            _collect(name, pathlib.Path(folder), ended, found)
        if ended is None or done >= count or left <= 0:
            break
    return done, [(key, *rest) for key, rest in found.items()]


def _worker(name, engine, count, seed, folder, left):
    """Runs a worker until it has read for `left` seconds; returns (None or how it died, seconds of reading)."""
    words = [sys.executable, "-m", "tests.fuzz.worker", name, engine, count, seed, folder]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with open(folder / "stderr", "w+b") as stderr:
        process = subprocess.Popen([*map(str, words)], cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=stderr)
        began = ready = time.monotonic()
        try:
            while process.poll() is None and not (folder / "ready").exists():
                if time.monotonic() > began + START:
                    return f"not ready after {START} s", 0
                time.sleep(0.05)
            ready = time.monotonic()
            code = process.wait(left)
        except subprocess.TimeoutExpired:
            code = 0
        finally:
            process.kill()
            process.wait()
        stderr.seek(0)
        said = stderr.read().decode(errors="replace")
    return None if code == 0 else f"exit code {code}: {said[-600:]}", time.monotonic() - ready


def _collect(name, folder, ended, found):
    kept = pathlib.Path(FINDINGS.value, name)
    lines = (folder / "found.jsonl").read_text().splitlines() if (folder / "found.jsonl").exists() else []
    new = [json.loads(line) for line in lines]
    if ended is not None:
        new.append({"key": f"the process died, {ended.partition(':')[0]}", "said": ended[-300:], "input": "input"})
    for each in new:
        if each["key"] not in found:
            kept.mkdir(parents=True, exist_ok=True)
            path = kept / f"{each['input']}{len(found) if each['input'] == 'input' else ''}"
            path.write_bytes((folder / each["input"]).read_bytes() if (folder / each["input"]).exists() else b"")
            found[each["key"]] = (each["said"], path)


if __name__ == "__main__":
    command.run(main)
