"""A page for each command: what its docstring says, every flag, what an example prints, and the pages that use it."""

import ast
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

from docs_site import flag_lists, markdown
from zoo.__main__ import COMMANDS, first_line
from zoo.errors import ZooError

# What a page shows as typed and printed, run when the site is built: commands that take a second, without TensorFlow.
# (command, how many lines of the output are shown; None for all)
EXAMPLES = {
    "list": [("python -m zoo.list 'resnet*'", None)],
    "doctor": [("python -m zoo.doctor configs/googlenet.prototxt", None)],
    "fetch_weights": [("python -m zoo.fetch_weights alexnet", None)],
    "train": [("python -m zoo.train --config=configs/lenet.prototxt --lr=0.02 --print_config", 20)],
    "hdf5_points": [("python -m data_prep.hdf5_points", None)],
}
_ROOT = pathlib.Path(__file__).resolve().parents[1]


def pages(texts):
    """Returns {name in the site: Markdown} of all commands.

    Args:
        texts: {page of the site: its text}, which are searched for the commands that they type.

    Raises:
        ZooError: a command whose flags cannot be read, or an example that fails.
    """
    flags = flag_lists.read(_ROOT)
    return {
        f"commands/{name}.md": "\n".join(_page(name, module, flags[name], texts)) for name, module in COMMANDS.items()
    }


def _page(name, module, flags, texts):
    first, _, rest = _docstring(module).partition("\n")
    lines = [f"# {name}", "", markdown.escaped(first), ""]
    lines += [f"`python -m {module}` in a checkout, `caffe-zoo {name}` where the package is installed.", ""]
    lines += markdown.prose(rest.strip("\n"))
    for line, most in EXAMPLES.get(name, ()):
        lines += ["", "## Example", "", *markdown.fenced([f"$ {line}", *_printed(line, most)], "console")]
    lines += ["", "## Flags", ""]
    lines += markdown.table(["flag", "type", "default", ""], [_row(flag) for flag in flags]) if flags else ["None.", ""]
    using = [page for page, text in texts.items() if re.search(rf"python -m {re.escape(module)}(?!\w)", text)]
    if using:
        lines += ["## Used in", "", *(f"- [](../{page})" for page in using), ""]
    return lines


def _docstring(module):
    path = _ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def _row(flag):
    kind = flag["type"]
    if flag["values"]:
        kind = "one of " + ", ".join(markdown.code(value) for value in flag["values"] if value)
    elif kind == "comma separated list of strings":
        kind = "list, with commas"
    if flag["repeated"]:
        kind += ", may be given several times"
    no = "[no]" if kind == "bool" else ""
    default = markdown.code(flag["default"]) if flag["default"] else ""
    return [markdown.code(f"--{no}{flag['name']}"), kind, default, markdown.cell(flag["help"])]


def _printed(line, most):
    """Returns the lines that a command prints, run in an empty directory next to the configs."""
    words = shlex.split(line)
    words[0] = sys.executable
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])  # so that it is "python"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(_ROOT), "COLUMNS": "120"}
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "configs").symlink_to(_ROOT / "configs")
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise ZooError(f"an example of the site fails: {line}", got=done.stderr.strip()[-400:])
    lines = done.stdout.rstrip().splitlines()
    return lines if most is None or len(lines) <= most else [*lines[:most], "..."]


def index():
    """Returns the lines of the list of commands, as two tables."""
    lines = []
    for title, top in (("Train, look, use, convert", "zoo."), ("Prepare data", "data_prep.")):
        rows = [
            [f"[{name}]({name}.md)", markdown.code(f"python -m {module}"), markdown.cell(first_line(module))]
            for name, module in COMMANDS.items()
            if module.startswith(top)
        ]
        lines += [f"## {title}", "", *markdown.table(["command", "in a checkout", ""], rows)]
    return lines
