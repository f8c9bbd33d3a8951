"""Dropout, drawn again each iteration and the same in a resumed run."""

import numpy as np

from zoo.layers.base.families import PointwiseType
from zoo.layers.base.lazy import keras
from zoo.layers.base.registry import layer_type


@layer_type("Dropout", source="dropout_layer.cpp:10-65")
class Dropout(PointwiseType):
    """TRAIN: each value is 0 with probability dropout_ratio, else x / (1 - dropout_ratio). TEST: y = x.

    With ``scale_train: false`` (rbgirshick/caffe-fast-rcnn dropout_layer.cpp:35-85) TRAIN does not divide, and TEST
    gives (1 - dropout_ratio) x. With ``sample_weights_test: true`` (alexgkendall/caffe-segnet) TEST draws as TRAIN
    does, each time another mask. Any shape -> the same. Blobs: none.
    """

    reads_bottom_in_backward = False
    in_place = True
    fields = ("dropout_param",)
    dropped_whole: tuple[int, ...] = ()  # the axes of the Keras tensor along which all or none are dropped

    def read(self, p):
        """Reads dropout_param. Raises NetError for a ratio outside [0, 1)."""
        self.read_ratio(p)
        self.scale_train, self.always = p.scale_train, p.sample_weights_test
        if self.always and not self.scale_train:
            raise p.error("fields of two forks that exclude each other", "sample_weights_test", want="or scale_train")

    def read_ratio(self, p):
        """Reads dropout_param's own field of BVLC Caffe."""
        self.ratio = p.dropout_ratio
        if not 0 <= self.ratio < 1:
            raise p.error("dropout_ratio is a probability below 1", "dropout_ratio", got=f"{self.ratio:g}")

    @property
    def draws(self):
        """Its mask, in TRAIN."""
        return True

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
