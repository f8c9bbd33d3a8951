"""Every tutorial, typed from its first line to its last with fewer iterations: it prints such lines, numbers aside."""

import pathlib
import re

import pytest

from tests.tutorials.pages import commands, link_data, run, shown, steps

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs" / "tutorials"
PAGES = sorted(path.stem for path in FOLDER.glob("*.md"))
FEW = "max_iter: 20 test_iter: 2 test_interval: 10 display: 10 snapshot: 10"
SHORTER = {  # what is put in place of the page's own words, so that the page's commands fit together all the same
    "dropout": (
        ("9375", "19"),
        ("--epochs=1 --log_interval=100", "--epochs=0.02 --set='test_iter: 1' --log_interval=10"),
        ("--epochs=10 ", "--epochs=0.02 --set='test_iter: 1' "),
        ("max_iter: 500", "max_iter: 5"),
    ),
    "first_five_minutes": (("max_iter: 1000", FEW),),
    "imagenet": (
        ("num_output: 4096", "num_output: 64"),
        ("--batch_size=10 --test_batch_size=20", "--batch_size=2 --test_batch_size=2"),
        ("--batch_size=20", "--batch_size=2"),
        ("max_iter: 20 test_iter: 5", "max_iter: 20 test_iter: 2"),
        ("test_iter: 5", "test_iter: 2"),
    ),
    "lab": (
        ("--nolog_nets", f"--nolog_nets --set='{FEW}'"),
        ("iter_5000", "iter_10"),
        ("max_iter: 1000", FEW),
    ),
    "lecture": (("--nolog_nets", f"--nolog_nets --set='{FEW}'"), ("iter_6000", "iter_20")),
    "lenet": (
        ("max_iter: 10000", "max_iter: 20"),
        ("snapshot: 5000", "snapshot: 10"),
        ("test_iter: 100", "test_iter: 2"),
        ("test_interval: 500", "test_interval: 10"),
        ("display: 100", "display: 10"),
        ("iter_10000", "iter_20"),
        ("iter_5000", "iter_10"),
    ),
}


NUMBER = re.compile(r"[-+]?\d(?:[\d.,]*\d)?(?:e[-+]?\d+)?|\bnan\b")
CLASS = re.compile(r"\bn\d{8} .*")  # a class that a net names, by its synset
SET = re.compile(r" '--set=[^']*'")


def likeness(line):
    """Returns a line without what fewer iterations change: its numbers, classes, blanks and the --set for fewer."""
    return " ".join(NUMBER.sub("#", CLASS.sub("class", SET.sub("", line))).split())


def test_every_page_is_tried():
    assert set(PAGES) == set(SHORTER)


def test_commands_of_a_block():
    first, second = commands({}, "$ a \\\n  b\nsaid\n$ c\n")
    assert (first.line, first.said, second.line, second.said) == ("a \\\n  b", ["said"], "c", [])


def test_what_is_shown_of_an_output():
    assert shown(list("abcdef"), {"head": "2", "tail": "1"}) == ["a", "b", "...", "f"]
    assert shown(list("abc"), {"head": "2", "tail": "1"}) == shown(list("abc"), {}) == ["a", "b", "c"]


def test_what_makes_two_lines_alike():
    one, other = "Iteration 900, loss = 1e-05  (10,000 rows)", "Iteration 20, loss = nan (20 rows)"
    assert likeness(one) == likeness(other) == "Iteration #, loss = # (# rows)"
    one, other = "  0.01   0  n01440764 tench, Tinca tinca", "  0.2  13  n02007558 flamingo"
    assert likeness(one) == likeness(other) == "# # class"
    assert likeness("a --weights=x '--set=max_iter: 20' --verify") == "a --weights=x --verify"


@pytest.mark.slow
@pytest.mark.timeout(3600)  # a dozen commands that each load TensorFlow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_as_it_is_typed(name, shared, tmp_path):
    page = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    for old, new in SHORTER[name]:
        page = page.replace(old, new)
    link_data(tmp_path, shared)
    tried = 0
    for block, file, typed in steps(page):
        if file:
            (tmp_path / file).write_text(block[3])
        for command in typed:
            code, lines = run(command, tmp_path)
            assert code == int(command.options.get("exit", 0)), "\n".join([command.line, *lines[-20:]])
            same = str.strip if "data_prep" in command.line or code else likeness  # these depend on no iterations
            missing = {same(line) for line in command.said} - {same(line) for line in lines} - {"..."}
            assert not missing, "\n".join([str(missing), command.line, *lines])
            tried += 1
    assert tried > 3
