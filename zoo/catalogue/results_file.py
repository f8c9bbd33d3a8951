"""configs/results.csv: a row for each run that was measured here, written by zoo.results and nobody else."""

import csv
import io
import os
import pathlib
from dataclasses import asdict, dataclass, fields

from zoo.errors import DataError, OutputError, Place
from zoo.formats import atomic

NAME = "results.csv"


@dataclass(frozen=True)
class Measured:
    """One run, from its start to its score.

    Attributes:
        config: name of the config.
        changes: what was changed of its recipe, as it was typed ("--set='max_iter: 500'"); "" for the whole recipe.
        data: what it was trained on, with the number of records, as its run directory notes it.
        commit: the commit of this repository that ran it, 40 digits.
        hardware: what it ran on.
        versions: of Python, TensorFlow and Keras.
        seed: random_seed.
        iterations: how many were trained.
        seconds: how long that took, tests and snapshots included; of an interrupted run, all its parts together.
        output: the test output that is the score.
        score: its mean over the test.
        published: what its authors say, or "none"; "" where the recipe was changed.
        published_in: where they say it.
    """

    config: str
    changes: str
    data: str
    commit: str
    hardware: str
    versions: str
    seed: str
    iterations: str
    seconds: str
    output: str
    score: str
    published: str
    published_in: str

    @property
    def key(self) -> tuple[str, str]:
        """What tells rows apart."""
        return self.config, self.changes


FIELDS = tuple(field.name for field in fields(Measured))


def read(path) -> list[Measured]:
    """Returns the rows of the file; none where there is no file.

    Raises:
        DataError: other columns, or a row twice.
    """
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    lines = csv.reader(io.StringIO(text))
    head = tuple(next(lines, ()))
    if head != FIELDS:
        raise DataError("other columns", at=Place(os.fspath(path), 1), got=",".join(head), want=",".join(FIELDS))
    rows, seen = [], set()
    for row in lines:
        at = Place(os.fspath(path), lines.line_num)
        if len(row) != len(FIELDS):
            raise DataError("wrong number of columns", at=at, got=len(row), want=len(FIELDS))
        rows.append(Measured(*row))
        if rows[-1].key in seen:
            raise DataError("a run has two rows", at=at, got=" ".join(rows[-1].key).strip())
        seen.add(rows[-1].key)
    return rows


def put(path, row: Measured):
    """Writes the row into the file, in place of that of the same config and changes; rows are sorted by these.

    Raises:
        DataError: as `read`.
        OutputError: the file cannot be written.
    """
    rows = sorted([*(old for old in read(path) if old.key != row.key), row], key=lambda row: row.key)
    text = io.StringIO()
    lines = csv.DictWriter(text, FIELDS, lineterminator="\n")
    lines.writeheader()
    lines.writerows(asdict(row) for row in rows)
    with atomic.replacing(path, OutputError) as file:
        file.write(text.getvalue().encode())
