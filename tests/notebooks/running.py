"""Runs a notebook's cells in one IPython kernel, after the changes that it is given; says of each how it went."""

import dataclasses
import os
import pathlib

import nbformat
from nbclient import NotebookClient

from tests.notebooks.python3 import converted

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMPORT = ("import caffe", "import zoo.pycaffe as caffe; caffe.install()")


@dataclasses.dataclass(frozen=True)
class Change:
    """A change to a cell: `old`, which must be in it, becomes `new`.

    Attributes:
        cell: the number of the code cell, from 1.
        kind: what makes it necessary, see `changes`.
        why: a sentence for the page.
        old: text of the cell, or None for all of it.
        new: what stands there instead.
    """

    cell: int
    kind: str
    why: str
    old: str | None
    new: str


@dataclasses.dataclass(frozen=True)
class Ran:
    """How a cell went.

    Attributes:
        number: of the code cell, from 1.
        changed: names of what was changed in it: "import", "python", and the kinds of `Change`s.
        error: None, or the last line of its traceback.
        printed: what it printed and displayed as text.
    """

    number: int
    changed: tuple[str, ...]
    error: str | None
    printed: str


def source_of(path):
    """Returns the notebook as nbformat 4 has it."""
    return nbformat.read(path, as_version=4)


def run(notebook, folder, changes=(), before="", timeout=3600):
    """Runs a notebook in `folder`; it is changed in place, outputs and all.

    Args:
        notebook: from `source_of`.
        folder: the working directory.
        changes: `Change`s.
        before: Python that is run in the kernel before the first cell.
        timeout: seconds that a cell may take.

    Returns:
        A list of `Ran`, a code cell each.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    changed = [_change(cell, number, changes) for number, cell in enumerate(cells, 1)]
    for cell in cells:
        cell.outputs, cell.execution_count = [], None
    first = nbformat.v4.new_code_cell(before)
    notebook.cells.insert(0, first)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "MPLBACKEND": "agg", "TF_CPP_MIN_LOG_LEVEL": "3"}
    client = NotebookClient(notebook, timeout=timeout, allow_errors=True, resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)
    notebook.cells.remove(first)
    said = [_said(cell) for cell in cells]
    return [Ran(n, tuple(names), *found) for n, (names, found) in enumerate(zip(changed, said, strict=True), 1)]


def _change(cell, number, changes):
    """Changes a cell; returns the names of what was changed."""
    names = []
    for change in changes:
        if change.cell != number:
            continue
        if change.old is not None and change.old not in cell.source:
            raise ValueError(f"cell {number} has no {change.old!r}")
        cell.source = change.new if change.old is None else cell.source.replace(change.old, change.new)
        names.append(change.kind)
    text = converted(cell.source)
    if text != cell.source:
        names.insert(0, "python")
    lines = [IMPORT[1] if line.strip() == IMPORT[0] else line for line in text.split("\n")]
    if lines != text.split("\n"):
        names.insert(0, "import")
    cell.source = "\n".join(lines)
    return list(dict.fromkeys(names))


def _said(cell):
    printed, error = [], None
    for output in cell.outputs:
        if output.output_type == "stream":
            printed.append(output.text)
        elif output.output_type == "error":
            error = f"{output.ename}: {output.evalue}"
        else:
            printed.append(output.data.get("text/plain", "") + "\n")
    return error, "".join(printed)
