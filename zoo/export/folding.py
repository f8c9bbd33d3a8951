"""Constant affine layers folded into the convolutions and inner products next to them, on prototxt and Caffe's blobs.

A layer y = a x + b for each channel, a and b known, disappears: its numbers go into the weights of the layer that
gives x, or where that is exact of the layer that reads y. No Keras is needed.
"""

import collections
import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.errors import UnsupportedError
from zoo.export import config_net
from zoo.export.channel_affine import channel_affine
from zoo.formats import caffe_pb2
from zoo.formats.prototxt import Parsed
from zoo.layers.base.geometry import canonical_axis
from zoo.netdef.net import net_def
from zoo.netdef.netdef import BlobRef
from zoo.netdef.shape_inference import infer_shapes

_CONVOLUTIONS = ("Convolution", "DepthwiseConvolution", "ConvolutionDepthwise")
_HOSTS = (*_CONVOLUTIONS, "Deconvolution", "InnerProduct")
_BIASED = dict.fromkeys((*_CONVOLUTIONS, "Deconvolution"), "convolution_param")
_BIASED |= {"InnerProduct": "inner_product_param", "Scale": "scale_param"}


@dataclass(eq=False)
class _Layer:
    """A layer while layers are folded.

    Attributes:
        index: in the net as it was.
        plan: its `PlannedLayer` as it was.
        message: a copy that may change.
        bottoms, tops: values, as they are now.
        arrays: its blobs; in float64 once something is folded into them.
        shared: whether a blob of it is another layer's, too.
    """

    index: int
    plan: Any
    message: caffe_pb2.LayerParameter
    bottoms: list[BlobRef]
    tops: list[BlobRef]
    arrays: list[np.ndarray]
    shared: bool

    @property
    def kind(self):
        return self.plan.definition.kind


@dataclass
class Folded:
    """What became of a net.

    Attributes:
        before, after: {layer that is gone: layer that has its numbers}, the layer before it or after it.
        left: {layer that could be gone: a clause that says why it is not}.
    """

    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def __str__(self):
        """One line: how many layers went where, and which stay."""
        said = [f"{len(self.before)} layers folded into the layer before, {len(self.after)} into the layer after"]
        reasons = collections.Counter(self.left.values())
        said += [f"{count} left ({why})" for why, count in reasons.items()]
        return "; ".join(said)


def fold(conversion):
    """Returns (the `Conversion` of the folded net, `Folded`); its `origin` is the one given.

    Folded are BatchNorm with global statistics, the BN and BatchNorm of forks likewise, Scale and Bias of one bottom,
    and Power with power 1, where they are the same for a whole channel or the whole blob. Into the layer before: where
    nothing else reads what that gives. Into the layer after: where that alone reads the result, and either nothing is
    padded or nothing is added. A layer whose blobs are shared, or whose name another layer has, stays as it is, and so
    does what is next to it.

    Raises:
        UnsupportedError: the net is that of TRAIN, where BatchNorm takes the batch's own statistics.
    """
    if conversion.phase != "TEST":
        raise UnsupportedError("--fold is for phase TEST", got=conversion.phase)
    layers, kept = _layers(conversion), set(conversion.outputs.values())
    result = Folded()
    for hosts in (_HOSTS, ("Scale",)):  # what finds no convolution may still go into the Scale behind it
        while any(_folded(layer, layers, kept, hosts, result) for layer in list(layers)):
            pass
    return _conversion(conversion, layers), result


def _layers(conversion):
    planned, net = infer_shapes(conversion.definition), conversion.array_net
    owners = collections.Counter(p.key for layer in net.layers for p in layer.parameters)
    layers = []
    for index, (plan, layer) in enumerate(zip(planned, net.layers)):
        message = caffe_pb2.LayerParameter()
        message.CopyFrom(conversion.message.layer[index])
        tops, bottoms = list(plan.definition.tops), list(plan.definition.bottoms)
        shared = any(owners[p.key] > 1 for p in layer.parameters)
        arrays = [p.array() for p in layer.parameters]
        layers.append(_Layer(index, plan, message, bottoms, tops, arrays, shared))
    return layers


def _folded(layer, layers, kept, hosts, result):
    """Folds a layer of `layers` where that is possible, and returns whether it was; notes it in `result`."""
    affine = channel_affine(layer)
    if affine is None:
        return False
    name = layer.plan.definition.key
    if isinstance(affine, str):
        result.left[name] = affine
        return False
    (bottom,), (top,) = layer.bottoms, layer.tops
    if [other.plan.definition.name for other in layers].count(layer.plan.definition.name) > 1:
        result.left[name] = "another layer has its name"
        return False
    giver = next(other for other in layers if bottom in other.tops)
    readers = [other for other in layers if bottom in other.bottoms]
    users = [other for other in layers if top in other.bottoms]
    why = "no convolution or inner product is next to it"
    if giver.kind in hosts and giver is not layer:
        why = _into_giver(giver, *affine) if readers == [layer] and bottom not in kept else _why_several(kept, bottom)
        if not why:
            giver.tops[0], giver.message.top[0] = top, top.name
            result.before[name] = giver.plan.definition.key
    if why and len(users) == 1 and top not in kept and users[0].kind in hosts:
        why = _into_user(users[0], *affine)
        if not why:
            users[0].bottoms[0], users[0].message.bottom[0] = bottom, bottom.name
            result.after[name] = users[0].plan.definition.key
    if why:
        if hosts is _HOSTS:  # what keeps it out of a Scale says less
            result.left[name] = why
        return False
    result.left.pop(name, None)
    layers.remove(layer)
    return True


def _why_several(kept, bottom):
    return "what it reads is an output" if bottom in kept else "what it reads has other readers"


def _why_no_host(host):
    """Returns a clause where a layer cannot take another's numbers, else ""."""
    if host.shared:
        return "the blobs of the layer next to it are shared"
    if len(host.bottoms) != 1 or len(host.tops) != 1:
        return "the layer next to it has several inputs"
    if host.kind == "Scale":
        return (
            "the Scale next to it is not the same for a whole channel" if isinstance(channel_affine(host), str) else ""
        )
    param = host.message.inner_product_param if host.kind == "InnerProduct" else host.message.convolution_param
    if canonical_axis(param.axis, len(host.plan.bottoms[0])) != 1:
        return "the layer next to it works along another axis"
    return ""


def _into_giver(host, a, b):
    """Makes `host` compute a y + b of what it gave as y; or returns a clause that says why it cannot."""
    if why := _why_no_host(host):
        return why
    weight, *biases = (array.astype(np.float64) for array in host.arrays)
    bias = biases[0] if biases else np.zeros_like(a)
    if host.kind == "Scale":
        weight, bias = weight * np.ones_like(a), bias * np.ones_like(a)
        _one_a_channel(host)
    _set(host, _by_output(host, weight, a), a * bias + b)
    return ""


def _into_user(host, a, b):
    """Makes `host` compute of x what it computed of a x + b; or returns a clause that says why it cannot."""
    if why := _why_no_host(host):
        return why
    weight, *biases = (array.astype(np.float64) for array in host.arrays)
    bias = biases[0] if biases else 0.0
    if host.kind == "Scale":
        _one_a_channel(host)
        _set(host, weight * a, weight * b + bias)
        return ""
    if b.any() and host.kind == "Deconvolution":
        return "what it adds reaches the border of the deconvolution after it in part only"
    if b.any() and host.kind in _CONVOLUTIONS and _reads_zeros(host):
        return "the convolution after it pads with zeros"
    factors, added = _by_input(host, weight, a), _by_input(host, weight, b)
    if host.kind == "Deconvolution" or not b.any():
        host.arrays[0] = factors
        return ""
    turned = host.kind == "InnerProduct" and host.message.inner_product_param.transpose
    sums = added.sum(axis=0 if turned else tuple(range(1, added.ndim)))
    _set(host, factors, sums + bias)
    return ""


def _reads_zeros(host):
    """Whether a convolution reads zeros around its input, or behind one that is smaller than its kernel."""
    shape = host.plan.bottoms[0]
    return any(w.pad or size < w.extent for size, w in zip(shape[2:], host.plan.type.window.windows(shape)))


def _by_output(host, weight, a):
    """Returns `weight` with each number times the factor `a` of the output channel that it is for."""
    if host.kind == "InnerProduct" and host.message.inner_product_param.transpose:
        return weight * a  # (in, out)
    if host.kind == "Deconvolution":  # (in, out / groups, ...): the inputs of a group give the outputs of that group
        groups = host.message.convolution_param.group
        grouped = weight.reshape(groups, -1, *weight.shape[1:])
        factors = a.reshape(groups, 1, -1, *[1] * (weight.ndim - 2))
        return (grouped * factors).reshape(weight.shape)
    return weight * a.reshape(-1, *[1] * (weight.ndim - 1))  # (out, ...)


def _by_input(host, weight, a):
    """Returns `weight` with each number times the factor `a` of the input channel that it reads."""
    if host.kind == "InnerProduct":
        factors = np.repeat(a, int(np.prod(host.plan.bottoms[0][2:])))
        return weight * (factors[:, None] if host.message.inner_product_param.transpose else factors)
    if host.kind == "Deconvolution":  # (in, ...)
        return weight * a.reshape(-1, *[1] * (weight.ndim - 1))
    groups = len(a) // weight.shape[1]  # (out, in / groups, ...)
    grouped = weight.reshape(groups, -1, *weight.shape[1:])
    factors = a.reshape(groups, 1, -1, *[1] * (weight.ndim - 2))
    return (grouped * factors).reshape(weight.shape)


def _one_a_channel(host):
    """Makes a Scale of one number for all one of a number a channel."""
    host.message.scale_param.ClearField("num_axes")
    host.message.scale_param.axis = 1


def _set(host, weight, bias):
    """Sets a host's blobs; it has a bias afterwards."""
    host.arrays[:] = [weight, bias]
    param = getattr(host.message, _BIASED[host.kind])
    if host.kind == "Scale" or not param.bias_term:
        param.bias_term = True


def _conversion(conversion, layers):
    whole = Parsed(conversion.message, conversion.parsed.file, conversion.parsed.source)
    parsed = config_net.with_layers(whole, {layer.index: layer.message for layer in layers})
    definition = net_def(parsed, conversion.phase)
    planned = infer_shapes(definition)
    last = config_net.last_values(definition)
    arrays = {
        plan.definition.key: [array.astype(np.float32, copy=False) for array in layer.arrays]
        for plan, layer in zip(planned, layers)
        if layer.arrays
    }
    return dataclasses.replace(
        conversion,
        parsed=parsed,
        definition=definition,
        shapes={ref: shape for plan in planned for ref, shape in zip(plan.definition.tops, plan.tops)},
        inputs=tuple(ref for plan in planned if plan.type.is_source for ref in plan.definition.tops),
        outputs={blob: last[blob] for blob in conversion.outputs},
        arrays=arrays,
        origin=conversion,
    )
