"""Transpose and Reverse of caffe_ocr."""

from zoo.layers.base.geometry import keras_axis
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type


class _Rearranging(LayerType):
    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = True
    no_gradient_bottoms = ()
    pixel_map = None


@layer_type("Transpose", source="senlinuc/caffe_ocr@master transpose_layer.cpp:23-100")
class Transpose(_Rearranging):
    """Axis i of the top is axis dim[i] of the bottom; every axis is named once. Any shape. Blobs: none."""

    fields = ("transpose_param",)

    def read(self, p):
        """Takes transpose_param. Raises NetError where an axis is not named once."""
        self.dim = tuple(p.dim)
        if sorted(self.dim) != list(range(len(self.dim))):
            raise p.error("dim names each axis once", "dim", got=self.dim, want="a permutation of 0, 1, ...")

    def top_shapes(self, bottoms):
        """The sizes in the new order. Raises NetError unless there is a `dim` for each axis."""
        (shape,) = bottoms
        if len(shape) != len(self.dim) or not shape:
            raise self.error("dim names each axis once", "transpose_param.dim", got=self.dim, want=f"{len(shape)} axes")
        return (tuple(shape[axis] for axis in self.dim),)

    def fixes_batch(self, bottoms):
        """Where axis 0 goes elsewhere."""
        return f'layer "{self.layer.name}" moves axis 0' if self.dim[0] else ""

    def build(self, site):
        """One transposition between the orders that Keras has."""
        rank = len(self.dim)
        moved = {keras_axis(axis, rank): keras_axis(old, rank) for axis, old in enumerate(self.dim)}
        order = [moved[axis] for axis in range(rank)]
        return lambda x: ops.transpose(x, order)


@layer_type("Reverse", source="senlinuc/caffe_ocr@master reverse_layer.cpp:7-75")
class Reverse(_Rearranging):
    """The bottom with `axis` back to front. Any shape -> the same. Blobs: none."""

    fields = ("reverse_param",)

    def read(self, p):
        """Takes reverse_param. Raises NetError for a negative axis, which the fork refuses."""
        self.axis = p.axis
        if self.axis < 0:
            raise p.error("axis counts from the front", "axis", got=self.axis, want="0 or more")

    def top_shapes(self, bottoms):
        """The bottom's shape."""
        if self.axis >= len(bottoms[0]):
            raise self.error("no such axis", "reverse_param.axis", got=self.axis, want=f"below {len(bottoms[0])}")
        return bottoms

    def build(self, site):
        """One flip."""
        axis = keras_axis(self.axis, len(site.bottoms[0]))
        return lambda x: ops.flip(x, axis=axis)
