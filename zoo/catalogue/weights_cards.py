"""Released weights that fit a config: a card for each in weights.csv, and the place where checked files are kept."""

import csv
import hashlib
import os
import pathlib
import re
from dataclasses import dataclass, fields

from zoo.errors import DataError, OutputError, Place, WeightsError, did_you_mean
from zoo.formats import atomic, regular

NAME = "weights.csv"
PLACE = "ZOO_WEIGHTS"  # the environment variable that says where files are kept
_SHA1 = re.compile("[0-9a-f]{40}")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Card:
    """Weights as their authors released them.

    Attributes:
        config: name of the config that they fit.
        name: name of the file.
        url: where they are released.
        sha1: of the file, 40 digits.
        sha1_in: who says so.
        licence: as it is stated.
        licence_in: where it is stated.
    """

    config: str
    name: str
    url: str
    sha1: str
    sha1_in: str
    licence: str
    licence_in: str


_FIELDS = [field.name for field in fields(Card)]


def read(path) -> dict[str, Card]:
    """Returns {config: `Card`} of weights.csv; raises DataError for a row that is none."""
    cards = {}
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        for row in rows:
            at = Place(os.fspath(path), rows.line_num)
            if rows.line_num == 1:
                if row != _FIELDS:
                    raise DataError("other columns", at=at, got=",".join(row), want=",".join(_FIELDS))
                continue
            if len(row) != len(_FIELDS) or not all(row) or not _SHA1.fullmatch(row[_FIELDS.index("sha1")]):
                raise DataError(
                    "not a card", at=at, got=",".join(row), want="a value in each column, sha1 of 40 digits"
                )
            card = Card(*row)
            if card.config in cards:
                raise DataError("a config has two cards", at=at, got=card.config)
            cards[card.config] = card
    return cards


def find(cards, config) -> Card:
    """Returns the card of a config; raises DataError where there is none."""
    if config not in cards:
        hint = did_you_mean(config, cards) or f"there are cards for {', '.join(cards)}"
        raise DataError("no released weights are known for this config", got=config, hint=hint)
    return cards[config]


def place() -> pathlib.Path:
    """Returns the directory where checked files are kept: ZOO_WEIGHTS, or ~/.cache/caffe-zoo/weights."""
    return pathlib.Path(os.environ.get(PLACE) or pathlib.Path.home() / ".cache" / "caffe-zoo" / "weights")


def stored(card) -> pathlib.Path | None:
    """Returns where the file of a card is kept, or None where it is not."""
    path = place() / card.name
    return path if path.is_file() else None


def store(card, source) -> pathlib.Path:
    """Copies a file that the user has to its place, if it is the one that was released; returns the path.

    Raises:
        WeightsError: the file cannot be read, or has another SHA-1.
        OutputError: the place cannot be written.
    """
    target, digest = place() / card.name, hashlib.sha1(usedforsecurity=False)
    with _open(source) as file:
        for chunk in iter(lambda: file.read(_CHUNK), b""):
            digest.update(chunk)
        if digest.hexdigest() != card.sha1:
            got = f"SHA-1 {digest.hexdigest()} of {file.tell():,} bytes"
            hint = f"another file, or cut short; it is released at {card.url}"
            raise WeightsError(f"{source}: not {card.name} as it was released", got=got, want=card.sha1, hint=hint)
        atomic.make_directory(target.parent, OutputError)
        file.seek(0)
        with atomic.replacing(target, OutputError) as copy:
            for chunk in iter(lambda: file.read(_CHUNK), b""):
                copy.write(chunk)
    return target


def _open(source):
    try:
        return regular.open_binary(source)
    except OSError as error:
        raise WeightsError(f"{source}: cannot be read", got=error.strerror or error) from None
