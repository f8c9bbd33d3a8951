"""What layers that drop values at random have in common: drawn again each iteration, the same in a resumed run."""

import numpy as np

from zoo.layers.base.families import PointwiseType
from zoo.layers.base.lazy import keras


class DropoutType(PointwiseType):
    """A mask at random, in TRAIN or always.

    Class attributes:
        dropped_whole: the axes of the Keras tensor along which all values are dropped or none.

    Attributes:
        ratio: how much is dropped, from 0 on and below 1.
        scale_train: whether TRAIN divides by the share that is kept; where not, TEST multiplies by it.
        always: whether TEST draws as well.
    """

    reads_bottom_in_backward = False
    in_place = True
    fields: tuple[str, ...] = ("dropout_param",)
    dropped_whole: tuple[int, ...] = ()
    scale_train = True
    always = False

    def read_ratio(self, p):
        """Reads dropout_param's own field of BVLC Caffe."""
        self.ratio = p.dropout_ratio
        if not 0 <= self.ratio < 1:
            raise p.error("dropout_ratio is a probability below 1", "dropout_ratio", got=f"{self.ratio:g}")

    @property
    def draws(self):
        """Its mask, in TRAIN."""
        return True

    def follows_plane(self, bottoms):
        """Where nothing is drawn."""
        return self.layer.phase != "TRAIN" and not self.always

    def build(self, site):
        """The identity, or a factor, for TEST; else a mask that is a function of (seed, clock, replica).

        To export, Keras's own. A layer without a clock draws Keras's way too: of its own `phase` TRAIN in a TEST net,
        or one that draws in TEST.
        """
        kept = float(np.float32(1) / (np.float32(1) / (np.float32(1) - np.float32(self.ratio))))
        if site.phase != "TRAIN" and not self.always:
            return (lambda x: x) if self.scale_train else (lambda x: x * kept)
        if site.portable or site.clock is None:
            training = None if site.clock is not None and site.phase == "TRAIN" else True
            dropout = self.stock(site)
            if training is None and self.scale_train:
                return dropout
            return lambda x: dropout(x, training=training) * (1.0 if self.scale_train else kept)
        from zoo.layers.keras_layers.dropout import SeededDropout

        return SeededDropout(self.ratio, site, self.dropped_whole, scaled=self.scale_train, name=site.name)

    def stock(self, site):
        """Keras's own."""
        return keras.layers.Dropout(self.ratio, seed=site.seed % 2**31, name=site.name)
