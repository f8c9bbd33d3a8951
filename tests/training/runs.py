"""Small runs of the trainer: data that any machine has, solvers of a few layers, in this process or as a command."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import tensorflow as tf

from data_prep.common import write_arrays
from zoo.converters.solver import solver_def
from zoo.formats import prototxt
from zoo.training import trainer
from zoo.training.run_options import RunOptions

ROOT = pathlib.Path(__file__).resolve().parents[2]

SOLVER = """
base_lr: 0.02 lr_policy: "inv" gamma: 0.01 power: 0.75 momentum: 0.9 weight_decay: 0.001
max_iter: 24 display: 4 average_loss: 3 test_iter: 3 test_interval: 6 snapshot: 8 random_seed: 5
net_param {
  name: "small"
  layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TRAIN }
    transform_param { scale: 0.01 crop_size: 10 mirror: true } data_param { source: "small/train" batch_size: 7 } }
  layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TEST }
    transform_param { scale: 0.01 crop_size: 10 } data_param { source: "small/test" batch_size: 9 } }
  layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
    param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
    convolution_param { num_output: 6 kernel_size: 3 stride: 2 weight_filler { type: "xavier" } } }
  layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
  layer { name: "drop" type: "Dropout" bottom: "conv" top: "conv" dropout_param { dropout_ratio: 0.3 } }
  layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
    inner_product_param { num_output: 4 weight_filler { type: "gaussian" std: 0.1 } } }
  layer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "label" top: "acc" include { phase: TEST } }
  layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
}
"""


def make_data(folder, counts=(("train", 50), ("test", 20)), shards=3):
    """Writes gray 12 x 13 images of 4 classes as `folder`/small/{train,test}; the class is a bright quarter."""
    rng = np.random.default_rng(3)
    for split, count in counts:
        labels = rng.integers(0, 4, count)
        images = rng.integers(0, 120, (count, 12, 13, 1)).astype(np.uint8)
        for image, label in zip(images, labels):
            y, x = 6 * (label // 2), 6 * (label % 2)
            image[y : y + 6, x : x + 6] += 110
        write_arrays(
            pathlib.Path(folder, "small"), split, images, labels, shards, "abcd", "make it", {"source": "made"}
        )


def train(run_dir, data_dir, text=SOLVER, changes="", **options):
    """Runs a solver's text in this process, with `RunOptions`; returns the `Result`."""
    parsed = prototxt.parse_solver(text, "small.prototxt")
    if changes:
        parsed = prototxt.merge(changes, parsed)
    return trainer.train(solver_def(parsed), run_dir, RunOptions(data_dir=data_dir, **options))


def command(*args, cwd=ROOT, module="zoo.train", **kwargs):
    """Runs a command as a user does; returns the finished process with its text."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, args)], cwd=cwd, env=env, capture_output=True, text=True, **kwargs
    )


def in_python(code):
    """Runs Python code in a process of its own; returns what it prints."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    ).stdout


def weights(result):
    """{parameter: array} of a run's end."""
    return {str(p.key): p.array() for p in result.session.nets.train.parameters}


def saved(run_dir, iteration):
    """{name: array} of all that the checkpoint of an iteration holds of the run."""
    reader = tf.train.load_checkpoint(str(pathlib.Path(run_dir, "checkpoints", f"ckpt-{iteration}")))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map() if name.startswith("state/")}


def same(a, b):
    """Asserts that two {name: array} have the same names and bits; NaN, which fills up the losses, equals itself."""
    assert a.keys() == b.keys()
    for name in a:
        assert np.array_equal(a[name], b[name], equal_nan=a[name].dtype.kind == "f"), name
