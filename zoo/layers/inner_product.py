"""InnerProduct: Caffe's fully connected layer."""

from zoo.layers.base.blobs import BlobMap, BlobSpec
from zoo.layers.base.geometry import canonical_axis, count
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import keras, ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import from_caffe, to_caffe
from zoo.layers.ops.variables import inject

_LARGE = 2**22  # weights from which on `LargeDense` is worth its transposition


@layer_type("InnerProduct", source="inner_product_layer.cpp:9-97")
class InnerProduct(LayerType):
    """y = x W^T + b over all axes from `axis` on, flattened in C,H,W order.

    Bottom (d0, ..., d_axis, ...) -> top (d0, ..., d_{axis-1}, num_output). Blobs: weight (num_output, K), or
    (K, num_output) with `transpose`, and bias (num_output,) unless bias_term is false.

    The kernel of a blob (N,C,H,W) at axis 1 has its rows in H,W,C order, so that nothing is moved at run time.
    """

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    fields = ("inner_product_param",)

    def read(self, p):
        self.num_output, self.bias_term, self.transpose, self.axis = p.num_output, p.bias_term, p.transpose, p.axis
        self.weight_filler, self.bias_filler = p.weight_filler, p.bias_filler
        if self.num_output < 1:
            raise p.error("num_output must be given and positive", "num_output", got=self.num_output)

    def _axis(self, bottom):
        return canonical_axis(self.axis, len(bottom), self.layer.at("inner_product_param.axis"))

    def top_shapes(self, bottoms):
        return ((*bottoms[0][: self._axis(bottoms[0])], self.num_output),)

    def blobs(self, bottoms):
        """Weight and bias."""
        (bottom,) = bottoms
        axis = self._axis(bottom)
        n, inputs = self.num_output, count(bottom, axis)
        if len(bottom) == 4 and axis == 1:
            _, c, h, w = bottom
            if self.transpose:
                order = BlobMap((c, h, w, n), (1, 2, 0, 3), (inputs, n))
            else:
                order = BlobMap((n, c, h, w), (2, 3, 1, 0), (inputs, n))
        else:
            order = None if self.transpose else BlobMap((n, inputs), (1, 0), (inputs, n))
        shape = (inputs, n) if self.transpose else (n, inputs)
        weight = BlobSpec(shape, "kernel", self.weight_filler, order)
        return (weight, BlobSpec((n,), "bias", self.bias_filler)) if self.bias_term else (weight,)

    def build(self, site):
        """A Dense layer on the flattened axes."""
        (bottom,), (top,) = site.bottoms, site.tops
        axis = self._axis(bottom)
        make = keras.layers.Dense
        if count(bottom, axis) * self.num_output >= _LARGE and not site.portable:
            from zoo.layers.keras_layers.large_dense import LargeDense as make
        dense = inject(
            make(self.num_output, use_bias=self.bias_term, name=site.name),
            dict(zip(("kernel", "bias"), site.variables)),
        )
        inputs = count(bottom, axis)
        if axis == 1:
            if len(bottom) == 2:
                return dense
            return lambda x: dense(ops.reshape(x, (-1, inputs)))
        if axis == 0:
            return lambda x: ops.reshape(dense(ops.reshape(to_caffe(x), (1, inputs))), top)
        flat = (-1, *bottom[1:axis], inputs)
        return lambda x: from_caffe(dense(ops.reshape(to_caffe(x), flat)))

    def flops(self, bottoms, tops):
        """Multiply-adds: one for each weight and output line."""
        return count(tops[0]) * count(bottoms[0], self._axis(bottoms[0]))
