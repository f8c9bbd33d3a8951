"""Tables of logs: equal to what Caffe's own tools write, read back, and refused where damaged."""

import math

import pytest

from zoo.errors import DataError
from zoo.formats import log_tables, training_log

LOG = """\
I1231 23:59:58.500000  7 solver.cpp:45] Initializing solver from parameters:
I1231 23:59:59.500000  7 solver.cpp:273] Solving net
I1231 23:59:59.750000  7 solver.cpp:330] Iteration 0, Testing net (#0)
I0101 00:00:00.000000  7 solver.cpp:397]     Test net output #0: loss = 2.5 (* 1 = 2.5 loss)
I0101 00:00:00.100000  7 solver.cpp:397]     Test net output #1: accuracy = 0.25
I0101 00:00:00.100000  7 solver.cpp:397]     Test net output #2: top-5 = 0.5
I0101 00:00:00.200000  7 solver.cpp:330] Iteration 0, Testing net (#1)
I0101 00:00:00.300000  7 solver.cpp:397]     Test net output #0: accuracy = 0.75
I0101 00:00:00.500000  7 solver.cpp:218] Iteration 0 (0 iter/s, 1s/2 iters), loss = nan
I0101 00:00:00.500000  7 solver.cpp:237]     Train net output #0: loss = 2.25 (* 1 = 2.25 loss)
I0101 00:00:00.500000  7 sgd_solver.cpp:105] Iteration 0, lr = 0.01
I0101 00:00:01.500000  7 solver.cpp:218] Iteration 2 (0 iter/s, 1s/2 iters), loss = 1.5
I0101 00:00:01.500000  7 sgd_solver.cpp:105] Iteration 2, lr = 0.001
I0101 00:00:02.000000  7 solver.cpp:290] Iteration 4, loss = 1.25
"""


def tables(path, text=LOG):
    path.write_text(text)
    return log_tables.of_log(training_log.read(path))


def test_rows_of_a_log_over_new_year(tmp_path):
    train, test = tables(tmp_path / "x.log")
    assert log_tables.as_text(train) == (
        "#Iters Seconds TrainingLoss LearningRate\n"
        "0  1.000000  nan   0.01\n"
        "2  2.000000  1.5   0.001\n"
        "4  2.500000  1.25  nan\n"
    )
    assert test.headers == ("Iters", "Seconds", "TestLoss", "TestAccuracy", "top-5", "net1:accuracy")
    assert test.rows == [(0, 0.7, 2.5, 0.25, 0.5, 0.75)]
    train, test = log_tables.csv_of_log(training_log.read(tmp_path / "x.log"))
    assert log_tables.as_csv(train) == "NumIters,Seconds,LearningRate,loss\r\n0.0,1.0,0.01,2.25\r\n"
    assert test.rows == [(0, 0.5, 0.01, 2.5, 0.25, 0.5, 0.75)]


def test_a_log_without_times_or_rates(tmp_path):
    train, test = tables(tmp_path / "x.log", "x] Iteration 3, loss = 2\nx] Test net output #0: a = 1\n")
    assert log_tables.as_text(train).splitlines()[1] == "3  nan  2  nan"
    assert math.isnan(test.rows[0][1])


def test_the_later_of_an_iteration_that_is_said_twice(tmp_path):
    again = LOG + "I0101 00:00:09.000000  7 solver.cpp:218] Iteration 2 (0 iter/s, 1s/2 iters), loss = 1\n"
    train, _ = tables(tmp_path / "x.log", again)
    assert train.rows[1] == (2, 9.5, 1, 0.001)


@pytest.mark.parametrize("form", ["text", "csv"])
def test_a_table_is_read_as_it_was_written(tmp_path, form):
    tables(tmp_path / "x.log")
    log = training_log.read(tmp_path / "x.log")
    made = log_tables.of_log(log)[1] if form == "text" else log_tables.csv_of_log(log)[1]
    text = log_tables.as_text(made) if form == "text" else log_tables.as_csv(made, ";")
    (tmp_path / "x.test").write_text(text)
    assert log_tables.read(tmp_path / "x.test") == {"": made}


def test_a_table_of_parse_log_sh(tmp_path):
    """It leaves the last rate away and pads the line."""
    (tmp_path / "x.train").write_text("#Iters Seconds TrainingLoss LearningRate\n0  1.5  2  0.01\n9  2.5  1  \n\n")
    table = log_tables.read(tmp_path / "x.train")[""]
    assert table.column("TrainingLoss") == [2, 1] and math.isnan(table.column("LearningRate")[1])


@pytest.mark.parametrize(
    "text, said",
    [
        ("#Iters Seconds\n1 2\n1 2 3\n", "x.train:3: a row of a table, got 3 values, want 2, under Iters Seconds"),
        ("#Iters Seconds\n1 two\n", "x.train:2: a value of a table, got 'two', want a number"),
        ("NumIters,Seconds\n1,2;3\n", "x.train:2: a value of a table, got '2;3'"),
        ("NumIters,Seconds\n" + "1" * 200_000, "x.train: no CSV, got field larger than field limit"),
        ("", "no training log"),
        (None, "cannot read .*x.train"),
    ],
)
def test_damaged(tmp_path, text, said):
    if text is not None:
        (tmp_path / "x.train").write_text(text)
    with pytest.raises(DataError, match=said):
        log_tables.read(tmp_path / "x.train")


def test_caffes_own_log_as_caffes_own_tools_have_it(shared):
    """The rows are those that parse_log.sh and parse_log.py of BVLC/caffe 9b8915401 wrote of this log, the years cut
    from its lines, for which they are too old; parse_log.py's rates are those of the row before, ours are the row's."""
    log = training_log.read(shared / "golden" / "lenet" / "caffe_lenet_500.log.gz")
    train, test = map(log_tables.as_text, log_tables.of_log(log))
    lines = train.splitlines()
    assert lines[0] == "#Iters Seconds TrainingLoss LearningRate" and len(lines) == 502
    assert lines[1:4] == [
        "0    1.531992   2.32814    0.01",
        "1    1.559420   2.34839    0.00999925",
        "2    1.581472   2.28755    0.0099985",
    ]
    assert lines[-2:] == ["499  18.572437  0.111246   0.00964138", "500  18.591027  0.0902899  nan"]
    assert test == (
        "#Iters Seconds TestAccuracy TestLoss\n"
        "0    0.000351   0.071   2.34813\n"
        "100  3.646529   0.9197  0.264914\n"
        "200  7.419813   0.9271  0.236666\n"
        "300  11.151578  0.9644  0.114201\n"
        "400  14.846752  0.9692  0.103115\n"
        "500  18.591092  0.9696  0.0930407\n"
    )
    train, test = map(log_tables.as_csv, log_tables.csv_of_log(log))
    assert train.splitlines()[:2] == ["NumIters,Seconds,LearningRate,loss", "0.0,1.532071,0.01,2.32814"]
    assert len(train.splitlines()) == 501 and train.splitlines()[-1] == "499.0,18.572522,0.00964138,0.111246"
    assert test.splitlines()[-1] == "500.0,20.158274,0.00964138,0.9696,0.0930407"
