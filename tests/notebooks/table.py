"""What became of a notebook's cells, as a table of docs/classic_notebooks.md."""

import re

from tests.notebooks.changes import CHANGES

KINDS = {
    "python": "Python 3",
    "libraries": "libraries",
    "gpu": "no GPU",
    "data": "data",
    "time": "shorter",
    "caffe": "Caffe's program",
}


def table(name, cells):
    """Returns the text for a notebook: `cells` are the `Ran`s of all its code cells."""
    by_hand = {change.cell for change in CHANGES[name]}
    as_is = [cell.number for cell in cells if not cell.changed]
    imported = [cell.number for cell in cells if "import" in cell.changed]
    converted = [cell.number for cell in cells if "python" in cell.changed and cell.number not in by_hand]
    said = [f"{len(cells)} cells. As they are: {_numbers(as_is)}"]
    said += [f"the import alone: {_numbers(set(imported) - by_hand)}"] if set(imported) - by_hand else []
    said += [f"Python 2 turned into Python 3: {_numbers(set(converted) - set(imported))}"] if converted else []
    lines = ["; ".join(said) + ".", ""]
    if by_hand:
        lines += ["| cell | | in the notebook | here | why |", "|---|---|---|---|---|"]
        lines += [_row(change) for change in CHANGES[name]]
        lines += [""]
    lines += [f"Cell {cell.number} ends in `{cell.error}`.\n" for cell in cells if cell.error]
    return "\n".join(lines)


def _row(change):
    old = "all of it" if change.old is None else _code(change.old)
    new = "a cell of ours" if change.old is None else _code(change.new)
    return f"| {change.cell} | {KINDS[change.kind]} | {old} | {new} | {change.why} |"


def _code(text):
    return "; ".join(f"`{line}`" for line in text.strip().split("\n"))


def _numbers(cells):
    """Returns "1-3, 5" of numbers."""
    runs = []
    for number in sorted(cells):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs) or "none"


def put(page, name, text):
    """Returns `page` with `text` between its marks for a notebook."""
    marks = f"<!-- cells of {name} -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"({re.escape(marks[0])}\n).*?({re.escape(marks[1])})", re.S)
    if not pattern.search(page):
        raise ValueError(f"the page has no {marks[0]}")
    return pattern.sub(lambda match: match[1] + text.rstrip("\n") + "\n" + match[2], page)
