"""The matrix of faults counts what it says it counts; the faults themselves are `python -m benchmarks.faults`."""

import time

import pytest

from benchmarks.faults import matrix
from benchmarks.faults.matrix import Row, Scenario, Skip, one_error


@pytest.mark.parametrize(
    ("returncode", "stderr", "says"),
    [
        (1, "I0101 starting\nerror: a.prototxt:3: no field\n", None),
        (0, "", "exit code 0"),
        (1, "Traceback (most recent call last):\nKeyError\n", "a traceback"),
        (-11, "", "died of signal 11"),
        (1, "error: one\nerror: two\n", "2 errors"),
        (1, "", "0 errors"),
    ],
)
def test_one_clean_error(returncode, stderr, says):
    why = one_error(returncode, stderr)
    assert why is None if says is None else says in why


def good(campaign):
    """All is well."""
    row = Row()
    for _ in campaign.tries():
        row.equal(0.5)
    row.error(2.0)
    return row


def bad(campaign):
    """Something is lost."""
    rows = Row("first"), Row("second")
    rows[1].wrong(1.0, "other bits")
    rows[0].equal(1.0)
    return list(rows)


def broken(campaign):
    """It raises."""
    raise KeyError("x")


def skipped(campaign):
    """It cannot be tried."""
    raise Skip("needs a spoon")


def table(*functions, **options):
    lines = []
    count = matrix.run([Scenario(f"made.{f.__name__}", f, 3) for f in functions], say=lines.append, **options)
    return count, lines[2:]


def test_the_table_and_what_is_bad():
    count, lines = table(good, bad, broken, skipped)
    assert count == 2
    assert lines[0].startswith("| made.good | All is well | 4 | 3 | 1 | 0 | 2.0 |")
    assert lines[1].startswith("| made.bad | first | 1 | 1 | 0 | 0 |")
    assert lines[2].startswith("| made.bad | second | 1 | 0 | 0 | 1 |")
    assert lines[3].startswith("| made.broken | It raises | 1 | 0 | 0 | 1 |")
    assert lines[4] == "| made.skipped | It cannot be tried | skipped: needs a spoon | | | | | |"
    assert lines[5:] == ["BAD made.bad: other bits", "BAD made.broken: the scenario broke: KeyError: 'x'"]


def test_the_count_is_asked_for():
    assert table(good, count=7)[1][0].startswith("| made.good | All is well | 8 | 7 | 1 |")


def slow(campaign):
    """Each try takes a while."""
    row = Row()
    for _ in campaign.tries():
        time.sleep(0.15)
        row.equal(0.15)
    return row


def test_time_is_shared_out_and_each_tries_once():
    first, second = table(slow, slow, count=50, seconds=1)[1]
    assert all(1 <= int(line.split(" | ")[2]) < 8 for line in (first, second))
    assert table(slow, count=2, seconds=60)[1][0].startswith("| made.slow | Each try takes a while | 2 | 2 |")


def test_every_family_is_found():
    names = [each.name for each in matrix.scenarios()]
    assert {"training.killed", "cluster.partition"} <= set(names)
    assert len(names) == len(set(names))
    assert all(each.says and each.count for each in matrix.scenarios())


def test_a_table_in_a_file_goes_on(tmp_path):
    every = {f"made.{f.__name__}": Scenario(f"made.{f.__name__}", f, 3) for f in (good, bad, skipped)}
    for turn, names in enumerate(("made.good", "made.bad", "made.skipped")):
        say, done = matrix.kept(tmp_path / "table")
        assert done.isdisjoint({names}) and len(done & every.keys()) == turn
        matrix.run([every[names]], say=say)
    lines = (tmp_path / "table").read_text().splitlines()
    assert lines[:2] == list(matrix.HEADS) and sum(line in matrix.HEADS for line in lines) == 2
    assert matrix.kept(tmp_path / "table")[1] & every.keys() == {"made.good", "made.bad"}
