"""Folded nets compute what they computed: into the layer before and after, and what must stay as it is."""

import numpy as np
import pytest

from tests.export import small_net
from zoo import reference
from zoo.errors import UnsupportedError
from zoo.export.conversion import convert
from zoo.export.folding import fold
from zoo.export.random_inputs import random_inputs
from zoo.formats import caffemodel
from zoo.netdef.shape_inference import infer_shapes

INPUT = 'input: "data" input_shape { dim: 2 dim: 6 dim: 7 dim: 8 } '


def conv(name, bottom, more="", kind="Convolution"):
    size = "" if "kernel" in more else "kernel_size: 3"
    return (
        f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{name}" '
        f"convolution_param {{ num_output: 4 {size} {more} }} }} "
    )


def shared(name):
    return conv(name, "data").replace(
        " convolution_param", ' param { name: "w" } param { name: "b" } convolution_param'
    )


def inner(name, bottom, more=""):
    param = f"inner_product_param {{ num_output: 4 {more} }}"
    return f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" {param} }} '


def layer(kind, name, bottom, top=None, more=""):
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{top or bottom}" {more} }} '


def bn(name, bottom, top=None, more=""):
    return layer("BatchNorm", name, bottom, top, more)


def scale(name, bottom, top=None, more="scale_param { bias_term: true }"):
    return layer("Scale", name, bottom, top, more)


def folded(text, tmp_path, outputs=(), arrays=None):
    """Returns (the `Folded`, the folded `Conversion`), which computes what the net computed, to 1e-5 of the largest."""
    config = small_net.write(tmp_path / "net.prototxt", INPUT + text)
    rng = np.random.default_rng(3)
    weights = {}
    for plan in infer_shapes(convert(config, load=False).definition):
        blobs = [rng.normal(0.1, 1, spec.shape).astype(np.float32) for spec in plan.blobs]
        for blob, spec in zip(blobs, plan.blobs):
            if "variance" in spec.variable:
                blob[:] = np.abs(blob) + 0.1
            elif spec.shape == (1,):  # what the sums of a BatchNorm are divided by
                blob[:] = 2.5
        if blobs:
            weights.setdefault(plan.definition.name, blobs)
    weights |= arrays or {}
    caffemodel.write(tmp_path / "net.caffemodel", weights)
    origin = convert(config, [str(tmp_path / "net.caffemodel")], outputs=outputs, load=False)
    conversion, result = fold(origin)
    x = random_inputs(origin, seed=1)
    named = {la.definition.key: [p.array() for p in la.parameters] for la in origin.array_net.layers}
    want = reference.run(origin.message, named, x)
    got = reference.run(conversion.message, conversion.arrays, x)
    assert list(conversion.outputs) == list(origin.outputs)
    for blob in origin.outputs:
        largest = np.abs(want[blob]).max()
        assert np.isfinite(largest) and np.abs(got[blob] - want[blob]).max() <= 1e-5 * largest, blob
    assert conversion.origin is origin and len(conversion.message.layer) == len(origin.message.layer) - len(
        result.before | result.after
    )
    return result, conversion


BEFORE = {
    "convolution without bias, in place": conv("c", "data", "bias_term: false") + bn("b", "c") + scale("s", "c"),
    "padded, grouped, strided": conv("c", "data", "group: 2 pad: 1 stride: 2") + bn("b", "c") + scale("s", "c"),
    "tops of their own": conv("c", "data") + bn("b", "c", "b") + scale("s", "b", "s") + layer("ReLU", "r", "s"),
    "deconvolution with groups": conv("c", "data", "group: 2 stride: 2 pad: 1", "Deconvolution")
    + bn("b", "c")
    + scale("s", "c"),
    "inner product": inner("c", "data") + bn("b", "c") + scale("s", "c"),
    "inner product, transposed": inner("c", "data", "transpose: true bias_term: false")
    + bn("b", "c")
    + scale("s", "c"),
    "bias and power": conv("c", "data", "bias_term: false")
    + layer("Bias", "b", "c")
    + layer("Power", "s", "c", more="power_param { scale: -2 shift: 3 }"),
    "one number for all": conv("c", "data")
    + bn("b", "c")
    + scale("s", "c", more="scale_param { num_axes: 0 axis: 0 bias_term: true }"),
}


def normalised(kind, more="", fork=""):
    """A convolution and a normalisation behind it."""
    return (
        (f'fork: "{fork}" ' if fork else "") + conv("c", "data", "bias_term: false") + layer(kind, "b", "c", more=more)
    )


OF_FORKS = {
    "PSPNet": normalised("BN", "bn_param { eps: 1e-3 frozen: true }"),
    "SegNet": normalised("BN", "bn_param { bn_mode: INFERENCE }"),
    "happynear": normalised("BN", fork="happynear"),
    "NVIDIA": normalised("BatchNorm", "batch_norm_param { scale_bias: true eps: 1e-7 }"),
    "NVIDIA 0.16 without scale": normalised("BatchNorm", fork="nvidia"),
    "NVIDIA 0.15": normalised("BatchNorm", "batch_norm_param { eps: 1e-3 }", "nvidia15"),
}


@pytest.mark.parametrize("text", OF_FORKS.values(), ids=OF_FORKS)
def test_normalisations_of_forks(text, tmp_path):
    result, _ = folded(text, tmp_path)
    assert result.before == {"b": "c"} and not result.left


def test_a_normalisation_by_the_batch_stays(tmp_path):
    for text in (normalised("BN", "bn_param { bn_mode: LEARN }"), normalised("BatchNorm", BY_BATCH, "nvidia15")):
        result, _ = folded(text, tmp_path)
        assert result.left == {"b": "it takes the batch's own statistics"}


BY_BATCH = "batch_norm_param { use_global_stats: false }"


@pytest.mark.parametrize("kind", ["DepthwiseConvolution", "ConvolutionDepthwise"])
def test_into_convolutions_of_each_channel(kind, tmp_path):
    text = bn("a", "data", "x") + conv("c", "x", "group: 6", kind).replace("output: 4", "output: 6") + bn("b", "c")
    result, _ = folded(text, tmp_path)
    assert result.before == {"b": "c"} and result.after == {"a": "c"} and not result.left


@pytest.mark.parametrize("text", BEFORE.values(), ids=BEFORE)
def test_into_the_layer_before(text, tmp_path):
    result, conversion = folded(text, tmp_path)
    assert result.before == {"b": "c", "s": "c"} and not result.after and not result.left


AFTER = {
    "convolution": bn("b", "data", "x") + scale("s", "x") + conv("c", "x"),
    "convolution with groups, without bias": bn("b", "data", "x")
    + scale("s", "x")
    + conv("c", "x", "group: 2 bias_term: false"),
    "inner product of images": bn("b", "data", "x") + scale("s", "x") + inner("c", "x"),
    "inner product, transposed": bn("b", "data", "x") + scale("s", "x") + inner("c", "x", "transpose: true"),
    "padded, but nothing is added": scale("b", "data", "x", "") + scale("s", "x", "x", "") + conv("c", "x", "pad: 1"),
    "deconvolution, nothing is added": scale("b", "data", "x", "")
    + scale("s", "x", "x", "")
    + conv("c", "x", "stride: 2", "Deconvolution"),
}


@pytest.mark.parametrize("text", AFTER.values(), ids=AFTER)
def test_into_the_layer_after(text, tmp_path):
    result, _ = folded(text, tmp_path)
    assert result.after == {"b": "c", "s": "c"} and not result.before and not result.left


STAY = {
    "the convolution after it pads with zeros": scale("s", "data", "x") + conv("c", "x", "pad: 1"),
    "what it adds reaches the border": scale("s", "data", "x") + conv("c", "x", "", "Deconvolution"),
    "what it reads has other readers": conv("c", "data") + scale("s", "c", "s") + layer("ReLU", "r", "c", "r"),
    "it is not the same for a whole channel": conv("c", "data") + scale("s", "c", more="scale_param { axis: 2 }"),
    "batch's own statistics": conv("c", "data") + bn("s", "c", more="batch_norm_param { use_global_stats: false }"),
    "its blobs are shared": conv("c", "data")
    + scale("s", "c", more='param { name: "g" }')
    + layer("ReLU", "r", "c", "c")
    + scale("t", "c", more='param { name: "g" }'),
    "blobs of the layer next to it are shared": shared("c") + shared("d") + scale("s", "c"),
    "no convolution or inner product": layer("ReLU", "r", "data", "r") + scale("s", "r"),
    "along another axis": inner("c", "data", "axis: 2") + bn("s", "c"),
}


@pytest.mark.parametrize("why", STAY)
def test_what_would_not_be_exact_stays(why, tmp_path):
    result, _ = folded(STAY[why], tmp_path)
    assert not result.before and not result.after and why in result.left["s"]
    assert why in str(result)


def test_a_convolution_that_reads_zeros_behind_its_input_takes_nothing_that_adds(tmp_path):
    """Of 7 x 8 a kernel of 9 with a stride of 4 makes one value, as Caffe divides; what is missing is zeros."""
    adds = "scale_param { bias_term: true bias_filler { value: 1 } }"
    text = scale("s", "data", "x", adds) + conv("c", "x", "kernel_size: 9 stride: 4")
    _, result = fold(convert(small_net.write(tmp_path / "net.prototxt", INPUT + text), load=False))
    assert result.left == {"s": "the convolution after it pads with zeros"}


def test_an_output_stays(tmp_path):
    result, _ = folded(conv("c", "data") + scale("s", "c", "s"), tmp_path, outputs=["c", "s"])
    assert result.left == {"s": "what it reads is an output"}


def test_a_batch_norm_without_statistics(tmp_path):
    """Caffe takes mean and variance to be 0 where the sums' weight is 0."""
    sums = [np.ones(4, np.float32), np.ones(4, np.float32), np.zeros(1, np.float32)]
    result, conversion = folded(conv("c", "data") + bn("b", "c"), tmp_path, arrays={"b": sums})
    assert result.before == {"b": "c"}


def test_before_an_activation_the_scale_takes_the_batch_norm(tmp_path):
    text = bn("b", "data", "x") + scale("s", "x") + layer("ReLU", "r", "x") + conv("c", "x", "pad: 1")
    result, conversion = folded(text, tmp_path)
    assert result.after == {"b": "s"} and list(result.left) == ["s"]
    assert [la.type for la in conversion.message.layer] == ["Input", "Scale", "ReLU", "Convolution"]


def test_training_is_refused(tmp_path):
    config = small_net.write(tmp_path / "net.prototxt", INPUT + conv("c", "data"))
    with pytest.raises(UnsupportedError, match="--fold is for phase TEST"):
        fold(convert(config, phase="TRAIN"))
