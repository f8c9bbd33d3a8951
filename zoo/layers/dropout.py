"""Dropout."""

from zoo.layers.base.dropout_type import DropoutType
from zoo.layers.base.registry import layer_type


@layer_type("Dropout", source="dropout_layer.cpp:10-65")
class Dropout(DropoutType):
    """TRAIN: each value is 0 with probability dropout_ratio, else x / (1 - dropout_ratio). TEST: y = x.

    With ``scale_train: false`` (rbgirshick/caffe-fast-rcnn dropout_layer.cpp:35-85) TRAIN does not divide, and TEST
    gives (1 - dropout_ratio) x. With ``sample_weights_test: true`` (alexgkendall/caffe-segnet) TEST draws as TRAIN
    does, each time another mask. Any shape -> the same. Blobs: none.
    """

    def read(self, p):
        """Reads dropout_param. Raises NetError for a ratio outside [0, 1)."""
        self.read_ratio(p)
        self.scale_train, self.always = p.scale_train, p.sample_weights_test
        if self.always and not self.scale_train:
            hint = "sample_weights_test is SegNet's, scale_train Fast R-CNN's"
            what = "sample_weights_test: true and scale_train: false contradict each other"
            raise p.error(what, "sample_weights_test", want="one of them", hint=hint)
