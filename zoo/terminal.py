"""What a stream can show: whether a person looks at it, and colours, where its terminal has them."""

import os
import sys

drawn = []  # for each thing that is drawn in the last line of the terminal, such as a bar, what takes it away
_CODES = {"bold": "1", "red": "1;31", "yellow": "33"}


def live(stream):
    """Returns whether `stream` (None: it was closed) is a terminal, at which somebody waits."""
    return stream is not None and not getattr(stream, "closed", False) and stream.isatty()


def has_colours(stream):
    """Returns whether text on `stream` may be coloured.

    NO_COLOR (https://no-color.org) or CLICOLOR=0 in the environment turn colours off, then CLICOLOR_FORCE turns them
    on for files and pipes too; without these a terminal has them unless TERM is dumb or not set.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return os.environ.get("CLICOLOR") != "0" and os.environ.get("TERM", "dumb") != "dumb" and live(stream)


def painted(text, colour, stream):
    """Returns `text` in a colour ("bold", "red", "yellow") where `stream` shows it, else as it is."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if text and has_colours(stream) else text


def step_aside():
    """Takes away what is drawn in the last line of the terminal, for a line that comes above it."""
    for take_away in list(drawn):
        take_away()


def error(text, stream=None):
    """Says `text`, what has ended a command, on `stream` (stderr)."""
    _said("error:", text, "red", stream)


def warning(text, kind="WARNING", stream=None):
    """Says `text`, something that does not end a command, on `stream` (stderr) after `kind`: "WARNING", "NOTE"."""
    _said(f"{kind}:", text, "yellow", stream)


def _said(head, text, colour, stream):
    stream = stream or sys.stderr
    if stream is not None:
        step_aside()
        print(f"{painted(head, colour, stream)} {text}", file=stream, flush=True)
