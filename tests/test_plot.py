"""Curves from logs: what is read, and the image that is written whole or not at all."""

import pytest

from zoo import charts, plot
from zoo.errors import DataError
from zoo.formats import training_log

LOG = """\
I1121 08:27:06.694886 140048 loop.py:142] Iteration 0, Testing net (#0)
I1121 08:27:06.694886 140048 caffe_log.py:55]     Test net output #0: accuracy = 0.1027
I1121 08:27:07.694886 140048 caffe_log.py:25] Iteration 0 (0 iter/s, 1.4s/100 iters), loss = 2.36418
I1121 08:27:07.694886 140048 caffe_log.py:55]     Train net output #0: loss = 2.36418 (* 1 = 2.36418 loss)
I1121 08:27:07.694886 140048 caffe_log.py:37] Iteration 0, lr = 0.01
I1121 08:27:08.694886 140048 caffe_log.py:25] Iteration 100 (0 iter/s, 1.4s/100 iters), loss = 1e-05
I1121 08:27:09.694886 140048 loop.py:190] Iteration 200, loss = 0.25
"""


def test_what_a_log_says(tmp_path):
    (tmp_path / "x.log").write_text(LOG)
    log = training_log.read(tmp_path / "x.log")
    assert log.loss == [(0, 2.36418), (100, 1e-05), (200, 0.25)]
    assert log.rate == [(0, 0.01)]
    assert log.test == {"accuracy": [(0, 0.1027)]} and log.train == {"loss": [(0, 2.36418)]}


def test_caffes_own_log(shared):
    log = training_log.read(shared / "golden" / "lenet" / "caffe_lenet_500.log.gz")
    assert len(log.loss) == 501 and log.loss[-1] == (500, 0.0902899)
    assert dict(log.test["accuracy"])[500] == 0.9696


def test_a_image_of_two_logs(tmp_path):
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text(LOG)
    out = tmp_path / "curves.png"
    plot.curves([tmp_path / "a.log", tmp_path / "b.log"], out)
    assert out.read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.log", "b.log", "curves.png"]


@pytest.mark.parametrize(
    "log, output, said",
    [
        ("none.log", "x.png", "cannot read log"),
        ("no.log", "x.png", "no training log"),
        ("x.log", "x.bmpp", "cannot draw"),
    ],
)
def test_mistakes_are_said(tmp_path, log, output, said):
    (tmp_path / "x.log").write_text(LOG)
    (tmp_path / "no.log").write_text("nothing of Caffe's\n")
    with pytest.raises(DataError, match=said):
        plot.curves([tmp_path / log], tmp_path / output)
    assert not (tmp_path / output).exists()


def test_equal_curves_show():
    assert [charts.width(index, 3) for index in range(3)] == [5, 3, 1]
    assert charts.width(0, 1) == 1 and charts.width(0, 20) == 7
