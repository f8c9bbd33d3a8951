"""MarginInnerProduct of SphereFace."""

import numpy as np
from onnx import TensorProto

from zoo.export.onnx.registry import writer


@writer("MarginInnerProduct")
def margin_inner_product(site):
    """Gemm with the rows of the weight normalised, and the margin at the label, as in the first pass."""
    kind, inputs = site.kind, site.array(0).shape[1]
    weight = site.array(0).astype(np.float64)
    weight = site.constant(weight / np.linalg.norm(weight, axis=1, keepdims=True), "unit")
    x, label = (site.op("Reshape", value, site.ints(-1, size)) for value, size in zip(site.inputs, (inputs, 1)))
    y = site.op("Gemm", x, weight, transB=1)
    share = max(kind.base * (1 + kind.gamma * (kind.start + 1)) ** -kind.power, kind.least)
    if kind.margin != "SINGLE":
        size = site.op("Sqrt", site.op("ReduceSum", site.op("Mul", x, x), site.ints(1)))
        margin = site.op("Mul", _MARGINS[kind.margin](site, site.op("Div", y, size)), size)
        own = site.op("Cast", label, to=TensorProto.INT64)
        own = site.op("Equal", own, site.constant(np.arange(kind.classes), "classes", np.int64))
        both = site.op("Add", site.op("Where", own, margin, y), site.op("Mul", y, site.constant(share)))
        y = site.op("Div", both, site.constant(1 + share))
    top = site.tops[0]
    y = site.reshape(y, top) if len(top) != 2 else y
    return (y, site.constant([share], "lambda"))[: len(site.tops)]


def _polynomial(site, z, coefficients):
    """Returns the sum of c z^i over {i: c}, by Horner's rule."""
    value, last = site.constant(coefficients[max(coefficients)]), max(coefficients)
    for power in reversed(range(last)):
        value = site.op("Mul", value, z)
        if power in coefficients:
            value = site.op("Add", value, site.constant(coefficients[power]))
    return value


def _double(site, z):
    signed = site.op("Mul", site.op("Sign", z), _polynomial(site, z, {2: 2}))
    return site.op("Add", signed, site.constant(-1))


def _triple(site, z):
    far = site.op("Sign", site.op("Add", site.op("Abs", z), site.constant(-0.5)))
    lowered = site.op("Mul", site.op("Sign", z), site.op("Add", far, site.constant(1)))
    cubic = site.op("Mul", far, _polynomial(site, z, {3: 4, 1: -3}))
    return site.op("Add", cubic, site.op("Add", lowered, site.constant(-2)))


def _quadruple(site, z):
    sign = site.op("Sign", z)
    far = site.op("Mul", sign, site.op("Sign", _polynomial(site, z, {2: 2, 0: -1})))
    lowered = site.op("Add", site.op("Add", site.op("Mul", sign, site.constant(2)), far), site.constant(-3))
    return site.op("Add", site.op("Mul", far, _polynomial(site, z, {4: 8, 2: -8, 0: 1})), lowered)


_MARGINS = {"DOUBLE": _double, "TRIPLE": _triple, "QUADRUPLE": _quadruple}
