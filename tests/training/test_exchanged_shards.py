"""A shard exchanged for another that is sound and of the same size and count: every command that reads it says so."""

import shutil

import pytest
import tensorflow as tf

from tests.training import runs

SHORT = ("max_iter: 24", "max_iter: 6")


def exchange(path):
    """Makes the records of a shard lie in reverse order."""
    whole = path.stat().st_size
    found = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in reversed(found):
            writer.write(record)
    assert path.stat().st_size == whole


class Bench:
    """A directory with a solver file and data, and the commands over them."""

    def __init__(self, server, folder, data):
        self._server, self.folder = server, folder
        self.small = folder / "data" / "small"
        shutil.copytree(data, folder / "data")
        (folder / "small.prototxt").write_text(runs.SOLVER.replace(*SHORT))

    def run(self, module, *args):
        process = self._server.run(*args, module=module, cwd=self.folder)
        assert "Traceback" not in process.stderr
        return process

    def train(self, *args):
        return self.run("zoo.train", "--config=small.prototxt", "--run_dir=run", *args)

    def evaluate(self, *args):
        (weights,) = self.folder.glob("run/snapshots/*_iter_6.caffemodel")
        return self.run("zoo.evaluate", "--config=small.prototxt", f"--weights={weights}", *args)


@pytest.fixture
def bench(commands, small_data, tmp_path):
    return Bench(commands, tmp_path, small_data)


def refused(process, shard):
    """Asserts that a command ended in one error about `shard`."""
    assert process.returncode == 1, process.stderr
    errors = [line for line in process.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert f"{shard.name}: a damaged or exchanged shard, got SHA-256" in errors[0]
    assert "prepare it again: make it" in errors[0]


@pytest.mark.parametrize("split", ["train", "test"])
def test_training_ends(bench, split):
    shard = sorted(bench.small.glob(f"{split}-*.tfrecord"))[0]
    exchange(shard)
    refused(bench.train(), shard)
    assert not list((bench.folder / "run").rglob("ckpt-*"))  # nothing of what it taught is kept
    unseen = bench.train("--noverify_shards")
    assert unseen.returncode == 0 and "Done at iteration 6" in unseen.stdout, unseen.stderr


def test_a_score_is_not_said(bench):
    assert bench.train().returncode == 0
    shard = sorted(bench.small.glob("test-*.tfrecord"))[1]
    exchange(shard)
    process = bench.evaluate("--iterations=2")
    refused(process, shard)
    assert not process.stdout
    assert bench.evaluate("--iterations=2", "--noverify_shards").returncode == 0


def test_a_shard_that_is_not_read_is_not_looked_at(bench):
    assert bench.train().returncode == 0
    exchange(sorted(bench.small.glob("train-*.tfrecord"))[0])
    assert bench.evaluate("--iterations=1").returncode == 0
