"""A run killed at random moments, and started again each time by the same command, ends in the bits of an unbroken one.

The net has all that a checkpoint has to hold: recurrent state, Dropout, random crops and mirrors, running sums of
BatchNorm, a rate that drops in steps, moments of Adam, batches that add up, two test nets with cursors of their own.
"""

import random
import re
import signal
import time

import numpy as np
import pytest

from tests.training import runs
from zoo.formats import solverstate

DATA = """
  layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TRAIN }
    transform_param { scale: 0.01 crop_size: 10 mirror: true } data_param { source: "small/train" batch_size: 7 } }
  layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TEST stage: "a" }
    transform_param { scale: 0.01 crop_size: 10 } data_param { source: "small/test" batch_size: 6 } }
  layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TEST stage: "b" }
    transform_param { scale: 0.01 crop_size: 10 } data_param { source: "small/train" batch_size: 11 } }
"""
REST = """
  layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
    convolution_param { num_output: 6 kernel_size: 3 stride: 2 weight_filler { type: "xavier" } } }
  layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }
  layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
  layer { name: "drop" type: "Dropout" bottom: "conv" top: "conv" dropout_param { dropout_ratio: 0.3 } }
  layer { name: "steps" type: "Reshape" bottom: "conv" top: "steps" reshape_param { shape { dim: 0 dim: 1 dim: -1 } } }
  layer { name: "goes_on" type: "Threshold" bottom: "label" top: "goes_on" threshold_param { threshold: 0.5 } }
  layer { name: "cont" type: "Reshape" bottom: "goes_on" top: "cont" reshape_param { shape { dim: 0 dim: 1 } } }
  layer { name: "lstm" type: "LSTM" bottom: "steps" bottom: "cont" top: "lstm"
    recurrent_param { num_output: 5 weight_filler { type: "xavier" } } }
  layer { name: "ip" type: "InnerProduct" bottom: "lstm" top: "ip"
    inner_product_param { num_output: 4 axis: 2 weight_filler { type: "gaussian" std: 0.1 } } }
  layer { name: "last" type: "Reshape" bottom: "ip" top: "last" reshape_param { shape { dim: 0 dim: 4 } } }
  layer { name: "acc" type: "Accuracy" bottom: "last" bottom: "label" top: "acc" include { phase: TEST } }
  layer { name: "loss" type: "SoftmaxWithLoss" bottom: "last" bottom: "label" top: "loss" }
"""
SOLVER = """
random_seed: 11 type: "Adam" base_lr: 0.01 momentum: 0.9 weight_decay: 0.001 iter_size: 2 average_loss: 9
lr_policy: "multistep" gamma: 0.7 stepvalue: 31 stepvalue: 77 stepvalue: 150
test_iter: 2 test_iter: 3 test_interval: 20 test_state { stage: "a" } test_state { stage: "b" } snapshot: 5 display: 5
"""


class Trainer:
    def __init__(self, server, data, folder, max_iter):
        self._server, self.folder = server, folder
        text = f'{SOLVER} max_iter: {max_iter} net_param {{ name: "all" {DATA} {REST} }}'
        (folder / "all.prototxt").write_text(text)
        self._args = [f"--config={folder / 'all.prototxt'}", f"--data_dir={data}", "--nosummaries"]

    def start(self, run_dir):
        return self._server.start(*self._args, f"--run_dir={self.folder / run_dir}")

    def finish(self, run_dir):
        process = self.start(run_dir)
        assert process.wait() == 0, process.stderr
        return process


def iteration_of(process):
    """The last iteration that the process displayed, or -1."""
    return max((int(n) for n in re.findall(r"Iteration (\d+) \(", process.stderr)), default=-1)


def survive(commands, data, folder, kills, max_iter, seed):
    rng = random.Random(seed)
    trainer = Trainer(commands, data, folder, max_iter)
    whole = trainer.finish("whole")
    for moment in sorted(rng.randrange(max_iter - 20) for _ in range(kills)):
        process = trainer.start("killed")
        process.wait_for(lambda process=process, moment=moment: iteration_of(process) >= moment)
        time.sleep(rng.uniform(0, 0.06))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    last = trainer.finish("killed")
    assert "Continuing from" in last.stderr
    want, got = (runs.saved(folder / name, max_iter) for name in ("whole", "killed"))
    assert any(name.startswith("state/state") for name in want)
    runs.same(want, got)
    scores = [re.findall(r"test .* = .*", process.stdout) for process in (whole, last)]
    assert len(scores[0]) == 4
    assert scores[0] == scores[1]
    pairs = [folder / name / "snapshots" / f"all_iter_{max_iter}" for name in ("whole", "killed")]
    models = [path.with_suffix(".caffemodel").read_bytes() for path in pairs]
    states = [solverstate.read(path.with_suffix(".solverstate")) for path in pairs]
    assert models[0] == models[1]
    assert states[0].current_step == states[1].current_step > 0
    assert all(np.array_equal(a, b) for a, b in zip(states[0].history, states[1].history, strict=True))


def test_three_kills(commands, small_data, tmp_path):
    survive(commands, small_data, tmp_path, kills=3, max_iter=120, seed=3)


@pytest.mark.slow
def test_twenty_kills(commands, small_data, tmp_path):
    survive(commands, small_data, tmp_path, kills=20, max_iter=400, seed=20)
