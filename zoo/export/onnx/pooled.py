"""Pooling as Caffe does it, by ONNX's operators: the windows that Caffe has, and its divisors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from zoo.export.onnx.site import Site
from zoo.layers.base.geometry import Window, cover, pool_divisors

LOWEST = float(np.finfo(np.float32).min)  # what MAX gives where no value is in a window


class PooledPlanes:
    """The windows of one pooling layer over (N, C, spatial...).

    Where height and width are open, whole windows are the same for every size if the padding behind is that before
    plus stride - 1, which makes of rounding down a rounding up. That must stay below the kernel, where also the
    windows begin that Caffe drops or that hold no value; else the form depends on the sizes and is refused.

    Args:
        site: the layer.
        sizes: of the spatial axes.
        windows: a `Window` for each.
        outs: how many windows there are along each.
        ceil: whether sizes are rounded up.
    """

    def __init__(self, site: Site, sizes: Sequence[int], windows: Sequence[Window], outs: Sequence[int], ceil=True):
        self.site, self.sizes, self.windows, self.outs = site, tuple(sizes), tuple(windows), tuple(outs)
        if site.any_size:
            self.pads = [(w.pad, w.pad + (w.stride - 1 if ceil else 0)) for w in self.windows]
            if any(after >= w.kernel for (_, after), w in zip(self.pads, self.windows)):
                raise site.refuse(
                    "with height and width open, some sizes have windows that Caffe drops or that are empty"
                )
        else:
            self.pads = [cover(*each) for each in zip(self.sizes, self.windows, self.outs)]
        self._apart = any(max(pads) >= w.kernel for pads, w in zip(self.pads, self.windows))

    def largest(self, x: str, places: bool = False):
        """Returns MAX of each window; with `places` also where in the plane the first maximum is, as float."""
        if not places:
            return self._pool("MaxPool", x, LOWEST)
        if self._apart or self.site.any_size:
            raise self.site.refuse("its second top counts places of a plane whose size is open, or padded apart")
        value, index = self._pool("MaxPool", x, LOWEST, outputs=2)
        plane = self.site.op("Mod", index, self.site.ints(int(np.prod(self.sizes))))
        return value, self.site.op("Cast", plane, to=1)

    def average(self, x: str, counted: bool = True) -> str:
        """Returns AVE: the sum over Caffe's divisor, which counts padding, or not, but never what hangs over."""
        if self.site.any_size:
            return self._average_of_any_size(x, counted)
        area = [w.kernel for w in self.windows]
        each = list(zip(self.sizes, self.windows, self.outs))
        divisors = [pool_divisors(*one, padding=counted) for one in each]
        inside = [pool_divisors(*one, padding=False) for one in each]
        if all(set(one) == {k} for one, k in zip(divisors, area)):
            return self._pool("AveragePool", x, 0.0, count_include_pad=1)
        if divisors == inside and not self._apart:
            return self._pool("AveragePool", x, 0.0, count_include_pad=0)
        factor = np.ones((), np.float64)
        with np.errstate(divide="ignore"):
            for one, k in zip(divisors, area):
                factor = np.multiply.outer(factor, k / np.asarray(one, np.float64))
        summed = self._pool("AveragePool", x, 0.0, count_include_pad=1)
        return self.site.op("Mul", summed, self.site.constant(factor[None, None], "area_over_divisor"))

    def _average_of_any_size(self, x, counted):
        if not counted or all(w.pad == 0 for w in self.windows):
            return self._pool("AveragePool", x, 0.0, count_include_pad=0)
        mean = self._pool("AveragePool", x, 0.0, count_include_pad=1)
        if all(before == after for before, after in self.pads):
            return mean
        site = self.site
        plane = site.op("Concat", site.ints(1, 1), site.op("Shape", x, start=2), axis=0)
        ones = site.op("ConstantOfShape", plane, value=helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]))
        before = [w.pad for w in self.windows]
        ones = site.op("Pad", ones, site.ints(0, 0, *before, 0, 0, *before), site.constant(1.0, "one"))
        behind = [after - w.pad for (_, after), w in zip(self.pads, self.windows)]
        share = site.op("AveragePool", ones, count_include_pad=1, **self._attributes([0] * len(behind) + behind))
        return site.op("Div", mean, share)

    def weighted(self, x: str) -> str:
        """Returns what STOCHASTIC gives in TEST: sum x^2 / sum x, 0 where the sum is not above 0."""
        site = self.site
        total = self._pool("AveragePool", x, 0.0, count_include_pad=1)
        squares = self._pool("AveragePool", site.op("Mul", x, x), 0.0, count_include_pad=1)
        zero = site.constant(0.0, "zero")
        return site.op("Where", site.op("Greater", total, zero), site.op("Div", squares, total), zero)

    def _pool(self, kind, x, fill, **more):
        pads = [before for before, _ in self.pads] + [after for _, after in self.pads]
        if self._apart:
            half = len(self.windows)
            around = self.site.ints(0, 0, *pads[:half], 0, 0, *pads[half:])
            x, pads = self.site.op("Pad", x, around, self.site.constant(fill, "fill")), [0] * len(pads)
        return self.site.op(kind, x, **self._attributes(pads), **more)

    def _attributes(self, pads) -> dict[str, Any]:
        return {
            "kernel_shape": [w.kernel for w in self.windows],
            "strides": [w.stride for w in self.windows],
            "pads": pads,
        }
