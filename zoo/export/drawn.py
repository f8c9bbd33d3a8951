"""Numbers for the parameters of a net that nobody has trained, with which its outputs depend on its inputs.

Fillers are made for the start of training: a classifier of zeros gives every input the same scores, and the sums of a
BatchNorm that has seen no batch are 0, by which it divides. Numbers of one size for all layers let values grow with the
depth of a net, and a Softmax of hundreds is 0 and 1, whatever goes in.
"""

import numpy as np

from zoo.formats import caffe_pb2


def draw(net, sizes):
    """Gives every parameter numbers with which values are about as large as 1 in each layer; the same ones each time.

    Weights are He's normal, made smaller by the size of what they multiply; biases are near 0 and factors near 1, and
    a BatchNorm has means and variances as after training.

    Args:
        net: a `Net` or an `ArrayNet`.
        sizes: {BlobRef: root of the mean square} of what the net is fed.
    """
    rng, sizes = np.random.default_rng(1), dict(sizes)
    for layer in net.layers:
        definition = layer.definition
        size = _size(definition, [sizes.get(bottom, 1.0) for bottom in definition.bottoms])
        for index, parameter in enumerate(layer.parameters):
            shape = parameter.spec.shape
            if definition.type == "BatchNorm":  # sums of means and of variances, and their factor
                array = (rng.normal(0, 0.3, shape), rng.uniform(0.7, 1.5, shape), np.ones(shape))[index]
            elif definition.type == "BN":  # slope or scale, bias or shift; PSPNet's has mean and variance too
                affine = rng.normal(1, 0.1, shape), rng.normal(0, 0.1, shape)
                array = (*affine, rng.normal(0, 0.3, shape), rng.uniform(0.7, 1.5, shape))[index]
            elif len(shape) > 1:
                array = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])) / size, shape)
                sizes.update(dict.fromkeys(definition.tops, 1.0))
            else:
                array = rng.normal(1.0 if definition.type == "Scale" and index == 0 else 0.0, 0.1, shape)
            parameter.assign(array)
        for top in definition.tops:
            sizes.setdefault(top, size)


def _size(definition, bottoms):
    """Returns about how large the values of a layer without weights are; for one with weights, what they multiply."""
    if not bottoms or definition.type in ("Softmax", "Sigmoid", "TanH", "Embed"):  # an Embed reads numbers of rows
        return 1.0
    if definition.type == "Eltwise":
        kind = definition.message.eltwise_param
        if kind.operation == caffe_pb2.EltwiseParameter.SUM:
            return float(np.sqrt(np.sum(np.square(bottoms))))
        if kind.operation == caffe_pb2.EltwiseParameter.PROD:
            return float(np.prod(bottoms))
    return max(*bottoms, 1e-3)
