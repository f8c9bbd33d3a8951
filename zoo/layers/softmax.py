"""Softmax along one axis."""

from zoo.layers.base.geometry import canonical_axis, keras_axis
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import keras, ops
from zoo.layers.base.registry import layer_type


@layer_type("Softmax", source="softmax_layer.cpp:9-86")
class Softmax(LayerType):
    """y = exp(x - max) / sum(exp(x - max)) along `axis`. Any shape -> the same. Blobs: none."""

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    in_place = True
    fields = ("softmax_param",)

    def read(self, p):
        self.axis = p.axis
        p.no_effect("engine")

    def _axis(self, bottom):
        return canonical_axis(self.axis, len(bottom), self.layer.at("softmax_param.axis"))

    def top_shapes(self, bottoms):
        """The bottom's shape."""
        self._axis(bottoms[0])
        return bottoms

    def follows_plane(self, bottoms):
        """Over any axis that is not open."""
        return self._axis(bottoms[0]) < 2

    def build(self, site):
        """Keras's Softmax, in float32 whatever the precision; it warns of a single class, where the value is 1."""
        (bottom,) = site.bottoms
        axis = self._axis(bottom)
        if bottom[axis] == 1:
            return lambda x: ops.exp(x - x)
        return keras.layers.Softmax(axis=keras_axis(axis, len(bottom)), dtype="float32", name=site.name)
