"""Eltwise: sum, product or maximum of several blobs of one shape."""

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import keras, ops
from zoo.layers.base.registry import layer_type


@layer_type("Eltwise", source="eltwise_layer.cpp:9-156")
class Eltwise(LayerType):
    """SUM (default) of coeff_i * bottom_i, PROD or MAX of the bottoms, value by value.

    2 or more bottoms of one shape, nothing is broadcast -> top of that shape. MAX gives its gradient to one bottom
    alone: of the first two equal ones to the second, then only to one that is greater (as Caffe on CPU). PROD has the
    product's true gradient; without stable_prod_grad Caffe divides by the bottom and gets NaN where it is 0.
    """

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"
    bottom_count = (2, None)
    fields = ("eltwise_param",)

    def read(self, p):
        self.operation, self.coeff = p.enum("operation"), tuple(p.coeff)
        p.no_effect("stable_prod_grad")
        if self.coeff and self.operation != "SUM":
            raise p.error(f"{self.operation} takes no coeff", "coeff", hint="only SUM does")
        if self.coeff and len(self.coeff) != len(self.layer.bottoms):
            raise p.error("each bottom needs a coeff", "coeff", got=len(self.coeff), want=len(self.layer.bottoms))

    def top_shapes(self, bottoms):
        """The bottoms' common shape."""
        for shape in bottoms[1:]:
            if shape != bottoms[0]:
                raise self.error("bottoms must have the same shape", "bottom", got=shape, want=bottoms[0])
        return (bottoms[0],)

    def follows_plane(self, bottoms):
        """Yes: values meet those of the same place."""
        return True

    def build(self, site):
        """Keras's Add and Multiply; coefficients and the maximum by keras.ops."""
        if self.operation == "PROD":
            return _of_list(keras.layers.Multiply(name=site.name))
        if self.operation == "MAX":
            return _maximum
        if all(coeff == 1 for coeff in self.coeff):
            return _of_list(keras.layers.Add(name=site.name))
        return self._weighted

    def _weighted(self, *bottoms):
        terms = [x if coeff == 1 else x * coeff for x, coeff in zip(bottoms, self.coeff)]
        total = terms[0]
        for term in terms[1:]:
            total = ops.add(total, term)
        return total


def _of_list(layer):
    return lambda *bottoms: layer(list(bottoms))


def _maximum(first, second, *others):
    top = ops.where(ops.greater(first, second), first, second)
    for other in others:
        top = ops.where(ops.greater(other, top), other, top)
    return top
