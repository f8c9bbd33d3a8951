"""Several devices: what one would compute with the same batch, and Caffe's own rule where each takes a batch.

Devices are logical CPUs of a process, or processes of this machine; no GPU is needed and none is shown to work.
"""

import json
import pathlib
import socket

import numpy as np
import pytest

from tests.training import runs

MODULE = "tests.training.devices"

# Normalisers of four kinds, one of them over labels of which a third are ignored; dropout; overlapping losses.
NET = """
net_param {
  name: "several"
  layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TRAIN }
    transform_param { scale: 0.01 crop_size: 10 mirror: true } data_param { source: "small/train" batch_size: 12 } }
  layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TEST }
    transform_param { scale: 0.01 crop_size: 10 } data_param { source: "small/test" batch_size: 9 } }
  layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
    param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
    convolution_param { num_output: 6 kernel_size: 3 stride: 2 weight_filler { type: "xavier" } } }
  layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
  layer { name: "drop" type: "Dropout" bottom: "conv" top: "conv" dropout_param { dropout_ratio: 0.3 } }
  layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
    inner_product_param { num_output: 4 weight_filler { type: "gaussian" std: 0.1 } } }
  layer { name: "one" type: "InnerProduct" bottom: "conv" top: "one"
    inner_product_param { num_output: 1 weight_filler { type: "gaussian" std: 0.1 } } }
  layer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "label" top: "acc" }
  layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" loss_param { ignore_label: 2 } }
  layer { name: "sum" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "sum" loss_weight: 0.02
    loss_param { normalization: NONE } }
  layer { name: "far" type: "EuclideanLoss" bottom: "one" bottom: "label" top: "far" loss_weight: 0.1 }
  layer { name: "size" type: "Reduction" bottom: "one" top: "size" loss_weight: 0.001
    reduction_param { operation: SUMSQ } }
}
"""
SOLVER = """
base_lr: 0.02 lr_policy: "inv" gamma: 0.01 power: 0.75 momentum: 0.9 weight_decay: 0.001 clip_gradients: 1.5
iter_size: 2
max_iter: 14 display: 4 average_loss: 3 test_iter: 3 test_interval: 6 snapshot: 6 random_seed: 5
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "several.prototxt"
    path.write_text(SOLVER + NET)
    return path


@pytest.fixture(scope="module")
def alone(commands, config, small_data, tmp_path_factory):
    """The run folder of one device's run."""
    run_dir = tmp_path_factory.mktemp("one") / "run"
    finish(start(commands, {}, config, small_data, run_dir))
    return run_dir


def start(commands, machine, config, data, run_dir, *args):
    common = (f"--config={config}", f"--data_dir={data}", f"--run_dir={run_dir}", "--nohistograms")
    return commands.start(json.dumps(machine), *common, *args, module=MODULE)


def finish(*processes, code=0):
    """Waits for the processes; their exit codes have to be `code`."""
    for process in processes:
        assert process.wait() == code, process.stderr


def free_ports(count):
    """Returns `count` ports of this machine that nothing uses now."""
    holders = [socket.socket() for _ in range(count)]
    for holder in holders:
        holder.bind(("localhost", 0))
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def workers(commands, count, *args):
    """Starts `count` processes of one TF_CONFIG; `args` as for `start`."""
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(count)]}
    tasks = [{"cluster": cluster, "task": {"type": "worker", "index": i}} for i in range(count)]
    return [start(commands, {"env": {"TF_CONFIG": json.dumps(task)}}, *args) for task in tasks]


def close(one, other, iteration, but=()):
    """Asserts that two runs' checkpoints are equal but for the order of sums: 1e-5 of each array's largest value."""
    a, b = (runs.saved(run_dir, iteration) for run_dir in (one, other))
    assert a.keys() == b.keys()
    for name in a:
        if name.split("/")[1] not in but:
            np.testing.assert_allclose(
                a[name], b[name], rtol=0, atol=1e-5 * np.nanmax(np.abs(a[name])) + 1e-9, err_msg=name
            )


def said(run_dir):
    """Returns [line without its time and rate] of a run's log, of what was computed."""
    lines = pathlib.Path(run_dir, "train.log").read_text().splitlines()
    texts = (line.split("] ", 1)[-1] for line in lines)
    return [text.split(" (")[0] + text.split("), ")[-1] for text in texts if "output #" in text or "loss = " in text]


@pytest.mark.parametrize("count", [2, 3])
def test_devices_that_split_a_batch_train_as_one(count, commands, config, small_data, alone, tmp_path):
    machine = {"cpus": count}
    finish(start(commands, machine, config, small_data, tmp_path, "--strategy=mirrored", "--global_batch"))
    close(alone, tmp_path, 6)
    close(alone, tmp_path, 14)
    assert len(said(tmp_path)) == len(said(alone)) > 20


def test_processes_that_split_a_batch_train_as_one(commands, config, small_data, alone, tmp_path):
    run_dir = tmp_path / "run"
    pair = workers(commands, 2, config, small_data, run_dir, "--global_batch")
    finish(*pair)
    close(alone, run_dir, 14)
    assert "Done at iteration 14." in pair[0].stdout
    assert pair[1].stdout == ""
    assert "Iteration" not in pair[1].stderr
