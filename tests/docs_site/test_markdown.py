"""Plain text stays what it is when it is shown as Markdown."""

import pytest

from docs_site import markdown


@pytest.mark.parametrize(
    "text, there",
    [
        ("X_iter_N.caffemodel", "X_iter_N.caffemodel"),
        ("_x and *y*", r"\_x and \*y\*"),
        ("`a*b` and ``c_``, a < b", r"`a*b` and ``c_``, a \< b"),
        ("[640/60000]", r"\[640/60000\]"),
    ],
)
def test_what_markdown_would_take_for_marks_is_escaped(text, there):
    assert markdown.escaped(text) == there


def test_a_cell_keeps_to_its_column():
    assert markdown.table(["a"], [[markdown.cell("x |\n y")]]) == ["| a |", "| --- |", r"| x \| y |", ""]


def test_indented_lines_are_shown_as_they_stand():
    lines = markdown.prose("Does it.\n\n  python -m a \\\n      --b\n\n  python -m c\n\nAnd *so* on:\n  x  y")
    block = ["```text", "python -m a \\", "    --b", "", "python -m c", "```", ""]
    assert lines == ["Does it.", "", *block, r"And \*so\* on:", "", "```text", "x  y", "```", ""]
