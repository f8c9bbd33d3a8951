"""What a user does wrong is one clear error and exit code 1, without a traceback, and nothing there is lost."""

import shutil

import pytest

from tests.training import runs

CONFIG = "small.prototxt"


class Bench:
    """A directory with a solver file, data and a run directory, and the command over them."""

    def __init__(self, server, folder, data):
        self._server, self.folder, self.data = server, folder, folder / "data"
        self.run_dir = folder / "run"
        shutil.copytree(data, self.data)

    def write(self, text=runs.SOLVER, changes=()):
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (self.folder / CONFIG).write_text(text)

    def train(self, *args, config=CONFIG, run_dir=None, **options):
        return self._server.run(
            f"--config={config}",
            f"--run_dir={run_dir or self.run_dir}",
            f"--data_dir={self.data}",
            *args,
            cwd=self.folder,
            **options,
        )

    def refused(self, *args, **options):
        """Runs the command, which has to fail as a command should; returns what it said."""
        process = self.train(*args, **options)
        assert process.returncode == 1, process.stderr
        errors = [line for line in process.stderr.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, process.stderr
        assert "Traceback" not in process.stderr
        return process.stderr[process.stderr.index("error: ") :].strip()

    def checkpoints(self):
        return {path.name: path.read_bytes() for path in (self.run_dir / "checkpoints").glob("ckpt-*")}


@pytest.fixture
def bench(commands, small_data, tmp_path):
    return Bench(commands, tmp_path, small_data)


LABELLED = 'bottom: "ip" bottom: "label" top: "loss"'

# What is changed in the solver's text, and every piece that the one error has to say.
MISTAKES = {
    "a misspelt field": (
        [("stride: 2", "strid: 2")],
        [f"{CONFIG}:12: ", 'layer "conv"', 'ConvolutionParameter has no field "strid"', 'did you mean "stride"?'],
    ),
    "a misspelt field of the solver": (
        [("base_lr: 0.02", "base_rl: 0.02")],
        [f"{CONFIG}:2: ", 'has no field "base_rl"', 'did you mean "base_lr"?'],
    ),
    "an unknown layer type": (
        [('"ReLU"', '"RelU"')],
        [f"{CONFIG}:13: ", 'layer "relu" (RelU)', 'did you mean "ReLU"?'],
    ),
    "a bottom that does not exist": (
        [('type: "InnerProduct" bottom: "conv"', 'type: "InnerProduct" bottom: "cov"')],
        [f"{CONFIG}:15: ", 'layer "ip" (InnerProduct)', 'unknown bottom "cov"', 'did you mean "conv"?'],
    ),
    "shapes that do not fit": (
        [(LABELLED, 'bottom: "conv" bottom: "label" top: "loss"')],
        [f"{CONFIG}:18: ", 'layer "loss" (SoftmaxWithLoss)', "got", "want"],
    ),
    "a missing source": (
        [('"small/test"', '"small/tset"')],
        [
            f"{CONFIG}:9: ",
            'layer "in" (Data)',
            'source "small/tset" is not there',
            "tried",
            'small has test, train; did you mean "test"?',
        ],
    ),
    "test_iter without a test net": (
        [("net_param {", "train_net_param {")],
        [f"{CONFIG}:3: ", "test_iter, got 1, want one for each of 0 test nets", "test_net"],
    ),
    "no base_lr": (
        [("base_lr: 0.02 ", "")],
        [f"{CONFIG}:2: ", "base_lr, got none", 'lr_policy "inv"'],
    ),
    "no max_iter": (
        [("max_iter: 24 ", "")],
        [f"{CONFIG}: ", "how long to train: max_iter, got none", "--set='max_iter: 10000'"],
    ),
    "no loss": (
        [(LABELLED, f"{LABELLED} loss_weight: 0")],
        [f"{CONFIG}:4: ", "the training net has no loss"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_file(bench, mistake):
    changes, said = MISTAKES[mistake]
    bench.write(changes=changes)
    error = bench.refused()
    for piece in said:
        assert piece in error, error
    assert not bench.run_dir.exists()  # nothing was begun


def test_a_net_instead_of_a_solver(bench):
    (bench.folder / "net.prototxt").write_text('name: "n" layer { name: "a" type: "ReLU" bottom: "x" top: "x" }')
    error = bench.refused(config="net.prototxt")
    assert error.startswith("error: net.prototxt: this is a net, not a solver, want base_lr")


def test_no_such_config(bench):
    assert "nothing.prototxt" in bench.refused(config="nothing.prototxt")


def test_a_word_that_is_no_flag(bench):
    bench.write()
    assert "options are given as --flag=value, got 'extra'" in bench.refused("extra")


def test_imagenet_that_is_not_prepared(bench):
    error = bench.refused(config=runs.ROOT / "configs" / "alexnet.prototxt")
    assert "python -m data_prep.imagenet" in error
    assert "alexnet.prototxt:" in error


def test_a_shard_cut_off(bench):
    bench.write()
    shard = sorted((bench.data / "small").glob("train-*.tfrecord"))[1]
    shard.write_bytes(shard.read_bytes()[:-7])
    error = bench.refused()
    assert shard.name in error
    assert "make it" in error  # the command that its card names


def test_a_record_damaged_where_training_comes_to_it_later(bench):
    """The run stops with the shard's name; the checkpoint made before stays, and after the repair the run goes on."""
    bench.write(changes=[("snapshot: 8", "snapshot: 2")])
    shard = sorted((bench.data / "small").glob("train-*.tfrecord"))[-1]
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-90] + bytes(b ^ 255 for b in whole[-90:-80]) + whole[-80:])
    error = bench.refused("--noverify_shards")  # which would find it at once
    assert shard.name in error
    assert "make it" in error
    kept = bench.checkpoints()
    assert "ckpt-4.index" in kept  # the last of 50 records comes in batch 7
    shard.write_bytes(whole)
    again = bench.train()
    assert again.returncode == 0, again.stderr
    assert "at iteration 4" in again.stderr or "at iteration 6" in again.stderr
    assert "Done at iteration 24" in again.stdout


def test_a_checkpoint_of_another_net(bench):
    bench.write()
    assert bench.train("--set=max_iter: 3").returncode == 0
    before = bench.checkpoints()
    bench.write(changes=[("num_output: 6", "num_output: 5")])
    error = bench.refused()
    assert 'run was started with something else: training net: layer "conv" (' in error
    assert "--restart" in error
    assert bench.checkpoints() == before


@pytest.mark.parametrize("folder", ["/proc/run", "small.prototxt/run"], ids=["read-only", "below a file"])
def test_a_run_folder_that_cannot_be_written(bench, folder):
    bench.write()
    assert f"cannot write in {folder}" in bench.refused(run_dir=folder)


def test_a_disk_that_is_full(bench):
    """The checkpoint is larger than any file may grow; the last good one, made before, stays as it was."""
    bench.write(changes=[("num_output: 4", "num_output: 2000")])
    assert bench.train("--set=max_iter: 3", "--nohistograms").returncode == 0
    before = bench.checkpoints()
    error = bench.refused("--nohistograms", file_size=1_500_000)
    assert "cannot write a checkpoint in" in error
    assert "the last whole one is" in error
    assert "ckpt-3" in error
    after = bench.checkpoints()
    assert {name: after.get(name) for name in before} == before
    assert after.keys() == before.keys()  # no half-written one fills the disk further
    assert bench.train("--set=max_iter: 9").returncode == 0
