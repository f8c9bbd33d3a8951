"""Normalize: L2 normalisation with a learned scale; SSD's, as happynear's under the same type string is refused."""

from zoo.errors import UnsupportedError
from zoo.formats import caffe_pb2
from zoo.layers.base.blobs import BlobMap, BlobSpec
from zoo.layers.base.geometry import keras_axis
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.variables import reader

_ONE = caffe_pb2.FillerParameter(type="constant", value=1)


class _SSDNormalize(LayerType):
    """What the names of SSD's Normalize have in common; `Normalize` says what it computes."""

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"
    in_place = True

    def read(self, p):
        """Takes norm_param, or what opencv_contrib calls it."""
        self.across_spatial, self.channel_shared, self.eps = p.across_spatial, p.channel_shared, p.eps
        self.filler = p.scale_filler if p.has("scale_filler") else _ONE

    def top_shapes(self, bottoms):
        """The bottom's shape."""
        if not 2 <= len(bottoms[0]) <= 4:
            raise self.error("Normalize takes (N,C,H,W)", "bottom", got=bottoms[0], want="2 to 4 axes")
        return bottoms

    def blobs(self, bottoms):
        """The scale, which starts at 1 where there is no filler."""
        size = 1 if self.channel_shared else bottoms[0][1]
        return (
            BlobSpec(() if self.channel_shared else (size,), "gamma", self.filler, BlobMap((size,), (0,), (size,))),
        )

    def build(self, site):
        """keras.ops in float32; each part of the sum at the end has one value and one gradient."""
        rank = len(site.bottoms[0])
        channels = keras_axis(1, rank)
        axes = tuple(range(1, rank)) if self.across_spatial else (channels,)
        shape = [-1 if axis == channels else 1 for axis in range(rank)]
        read = reader(site.variables[0], site.name, site.portable, dtype="float32")
        still = ops.stop_gradient

        def normalize(x):
            x32 = ops.cast(still(x) if self.overwrites else x, "float32")
            scale = ops.reshape(read(x32), shape)
            scaled = still(x32) + still(scale) * (x32 - still(x32))  # x, its gradient times the scale
            unit = scaled / ops.sqrt(ops.sum(ops.square(scaled), axis=axes, keepdims=True) + self.eps)
            y = still(unit * scale)
            nothing = ops.where(ops.equal(scale, 0), ops.sqrt(ops.square(scale)), 0.0)  # whose gradient is NaN at 0
            y = y + (unit - still(unit)) + (scale - still(scale)) * still(unit) + nothing
            return ops.cast(y, x.dtype)

        return normalize


@layer_type("Normalize", source="weiliu89/caffe@ssd normalize_layer.cpp:8-262", variant="ssd")
class Normalize(_SSDNormalize):
    """y = scale x / norm, norm = sqrt(sum(x^2) + eps) over the channels, or over an item with across_spatial.

    Bottom (N,C), (N,C,H) or (N,C,H,W) -> top of that shape. Blobs: scale, () with channel_shared, else (C,). Both
    fields are true where the text says nothing.

    The gradient is the fork's: dx = scale (dy - x sum(x dy) / norm^2) / norm, which is no derivative where the scales
    of the channels differ, as they are missing in the sum; it is 0 in place, where the fork overwrites dy before it has
    read it; and that of a scale of 0 is NaN.
    """

    usual = True
    fields = ("norm_param", "normalize_param")

    @classmethod
    def sign(cls, message):
        """norm_param, which no other fork reads."""
        return "norm_param is set" if message.HasField("norm_param") else None

    def read(self, p, other):
        """Takes norm_param. Raises UnsupportedError for the parameter of happynear's."""
        if self.layer.message.HasField("normalize_param"):
            raise UnsupportedError(
                "Normalize of happynear/caffe-windows, which normalize_param tells, is not supported",
                at=self.layer.at("normalize_param"),
                hint="it is another layer than SSD's, which has norm_param",
            )
        super().read(p)


@layer_type("NormalizeBBox", source="weiliu89/caffe@ssd normalize_layer.cpp:8-262")
class NormalizeBBox(_SSDNormalize):
    """opencv_contrib's name of SSD's Normalize."""

    fields = ("normalize_bbox_param",)
