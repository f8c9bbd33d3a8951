"""The score at the end: of the last iteration, in lines of its own, and as if it had not been for whoever goes on."""

import re
import shlex
import shutil

import pytest

from tests.training import runs
from zoo.formats import prototxt, training_log
from zoo.netdef.net import net_def
from zoo.training.evaluation import evaluate


def said(run_dir):
    """Lines of a log from "Solving" on, without absl's prefix and without times."""
    lines = [line for line in (run_dir / "train.log").read_text().splitlines() if "Sharding callback" not in line]
    lines = lines[next(i for i, line in enumerate(lines) if "] Solving " in line) :]
    return [
        re.sub(r"\([\d.e+]+ iter/s, \S+/", "(/", line.partition("] ")[2]).replace(run_dir.name, "") for line in lines
    ]


@pytest.fixture(scope="module")
def pair(small_data, tmp_path_factory):
    """(a run of 8 iterations with the score at its end, one without), tested at 0 and 6."""
    folder = tmp_path_factory.mktemp("pair")
    return [
        runs.train(folder / name, small_data, changes="max_iter: 8", final_test=name == "with")
        for name in ("with", "none")
    ], folder


def test_the_score_is_of_the_last_iteration(pair, small_data):
    (scored, plain), _ = pair
    assert {score.iteration for score in scored.scores.values()} == {8}
    assert {score.iteration for score in plain.scores.values()} == {6}
    net = net_def(prototxt.parse_solver(runs.SOLVER).part("net_param"), "TEST")
    batches = 20  # of 9, all records as often: wherever a test begins, it is of the same ones
    found, _ = evaluate(net, [scored.weights], batches, small_data)
    again = runs.train(small_data.parent / "all", small_data, changes=f"max_iter: 8 test_iter: {batches}")
    assert again.scores["acc"].value == pytest.approx(found["acc"], abs=1e-6)
    assert again.scores["loss"].value == pytest.approx(found["loss"], rel=1e-5)


def test_it_is_no_part_of_caffes_log(pair):
    _, folder = pair
    extra = [line for line in said(folder / "with") if line not in said(folder / "none")]
    assert [line for line in said(folder / "with") if line not in extra] == said(folder / "none")
    assert extra[-1].startswith("After 8 iterations, test net 0: acc = ") and len(extra) == 2
    logs = [training_log.read(folder / name / "train.log") for name in ("with", "none")]
    assert logs[0].test == logs[1].test and logs[0].loss == logs[1].loss
    for line in extra:  # what Caffe's parse_log.py and parse_log.sh look for
        assert not re.search(r"Iteration |Test |Train net|lr = |] *Solving", line)


def test_whoever_goes_on_goes_on_as_if_it_had_not_been(pair, small_data, tmp_path):
    folder = shutil.copytree(pair[1], tmp_path / "pair")
    runs.same(runs.saved(folder / "with", 8), runs.saved(folder / "none", 8))
    ends = [runs.train(folder / name, small_data, changes="max_iter: 13") for name in ("with", "none")]
    assert ends[0].scores == ends[1].scores
    runs.same(runs.saved(folder / "with", 13), runs.saved(folder / "none", 13))


def test_the_closing_lines(commands, small_data, tmp_path):
    config, run_dir = tmp_path / "small.prototxt", tmp_path / "a run"
    config.write_text(runs.SOLVER)
    args = [f"--config={config}", f"--data_dir={small_data}", f"--run_dir={run_dir}", "--nosummaries"]
    first = commands.run(*args, "--set=max_iter: 8")
    assert re.search(r"^Done at iteration 8\.\n  data: .*\n  test acc = 0\.\d+ \(after 8 iterations\)", first.stdout), (
        first.stdout
    )
    assert f"weights:     {run_dir}/snapshots/small_iter_8.caffemodel\n" in first.stdout
    assert f" -m zoo.evaluate --config={config} '--weights={run_dir}/snapshots/small_iter_8.caffemodel'" in first.stdout
    assert f"  page:        {run_dir}/net.html (" in first.stdout and (run_dir / "net.html").is_file()
    again = commands.run(*args, "--set=max_iter: 8", "--nofinal_test")
    (run_dir / "net.html").unlink()
    assert f"NOTHING WAS TRAINED: the run in {run_dir} had 8 iterations behind it, and max_iter is 8." in again.stdout
    assert "--set='max_iter: 8' has changed nothing" in again.stdout
    other = commands.run(*args, "--set=max_iter: 9", "--nofinal_test", "--nopage")
    assert not (run_dir / "net.html").exists() and "page:" not in other.stdout
    assert "NOTHING" not in other.stdout and "test acc" not in other.stdout


def test_the_score_again_has_what_the_run_was_given(commands, small_data, tmp_path):
    config, run_dir = tmp_path / "small.prototxt", tmp_path / "run"
    config.write_text(runs.SOLVER)
    args = [f"--config={config}", f"--data_dir={small_data}", f"--run_dir={run_dir}", "--nosummaries"]
    changes = '--set=test_iter: 4 layer { name: "conv" convolution_param { num_output: 3 } }'
    run = commands.run(*args, changes, "--epochs=1", "--batch-size=10", "--test_batch_size=5", "--no-cuda")
    assert re.search(r"max_iter: 5, 1 x 50 records, 10 an iteration", run.stderr), run.stderr
    assert run.stdout.startswith("Done at iteration 5.\n"), run.stdout
    score = float(re.search(r"test acc = (\S+) ", run.stdout)[1])
    again = shlex.split(re.search(r"score again: (.*)", run.stdout)[1])
    assert changes in again and "--batch_size=5" in again
    evaluated = commands.run(*again[3:], module="zoo.evaluate")
    assert float(re.search(r"acc = (\S+)", evaluated.stdout)[1]) == pytest.approx(score, abs=1e-4), evaluated.stderr


def test_a_dry_run_leaves_nothing(commands, small_data, tmp_path):
    config, run_dir = tmp_path / "small.prototxt", tmp_path / "run"
    config.write_text(runs.SOLVER)
    flags = f"--run_dir={run_dir}", "--profile=4:8", "--dry-run"  # whose iterations it does not make
    run = commands.run(f"--config={config}", f"--data_dir={small_data}", *flags)
    assert run.stdout.startswith("Dry run: 1 iteration trained, then tested; nothing was kept."), run.stderr
    assert not run_dir.exists() and "Iteration 1, loss" in run.stderr
