"""Reduction: all axes from one on made a single number."""

from zoo.layers.base.geometry import canonical_axis
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import from_caffe, to_caffe


@layer_type("Reduction", source="reduction_layer.cpp:8-120")
class Reduction(LayerType):
    """coeff times the SUM, ASUM (of absolute values), SUMSQ (of squares) or MEAN over `axis` and all that follow.

    Bottom (d0, d1, ...) -> top (d0, ..., d_{axis-1}), a scalar for axis 0. No blobs.
    """

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    fields = ("reduction_param",)

    def read(self, p):
        self.operation, self.axis, self.coeff = p.enum("operation"), p.axis, p.coeff

    def _axis(self, bottom):
        return canonical_axis(self.axis, len(bottom), self.layer.at("reduction_param.axis"))

    def top_shapes(self, bottoms):
        return (bottoms[0][: self._axis(bottoms[0])],)

    def build(self, site):
        """keras.ops; a transpose only where an axis behind the channels stays."""
        (bottom,) = site.bottoms
        rank, axis = len(bottom), self._axis(bottom)
        order = to_caffe if axis == 3 else _as_is
        axes = (1, 2) if rank == 4 and axis == 2 else tuple(range(axis, rank))

        def reduce(x):
            x = order(x)
            if self.operation == "MEAN":
                y = ops.mean(x, axis=axes)
            else:
                part = {"SUM": _as_is, "ASUM": ops.abs, "SUMSQ": ops.square}[self.operation]
                y = ops.sum(part(x), axis=axes)
            return from_caffe(y if self.coeff == 1 else y * self.coeff)

        return reduce


def _as_is(x):
    return x
