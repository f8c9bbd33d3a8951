"""One net with layers that have no bottom (Parameter, DummyData, Python), through everything that runs a net."""

import logging

import numpy as np
import pytest

import zoo.pycaffe as caffe
from tests.training import runs
from zoo.converters.build import build
from zoo.errors import SolverError
from zoo.formats import prototxt
from zoo.layers.base.user_classes import allow
from zoo.netdef.net import net_def
from zoo.timing.layers import layer_times

LAYERS = """
  layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
    inner_product_param { num_output: 4 weight_filler { type: "gaussian" std: 0.1 } } }
  layer { name: "learned" type: "Parameter" top: "learned" parameter_param { shape { dim: 4 } } }
  layer { name: "fixed" type: "DummyData" top: "fixed"
    dummy_data_param { shape { dim: 4 } data_filler { type: "constant" value: 0.25 } } }
  layer { name: "python" type: "Python" top: "python"
    python_param { module: "tests.layers_without_bottoms" layer: "Offset" } }
  layer { name: "a" type: "Bias" bottom: "ip" bottom: "learned" top: "a" }
  layer { name: "b" type: "Bias" bottom: "a" bottom: "fixed" top: "b" }
  layer { name: "c" type: "Bias" bottom: "b" bottom: "python" top: "c" }
  layer { name: "loss" type: "SoftmaxWithLoss" bottom: "c" bottom: "label" top: "loss" }
"""
DATA = """
  layer { name: "in" type: "Data" top: "data" top: "label"
    transform_param { scale: 0.01 } data_param { source: "small/train" batch_size: 8 } }
"""
INPUTS = """
  layer { name: "in" type: "Input" top: "data" top: "label"
    input_param { shape { dim: 8 dim: 6 } shape { dim: 8 } } }
"""
SOLVER = f"""
base_lr: 0.1 lr_policy: "fixed" momentum: 0.9 max_iter: 3 display: 1 random_seed: 5 average_loss: 1
net_param {{ name: "bottomless" {DATA} {LAYERS} }}
"""


@pytest.fixture(autouse=True)
def allowed():
    allow(True)
    yield
    allow(False)


def fed():
    rng = np.random.default_rng(7)
    return rng.standard_normal((8, 6)).astype(np.float32), rng.integers(0, 4, 8).astype(np.float32)


def built(phase="TRAIN"):
    return build(net_def(prototxt.parse_net(f'name: "bottomless" {INPUTS} {LAYERS}', "net.prototxt"), phase), seed=3)


def feeds(net):
    return [np.full((4,), 0.25, np.float32) if ref.name == "fixed" else dict(zip(("data", "label"), fed()))[ref.name]
            for ref in net.inputs]  # fmt: skip


def expected(net):
    """The net's loss in NumPy."""
    data, label = fed()
    of = {str(p.key): p.array() for p in net.parameters}
    scores = data @ of["ip/0"].T + of["ip/1"] + of["learned/0"] + 0.25 + 0.5
    shifted = scores - scores.max(1, keepdims=True)
    return np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(8), label.astype(int)])


def test_run_and_model_agree_with_numpy():
    net = built()
    (loss,) = [ref for ref, _ in net.losses]
    values = net.run(dict(zip(net.inputs, feeds(net))))
    assert float(values[loss]) == pytest.approx(expected(net), abs=1e-6)
    assert np.ravel(net.model([loss])(feeds(net)))[0] == pytest.approx(expected(net), abs=1e-6)


def test_pycaffe_forward_and_backward(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(f'name: "bottomless" force_backward: true {INPUTS} {LAYERS}')
    net = caffe.Net(str(path), caffe.TRAIN)
    net.blobs["data"].data[...], net.blobs["label"].data[...] = fed()
    net.forward()
    net.backward()
    bias = net.blobs["c"].diff.sum(0)
    assert np.allclose(net.params["learned"][0].diff, bias, atol=1e-7)
    assert np.allclose(net.params["python"][0].diff, bias, atol=1e-7)
    assert np.abs(bias).max() > 1e-3


def test_every_layer_is_timed():
    net = built()
    import tensorflow as tf

    times = {time.name: time for time in layer_times(net, [tf.constant(x) for x in feeds(net)], 1)}
    assert list(times) == ["ip", "learned", "python", "a", "b", "c", "loss"]
    assert times["learned"].backward is not None and times["python"].backward is not None


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    runs.make_data(folder)
    return folder


def test_debug_info_trains_as_without_it(rows, tmp_path, caplog):
    plain = runs.weights(runs.train(tmp_path / "plain", rows, SOLVER))
    caplog.set_level(logging.INFO, "absl")
    said = runs.weights(runs.train(tmp_path / "debug", rows, SOLVER, changes="debug_info: true"))
    for name in ("learned/0", "python/0", "ip/0"):
        assert np.allclose(plain[name], said[name], atol=1e-6), name
    assert np.abs(plain["learned/0"]).max() > 1e-3 and np.abs(plain["python/0"] - 0.5).max() > 1e-3
    text = caplog.text
    assert "[Forward] Layer learned, top blob learned data:" in text
    assert "[Backward] Layer python, param blob 0 diff:" in text


def test_where_a_loss_ceases_to_be_finite_is_found(rows, tmp_path):
    with pytest.raises(SolverError, match=r'layer "ip" .*it begins in top "ip" of this layer'):
        runs.train(tmp_path / "run", rows, SOLVER, changes="base_lr: 1e38 max_iter: 9")
