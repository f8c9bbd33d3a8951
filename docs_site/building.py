"""The site built from its tree of pages, by Sphinx."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from docs_site import tree
from zoo.errors import OutputError, ZooError
from zoo.formats import atomic


def build(output, nets=True, run=True):
    """Builds the site in the directory `output` and returns how many pages it has.

    Args:
        output: the directory to make; what is there must be an earlier build, or empty.
        nets, run: as `tree.write` has them.

    Raises:
        OutputError: there is something else at `output`.
        ZooError: what Sphinx warns of: links that lead nowhere, pages that no list names.
    """
    output = pathlib.Path(output)
    if output.exists() and not (
        output.is_dir() and (not any(output.iterdir()) or (output / "searchindex.js").is_file())
    ):
        raise OutputError(
            "not a site that was built here", got=str(output), want="a new directory, or an earlier build"
        )
    atomic.make_directory(output.parent, OutputError)
    with tempfile.TemporaryDirectory() as pages, tempfile.TemporaryDirectory(dir=output.parent) as folder:
        tree.write(pages, nets, run)
        made = pathlib.Path(folder, "site")
        _sphinx(pages, made)
        if (extra := pathlib.Path(pages, tree.EXTRA)).is_dir():
            shutil.copytree(extra, made, dirs_exist_ok=True)
        if output.exists():
            shutil.rmtree(output)
        made.rename(output)
    return sum(1 for _ in output.rglob("*.html"))


def _sphinx(pages, output):
    words = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "-q", "--no-color", "-c", str(tree.HERE)]
    environment = {**os.environ, "PYTHONPATH": str(tree.ROOT)}
    with tempfile.TemporaryDirectory() as doctrees:
        done = subprocess.run(
            [*words, "-d", doctrees, str(pages), str(output)], env=environment, capture_output=True, text=True
        )
    faults = [line.replace(f"{pages}/", "") for line in done.stderr.splitlines() if line.strip()]
    if done.returncode or faults:
        print(*faults, sep="\n", file=sys.stderr)
        raise ZooError("Sphinx finds faults in the pages of the site", got=f"{len(faults)} lines of them, above")
