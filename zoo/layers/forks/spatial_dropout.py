"""SpatialDropout, which drops whole channels."""

import copy

from zoo.layers.base.dropout_type import DropoutType
from zoo.layers.base.lazy import keras
from zoo.layers.base.registry import layer_type


@layer_type("SpatialDropout", source="intel/caffe@master spatial_dropout_layer.cpp:10-95")
class SpatialDropout(DropoutType):
    """TRAIN: each channel of each item is 0 with probability dropout_ratio, else x / (1 - dropout_ratio). TEST: y = x.

    The ratio is dropout_param's, as in the fork, which never reads its spatial_dropout_param.
    Bottom (N[,C[,H[,W]]]) -> top of that shape. Blobs: none.
    """

    fields = ("dropout_param", "spatial_dropout_param")

    def read(self, p, unread):
        """Takes dropout_param. Raises NetError for a ratio that the fork would not read."""
        self.read_ratio(p)
        if unread.has("dropout_ratio"):
            what = "SpatialDropout takes its ratio from dropout_param"
            raise unread.error(what, "dropout_ratio", hint="dropout_param { dropout_ratio: ... }")

    def top_shapes(self, bottoms):
        """The bottom's shape."""
        if len(bottoms[0]) not in (1, 2, 3, 4):
            raise self.error("SpatialDropout takes (N,C,H,W)", "bottom", got=bottoms[0], want="1 to 4 axes")
        return bottoms

    def build(self, site):
        """What is dropped whole depends on how many axes there are."""
        one = copy.copy(self)
        one.dropped_whole = {4: (1, 2), 3: (2,)}.get(len(site.bottoms[0]), ())
        return DropoutType.build(one, site)

    def stock(self, site):
        """Keras's own."""
        rank, more = len(site.bottoms[0]), {"seed": site.seed % 2**31, "name": site.name}
        if rank == 4:
            return keras.layers.SpatialDropout2D(self.ratio, data_format="channels_last", **more)
        noise = (None, site.bottoms[0][1], 1) if rank == 3 else None
        return keras.layers.Dropout(self.ratio, noise_shape=noise, **more)
