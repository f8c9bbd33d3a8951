"""Where each field of a protobuf text stands: a scanner that keeps lines, which protobuf's own parser throws away.

It judges structure only (brackets, strings, depth); whether names and values mean something is protobuf's to say.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from zoo.errors import Place, PrototxtError

MAX_DEPTH = 64  # Caffe's schema nests less than 10; a deeper text is damaged, and Python's stack is not the judge of it

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
    |(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<mark>[{}<>\[\]:;,])
    |(?P<word>[^\s{}<>\[\]:;,"'\#]+)
    |(?P<broken>["'][^\n]*)""",
    re.VERBOSE,
)
_CLOSES = {"{": "}", "<": ">", "[": "]"}


@dataclass(frozen=True)
class Node:
    """One occurrence of a field in a text.

    Attributes:
        line: the line (from 1) on which it begins.
        span: the characters of the text (from, to) that it takes.
        value: the text of a scalar, as written; None for a message.
        fields: for a message, the occurrences of each of its fields, in order.
        file: what the text is called where that is not the text of the node around it: a field that --set has put in.
    """

    line: int
    span: tuple[int, int] = (0, 0)
    value: str | None = None
    fields: Mapping[str, list["Node"]] = field(default_factory=dict)
    file: str | None = None

    def first(self, *names):
        """Returns the first occurrence of the first of `names` that occurs, or None."""
        return next((self.fields[name][0] for name in names if self.fields.get(name)), None)

    def text(self, name):
        """Returns the first value of a string field without its quotes, or None."""
        node = self.first(name)
        return node.value[1:-1] if node and node.value and node.value[0] in "\"'" else None

    def find(self, path):
        """Returns the occurrence at a path such as "layer[2].param.lr_mult", or None; no index means the first."""
        node = self
        for part in path.split("."):
            name, _, index = part.rstrip("]").partition("[")
            nodes, index = node.fields.get(name, ()), int(index) if index.isdigit() else 0
            if index >= len(nodes):
                return None
            node = nodes[index]
        return node

    def of(self, file):
        """Returns the node as part of another text: it and all within, but what has a `file`, say that it is theirs."""
        fields = {name: [node.of(file) for node in nodes] for name, nodes in self.fields.items()}
        return replace(self, fields=fields, file=self.file or file)

    def lines(self):
        """Returns {dotted path: line}, a read-only view that understands what `find` does; its `node` is this."""
        return Lines(self)


class Lines(Mapping):
    """What `Node.lines` returns."""

    def __init__(self, node):
        self.node = node

    def __getitem__(self, path):
        node = self.node.find(path)
        if node is None:
            raise KeyError(path)
        return node.line

    def __iter__(self):
        for name, nodes in self.node.fields.items():
            for index, node in enumerate(nodes):
                start = f"{name}[{index}]" if len(nodes) > 1 else name
                yield start
                yield from (f"{start}.{path}" for path in node.lines())

    def __len__(self):
        return sum(1 for _ in self)


class _Open:
    """A message or list that is not closed yet."""

    def __init__(self, name, mark, line, start):
        self.name, self.mark, self.line, self.start, self.fields = name, mark, line, start, {}

    def node(self, end):
        return Node(self.line, (self.start, end), None, self.fields)


def tokens(text):
    """Yields (kind, token, line) of a text: "word", "string", "mark", "space" or "broken", comments being space."""
    line = 1
    for match in _TOKEN.finditer(text):
        yield match.lastgroup, match.group(), line
        line += match.group().count("\n")


def scan(text, file=None):
    """Returns the root `Node` of a protobuf text.

    Raises:
        PrototxtError: a bracket or string that is not closed, a bracket that closes nothing, or `MAX_DEPTH` passed.
    """
    stack = [_Open(None, "", 1, 0)]
    name, line = None, 1
    for match in _TOKEN.finditer(text):
        kind, token = match.lastgroup, match.group()
        if kind == "broken":
            raise PrototxtError("string is not terminated on its line", at=_place(stack, file, line), got=token[:40])
        top = stack[-1]
        if kind == "mark":
            if token in _CLOSES:
                if token == "[" and name is None and top.mark != "[":
                    token = "[name"  # an extension or Any as field name: protobuf will refuse it with its reason
                stack.append(_Open(top.name if top.mark == "[" else name, token, line, match.start()))
                name = None
                if len(stack) > MAX_DEPTH:
                    raise PrototxtError(f"nested deeper than {MAX_DEPTH} levels", at=Place(file, line))
            elif token in "}>]":
                name = _close(stack, token, line, match.end(), file)
        elif kind in ("word", "string"):
            if kind == "string" and name is None and not top.mark.startswith("["):
                pass  # goes on with the string before it, as in C
            elif top.mark.startswith("["):
                if top.mark == "[":
                    _add(_holder(stack), top.name, Node(line, match.span(), token))
            elif name is None:
                name = token
            else:
                _add(top.fields, name, Node(line, match.span(), token))
                name = None if token != "-" else name
        line += token.count("\n")
    if len(stack) > 1:
        raise _unclosed(stack, file, len(text))
    return stack[0].node(len(text))


def _unclosed(stack, file, end):
    """The error for a text that ends inside brackets.

    What is open at the end is seldom what lacks its bracket: a layer that holds a layer is.
    """
    outer = stack[1]
    for opened in reversed(stack[1:]):
        if not opened.mark.startswith("["):
            _add(_holder(stack[: stack.index(opened)]), opened.name or "", opened.node(end))
    for name in ("layer", "layers"):
        for node in walk(stack[0].fields, name):
            if name in node.fields:
                return PrototxtError(f'"{name} {{" opened here is never closed', at=layer_place(node, file))
    at = _place(stack, file, outer.line)
    opening = f"{outer.name} {outer.mark[0]}" if outer.name else outer.mark[0]
    return PrototxtError(f'"{opening}" opened here is never closed', at=at)


def walk(fields, name):
    """Yields every node called `name` under `fields`, at any depth."""
    for key, nodes in fields.items():
        for node in nodes:
            if key == name:
                yield node
            yield from walk(node.fields, name)


def _close(stack, token, line, end, file):
    top = stack[-1]
    if len(stack) == 1:
        raise PrototxtError(f'unmatched "{token}"', at=Place(file, line))
    want = _CLOSES[top.mark[0]]
    if token != want:
        raise PrototxtError(
            f"wrong closing bracket for the one opened on line {top.line}",
            at=_place(stack, file, line),
            got=f'"{token}"',
            want=f'"{want}"',
        )
    stack.pop()
    if top.mark == "[name":
        return "[]"
    if top.mark != "[":
        _add(_holder(stack), top.name or "", top.node(end))
    return None


def _holder(stack):
    """Fields of the innermost open message: a list's items belong to the message that the list stands in."""
    return next(opened.fields for opened in reversed(stack) if not opened.mark.startswith("["))


def _add(fields, name, node):
    fields.setdefault(name, []).append(node)


def _place(stack, file, line):
    for opened in stack:
        if opened.name in ("layer", "layers"):
            return layer_place(opened.node(opened.start), file, line)
    return Place(file, line)


def layer_place(node, file, line=None):
    """Returns the `Place` of a `layer` or `layers` node, or of `line` within it; knows its name and type from the text.

    A layer of 2013 has them one level deeper.
    """
    inner = node if node.first("name", "type") else node.first("layer") or node
    kind = inner.first("type")
    return Place(file, line or node.line, inner.text("name"), kind.value.strip("\"'") if kind and kind.value else None)


def place_of(root, file, line, offset):
    """Returns the `Place` of a character of the text, `line`: it knows the layer, in a net or in a solver's net."""
    nets = [root] + [
        n for name in ("net_param", "train_net_param", "test_net_param") for n in root.fields.get(name, ())
    ]
    for net in nets:
        for name in ("layer", "layers"):
            for node in net.fields.get(name, ()):
                if node.span[0] <= offset < node.span[1] and node.value is None:
                    return layer_place(node, file, line)
    return Place(file, line)
