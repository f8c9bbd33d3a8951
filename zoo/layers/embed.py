"""Embed: rows of a table, chosen by number."""

from zoo.layers.base.blobs import BlobSpec
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import from_caffe, to_caffe
from zoo.layers.ops.variables import reader


@layer_type("Embed", source="embed_layer.cpp:9-110")
class Embed(LayerType):
    """y[..., :] = weight[int(x[...])] + bias. No gradient to x.

    Bottom (d0, ...) of whole numbers 0 to input_dim - 1 -> top (d0, ..., num_output). Blobs: weight (input_dim,
    num_output) and bias (num_output,) unless bias_term is false. A number without a row gives NaN; Caffe would read
    memory past the table.
    """

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    fields = ("embed_param",)

    def read(self, p):
        self.num_output, self.input_dim, self.bias_term = p.num_output, p.input_dim, p.bias_term
        self.weight_filler, self.bias_filler = p.weight_filler, p.bias_filler
        for name in ("num_output", "input_dim"):
            if getattr(self, name) < 1:
                raise p.error(f"{name} must be given and positive", name, got=getattr(self, name))

    def top_shapes(self, bottoms):
        if not bottoms[0]:
            raise self.error("bottom needs axes", "bottom", got="a scalar")
        return ((*bottoms[0], self.num_output),)

    def blobs(self, bottoms):
        """Weight and bias."""
        weight = BlobSpec((self.input_dim, self.num_output), "embeddings", self.weight_filler)
        bias = BlobSpec((self.num_output,), "bias", self.bias_filler)
        return (weight, bias) if self.bias_term else (weight,)

    def integers(self, bottoms):
        """Indices of its input_dim lines."""
        return {0: self.input_dim}

    def lookups(self, bottoms):
        """Rows of its table."""
        return {0: (self.input_dim, None)}

    def build(self, site):
        """A gather, out of range made NaN so that all devices agree."""
        table = reader(site.variables[0], site.name, site.portable)
        bias = reader(site.variables[1], f"{site.name}__bias", site.portable) if self.bias_term else None

        def embed(x):
            index = ops.cast(to_caffe(ops.stop_gradient(x)), "int32")
            known = ops.logical_and(index >= 0, index < self.input_dim)
            rows = ops.take(table(x), ops.where(known, index, 0), axis=0)
            y = ops.where(ops.expand_dims(known, -1), rows, float("nan"))
            return from_caffe(y if bias is None else y + bias(x))

        return embed
