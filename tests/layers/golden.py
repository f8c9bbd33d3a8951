"""Runs one of real Caffe's recorded layer cases through prototxt -> NetDef -> build, and compares in place."""

import keras
import numpy as np
import tensorflow as tf

from zoo.converters.build import build
from zoo.formats.prototxt import parse_net
from zoo.layers.ops.layout import from_caffe, to_caffe
from zoo.netdef.net import net_def
from zoo.netdef.padding import without_padding

FORWARD, BACKWARD = 1e-5, 1e-4


class Case:
    """A recorded case: prototxt, phase, inputs, parameters, and what Caffe, or a fork of it, made of them."""

    def __init__(self, path):
        with np.load(path) as data:
            self.arrays = {key: data[key] for key in data}
        self.prototxt, self.phase = str(self.arrays.pop("prototxt")), str(self.arrays.pop("phase"))
        self.fork = str(self.arrays.pop("fork", ""))

    def group(self, kind):
        """Returns {rest of the key: array} of the arrays under `kind`/."""
        return {key[len(kind) + 1 :]: a for key, a in self.arrays.items() if key.startswith(f"{kind}/")}

    def build(self, portable):
        """Builds the case's net with its recorded parameters."""
        net = build(net_def(parse_net(self.prototxt), self.phase), portable=portable)
        given = self.group("param")
        for layer in net.layers:
            for index, parameter in enumerate(layer.parameters):
                array = given[f"{layer.definition.name}/{index}"]
                assert array.shape == parameter.spec.shape
                parameter.assign(array)
        return net


def run(case, portable):
    """Returns (outputs, input gradients, parameter gradients, parameters afterwards), keyed as in the file."""
    net = case.build(portable)
    feeds = {ref: from_caffe(tf.constant(case.group("in")[ref.name])) for ref in net.inputs}
    learned = [p.variable.value for layer in net.layers for p in layer.parameters]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([*feeds.values(), *learned])
        if portable:  # as it will be exported: through the functional model
            refs = list(dict.fromkeys(top for layer in net.layers for top in layer.definition.tops))
            values = dict(zip(refs, net.model(refs)(list(feeds.values()), training=case.phase == "TRAIN")))
        else:
            values = net.run(feeds)
        named = {ref.name: values[ref] for ref in values}  # a later version replaces an earlier one
        objective = tf.add_n([weight * tf.reduce_sum(values[ref]) for ref, weight in net.losses] or [tf.constant(0.0)])
        for name, diff in case.group("top_diff").items():
            objective += tf.reduce_sum(named[name] * from_caffe(tf.constant(diff)))
    grads = tape.gradient(objective, [*feeds.values(), *learned], unconnected_gradients="zero")
    inputs = {ref.name: to_caffe(g) for ref, g in zip(feeds, grads)}
    parameters, after = {}, {}
    rest = iter(grads[len(feeds) :])
    for layer in net.layers:
        for index, p in enumerate(layer.parameters):
            key = f"{layer.definition.name}/{index}"
            parameters[key] = p.spec.to_caffe(keras.ops.convert_to_numpy(tf.convert_to_tensor(next(rest))))
            after[key] = p.array()
    real = without_padding(net.layers, {ref: np.asarray(to_caffe(value)) for ref, value in values.items()})
    outputs = {name: real[ref] for name, ref in {ref.name: ref for ref in values}.items()}
    return outputs, inputs, parameters, after


def check(case, portable=False):
    """Asserts that everything recorded comes out, in exact shape and within tolerance of the largest value."""
    outputs, inputs, parameters, after = run(case, portable)
    for name, want in case.group("out").items():
        close(f"out/{name}", outputs[name], want, FORWARD)
    if not (portable and case.phase == "TRAIN"):  # no stock layer moves BatchNorm's sums as Caffe does
        for key, want in case.group("param_after").items():
            close(f"param_after/{key}", after[key], want, FORWARD)
    for name, want in case.group("grad_in").items():
        close(f"grad_in/{name}", inputs[name], want, BACKWARD)
    for key, want in case.group("grad_param").items():
        close(f"grad_param/{key}", parameters[key], want, BACKWARD)


def close(what, got, want, tolerance):
    """Asserts equal shape and a largest difference within `tolerance` of the largest wanted value."""
    got = np.asarray(got)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, Caffe's is {want.shape}"
    assert np.array_equal(np.isfinite(got), np.isfinite(want)), f"{what}: not finite in different places than Caffe's"
    if want.size:
        finite = np.isfinite(want)
        scale = max(np.abs(want[finite]).max(initial=0), 1e-30)
        worst = np.abs(got[finite] - want[finite]).max(initial=0) / scale
        assert worst <= tolerance, f"{what}: differs by {worst:.2e} of the largest value {scale:.3g}"
