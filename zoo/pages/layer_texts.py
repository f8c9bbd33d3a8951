"""The text of each layer as its file has it, and where it stands."""

import pathlib
import re

from zoo.errors import ZooError
from zoo.formats.source_lines import Lines
from zoo.formats.text_files import read_text
from zoo.formats.text_printer import to_text

_FIELD = re.compile(r"(\w+)\s*:?\s*$")
_NEAR = 80  # characters before a layer's bracket in which its field is named


class LayerTexts:
    """Reads each file once.

    A layer that no file has as it is, as of a net to deploy or changed by --set, is shown as its message is printed.
    """

    def __init__(self):
        self._texts = {}

    def of(self, layer):
        """Returns (text, where it stands as "FILE:LINE", or "" where it stands nowhere) of a `LayerDef`."""
        node = layer.lines.node if isinstance(layer.lines, Lines) else None
        text = self._text(layer.place.file) if node and node.line and layer.place.file else ""
        start, end = node.span if node else (0, 0)
        name = _FIELD.search(text[max(0, start - _NEAR) : start]) if end else None
        own = text[start:end]
        made = layer.name not in own or (layer.type == "Input" and layer.type not in own)  # by `zoo.netdef.deploy`
        if not name or not own.startswith(("{", "<")) or made or _changed(node):
            return "layer {\n" + _indented(to_text(layer.message)) + "}", ""
        return _dedented(f"{name[1]} {own}"), f"{_shown(layer.place.file)}:{layer.place.line}"

    def _text(self, file):
        if file not in self._texts:
            try:
                self._texts[file] = read_text(file)
            except ZooError:  # it is gone since it was read
                self._texts[file] = ""
        return self._texts[file]


def _changed(node):
    """Whether --set has put something into a node."""
    return any(child.file or _changed(child) for nodes in node.fields.values() for child in nodes)


def _shown(file):
    """Returns a path without what is of this machine alone: as it was typed, or the name where that is absolute."""
    path = pathlib.PurePath(file)
    return path.name if path.is_absolute() else str(path)


def _indented(text):
    return "".join(f"  {line}\n" for line in text.splitlines())


def _dedented(text):
    """Returns a text without the blanks that all lines but the first begin with, by its last line's."""
    lines = text.expandtabs(2).splitlines()
    blank = len(lines[-1]) - len(lines[-1].lstrip()) if len(lines) > 1 else 0
    return "\n".join([lines[0], *(line[min(blank, len(line) - len(line.lstrip())) :].rstrip() for line in lines[1:])])
