"""Dropout, drawn again each iteration and the same in a resumed run."""

from zoo.layers.base.families import PointwiseType
from zoo.layers.base.lazy import keras
from zoo.layers.base.registry import layer_type


@layer_type("Dropout", source="dropout_layer.cpp:10-65")
class Dropout(PointwiseType):
    """TRAIN: each value is 0 with probability dropout_ratio, else x / (1 - dropout_ratio). TEST: y = x.

    Any shape -> the same. Blobs: none.
    """

    reads_bottom_in_backward = False
    in_place = True
    fields = ("dropout_param",)

    def read(self, p):
        """Reads dropout_param. Raises NetError for a ratio outside [0, 1)."""
        self.ratio = p.dropout_ratio
        if not 0 <= self.ratio < 1:
            raise p.error("dropout_ratio is a probability below 1", "dropout_ratio", got=f"{self.ratio:g}")

    @property
    def draws(self):
        """Its mask, in TRAIN."""
        return True

    def build(self, site):
        """The identity for TEST; else a mask that is a function of (seed, clock, replica), or Keras's own to export.

        A layer whose own `phase` is TRAIN in a TEST net has no clock and draws Keras's way.
        """
        if site.phase != "TRAIN":
            return lambda x: x
        if site.portable or site.clock is None:
            dropout = keras.layers.Dropout(self.ratio, seed=site.seed % 2**31, name=site.name)
            return dropout if site.clock is not None else lambda x: dropout(x, training=True)
        from zoo.layers.keras_layers.dropout import SeededDropout

        return SeededDropout(self.ratio, site, name=site.name)
