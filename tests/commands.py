"""Commands as people type them, in a process of their own."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def run(module, *words, cwd, ok=True):
    """Runs `python -m module words...` in the folder `cwd`.

    Returns:
        What it printed; with ok=False what it said on stderr, after a failure that is one error and no traceback.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    process = subprocess.run(
        [sys.executable, "-m", module, *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    if ok:
        assert process.returncode == 0, process.stderr
        return process.stdout
    assert process.returncode == 1, (process.returncode, process.stdout, process.stderr)
    assert "Traceback" not in process.stderr and process.stderr.count("error: ") == 1, process.stderr
    return process.stderr
