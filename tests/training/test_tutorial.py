"""The tutorial's net trains to the same bits from its text of 2014 and of today; its weights score as in Caffe."""

import numpy as np
import pytest

from tests.training import runs
from zoo.formats import prototxt
from zoo.netdef.net import net_def
from zoo.training.evaluation import evaluate

SOLVER = """
train_net: "net.prototxt" base_lr: 0.01 lr_policy: "inv" gamma: 0.0001 power: 0.75 momentum: 0.9 weight_decay: 0.0005
max_iter: 20 display: 5 random_seed: 3 snapshot_prefix: "small" solver_mode: CPU
"""

V1 = """
name: "small"
layers { name: "in" type: DATA data_param { source: "small/train" backend: LMDB batch_size: 8 scale: 0.00390625 }
  top: "data" top: "label" include: { phase: TRAIN } }
layers { name: "in" type: DATA data_param { source: "small/test" backend: LMDB batch_size: 10 scale: 0.00390625 }
  top: "data" top: "label" include: { phase: TEST } }
layers { name: "conv1" type: CONVOLUTION blobs_lr: 1. blobs_lr: 2. weight_decay: 1. weight_decay: 0.
  convolution_param { num_output: 5 kernel_size: 5 stride: 1
  weight_filler { type: "xavier" } } bottom: "data" top: "conv1" }
layers { name: "pool1" type: POOLING pooling_param { kernel_size: 2 stride: 2 pool: MAX } bottom: "conv1" top: "pool1" }
layers { name: "ip1" type: INNER_PRODUCT blobs_lr: 1. blobs_lr: 2.
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } bottom: "pool1" top: "ip1" }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "ip1" bottom: "label" top: "loss" }
"""

V2 = """
name: "small"
layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  transform_param { scale: 0.00390625 } data_param { source: "small/train" backend: LMDB batch_size: 8 } }
layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TEST }
  transform_param { scale: 0.00390625 } data_param { source: "small/test" backend: LMDB batch_size: 10 } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  convolution_param { num_output: 5 kernel_size: 5 stride: 1 weight_filler { type: "xavier" } } }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "ip1" type: "InnerProduct" bottom: "pool1" top: "ip1" param { lr_mult: 1 } param { lr_mult: 2 }
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip1" bottom: "label" top: "loss" }
"""


def train(folder, small_data, net):
    folder.mkdir()
    (folder / "net.prototxt").write_text(net)
    (folder / "solver.prototxt").write_text(SOLVER)
    parsed = prototxt.read_solver(folder / "solver.prototxt")
    return runs.trainer.train(
        runs.solver_def(parsed), folder / "run", runs.RunOptions(data_dir=small_data, summaries=False)
    )


def test_the_texts_of_2014_and_of_now_train_alike(small_data, tmp_path):
    old, new = (runs.weights(train(tmp_path / name, small_data, net)) for name, net in (("v1", V1), ("v2", V2)))
    assert old.keys() == new.keys()
    for key in old:
        assert np.array_equal(old[key], new[key]), key


def test_trained_weights_score_as_in_caffe(shared, mnist_data):
    config = prototxt.read_solver(runs.ROOT / "configs" / "lenet.prototxt").part("net_param")
    weights = shared / "pretrained" / "lenet_iter_10000.caffemodel"
    scores, loss = evaluate(net_def(config, "TEST"), [weights], 100, mnist_data)
    assert scores["accuracy"] == pytest.approx(0.9914, abs=1e-6)
    assert loss == pytest.approx(scores["loss"])
