"""What is carried from pass to pass, and what draws: a backward pass belongs to the forward pass before it."""

import numpy as np

import zoo.pycaffe as caffe
from tests.pycaffe.nets import write

RNG = np.random.default_rng(11)
INPUT = 'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {} }} }} }}\n'


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def data(*shape):
    return "force_backward: true\n" + INPUT.format(" ".join(f"dim: {n}" for n in shape))


DROP = 'layer { name: "drop" type: "Dropout" bottom: "data" top: "drop" dropout_param { dropout_ratio: 0.3 } }\n'
COPY = 'layer { name: "copy" type: "Power" bottom: "drop" top: "copy" power_param { scale: 2 } }\n'


def test_dropout_draws_at_each_forward_and_keeps_its_mask(tmp_path):
    net = caffe.Net(write(tmp_path, data(20, 30) + DROP + COPY), caffe.TRAIN)
    x, ones, masks = np.ones((20, 30), np.float32), np.ones((20, 30), np.float32), []
    for _ in range(3):
        mask = net.forward(data=x)["copy"].copy()
        for _ in range(2):
            np.testing.assert_allclose(net.backward(copy=ones)["data"], mask, rtol=1e-5)
        masks.append(mask)
        np.testing.assert_allclose(np.unique(mask), [0, 2 / 0.7], rtol=1e-5)
    assert 0.2 < np.mean([mask == 0 for mask in masks]) < 0.4
    assert all((masks[i] != masks[j]).any() for i, j in ((0, 1), (0, 2), (1, 2)))


def test_dropout_keeps_its_mask_when_later_layers_run_apart(tmp_path):
    net = caffe.Net(write(tmp_path, data(20, 30) + DROP + COPY), caffe.TRAIN)
    net.blobs["data"].data[...] = 1
    net.forward(end="drop")
    mask = net.blobs["drop"].data.copy()
    for _ in range(3):
        net.forward(start="copy")
    np.testing.assert_allclose(net.backward(copy=np.ones((20, 30)))["data"], 2 * mask, rtol=1e-5)
    assert (net.forward()["copy"] != 2 * mask).any()


def test_seeds_repeat(tmp_path):
    masks = []
    for seed in (1, 1, 2):
        caffe.set_random_seed(seed)
        net = caffe.Net(write(tmp_path, data(20, 30) + DROP), caffe.TRAIN)
        masks.append([net.forward(data=np.ones((20, 30)))["drop"].copy() for _ in range(2)])
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0][0] != masks[2][0]).any()


BATCH_NORM = 'layer { name: "bn" type: "BatchNorm" bottom: "data" top: "bn" batch_norm_param { eps: 0.01 } }'


def test_batch_norm_moves_its_sums_forward_only(tmp_path):
    net = caffe.Net(write(tmp_path, data(4, 2, 3, 5) + BATCH_NORM), caffe.TRAIN)
    sums = [blob.data for blob in net.params["bn"]]
    mean = variance = weight = 0
    for _ in range(3):
        x = normal(4, 2, 3, 5) + 2
        diff = normal(4, 2, 3, 5)
        net.forward(data=x)
        mean = 0.999 * mean + x.mean((0, 2, 3))
        variance = 0.999 * variance + x.var((0, 2, 3)) * 60 / 59
        weight = 0.999 * weight + 1
        for _ in range(2):
            got = net.backward(bn=diff)["data"]
            for held, want in zip(sums, (mean, variance, [weight])):
                np.testing.assert_allclose(held, want, rtol=1e-5)
        centred = x - x.mean((0, 2, 3), keepdims=True)
        deviation = np.sqrt(x.var((0, 2, 3), keepdims=True) + 0.01)
        y = centred / deviation
        want = diff - diff.mean((0, 2, 3), keepdims=True) - y * (diff * y).mean((0, 2, 3), keepdims=True)
        np.testing.assert_allclose(got, want / deviation, rtol=1e-3, atol=1e-4)


RNN = """
layer {{ name: "cont" type: "Input" top: "cont" input_param {{ shape {{ dim: 2 dim: 3 }} }} }}
layer {{ name: "rnn" type: "LSTM" bottom: "data" bottom: "cont" top: "rnn"
  recurrent_param {{ num_output: 4 weight_filler {{ type: "uniform" min: -1 max: 1 }} }} }}
""".replace("{{", "{").replace("}}", "}")


def test_a_sequence_goes_on_over_batches(tmp_path):
    caffe.set_random_seed(2)
    net = caffe.Net(write(tmp_path, data(2, 3, 5) + RNN), caffe.TRAIN)
    x, cont = normal(2, 3, 5), np.ones((2, 3), np.float32)
    start = cont.copy()
    start[0] = 0
    diff = normal(2, 3, 4)

    def run(cont, back=0):
        out = net.forward(data=x, cont=cont)["rnn"].copy()
        grads = [net.backward(rnn=diff)["data"].copy() for _ in range(back)]
        return out, grads

    first, (grad, same) = run(start, 2)
    np.testing.assert_allclose(same, grad, rtol=1e-5, atol=1e-6)  # from where the pass began, not from where it ended
    second, _ = run(cont, 1)
    assert np.abs(second - first).max() > 0.01
    third, _ = run(cont)
    again, _ = run(start)
    np.testing.assert_allclose(again, first, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(run(cont)[0], second, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(run(cont)[0], third, rtol=1e-5, atol=1e-6)
    epsilon = 1e-2
    step = np.zeros_like(x)
    step[0, 1, 2] = epsilon
    up, down = (net.forward(data=x + sign * step, cont=start)["rnn"].copy() for sign in (1, -1))
    np.testing.assert_allclose(((up - down) * diff).sum() / (2 * epsilon), grad[0, 1, 2], rtol=2e-2)


NEED = """
layer { name: "data" type: "Input" top: "data" top: "label"
  input_param { shape { dim: 2 dim: 3 } shape { dim: 2 dim: 3 } } }
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" param { lr_mult: 0 } param { lr_mult: 0 }
  inner_product_param { num_output: 3 weight_filler { type: "gaussian" } } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" param { lr_mult: 1 } param { lr_mult: 0 }
  inner_product_param { num_output: 3 weight_filler { type: "gaussian" } } }
layer { name: "c" type: "InnerProduct" bottom: "b" top: "c"
  inner_product_param { num_output: 3 weight_filler { type: "gaussian" } } }
layer { name: "side" type: "InnerProduct" bottom: "b" top: "side"
  inner_product_param { num_output: 3 weight_filler { type: "gaussian" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "c" bottom: "label" top: "loss" %s }
"""


def touched(net):
    blobs = {name for name, blob in net.blobs.items() if blob.diff.any()}
    params = {f"{name}/{i}" for name, blobs in net.params.items() for i, blob in enumerate(blobs) if blob.diff.any()}
    return blobs, params


def run(tmp_path, text):
    net = caffe.Net(write(tmp_path, text), caffe.TRAIN)
    net.forward(data=normal(2, 3), label=normal(2, 3))
    net.blobs["side"].diff[...] = 1
    net.backward()
    return touched(net)


def test_gradients_only_where_caffe_computes_them(tmp_path):
    always = {"loss", "side", "c", "b", "b_b_0_split_0"}
    blobs, params = run(tmp_path, NEED % "")
    assert blobs == always
    assert params == {"b/0", "c/0", "c/1"}  # `side` leads to no loss
    blobs, params = run(tmp_path, NEED % "propagate_down: true propagate_down: true")
    assert blobs == always | {"label"}
    blobs, params = run(tmp_path, NEED % "propagate_down: false propagate_down: true")
    assert blobs == {"loss", "side", "label"}
    assert params == set()
    blobs, params = run(tmp_path, "force_backward: true\n" + NEED % "")
    assert blobs == always | {"label", "b_b_0_split_1", "a", "data"}
    assert params == {f"{name}/{i}" for name in ("a", "b", "c", "side") for i in (0, 1)}
    forced = NEED % "propagate_down: false propagate_down: false"
    assert run(tmp_path, "force_backward: true\n" + forced) == (blobs, params)  # which it overrules (net.cpp:222-234)


BEHIND_SUMS = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 3 } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 4 dim: 3 } } }
layer { name: "before" type: "Sigmoid" bottom: "data" top: "before" }
layer { name: "norm" type: "BatchNorm" bottom: "before" top: "norm" }
layer { name: "after" type: "Sigmoid" bottom: "norm" top: "after" }
layer { name: "loss" type: "EuclideanLoss" bottom: "after" bottom: "label" top: "loss" }
"""


def test_batch_norms_sums_count_as_learned_when_it_is_decided_what_needs_gradients(tmp_path):
    """As in Caffe, whose net looks (net.cpp:149) at what the layer changes later; it writes that of "before", too."""
    net = caffe.Net(write(tmp_path, BEHIND_SUMS), caffe.TRAIN)
    net.forward(data=normal(4, 3), label=normal(4, 3))
    net.backward()
    assert touched(net) == ({"loss", "after", "norm"}, set())
