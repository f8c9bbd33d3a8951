"""The notebooks of docs/notebooks, run so that the site shows what they print."""

import os
import pathlib
import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from zoo.errors import Place, ZooError

ROOT = pathlib.Path(__file__).resolve().parents[1]
SECONDS = 1800  # that a cell may take


def write(source, folder, run=True):
    """Copies the notebooks of the directory `source` into `folder`; with `run` they are run first.

    Raises:
        ZooError: a notebook that fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(pathlib.Path(source).glob("*.ipynb")):
        nbformat.write(executed(path) if run else nbformat.read(path, as_version=4), folder / path.name)


def shared():
    """Returns the directory in which data and weights are looked for that are no part of the repository."""
    return pathlib.Path(os.environ.get("ZOO_SHARED", ROOT.parent / "shared"))


def executed(path, **environment):
    """Returns the notebook with what its cells give.

    Args:
        path: its file.
        environment: variables of its process, such as NOTEBOOK_ITERATIONS="20".

    Raises:
        ZooError: a cell fails.
    """
    defaults = {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")]),
        "ZOO_SHARED": str(shared()),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}
    )
    manager = client.create_kernel_manager()
    manager.kernel_spec.argv[0], manager.transport = sys.executable, "ipc"
    try:
        client.execute(env={**os.environ, **defaults, **environment})
    except CellExecutionError as error:
        raise ZooError("a notebook fails", at=Place(str(path)), got=f"{error.ename}: {error.evalue}") from None
    return notebook
