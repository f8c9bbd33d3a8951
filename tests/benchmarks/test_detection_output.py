"""DetectionOutput's benchmark runs, and both find the same boxes."""

import pytest

from tests.training import runs


def test_both_find_the_same():
    pytest.importorskip("cv2")
    done = runs.command("--rounds=1", module="benchmarks.detection_output")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()[2:]]
    assert [line[0] for line in lines] == ["trained"] * 3 + ["untrained"] * 3
    assert all(line[-4] == "200" and float(line[-1]) < 1e-5 for line in lines), done.stdout
