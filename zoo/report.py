"""What a command says when it is done: lines for people, or one JSON object for programs (docs/scripting.md).

    report = Report("3 images classified.")
    report.score("first", 0.6667, "label first 0.6667")
    report.made("scores", "scores.npy")
    report.then("draw", "zoo.plot", "--run_dir=runs/lenet")
    return report

`command.run` prints what `main` returns. The lines are the heading, and under it labels in a column:

    3 images classified.
      label first 0.6667
      scores: scores.npy
      draw:   python -m zoo.plot --run_dir=runs/lenet
"""

import contextlib
import json
import math
import os
import pathlib
import shlex
import shutil
import sys

from zoo import terminal


class Report:
    """The end of one command.

    Args:
        heading: one sentence: what has been done. None where the text that follows says it.
        code: the exit code.

    Attributes:
        more: {key: value} of this command's own, for JSON alone.
    """

    def __init__(self, heading=None, code=0):
        self.heading, self.code, self.more = heading, code, {}
        self._lines, self._scores, self._made, self._next = [], {}, [], {}

    def text(self, text):
        """Adds lines as they are."""
        self._lines.append(str(text))
        return self

    def row(self, label, text):
        """Adds the line "  label: text"."""
        self._lines.append((label, str(text)))
        return self

    def score(self, name, value, line=None, text=None, hidden=False):
        """Adds a figure that says how good the result is; it is said as `line`, or as "name: text", else as itself.

        One that is `hidden` is for JSON alone: the text says it elsewhere.
        """
        self._scores[name] = value
        if hidden:
            return self
        return self.row(name, text or f"{value:.6g}") if line is None else self.text(f"  {line}")

    def made(self, label, path, text=None):
        """Adds a file or directory that was written, and its line, which says `text` or else the path."""
        return self.note_made(label, path).row(label, path if text is None else text)

    def note_made(self, label, path):
        """Adds a file that was written, for JSON alone: the text says it elsewhere."""
        self._made.append({"what": label, "path": str(path)})
        return self

    def then(self, label, module, *words):
        """Adds what one may type next: `python -m module words`, quoted for a shell."""
        return self.then_typed(label, f"{python()} -m {module} {typed(words)}".rstrip())

    def then_typed(self, label, line):
        """Adds what one may type next, as it is typed."""
        self._next[label] = line
        return self.row(label, line)

    def silent(self):
        """Takes all lines away; what JSON has stays."""
        self.heading, self._lines = None, []
        return self

    def lines(self, stream=None):
        """Returns the lines for people; the heading bold where `stream` shows it."""
        width = max((len(line[0]) for line in self._lines if isinstance(line, tuple)), default=0) + 1
        said = [] if self.heading is None else [terminal.painted(self.heading, "bold", stream)]
        return said + [
            line if isinstance(line, str) else f"  {f'{line[0]}:'.ljust(width)} {line[1]}" for line in self._lines
        ]

    def document(self, command, seconds, error=None):
        """Returns the JSON text; `command` is the module, `error` what has ended it."""
        found = {
            "command": command,
            "exit_code": self.code,
            "seconds": round(seconds, 3),
            "said": self.heading,
            "scores": self._scores,
            "made": self._made,
            "next": self._next,
            **({} if error is None else {"error": error}),
            **self.more,
        }
        return json.dumps(_plain(found), indent=2, ensure_ascii=False, allow_nan=False)


def _plain(value):
    """Returns `value` as JSON has it: numbers that are not finite are null, what is no number or text is text."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, str | bool | int | None):
        return value
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def typed(words):
    """Returns words as one types them in a shell, each that needs it in quotes."""
    return " ".join(shlex.quote(os.fspath(word)) for word in words)


def python():
    """Returns what a shell has to be told to start this Python: "python" where that is it, else its path."""
    path = pathlib.Path(sys.executable)
    if shutil.which("python") == str(path):
        return "python"
    with contextlib.suppress(ValueError):
        path = path.relative_to(pathlib.Path.cwd())
    return shlex.quote(str(path))
