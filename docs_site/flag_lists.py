"""The flags of every command, as JSON on standard output.

python -m docs_site.flag_lists

Each command's module defines its flags in the one list of the process that runs it, so this is a process of its own,
and each command is run with --helpxml in a fork of it.
"""

import contextlib
import io
import json
import multiprocessing
import re
import runpy
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from zoo.__main__ import COMMANDS
from zoo.errors import ZooError
from zoo.formats import caffe_pb2  # noqa: F401  most commands load it: once, before the forks

_VALUES = re.compile(r"^<[^>]*>: ")  # with which absl begins the text of an enum: its values are said apart


def read(root):
    """Returns {command: its flags as dicts of name, type, repeated, default, values and help}.

    Raises:
        ZooError: a command that does not say its flags.
    """
    done = subprocess.run([sys.executable, "-m", __name__], cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise ZooError("the flags of the commands cannot be read", got=done.stderr.strip()[-400:])
    return json.loads(done.stdout)


def _of(module):
    """Returns the flags that --help of a command lists."""
    sys.argv, said = [module, "--helpxml"], io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    found = ElementTree.fromstring(said.getvalue()).iter("flag")
    return [_flag(flag) for flag in found if flag.findtext("key") == "yes"]


def _flag(flag):
    text, kind = flag.findtext("meaning") or "", flag.findtext("type") or "string"
    values = [value.text for value in flag.findall("enum_value") if value.text]
    return {
        "name": flag.findtext("name"),
        "type": kind.removeprefix("multi "),
        "repeated": kind.startswith("multi "),
        "default": flag.findtext("default") or "",
        "values": values,
        "help": _VALUES.sub("", text) if values else text,
    }


if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        print(json.dumps(dict(zip(COMMANDS, pool.imap(_of, COMMANDS.values())))))
