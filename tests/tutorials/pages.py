"""Runs what a tutorial's page says to type, and puts what it prints into the page's text.

A block whose info string has a file name after the language ("prototxt lenet.prototxt") is a file that the reader
writes. A `console` block holds commands behind "$ " and what they print; "head=3 tail=4" keeps that many lines of each
command's output, and "exit=1" says that the commands fail.
"""

import dataclasses
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.M | re.S)
DATA = {  # what pages call the data, and where it is in shared
    "mnist": "mnist",
    "images": "imagenet_sample",
    "caffe": "golden/lenet",
}
LOG = re.compile(r"^[IWE]\d{4} [\d:.]+ +\d+ [\w.]+:\d+\] ", re.M)  # date, time, thread and line of a log line


@dataclasses.dataclass
class Command:
    """A command of a page.

    Attributes:
        line: what is typed.
        said: the lines that the page says it prints.
        options: of its block, such as {"exit": "1"}.
    """

    line: str
    said: list[str]
    options: dict[str, str]


def commands(options, text):
    """Returns the `Command`s of a console block."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:], [], options))
        elif found[-1].line.endswith("\\"):
            found[-1].line += f"\n{line}"
        else:
            found[-1].said.append(line)
    return found


def steps(page):
    """Yields (match of the block, file name or None, `Command`s) in the page's order."""
    for block in BLOCK.finditer(page):
        language, info, text = block.groups()
        if language == "console":
            yield block, None, commands(dict(re.findall(r"(\w+)=(\S+)", info)), text)
        elif info.strip():
            (name,) = info.split()
            yield block, name, []


def link_data(folder, shared):
    """Puts the data that pages start from into the directory `folder`, as links to what `shared` has."""
    for name, there in DATA.items():
        (folder / name).symlink_to(shared.resolve() / there)


def run(command, folder):
    """Runs a command as someone types it; returns (exit code, the lines that it prints, without a log's prefixes)."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.run(
        ["bash", "-c", command.line], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    text = process.stdout.decode().replace(f"{sys.executable} -m", "python -m").replace(f"{ROOT}/", "")
    return process.returncode, LOG.sub("", text).replace("\r", "\n").splitlines()


def shown(lines, options):
    """Returns the lines that a page shows of what was printed."""
    head, tail = int(options.get("head", len(lines))), int(options.get("tail", 0))
    return lines if head + tail >= len(lines) else [*lines[:head], "...", *lines[len(lines) - tail :]]


def written(page, folder):
    """Runs all of a page; returns its text with what the commands printed.

    Raises:
        RuntimeError: a command ends with another exit code than the page says.
    """
    parts, end = [], 0
    for block, name, typed in steps(page):
        parts.append(page[end : block.start(3)])
        end = block.end(3)
        if name:
            (folder / name).write_text(block[3])
            parts.append(block[3])
        for command in typed:
            print(f"$ {command.line}", flush=True)
            code, lines = run(command, folder)
            if code != int(command.options.get("exit", 0)):
                raise RuntimeError(f"exit code {code}: {command.line}\n" + "\n".join(lines[-20:]))
            parts.append("\n".join([f"$ {command.line}", *shown(lines, command.options)]) + "\n")
    return "".join([*parts, page[end:]])
