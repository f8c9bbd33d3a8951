"""What layers cost, as cv2.dnn's layers count it."""

import math

_EACH = {"ReLU": 1, "PReLU": 1, "TanH": 1, "AbsVal": 1, "ELU": 2, "Sigmoid": 3, "BNLL": 5}
_EACH |= {"Softmax": 4, "BatchNorm": 3, "Scale": 2}


def flops(layer):
    """Returns the floating-point operations of a `PlannedLayer` for one pass.

    The rules are OpenCV's for the types that it counts (a multiply-add is two); of any other type, twice its
    multiply-adds.
    """
    kind, values = layer.definition.type, sum(math.prod(top) for top in layer.tops)
    if kind == "Convolution":
        outputs, *window = layer.blobs[0].shape
        return values * (2 * math.prod(window) + 1)
    if kind == "InnerProduct":
        return 3 * layer.blobs[0].count // layer.blobs[0].shape[0] * values
    if kind == "Pooling":
        area = math.prod(layer.bottoms[0][2:]) if layer.type.whole else math.prod(layer.type.kernel)
        return values * area if layer.type.method == "MAX" else values * (area + 1)
    if kind == "Eltwise":
        return len(layer.bottoms) * values
    return _EACH.get(kind, 0) * values or 2 * int(layer.type.flops(layer.bottoms, layer.tops))


def memory(planned):
    """Returns (bytes of parameters, bytes of outputs) of `PlannedLayer`s, each layer's counted in full."""
    weights = sum(spec.count for layer in planned for spec in layer.blobs)
    return 4 * weights, 4 * sum(math.prod(top) for layer in planned for top in layer.tops)
