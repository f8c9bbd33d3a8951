"""What a user of pycaffe does with a net, held against NumPy."""

import gc
from collections import OrderedDict

import h5py
import numpy as np
import pytest

import zoo.pycaffe as caffe
from tests.pycaffe.nets import CONV, conv_net, write
from zoo.errors import NetError, PrototxtError, WeightsError, ZooError
from zoo.formats import caffemodel

RNG = np.random.default_rng(5)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def leaky(x, slope=0.3):
    return np.where(x > 0, x, slope * x)


def ip(x, net):
    return x.reshape(len(x), -1) @ net.params["ip"][0].data.T + net.params["ip"][1].data


def conv(x, net):
    weight, bias = (blob.data for blob in net.params["conv"])
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 2), (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, weight) + bias[:, None, None]


def test_values_written_in_place_count(tmp_path):
    net = conv_net(tmp_path)
    net.blobs["data"].data[...] = normal(2, 3, 5, 7)
    out = net.forward()
    assert list(out) == ["ip"]
    want = ip(leaky(conv(net.blobs["data"].data, net)), net)
    np.testing.assert_allclose(out["ip"], want, rtol=1e-4, atol=1e-5)
    net.params["conv"][0].data[...] *= 2
    net.params["ip"][1].data[3] += 5
    again = ip(leaky(conv(net.blobs["data"].data, net)), net)
    assert np.abs(again - want).max() > 1
    np.testing.assert_allclose(net.forward()["ip"], again, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(net.blobs["conv"].data, leaky(conv(net.blobs["data"].data, net)), rtol=1e-4, atol=1e-5)


def test_arrays_that_are_held_are_the_blobs_memory(tmp_path):
    net = conv_net(tmp_path)
    x, weight, row = net.blobs["data"].data, net.params["ip"][0].data, net.blobs["ip"].data[1]
    x[...] = normal(2, 3, 5, 7)
    net.forward()
    before = row.copy()
    assert before.any()
    weight *= -1  # a view that was taken long before the forward pass
    x[0] = 0
    net.forward()
    assert np.abs(row - before).max() > 0.1
    np.testing.assert_array_equal(row, net.blobs["ip"].data[1])
    assert np.shares_memory(net.blobs["ip"].data, row)
    assert np.shares_memory(net.blobs["data"].data, x)
    weight[...] = 0  # again, without asking for the array again
    net.forward()
    np.testing.assert_allclose(row, net.params["ip"][1].data)


def test_memory_outlives_the_net(tmp_path):
    net = conv_net(tmp_path, loss=True, extra="force_backward: true", phase=caffe.TRAIN)
    net.forward()
    net.backward()
    blobs = [*net.blobs.values(), *(blob for blobs in net.params.values() for blob in blobs)]
    del net
    gc.collect()
    assert all(np.isfinite(blob.data).all() and np.isfinite(blob.diff).all() for blob in blobs)


def test_from_layer_to_layer(tmp_path):
    net = conv_net(tmp_path, extra="force_backward: true")
    x = normal(2, 4, 3, 6)
    net.blobs["conv"].data[...] = x
    assert list(net.forward(start="ip", end="ip")) == ["ip"]
    np.testing.assert_allclose(net.blobs["ip"].data, ip(x, net), rtol=1e-4, atol=1e-5)
    assert not net.blobs["data"].data.any()
    diff = normal(2, 6)
    net.blobs["ip"].diff[...] = diff
    assert list(net.backward(start="ip", end="ip")) == ["conv"]
    want = (diff @ net.params["ip"][0].data).reshape(x.shape)
    np.testing.assert_allclose(net.blobs["conv"].diff, want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(net.params["ip"][0].diff, diff.T @ x.reshape(2, -1), rtol=1e-4, atol=1e-5)
    assert not net.params["conv"][0].diff.any()
    net.forward(start="relu", end="relu")  # works on what the blob holds now
    np.testing.assert_allclose(net.blobs["conv"].data, leaky(x), rtol=1e-6)
    net.backward(start="relu", end="relu")
    np.testing.assert_allclose(net.blobs["conv"].diff, np.where(x > 0, want, 0.3 * want), rtol=1e-4, atol=1e-5)


def test_gradients_add_up_until_cleared(tmp_path):
    net = conv_net(tmp_path, loss=True, phase=caffe.TRAIN)
    net.blobs["data"].data[...] = normal(2, 3, 5, 7)
    net.blobs["label"].data[...] = (4, 1)
    net.forward()
    net.backward()
    held = net.params["conv"][0].diff
    once = held.copy()
    assert np.abs(once).max() > 1e-3
    assert not net.blobs["data"].diff.any()  # nothing below it is learned
    net.backward()
    np.testing.assert_allclose(held, 2 * once, rtol=1e-4, atol=1e-6)
    net.clear_param_diffs()
    assert not held.any()
    assert not net.params["ip"][1].diff.any()
    held[...] = 7  # what the user puts there counts, too
    net.forward()
    net.backward()
    np.testing.assert_allclose(held, 7 + once, rtol=1e-4, atol=1e-5)


def test_values_changed_between_forward_and_backward_count(tmp_path):
    net = conv_net(tmp_path, extra="force_backward: true")
    net.blobs["data"].data[...] = normal(2, 3, 5, 7)
    net.forward()
    x = normal(2, 4, 3, 6)
    net.blobs["conv"].data[...] = x
    diff = normal(2, 6)
    net.backward(ip=diff)
    np.testing.assert_allclose(net.params["ip"][0].diff, diff.T @ x.reshape(2, -1), rtol=1e-4, atol=1e-5)


FAN_OUT = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "scale" type: "Power" bottom: "data" top: "x" power_param { scale: 3 } }
layer { name: "square" type: "Power" bottom: "x" top: "square" power_param { power: 2 } }
layer { name: "sum" type: "Reduction" bottom: "x" top: "sum" reduction_param { axis: 0 } loss_weight: 2 }
layer { name: "again" type: "Power" bottom: "sum" top: "again" }
force_backward: true
"""


def test_splits_are_caffes(tmp_path):
    net = caffe.Net(write(tmp_path, FAN_OUT), caffe.TRAIN)
    names = ["data", "x", "x_scale_0_split_0", "x_scale_0_split_1", "square", "sum", "sum_sum_0_split_0"]
    assert list(net.blobs) == [*names, "sum_sum_0_split_1", "again"]
    layers = ["data", "scale", "x_scale_0_split", "square", "sum", "sum_sum_0_split", "again"]
    assert net._layer_names == list(net.layer_dict) == layers
    assert net.inputs == ["data"]
    assert net.outputs == ["again", "square", "sum_sum_0_split_0"]
    assert net.bottom_names["square"] == ["x_scale_0_split_0"]
    assert net.top_names["x_scale_0_split"] == ["x_scale_0_split_0", "x_scale_0_split_1"]
    assert net.blob_loss_weights["sum_sum_0_split_0"] == 2
    assert sum(net.blob_loss_weights.values()) == 2
    x = normal(2, 3)
    net.blobs["data"].data[...] = x
    assert net._forward(0, 6) == pytest.approx(2 * 3 * x.sum(), rel=1e-4)
    net.blobs["square"].diff[...] = 1
    net.blobs["again"].diff[...] = 0.5
    net.backward()
    np.testing.assert_allclose(net.blobs["data"].diff, 3 * (2 * 3 * x + 2 + 0.5), rtol=1e-5)


def test_names_as_pycaffe_has_them(tmp_path):
    net = conv_net(tmp_path, loss=True, phase=caffe.TRAIN)
    assert net.inputs == ["data", "label"]
    assert net.outputs == ["loss"]
    assert list(net.params) == ["conv", "ip"]
    assert [layer.type for layer in net.layers][1:4] == ["Convolution", "ReLU", "InnerProduct"]
    assert net.layer_dict["ip"].blobs[0] is net.params["ip"][0]
    assert net.top_names == OrderedDict(
        data=["data"], conv=["conv"], relu=["conv"], ip=["ip"], label=["label"], loss=["loss"]
    )
    assert net.bottom_names["loss"] == ["ip", "label"]
    assert net._top_ids(2) == net._bottom_ids(2) == [1]
    assert [net._blob_names[i] for i in net._outputs] == ["loss"]
    assert net.blob_loss_weights["loss"] == 1
    blob = net.blobs["conv"]
    assert (blob.num, blob.channels, blob.height, blob.width, blob.count) == (2, 4, 3, 6, 144)
    assert net.blobs["label"].channels == 1
    assert net.params["conv"][0].shape == (4, 3, 3, 2)


def test_reshape(tmp_path):
    net = conv_net(tmp_path, extra="force_backward: true")
    small = normal(2, 3, 5, 7)
    first = net.forward(data=small)["ip"].copy()
    kept = net.blobs["data"]
    weight = net.params["conv"][0].data.copy()
    kept.reshape(4, 3, 5, 7)
    assert net.blobs["ip"].shape == (2, 6)
    net.reshape()
    assert net.blobs["ip"].shape == net.blobs["ip"].diff.shape == (4, 6)
    big = np.concatenate([small, small * 2])
    np.testing.assert_allclose(net.forward(data=big)["ip"][:2], first, rtol=1e-4, atol=1e-5)
    assert net.blobs["data"] is kept
    np.testing.assert_array_equal(net.params["conv"][0].data, weight)
    kept.reshape(1, 3, 5, 7)  # without net.reshape: the next pass follows
    kept.data[...] = small[1:]
    np.testing.assert_allclose(net.forward()["ip"], first[1:], rtol=1e-4, atol=1e-5)
    kept.reshape(2, 3, 5, 7)
    np.testing.assert_allclose(net.forward(data=small)["ip"], first, rtol=1e-4, atol=1e-5)
    net.backward(ip=normal(2, 6))
    assert net.params["conv"][0].diff.any()
    kept.reshape(2, 3, 6, 7)
    with pytest.raises(NetError, match="ip"):
        net.reshape()


@pytest.mark.parametrize("phase", [caffe.TEST, caffe.TRAIN])
def test_only_layers_that_run_need_their_sizes(phase, tmp_path):
    """As for deep dreams: a net for classes on images of other sizes, up to the last layer that takes any."""
    net = conv_net(tmp_path, phase, extra="force_backward: true")
    firsts = CONV.format(extra="force_backward: true", ip="").partition('layer { name: "ip"')[0]
    alone = caffe.Net(write(tmp_path, firsts, "firsts.prototxt"), phase)
    alone.share_with(net)
    donor = conv_net(tmp_path, phase, extra="force_backward: true", seed=4)
    for shape in ((1, 3, 8, 6), (1, 3, 9, 11), (3, 3, 4, 4), (1, 3, 8, 6)):
        images = RNG.normal(size=shape).astype(np.float32)
        for own in (net, alone):
            own.blobs["data"].reshape(*shape)
            own.blobs["data"].data[...] = images
            own.forward(end="relu")
            own.blobs["conv"].diff[...] = own.blobs["conv"].data
            own.backward(start="relu")
        np.testing.assert_allclose(net.blobs["conv"].data, alone.blobs["conv"].data, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(net.blobs["data"].diff, alone.blobs["data"].diff, rtol=1e-5, atol=1e-6)
        assert net.blobs["data"].diff.any() and net.blobs["ip"].shape == (2, 6)
    for act in (net.forward, net.reshape, net.backward, lambda: net.forward(start="ip")):
        with pytest.raises(ZooError, match=r'layer "ip" \(InnerProduct\).*\(6, 120\)'):
            act()
    net.share_with(donor)
    net.blobs["data"].reshape(2, 3, 5, 7)
    images = normal(2, 3, 5, 7)
    np.testing.assert_allclose(net.forward(data=images)["ip"], donor.forward(data=images)["ip"], rtol=1e-5)


def test_save_and_load(tmp_path):
    net, other = conv_net(tmp_path, seed=1), conv_net(tmp_path, seed=2)
    x = normal(2, 3, 5, 7)
    net.params["ip"][1].data[...] = 9  # not yet seen by any pass
    want = net.forward(data=x)["ip"].copy()
    for name, save in (("a.caffemodel", net.save), ("b.caffemodel.h5", net.save), ("c.weights", net.save_hdf5)):
        path = str(tmp_path / name)
        save(path)
        assert sorted(caffemodel.read(path)) == ["conv", "data", "ip", "relu"]
        np.testing.assert_array_equal(caffemodel.read(path)["ip"][1], np.full(6, 9))
        other.params["ip"][0].data[...] = 0
        held = other.params["conv"][0].data
        other.copy_from(path)
        np.testing.assert_array_equal(held, net.params["conv"][0].data)
        np.testing.assert_allclose(other.forward(data=x)["ip"], want, rtol=1e-5)
    file = str(tmp_path / "net.prototxt")
    for loaded in (
        caffe.Net(file, path, caffe.TEST),
        caffe.Net(file, caffe.TEST, weights=path),
        caffe.Net(network_file=file, phase=caffe.TEST, weights=path),
    ):
        np.testing.assert_allclose(loaded.forward(data=x)["ip"], want, rtol=1e-5)
    other.load_hdf5(path)


def test_share_with(tmp_path):
    one, two = conv_net(tmp_path, seed=1), conv_net(tmp_path, seed=2)
    two.share_with(one)
    assert np.shares_memory(one.params["conv"][0].data, two.params["conv"][0].data)
    assert not np.shares_memory(one.params["conv"][0].diff, two.params["conv"][0].diff)
    x = normal(2, 3, 5, 7)
    one.params["ip"][0].data[...] *= 3
    np.testing.assert_allclose(two.forward(data=x)["ip"], one.forward(data=x)["ip"], rtol=1e-5)
    two.params["conv"][1].data[...] = 4
    np.testing.assert_allclose(two.forward(data=x)["ip"], one.forward(data=x)["ip"], rtol=1e-5)
    two.blobs["data"].reshape(1, 3, 5, 7)
    np.testing.assert_allclose(two.forward(data=x[:1])["ip"], one.forward(data=x)["ip"][:1], rtol=1e-4, atol=1e-5)


SHARED = """
force_backward: true
layer {{ name: "in" type: "Input" top: "a" top: "b" top: "c"
  input_param {{ shape {{ dim: 2 dim: 3 dim: 2 dim: 2 }} shape {{ dim: 2 dim: 12 }}
    shape {{ dim: 1 dim: 3 dim: 2 dim: 2 }} }} }}
layer {{ name: "one" type: "InnerProduct" bottom: "{0}" top: "y1" param {{ name: "w" }}
  inner_product_param {{ num_output: 2 bias_term: false weight_filler {{ type: "gaussian" }} }} }}
layer {{ name: "two" type: "InnerProduct" bottom: "{1}" top: "y2" param {{ name: "w" }}
  inner_product_param {{ num_output: 2 bias_term: false }} }}
layer {{ name: "conv" type: "Convolution" bottom: "c" top: "y3" param {{ name: "w" share_mode: PERMISSIVE }}
  convolution_param {{ num_output: 2 kernel_size: 2 bias_term: false }} }}
"""


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_parameters_shared_in_several_shapes(tmp_path, order):
    file = write(tmp_path, SHARED.format(*order))
    net, other = caffe.Net(file, caffe.TEST), caffe.Net(file, caffe.TEST)
    assert net.params["two"][0] is net.params["one"][0]
    assert net.params["conv"][0].shape == net.params["conv"][0].data.shape == (2, 3, 2, 2)
    w = normal(2, 12)
    net.params["conv"][0].data[...] = w.reshape(2, 3, 2, 2)
    np.testing.assert_array_equal(net.params["one"][0].data, w)
    inputs = {"a": normal(2, 3, 2, 2), "b": normal(2, 12), "c": normal(1, 3, 2, 2)}
    diffs = {"y1": normal(2, 2), "y2": normal(2, 2), "y3": normal(1, 2, 1, 1)}
    out = net.forward(**inputs)
    flat = {f"y{k + 1}": inputs[name].reshape(-1, 12) for k, name in enumerate((*order, "c"))}
    for name, x in flat.items():
        np.testing.assert_allclose(out[name].reshape(-1, 2), x @ w.T, rtol=1e-4, atol=1e-5)
    net.backward(**diffs)
    want = sum(diffs[name].reshape(-1, 2).T @ x for name, x in flat.items())
    np.testing.assert_allclose(net.params["one"][0].diff, want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(net.params["conv"][0].diff.reshape(2, 12), want, rtol=1e-4, atol=1e-5)
    net.clear_param_diffs()
    assert not net.params["conv"][0].diff.any()
    net.save(str(tmp_path / "w.caffemodel"))
    other.share_with(net)
    np.testing.assert_array_equal(other.params["conv"][0].data.reshape(2, 12), w)
    net.params["two"][0].data[...] *= 2
    np.testing.assert_array_equal(other.params["conv"][0].data.reshape(2, 12), 2 * w)
    np.testing.assert_allclose(other.forward(**inputs)["y3"].reshape(1, 2), 2 * flat["y3"] @ w.T, rtol=1e-4, atol=1e-5)
    other.copy_from(str(tmp_path / "w.caffemodel"))
    np.testing.assert_array_equal(net.params["conv"][0].data.reshape(2, 12), w)


def test_all_items_in_batches(tmp_path):
    net = conv_net(tmp_path, extra="force_backward: true")
    x, diff = normal(5, 3, 5, 7), normal(5, 6)
    outs = net.forward_all(data=x, blobs=["conv"])
    assert outs["ip"].shape == (5, 6)
    np.testing.assert_allclose(outs["ip"], ip(leaky(conv(x, net)), net), rtol=1e-4, atol=1e-5)
    assert outs["conv"].shape == (5, 4, 3, 6)
    outs, grads = net.forward_backward_all(data=x, ip=diff, diffs=["conv"])
    assert outs["ip"].shape == (5, 6)
    assert grads["data"].shape == x.shape
    want = (diff @ net.params["ip"][0].data).reshape(5, 4, 3, 6) * np.where(conv(x, net) > 0, 1, 0.3)
    np.testing.assert_allclose(grads["conv"], want, rtol=1e-4, atol=1e-5)


def test_hooks_see_every_layer(tmp_path):
    net, seen = conv_net(tmp_path, extra="force_backward: true"), []
    plain = net.forward(data=normal(2, 3, 5, 7))["ip"].copy()
    net.before_forward(lambda i: seen.append(("before", i)))
    net.after_forward(lambda i: seen.append((i, float(net.blobs["conv"].data.min()))))
    np.testing.assert_allclose(net.forward()["ip"], plain, rtol=1e-5)
    assert [s for s in seen if s[0] == "before"] == [("before", i) for i in range(4)]
    lowest = dict(s for s in seen if s[0] != "before")
    assert lowest[1] < lowest[2] < 0  # before and after the ReLU in place
    net.after_backward(lambda i: seen.append(("back", i)))
    net.backward(ip=normal(2, 6))
    assert [s for s in seen if s[0] == "back"] == [("back", i) for i in (3, 2, 1, 0)]


def test_levels_and_stages(tmp_path):
    text = """layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 } } }
    layer { name: "a" type: "ReLU" bottom: "data" top: "a" include { stage: "A" } }
    layer { name: "b" type: "ReLU" bottom: "data" top: "b" include { min_level: 2 } }"""
    file = write(tmp_path, text)
    assert caffe.Net(file, caffe.TEST).outputs == ["data"]
    assert caffe.Net(file, caffe.TEST, stages=["A"]).outputs == ["a"]
    assert caffe.Net(file, caffe.TEST, level=2, stages=["A"]).outputs == ["a", "b"]
    assert caffe.Net(file, caffe.TEST, 3).outputs == ["b"]


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda net, file: net.forward(data=np.zeros((3, 3, 5, 7))), "not batch sized"),
        (lambda net, file: net.forward(data=np.zeros((2, 3, 5, 8))), "does not fit"),
        (lambda net, file: net.forward(dta=np.zeros((2, 3, 5, 7))), "not those of the net, got dta, want data"),
        (lambda net, file: net.backward(conv=np.zeros((2, 4, 3, 6))), "got conv, want ip"),
        (lambda net, file: net.forward(end="cnv"), 'no layer "cnv".*did you mean "conv"'),
        (lambda net, file: net.forward(blobs=["datta"]), 'no blob "datta".*did you mean "data"'),
        (lambda net, file: net.blobs["data"].reshape(2, -3), "cannot have such a shape"),
        (lambda net, file: net.blobs["data"].reshape("a"), "whole numbers"),
        (lambda net, file: net.params["ip"][0].reshape(2, 3), "cannot become"),
        (lambda net, file: net.set_input_arrays(np.zeros(1), np.zeros(1)), "MemoryData as the net's first layer"),
        (lambda net, file: net.forward_all(), "arrays given"),
        (lambda net, file: net.forward_all(data=np.zeros((0, 3, 5, 7))), "at least one"),
        (lambda net, file: net.copy_from(file + "x"), "no such file"),
        (lambda net, file: caffe.Net(file + "x", caffe.TEST), "no such file"),
        (lambda net, file: caffe.Net(file, 7), "phase 7"),
        (lambda net, file: caffe.Net(file), "phase None"),
        (lambda net, file: (net.blobs["conv"].reshape(1, 2), net.forward(start="ip")), "was reshaped"),
    ],
)
def test_bad_use_is_said(tmp_path, act, says):
    net = conv_net(tmp_path)
    with pytest.raises(ZooError, match=says):
        act(net, str(tmp_path / "net.prototxt"))


def test_weights_that_do_not_fit(tmp_path):
    net = conv_net(tmp_path)
    net.save(str(tmp_path / "w.caffemodel"))
    with pytest.raises(PrototxtError):
        caffe.Net(str(tmp_path / "w.caffemodel"), caffe.TEST)
    text = (tmp_path / "net.prototxt").read_text().replace("num_output: 6", "num_output: 5")
    with pytest.raises(WeightsError, match="does not fit"):
        caffe.Net(write(tmp_path, text, "other.prototxt"), str(tmp_path / "w.caffemodel"), caffe.TEST)


def test_two_data_layers_of_one_name(tmp_path):
    """Each has its own shapes; Caffe tells them apart, too."""
    for name, shape in (("wide", (6, 5)), ("narrow", (6, 2))):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file[name] = np.full(shape, len(name), np.float32)
        (tmp_path / f"{name}.txt").write_text(f"{tmp_path / name}.h5\n")
    layers = "".join(
        f'layer {{ name: "data" type: "HDF5Data" top: "{name}"'
        f' hdf5_data_param {{ source: "{tmp_path / name}.txt" batch_size: 3 }} }}'
        f'layer {{ name: "ip_{name}" type: "InnerProduct" bottom: "{name}" top: "ip_{name}"'
        " inner_product_param { num_output: 4 } }"
        for name in ("wide", "narrow")
    )
    (tmp_path / "net.prototxt").write_text(layers)
    net = caffe.Net(str(tmp_path / "net.prototxt"), caffe.TRAIN)
    assert net.params["ip_wide"][0].shape == (4, 5) and net.params["ip_narrow"][0].shape == (4, 2)
    net.forward()
    assert net.blobs["wide"].data.shape == (3, 5) and (net.blobs["narrow"].data == 6).all()


def ips(folder, names, seed, sizes=(3, 3)):
    """A net of two inner products, one behind the other, under names that may be one."""
    text = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }'
    for name, bottom, top, size in zip(names, "xy", "yz", sizes):
        text += f"""layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{top}"
          inner_product_param {{ num_output: {size} weight_filler {{ type: "gaussian" std: 1 }} }} }}"""
    caffe.set_random_seed(seed)
    return caffe.Net(write(folder, text, f"{seed}.prototxt"), caffe.TRAIN)


@pytest.mark.parametrize("name", ["ip", ""])
def test_layers_of_one_name(name, tmp_path):
    """As pycaffe: `params` has the last of a name, `forward` begins at the first; files hold both, in order."""
    net, plain = ips(tmp_path, (name, name), 1), ips(tmp_path, ("a", "b"), 2)
    assert list(net._layer_names) == ["in", name, name] and list(net.params) == [name]
    first, last = (layer.blobs for layer in net.layers[1:])
    assert net.params[name][0] is last[0] and net.layer_dict[name] is net.layers[2]
    for ours, theirs in zip([*first, *last], [*plain.params["a"], *plain.params["b"]]):
        theirs.data[...] = ours.data
    x = normal(2, 3)
    np.testing.assert_array_equal(net.forward(x=x)["z"], plain.forward(x=x)["z"])
    net.forward(start=name)
    dz = normal(2, 3)
    net.backward(z=dz), plain.backward(z=dz)
    for ours, theirs in zip([*first, *last], [*plain.params["a"], *plain.params["b"]]):
        np.testing.assert_array_equal(ours.diff, theirs.diff)
    net.save(str(tmp_path / "w.caffemodel"))
    written = caffemodel.read(tmp_path / "w.caffemodel")
    assert list(written.names.items()) == [("in", "in"), (name, name), (f"{name}#2", name)]
    np.testing.assert_array_equal(written[f"{name}#2"][0], last[0].data)
    other = ips(tmp_path, (name, name), 3)
    kept = other.layers[2].blobs[0].data.copy()
    other.copy_from(str(tmp_path / "w.caffemodel"))
    np.testing.assert_array_equal(other.layers[1].blobs[0].data, last[0].data)
    np.testing.assert_array_equal(other.layers[2].blobs[0].data, kept)
    with pytest.raises(WeightsError, match="HDF5"):
        net.save_hdf5(str(tmp_path / "w.h5"))
    assert not (tmp_path / "w.h5").exists()


def test_share_with_a_net_that_has_a_name_twice(tmp_path):
    one, two = ips(tmp_path, ("ip", "ip"), 1), ips(tmp_path, ("ip", "ip"), 2)
    two.share_with(one)
    assert np.shares_memory(two.layers[1].blobs[0].data, one.layers[2].blobs[0].data)
    assert not any(np.shares_memory(two.layers[2].blobs[0].data, layer.blobs[0].data) for layer in one.layers[1:])
    other = ips(tmp_path, ("ip", "ip"), 3, sizes=(2, 3))
    with pytest.raises(NetError, match='layer "ip" cannot share its parameters'):
        other.share_with(one)
