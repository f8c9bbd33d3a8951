"""Every type that says that it follows a plane gives, built for open sizes, what it gives built for each size."""

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.cases import CASES
from tests.layers.cases.running import as_caffe, feeds_of, weights_of
from zoo.converters.build import build
from zoo.errors import ZooError
from zoo.formats.prototxt import parse_net
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.registry import lookup
from zoo.netdef.net import net_def
from zoo.netdef.open_sizes import follow, open_sizes
from zoo.netdef.shape_inference import infer_shapes

SIZES = ((0, 0), (1, 2), (6, 5))  # added to height and width


def followers():
    """Returns the kinds in the table whose type has something to say of planes."""
    found = []
    for kind, cases in CASES.items():
        layers = net_def(parse_net(cases[0].prototxt), cases[0].phase).layers
        own = next(layer for layer in layers if layer.kind == kind)
        if lookup(own).follows_plane is not LayerType.follows_plane:
            found.append(kind)
    return found


def test_the_types_of_convolutional_nets_do():
    wanted = {
        "Convolution",
        "Deconvolution",
        "Pooling",
        "ReLU",
        "PReLU",
        "LRN",
        "Eltwise",
        "Concat",
        "Slice",
        "Softmax",
    }
    assert wanted | {"Slice", "BatchNorm", "Scale", "Bias", "Dropout", "Split", "Power"} <= set(followers())


@pytest.mark.parametrize("kind", followers())
def test_as_built_for_each_size(kind):
    seen = 0
    for case in CASES[kind]:
        if case.phase == "TEST" and not case.batch_fixed:
            seen += compared(case)
    if not seen:
        pytest.skip("no case of it has an open plane in TEST")


def compared(case):
    """Compares one case at several sizes; returns at how many."""
    definition = net_def(parse_net(case.prototxt), case.phase)
    planned = infer_shapes(definition)
    sources = [layer for layer in planned if layer.type.is_source]
    fed = {layer.definition.tops[0]: list(layer.tops) for layer in sources}
    patterns = open_sizes(definition, fed, planned)
    if not any(None in pattern[2:] for pattern in patterns.values()):
        return 0
    net = build(definition, fed, patterns=patterns)
    give(net, weights_of(case, net))
    count = 0
    for more in SIZES:
        grown = {ref: [larger(shape, more, patterns[ref]) for shape in shapes] for ref, shapes in fed.items()}
        try:
            planned = infer_shapes(definition, grown)
        except ZooError:
            continue
        if not follow(planned, patterns):
            continue
        sized = build(definition, grown)
        give(sized, weights_of(case, sized))
        rng = np.random.default_rng(0)
        shapes = {ref.name: shape for first in grown for ref, shape in [(first, grown[first][0])]}
        arrays = {name: case.inputs[name].draw(rng, shape).astype(np.float32) for name, shape in shapes.items()}
        values, wanted = (made.run(feeds_of(made, arrays)) for made in (compiled(net, patterns), sized))
        for ref, want in wanted.items():
            got, want = as_caffe(values[ref]), as_caffe(want)
            assert got.shape == want.shape, (case.id, more, ref)
            np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-6, err_msg=f"{case.id} {more} {ref}")
        count += 1
    return count


def compiled(net, patterns):
    """Returns what runs `net` as one function of tensors whose open sizes are not known."""
    from zoo.layers.base.geometry import keras_shape

    refs = list(net.inputs)
    specs = [tf.TensorSpec(keras_shape(patterns[ref]), tf.float32) for ref in refs]
    function = tf.function(lambda *xs: list(net.run(dict(zip(refs, xs))).values()), autograph=False)
    function = function.get_concrete_function(*specs)

    class Compiled:
        inputs = net.inputs

        @staticmethod
        def run(feeds):
            keys = [*refs, *(top for layer in net.layers if layer.call is not None for top in layer.definition.tops)]
            return dict(zip(keys, function(*(feeds[ref] for ref in refs))))

    return Compiled


def larger(shape, more, pattern):
    """Returns a shape with twice the items and a larger plane, where the pattern leaves them open."""
    shape = list(shape)
    if pattern and pattern[0] is None and any(more):
        shape[0] *= 2
    if None in pattern[2:]:
        shape[2:] = [size + each for size, each in zip(shape[2:], more)]
    return tuple(shape)


def give(net, weights):
    for layer in net.layers:
        for parameter, array in zip(layer.parameters, weights.get(layer.definition.name, ())):
            parameter.assign(array)
