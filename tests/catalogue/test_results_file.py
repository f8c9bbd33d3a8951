"""results.csv: rows replaced by their key, and one error for a file that nobody but an editor wrote."""

from dataclasses import replace

import pytest

from zoo.catalogue.results_file import FIELDS, Measured, put, read
from zoo.errors import DataError

ROW = Measured(
    "lenet",
    "",
    "MNIST (3 records)",
    "0" * 40,
    "2 cores, of a kind",
    'Python "3"',
    "1",
    "10",
    "9",
    "accuracy",
    "0.99",
    "98.97 %",
    "a log",
)


def test_a_row_takes_the_place_of_its_like(tmp_path):
    path = tmp_path / "results.csv"
    assert read(path) == []
    put(path, ROW)
    put(path, replace(ROW, config="alexnet"))
    short = replace(ROW, changes="--set='max_iter: 5'", published="", published_in="")
    put(path, short)
    put(path, replace(ROW, score="0.98"))
    assert read(path) == [replace(ROW, config="alexnet"), replace(ROW, score="0.98"), short]
    assert path.read_text().splitlines()[0] == ",".join(FIELDS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("config,score\n", "results.csv:1: other columns, got config,score"),
        (",".join(FIELDS) + "\nlenet,0.99\n", "results.csv:2: wrong number of columns, got 2, want 13"),
        (",".join(FIELDS) + "\n" + 2 * ("lenet" + "," * 12 + "\n"), "results.csv:3: a run has two rows, got lenet"),
    ],
)
def test_a_file_that_was_edited(text, says, tmp_path):
    (tmp_path / "results.csv").write_text(text)
    with pytest.raises(DataError, match=says):
        read(tmp_path / "results.csv")
