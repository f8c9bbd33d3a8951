"""Colours where the terminal has them, and nowhere else."""

import io

import pytest

from zoo import terminal


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("env", "of_terminal", "of_file"),
    [
        ({"TERM": "xterm"}, True, False),
        ({}, False, False),  # nobody knows which terminal it is
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, False),
        ({"TERM": "xterm", "CLICOLOR": "0"}, False, False),
        ({"TERM": "dumb", "CLICOLOR_FORCE": "1"}, True, True),
        ({"TERM": "xterm", "CLICOLOR_FORCE": "0"}, True, False),
        ({"TERM": "xterm", "CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_who_decides(env, of_terminal, of_file, monkeypatch):
    for name in ("TERM", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert (terminal.has_colours(Terminal()), terminal.has_colours(io.StringIO())) == (of_terminal, of_file)
    assert terminal.has_colours(None) is (env.get("CLICOLOR_FORCE") == "1" and "NO_COLOR" not in env)


def test_errors_are_red_and_warnings_yellow_before_the_colon(monkeypatch):
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    said = io.StringIO()
    terminal.error("no such file", said)
    terminal.warning("odd", "NOTE", said)
    assert said.getvalue() == "\x1b[1;31merror:\x1b[0m no such file\n\x1b[33mNOTE:\x1b[0m odd\n"
    monkeypatch.setenv("NO_COLOR", "1")
    terminal.error("no such file", said)
    assert said.getvalue().endswith("\nerror: no such file\n")
