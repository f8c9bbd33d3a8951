"""The comment at the head of a config, for programs: a block of lines "# key: value", among prose that is for people.

    # LeNet on MNIST: the net and the recipe of Caffe's tutorial, in one file.
    #
    #   python -m data_prep.mnist
    #   python -m zoo.train --config=configs/lenet.prototxt
    #
    # net: LeNet, Caffe's form
    # parameters: 431,080
    # multiply_adds: 2,293,000
    # input: 1 x 28 x 28
    # recipe: Caffe's examples/mnist
    # published: 98.97 %
    # published_in: log in BVLC/caffe examples/mnist/readme.md

The block begins with the line of `net` and ends with the first line that is empty but for "#". A value is one line.
"""

import os
import re
from dataclasses import dataclass

from zoo.errors import Place, PrototxtError, did_you_mean
from zoo.formats.text_files import read_text

NONE = "none"  # what `published` begins with where nobody has published a score of this net and recipe
KEYS = {
    "net": "the architecture, in a few words",
    "parameters": "numbers that are learned or fixed, shared ones once; after a +, BatchNorm's running sums",
    "multiply_adds": "those of the net to deploy for one item, or words that say on what they depend",
    "input": 'what one item is: "3 x 224 x 224" as C x H x W, or in words',
    "recipe": "whose solver it is",
    "published": f'the score of its authors, or "{NONE}"',
    "published_in": "where that score stands",
    "measured": "a score measured here by other means than zoo.results, and the page that tells how",
    "score": 'the output of the test net that is its score, for zoo.results; "accuracy" where the line is left out',
}
_OPTIONAL = {"score": "accuracy", "published_in": "", "measured": "", "multiply_adds": ""}
_COUNT = re.compile(r"\d{1,3}(,\d{3})*")
_COUNTS = re.compile(rf"{_COUNT.pattern}( \+ {_COUNT.pattern})?")
_LINE = re.compile(r"#\s?(\w+):\s+(\S.*)")


@dataclass(frozen=True)
class ConfigHeader:
    """What the head of a config says.

    Attributes:
        title: its first line.
        commands: the commands that it shows, in order, each as one line.
        net, parameters, multiply_adds, input, recipe, published, published_in, measured, score: as `KEYS` says.
    """

    title: str
    commands: tuple[str, ...]
    net: str
    parameters: str
    multiply_adds: str
    input: str
    recipe: str
    published: str
    published_in: str
    measured: str
    score: str

    @property
    def has_published(self) -> bool:
        """Whether a score is published."""
        return self.published.split()[0] != NONE

    @property
    def flops(self) -> int | None:
        """`multiply_adds` as a number; None where it is in words, or not there."""
        return int(self.multiply_adds.replace(",", "")) if _COUNT.fullmatch(self.multiply_adds) else None


def read(path) -> ConfigHeader:
    """Returns the `ConfigHeader` of the config at `path`.

    Raises:
        PrototxtError: no such file; a key that is missing, unknown or given twice.
    """
    return parse(read_text(path), os.fspath(path))


def of(path) -> ConfigHeader | None:
    """Returns the `ConfigHeader` of a config, or None of one that does not have it: somebody's own, or no config."""
    try:
        return read(path)
    except PrototxtError:
        return None


def parse(text, file="config") -> ConfigHeader:
    """Returns the `ConfigHeader` of a config's text; `file` is for errors, as in `read`."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line)
    values = _values(lines, file)
    for key in KEYS:
        if key not in values and key not in _OPTIONAL:
            want = f'a line "# {key}: ..." in the comment at the head: {KEYS[key]}'
            raise PrototxtError(f"the header has no {key}", at=Place(file), want=want)
    title = lines[0].removeprefix("#").strip()
    header = ConfigHeader(title, tuple(_commands(lines)), **{**_OPTIONAL, **values})
    if header.has_published and not header.published_in:
        want = f'a line "# published_in: ...": {KEYS["published_in"]}'
        raise PrototxtError("the header gives a published score without its source", at=Place(file), want=want)
    return header


def _values(lines, file):
    values = {}
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line.rstrip())
        if not values and not (match and match[1] == "net"):
            continue
        if line.strip() == "#":
            break
        at = Place(file, number)
        if not match:
            raise PrototxtError("not a line of the header's keys", at=at, got=line, want='"# key: value", or "#"')
        key, value = match.groups()
        if key not in KEYS:
            raise PrototxtError(f'the header has an unknown key "{key}"', at=at, hint=did_you_mean(key, KEYS))
        if key in values:
            raise PrototxtError(f'the header has the key "{key}" twice', at=at)
        if key == "parameters" and not _COUNTS.fullmatch(value):
            raise PrototxtError(
                "not a number of parameters", at=at, got=value, want='"60,965,224" or "25,557,096 + 53,173"'
            )
        if key == "multiply_adds" and value[0].isdigit() and not _COUNT.fullmatch(value):
            raise PrototxtError("not a number of multiply-adds", at=at, got=value, want='"724,406,816", or words')
        values[key] = value
    return values


def _commands(lines):
    """Yields what is indented by three spaces, lines that end in a backslash joined."""
    whole = ""
    for line in lines:
        if line.startswith("#   ") or whole:
            part = line.removeprefix("#").strip()
            whole += part.removesuffix("\\")
            if not part.endswith("\\"):
                yield " ".join(whole.split())
                whole = ""
