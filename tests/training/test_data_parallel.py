"""Every way of training on several devices against one process that takes the same batches one after the other.

Devices are logical CPUs of a process, or processes of this machine. Caffe adds the gradients of its solvers and divides
by their number (parallel.cpp:196-342): as one solver does with iter_size. So the reference has twice the iter_size, and
twice the clip_gradients, which Caffe applies to the sum; its records lie in the order in which two devices get theirs.
Each device computes just what the reference computes of one batch, in any precision and with BatchNorm, and a batch
that is split in two is two batches of half its size where losses are means. So one reference serves all.
"""

import itertools
import re

import numpy as np
import pytest

from data_prep.common import write_arrays
from tests.training import runs
from tests.training.several import close, finish, start, workers

NET = """
net_param {{
  name: "modes"
  layer {{ name: "in" type: "Data" top: "data" top: "label" include {{ phase: TRAIN }}
    transform_param {{ scale: 0.01 }} data_param {{ source: "dealt/train" batch_size: {batch} }} }}
  layer {{ name: "in" type: "Data" top: "data" top: "label" include {{ phase: TEST }}
    transform_param {{ scale: 0.01 }} data_param {{ source: "dealt/train" batch_size: 48 }} }}
  layer {{ name: "conv" type: "Convolution" bottom: "data" top: "conv"
    convolution_param {{ num_output: 6 kernel_size: 3 stride: 2 bias_term: {bias}
      weight_filler {{ type: "xavier" }} }} }}
  {norm}
  layer {{ name: "relu" type: "ReLU" bottom: "conv" top: "conv" }}
  layer {{ name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
    inner_product_param {{ num_output: 4 weight_filler {{ type: "gaussian" std: 0.1 }} }} }}
  layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" {loss} }}
}}
base_lr: 0.05 lr_policy: "inv" gamma: 0.01 power: 0.75 momentum: 0.9 weight_decay: 0.001 random_seed: 5
iter_size: {iter_size} clip_gradients: {clip}
max_iter: 9 display: 3 snapshot: 1 test_iter: 1 test_interval: 3
"""
NORM = """
  layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv"}
"""
APART = """loss_param { ignore_label: 2 } }
  layer { name: "sum" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "sum" loss_weight: 0.02
    loss_param { normalization: NONE }"""
CLIP = 1.0  # the norm of the gradients is above it in some iterations and below in others


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Directories "plain" and "turns": the same records, in turns as two devices get them in batches of 6."""
    folder = tmp_path_factory.mktemp("dealt")
    rng = np.random.default_rng(8)
    images, labels = rng.integers(0, 256, (48, 9, 8, 1)).astype(np.uint8), rng.integers(0, 4, 48)
    order = np.arange(48).reshape(4, 6, 2).transpose(0, 2, 1).ravel()
    for name, rows in (("plain", np.arange(48)), ("turns", order)):
        path = folder / name / "dealt"
        write_arrays(path, "train", images[rows], labels[rows], 2, "abcd", "make it", {"source": "made"})
    return folder


@pytest.fixture(scope="module")
def reference(commands, data, tmp_path_factory):
    """A function that returns the run directory of the one process that a mode has to equal; runs each once."""
    found = {}

    def made(iter_size, clip, norm, precision, apart):
        key = (iter_size, clip, norm, precision, apart)
        if key not in found:
            folder = tmp_path_factory.mktemp("reference")
            config = write(folder, 6, 2 * iter_size, 2 * CLIP if clip else -1, norm, apart)
            finish(start(commands, {}, config, data / "turns", folder / "run", f"--precision={precision}", "--keep=0"))
            found[key] = folder / "run"
        return found[key]

    return made


def write(folder, batch, iter_size, clip, norm, apart):
    path = folder / "modes.prototxt"
    norms = NORM if norm else ""
    losses = APART if apart else ""
    bias = "false" if norm else "true"  # BatchNorm takes it away again: its gradient is noise
    path.write_text(NET.format(batch=batch, iter_size=iter_size, clip=clip, norm=norms, loss=losses, bias=bias))
    return path


def equals_one(mode, batch, iter_size, clip, norm, precision, apart, commands, data, reference, folder):
    """Asserts that a run in a mode is that of the reference: numbers, and what its log says of them."""
    config = write(folder, 12 if batch == "split" else 6, iter_size, CLIP if clip else -1, norm, apart)
    args = (config, data / "plain", folder / "run", f"--precision={precision}", "--keep=0")
    args += ("--global_batch",) if batch == "split" else ()
    if mode == "mirrored":
        finish(start(commands, {"cpus": 2}, *args, "--strategy=mirrored"))
    else:
        finish(*workers(commands, 2, *args))
    one, run = reference(iter_size, clip, norm, precision, apart), folder / "run"
    sums = {name for name in runs.saved(one, 9) if "parameters.Sbn" in name}
    assert len(sums) == (3 if norm else 0)
    close(one, run, 9, but=sums)  # BatchNorm's sums are the first device's, as in Caffe; the reference has all in one
    if not norm:
        np.testing.assert_allclose(scores(run), scores(one), rtol=1e-4)
        assert len(scores(one)) == (8 if apart else 4)


def scores(run_dir):
    """Returns what a run's log says of its tests."""
    return [float(n) for n in re.findall(r"Test net output #\d: \w+ = (\S+)", (run_dir / "train.log").read_text())]


# (processes or devices, a batch each or one split, iter_size, clip, BatchNorm, precision, losses that are no means)
FEW = (
    ("processes", "each", 2, True, True, "mixed_float16", True),
    ("processes", "each", 1, False, False, "float32", True),
)
ALL = [
    (mode, batch, *options, precision, False)
    for mode, batch, *options, precision in itertools.product(
        ("mirrored", "processes"),
        ("each", "split"),
        (1, 2),
        (False, True),
        (False, True),
        ("float32", "mixed_float16"),
    )
]


@pytest.mark.parametrize("case", FEW, ids=str)
def test_several_train_as_one(case, commands, data, reference, tmp_path):
    equals_one(*case, commands, data, reference, tmp_path)


def test_batchnorm_keeps_the_sums_of_the_first_device(commands, data, reference, tmp_path):
    equals_one("mirrored", "each", 1, True, True, "float32", True, commands, data, reference, tmp_path)
    config = write(tmp_path, 6, 1, CLIP, True, True)
    finish(start(commands, {}, config, data / "turns", tmp_path / "first", "--set=max_iter: 1"))
    first, pair = (runs.saved(tmp_path / name, 1) for name in ("first", "run"))
    for name in (name for name in first if "parameters.Sbn" in name):
        np.testing.assert_allclose(pair[name], first[name], rtol=1e-6, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("case", ALL, ids=str)
def test_every_mode_trains_as_one(case, commands, data, reference, tmp_path):
    equals_one(*case, commands, data, reference, tmp_path)
