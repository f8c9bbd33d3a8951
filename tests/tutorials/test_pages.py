"""Every tutorial, typed from its first line to its last with fewer iterations: it runs, and prints such lines."""

import pathlib
import re

import pytest

from tests.tutorials.pages import commands, run, shown, steps

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs" / "tutorials"
PAGES = sorted(path.stem for path in FOLDER.glob("*.md"))
FEW = "--set='max_iter: 20 test_iter: 2 snapshot: 10'"
SHORTER = {  # what is put in place of the page's own words, so that the page's commands fit together all the same
    "dropout": (
        ("9375", "19"),
        ("--epochs=10 ", "--epochs=0.02 --set='test_iter: 1' "),
        ("max_iter: 500", "max_iter: 5"),
    ),
    "lab": (("--nolog_nets", f"--nolog_nets {FEW}"), ("5000", "10"), ("max_iter: 1000", "max_iter: 20 test_iter: 2")),
    "lecture": (("--nolog_nets", f"--nolog_nets {FEW}"), ("6000", "20")),
    "lenet": (("10000", "20"), ("10,000", "20"), ("5000", "10"), ("test_iter: 100", "test_iter: 2")),
}


def beginning(line):
    """How a line begins: its first two words, before one with a number. Fewer iterations change what follows."""
    words = line.split()[:2]
    return tuple(words[: next((i for i, word in enumerate(words) if re.search(r"\d", word)), 2)])


def test_every_page_is_tried():
    assert set(PAGES) == set(SHORTER)


def test_commands_of_a_block():
    first, second = commands({}, "$ a \\\n  b\nsaid\n$ c\n")
    assert (first.line, first.said, second.line, second.said) == ("a \\\n  b", ["said"], "c", [])


def test_what_is_shown_of_an_output():
    assert shown(list("abcdef"), {"head": "2", "tail": "1"}) == ["a", "b", "...", "f"]
    assert shown(list("abc"), {"head": "2", "tail": "1"}) == shown(list("abc"), {}) == ["a", "b", "c"]


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_as_it_is_typed(name, shared, tmp_path):
    page = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    for old, new in SHORTER[name]:
        page = page.replace(old, new)
    (tmp_path / "mnist").symlink_to(shared / "mnist")
    tried = 0
    for block, file, typed in steps(page):
        if file:
            (tmp_path / file).write_text(block[3])
        for command in typed:
            code, lines = run(command, tmp_path)
            assert code == int(command.options.get("exit", 0)), "\n".join([command.line, *lines[-20:]])
            missing = {beginning(line) for line in command.said} - {beginning(line) for line in lines} - {("...",)}
            assert not missing, "\n".join([str(missing), command.line, *lines])
            tried += 1
    assert tried > 3
