"""Plain text of docstrings, flags and headers as Markdown."""

import re

_SPECIAL = re.compile(r"(?<!\w)([*_])|(?<=\w)(\*)|([<\[\]\\$])")
_CODE = re.compile(r"(``[^`]+``|`[^`]+`)")


def escaped(text):
    """Returns text that Markdown shows as it stands; what is between backticks stays code."""
    return "".join(
        part if index % 2 else _SPECIAL.sub(lambda match: "\\" + match[0], part)
        for index, part in enumerate(_CODE.split(text))
    )


def cell(text):
    """Returns text as the cell of a table."""
    return escaped(" ".join(str(text).split())).replace("|", "\\|")


def code(text):
    """Returns text as inline code, in a table too."""
    text = str(text).replace("|", "\\|")
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def table(head, rows):
    """Returns the lines of a table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines] + [""]


def fenced(lines, language="text"):
    """Returns the lines of a block of code."""
    return [f"```{language}", *lines, "```", ""]


def prose(text, language="text"):
    """Returns the lines of Markdown for text of paragraphs and, indented, of blocks to be shown as they stand.

    A paragraph of which later lines are indented is shown as it stands from the first of these.
    """
    lines, block = [], []
    for line in [*text.expandtabs().splitlines(), ""]:
        if line.startswith("  ") or (block and not line.strip()):
            if not block and lines and lines[-1]:
                lines.append("")
            block.append(line)
            continue
        if block:
            lines += _dedented(block, language)
            block = []
        lines.append(escaped(line))
    if block:
        lines += _dedented(block, language)
    return lines


def _dedented(block, language):
    while block and not block[-1].strip():
        block.pop()
    indent = min(len(line) - len(line.lstrip()) for line in block if line.strip())
    return fenced([line[indent:] for line in block], language)
