"""Every field of a solver file does in the trainer what it does in Caffe, or is refused: none is passed over."""

import re

import numpy as np
import pytest

from tests.training import runs
from zoo.errors import SolverError
from zoo.formats import caffe_pb2, caffemodel

# The net twice: what is in `DEEP` only in the stage of that name.
NET = """
  name: "small"
  layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TRAIN }
    transform_param { scale: 0.01 crop_size: 10 mirror: true } data_param { source: "small/train" batch_size: 7 } }
  layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TEST }
    transform_param { scale: 0.01 crop_size: 10 } data_param { source: "small/test" batch_size: 9 } }
  layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
    convolution_param { num_output: 6 kernel_size: 3 stride: 2 weight_filler { type: "xavier" } } }
  layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" include { stage: "deep" } }
  layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
    inner_product_param { num_output: 4 weight_filler { type: "gaussian" std: 0.1 } } }
  layer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "label" top: "acc" include { phase: TEST } }
  layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
BASE = """
base_lr: 0.02 lr_policy: "inv" gamma: 0.5 power: 0.75 momentum: 0.5 weight_decay: 0.01 max_iter: 5 display: 2
test_iter: 2 test_interval: 3 random_seed: 5
"""


class Seen:
    """What is seen of a finished run."""

    def __init__(self, result, run_dir):
        self.weights = {name: array.tobytes() for name, array in runs.weights(result).items()}
        self.iteration, self.seed = result.session.state.iteration, result.session.state.seed
        self.log = [line.partition("] ")[2] for line in (run_dir / "train.log").read_text().splitlines()]
        # Seconds and rates differ from run to run.
        self.losses = [
            re.sub(r"\(.*?iters\)", "", line) for line in self.log if re.match(r"Iteration \d+.* loss", line)
        ]
        self.tests = [line for line in self.log if "Test net" in line]
        self.testing = [line for line in self.log if "Testing net" in line]
        self.test_losses = [line for line in self.log if line.startswith("Test loss")]
        self.debug = [line for line in self.log if "[Forward]" in line]
        self.files = sorted(path.name for path in (run_dir / "snapshots").iterdir())
        first = next(iter(sorted((run_dir / "snapshots").glob("*.caffemodel"))), None)
        self.first_file = first and len(first.read_bytes())


# Field: (solver to begin from, what is added or changed, what differs then).
CHANGES = {
    "test_iter": ("", "test_iter: 1", "tests"),
    "test_interval": ("", "test_interval: 5", "testing"),
    "base_lr": ("", "base_lr: 0.03", "weights"),
    "display": ("", "display: 1", "losses"),
    "max_iter": ("", "max_iter: 6", "iteration"),
    "lr_policy": ("", 'lr_policy: "fixed"', "weights"),
    "gamma": ("", "gamma: 0.6", "weights"),
    "power": ("", "power: 0.6", "weights"),
    "momentum": ("", "momentum: 0.6", "weights"),
    "weight_decay": ("", "weight_decay: 0.02", "weights"),
    "stepsize": ('lr_policy: "step" stepsize: 2', "stepsize: 3", "weights"),
    "stepvalue": ('lr_policy: "multistep" stepvalue: 2', "stepvalue: 3", "weights"),
    "snapshot": ("", "snapshot: 2", "files"),
    "snapshot_prefix": ("", 'snapshot_prefix: "other"', "files"),
    "snapshot_diff": ("", "snapshot_diff: true", "first_file"),
    "snapshot_format": ("", "snapshot_format: HDF5", "files"),
    "snapshot_after_train": ("snapshot: 2", "snapshot_after_train: false", "files"),
    "test_compute_loss": ("", "test_compute_loss: true", "test_losses"),
    "test_initialization": ("", "test_initialization: false", "testing"),
    "random_seed": ("", "random_seed: 6", "weights"),
    "debug_info": ("", "debug_info: true", "debug"),
    "train_state": ("", 'train_state { stage: "deep" }', "weights"),
    "test_state": ("", 'test_state { stage: "deep" }', "tests"),
    "regularization_type": ("", 'regularization_type: "L1"', "weights"),
    "type": ("", 'type: "Nesterov"', "weights"),
    "solver_type": ("", "solver_type: NESTEROV", "weights"),
    "delta": ('type: "Adam"', "delta: 0.1", "weights"),
    "momentum2": ('type: "Adam"', "momentum2: 0.9", "weights"),
    "rms_decay": ('type: "RMSProp" momentum: 0', "rms_decay: 0.9", "weights"),
    "average_loss": ("", "average_loss: 2", "losses"),
    "clip_gradients": ("", "clip_gradients: 0.01", "weights"),
    "iter_size": ("", "iter_size: 2", "weights"),
}
# Shown by the tests below, each by its own.
ELSEWHERE = {
    "net",
    "net_param",
    "train_net",
    "train_net_param",
    "test_net",
    "test_net_param",
    "weights",
    "solver_mode",
    "device_id",
    "layer_wise_reduce",
    "eval_type",  # what a test gathers follows from its layers; that and the others: test_average_precision.py
    "ap_version",
    "show_per_class_result",
    "plateau_winsize",  # of SSD's lr_policy "plateau": test_plateau.py
}


def test_every_field_is_shown():
    assert CHANGES.keys() | ELSEWHERE == {field.name for field in caffe_pb2.SolverParameter.DESCRIPTOR.fields}
    assert not CHANGES.keys() & ELSEWHERE


@pytest.fixture(scope="module")
def seen(small_data, tmp_path_factory):
    """Returns a function from changes to what is seen of that run; each is run once."""
    found = {}

    def run(*changes):
        if changes not in found:
            text = BASE + f"net_param {{ {NET} }}"
            for change in changes:
                text = runs.prototxt.to_text(
                    runs.prototxt.merge(change, runs.prototxt.parse_solver(text)).message
                    if change
                    else runs.prototxt.parse_solver(text).message
                )
            folder = tmp_path_factory.mktemp("fields")
            found[changes] = Seen(runs.train(folder, small_data, text, summaries=False), folder)
        return found[changes]

    return run


@pytest.mark.parametrize("field", CHANGES)
def test_a_field_makes_its_difference(seen, field):
    base, change, what = CHANGES[field]
    before, after = seen(base), seen(base, change)
    assert getattr(before, what) != getattr(after, what)
    if what != "weights" and field not in ("max_iter",):
        assert before.weights == after.weights or field == "debug_info"  # and no other


def test_layer_wise_reduce_has_no_effect(seen):
    """It says when gradients of several GPUs are added up, not what they are (parallel.cpp)."""
    assert seen("", "layer_wise_reduce: false").weights == seen("").weights


def test_nothing_is_snapshotted_where_that_is_not_asked_for(seen):
    assert seen("").files == ["small_iter_5.caffemodel", "small_iter_5.solverstate"]
    assert seen("snapshot: 2", "snapshot_after_train: false").files == [
        f"small_iter_{n}.{kind}" for n in (2, 4) for kind in ("caffemodel", "solverstate")
    ]


# ---- where the nets are --------------------------------------------------------------------------------------------

ONE_TEST = "test_iter: 2 test_interval: 3"
SOLVING = BASE.replace(ONE_TEST, "")
SOURCES = {
    "net": 'net: "net.prototxt" test_iter: 2 test_interval: 3',
    "net_param": "net_param { %s } test_iter: 2 test_interval: 3",
    "train_net and test_net": 'train_net: "net.prototxt" test_net: "net.prototxt" test_iter: 2 test_interval: 3',
    "train_net_param and test_net_param": "train_net_param { %s } test_net_param { %s } test_iter: 2 test_interval: 3",
    "net and test_net": 'net: "net.prototxt" test_net: "net.prototxt" test_iter: 2 test_interval: 3',
}


def solve(folder, data, text, **options):
    """Runs a solver whose files lie in `folder`; returns what is seen."""
    (folder / "net.prototxt").write_text(NET)
    (folder / "small.prototxt").write_text(text)
    solver = runs.solver_def(runs.prototxt.read_solver(folder / "small.prototxt"))
    result = runs.trainer.train(solver, folder / "run", runs.RunOptions(data_dir=data, summaries=False, **options))
    return Seen(result, folder / "run")


@pytest.mark.parametrize("source", SOURCES)
def test_every_way_to_name_the_nets(seen, small_data, tmp_path, source):
    assert ONE_TEST in BASE.replace("\n", " ")
    got, want = solve(tmp_path, small_data, SOLVING + SOURCES[source].replace("%s", NET)), seen("")
    assert got.weights == want.weights
    assert got.tests == want.tests
    assert len(got.tests) == 2 * 2


def test_several_test_nets_in_the_order_of_caffe(seen, small_data, tmp_path):
    """test_net_param, then test_net, then the generic net for what test_iter leaves; each with its own state."""
    other = NET.replace('source: "small/test" batch_size: 9', 'source: "small/train" batch_size: 5')
    text = f"""{SOLVING} net: "net.prototxt" test_net_param {{ {other} }} test_net: "net.prototxt"
      test_iter: 1 test_iter: 3 test_iter: 2 test_iter: 2 test_interval: 3 test_compute_loss: true
      test_state {{ }} test_state {{ stage: "deep" }} test_state {{ }} test_state {{ stage: "deep" }}"""
    got = solve(tmp_path, small_data, text)
    assert got.testing == [f"Iteration {n}, Testing net (#{k})" for n in (0, 3) for k in range(4)]
    assert len(got.tests) == 2 * 4 * 2
    first = [got.tests[i : i + 2] for i in range(0, 8, 2)]
    assert first[2] == seen("").tests[:2]  # the third has the data of the only one there, and as many batches
    assert first[3] == seen("", 'test_state { stage: "deep" }').tests[:2]
    assert first[0] != first[1] != first[2] != first[3]
    assert len(got.test_losses) == 8
    losses = [re.search(r"loss = (\S+) \(", lines[1])[1] for lines in first]
    assert [line.removeprefix("Test loss: ") for line in got.test_losses[:4]] == losses


def test_level_and_stage_of_the_command_line_join_the_training_net(seen, small_data, tmp_path):
    text = f'{SOLVING} net: "net.prototxt" {ONE_TEST}'
    deep = solve(tmp_path, small_data, text, stages=["deep"])
    assert deep.weights == seen("", 'train_state { stage: "deep" }').weights


def test_weights_are_where_training_begins(seen, small_data, tmp_path):
    solve(tmp_path, small_data, f'{SOLVING} net: "net.prototxt" {ONE_TEST}')
    model = tmp_path / "run" / "snapshots" / "small_iter_5.caffemodel"
    (tmp_path / "tuned").mkdir()
    text = f'{SOLVING} net: "net.prototxt" {ONE_TEST} weights: "{model}"'.replace("max_iter: 5", "max_iter: 0")
    tuned = solve(tmp_path / "tuned", small_data, text)
    arrays = {
        f"{name}/{i}": np.asarray(a) for name, blobs in caffemodel.read(model).items() for i, a in enumerate(blobs)
    }
    assert tuned.weights == {name: array.tobytes() for name, array in arrays.items()} == seen("").weights


# ---- the machine ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "args", "says"),
    [
        ("solver_mode: GPU", [], "solver_mode: GPU, but TensorFlow sees no GPU on this machine: training on the CPU"),
        ("device_id: 1", [], "device_id: 1, but TensorFlow sees no GPU on this machine: training on the CPU"),
        ("solver_mode: CPU device_id: 1", [], None),
        ("solver_mode: GPU", ["--gpu=none"], None),
        ("", [], None),
    ],
)
def test_a_gpu_that_is_not_there_is_said_and_not_fatal(commands, small_data, tmp_path, changes, args, says):
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("there is a GPU here")
    (tmp_path / "small.prototxt").write_text(f"{BASE} {changes} net_param {{ {NET} }}")
    paths = [f"--config={tmp_path / 'small.prototxt'}", f"--data_dir={small_data}", f"--run_dir={tmp_path / 'run'}"]
    process = commands.run(*paths, "--set=max_iter: 1", "--nosummaries", *args)
    assert process.returncode == 0, process.stderr
    assert process.stderr.count("sees no GPU") == (1 if says else 0)
    assert says is None or says in process.stderr


def test_a_gpu_asked_for_by_flag_has_to_be_there(commands, small_data, tmp_path):
    (tmp_path / "small.prototxt").write_text(f"{BASE} net_param {{ {NET} }}")
    args = [f"--config={tmp_path / 'small.prototxt'}", f"--data_dir={small_data}", f"--run_dir={tmp_path / 'run'}"]
    process = commands.run(*args, "--gpu=77")
    assert process.returncode == 1
    assert "error: --gpu names no GPU of this machine, got 77, want all, none" in process.stderr


def test_a_field_out_of_its_range_is_refused():
    for change in ("average_loss: 0", "iter_size: 0", "device_id: -1", "snapshot: -2", "base_lr: -1", "momentum: 1.5"):
        parsed = runs.prototxt.merge(change, runs.prototxt.parse_solver(f"{BASE} net_param {{ {NET} }}"))
        with pytest.raises(SolverError, match=change.partition(":")[0]):
            runs.solver_def(parsed)
