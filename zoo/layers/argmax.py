"""ArgMax: where the greatest values are."""

import math

import numpy as np

from zoo.layers.base.geometry import canonical_axis
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import from_caffe, to_caffe


@layer_type("ArgMax", source="argmax_layer.cpp:10-96")
class ArgMax(LayerType):
    """The top_k greatest values, of equal ones that with the higher index first. No gradient, no blobs.

    With `axis`: that axis becomes top_k long and holds the indices, or with out_max_val the values instead.
    Without: an item is flattened, bottom (N, ...) -> top (N, 1, top_k, 1...), or with out_max_val (N, 2, top_k, 1...):
    indices, then values; it has 3 axes at least. Indices are floats.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    fields = ("argmax_param",)

    def read(self, p):
        self.out_max_val, self.top_k = p.out_max_val, p.top_k
        self.axis = p.axis if p.has("axis") else None
        if self.top_k < 1:
            raise p.error("top_k must be positive", "top_k", got=self.top_k)

    def _axis(self, bottom):
        return canonical_axis(self.axis, len(bottom), self.layer.at("argmax_param.axis"))

    def top_shapes(self, bottoms):
        (bottom,) = bottoms
        size = math.prod(bottom[1:]) if self.axis is None else bottom[self._axis(bottom)]
        if self.top_k > size:
            raise self.error("top_k exceeds the values", "argmax_param.top_k", got=self.top_k, want=f"up to {size}")
        if self.axis is None:
            if not bottom:
                raise self.error("bottom needs axes", "bottom", got="a scalar")
            return ((bottom[0], 2 if self.out_max_val else 1, self.top_k) + (1,) * (len(bottom) - 3),)
        axis = self._axis(bottom)
        return ((*bottom[:axis], self.top_k, *bottom[axis + 1 :]),)

    def choices(self):
        """The indices."""
        return () if self.out_max_val and self.axis is not None else (0,)

    def chosen(self, bottom, top):
        """The greatest values along `axis`, as the indices say."""
        if self.axis is None:
            return None
        return np.take_along_axis(bottom, top.astype(np.int64), axis=self._axis(bottom.shape))

    def build(self, site):
        """keras.ops.top_k, which prefers the lower index, on the reversed values."""
        (bottom,), (top,) = site.bottoms, site.tops
        axis = None if self.axis is None else self._axis(bottom)

        def largest(lines):
            """Returns (values, indices as floats) of the last axis."""
            values, indices = ops.top_k(ops.flip(lines, axis=-1), self.top_k)
            return values, ops.cast(lines.shape[-1] - 1 - indices, values.dtype)

        def argmax(x):
            x = to_caffe(ops.stop_gradient(x))
            if axis is None:
                values, indices = largest(ops.reshape(x, (-1, math.prod(bottom[1:]))))
                both = [indices, values] if self.out_max_val else [indices]
                return from_caffe(ops.reshape(ops.stack(both, axis=1), (-1, *top[1:])))
            values, indices = largest(ops.moveaxis(x, axis, -1))
            return from_caffe(ops.moveaxis(values if self.out_max_val else indices, -1, axis))

        return argmax
