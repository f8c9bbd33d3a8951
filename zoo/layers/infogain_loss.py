"""InfogainLoss: cross entropy whose target distribution is a row of a matrix."""

import math
import pathlib

import numpy as np

from zoo.errors import DataError
from zoo.formats import blobproto
from zoo.layers.base.families import LossType
from zoo.layers.base.geometry import canonical_axis, count, keras_axis
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import to_caffe
from zoo.layers.ops.losses import (
    Labels,
    check_labels,
    check_same_first,
    clamp_through,
    lines_along,
    read_ignore_label,
    read_normalization,
)

LEAST = math.log(1e-20)  # loss_layer.hpp:12


@layer_type("InfogainLoss", source="infogain_loss_layer.cpp:11-219")
class InfogainLoss(LossType):
    """loss = -sum_l H[label, l] log(max(softmax(x)_l, 1e-20)) / normaliser, over the labels that are not ignored.

    The softmax is taken here, along infogain_loss_param.axis. H is bottom 2, of classes^2 values, or the array in the
    file infogain_loss_param.source. Normaliser as for SoftmaxWithLoss, but the legacy `normalize` is refused, as Caffe
    does. The gradient, softmax * sum_l H[label, l] - H[label], passes the clamp and goes to x alone.

    Bottoms: x, one label a line[, H] -> tops: loss, a scalar[, the softmax; no gradient comes back through it]. A
    label that no class has makes the loss NaN. Blobs: none.
    """

    reads_bottom_in_backward = False
    prediction = ("Softmax", "softmax_param")
    bottom_count = (2, 3)
    top_count = (1, 2)
    fields = ("loss_param", "infogain_loss_param")

    def read(self, loss, infogain):
        """Reads loss_param and infogain_loss_param, and the matrix where it is a file."""
        if loss.has("normalize"):
            raise loss.error("InfogainLoss does not take the legacy normalize", "normalize", hint="use normalization")
        self.normalization, self.ignore = read_normalization(loss), read_ignore_label(loss)
        self.axis, self.matrix = infogain.axis, None
        if len(self.layer.bottoms) == 2:
            if not infogain.source:
                raise infogain.error("the matrix must be bottom 2 or in the file `source`", "source")
            self.matrix = self._read(infogain.source)
        infogain.no_effect("source")

    def _read(self, source):
        """Returns the array in the file, which is looked for in the working directory and next to the net."""
        place = self.layer.at("infogain_loss_param.source")
        paths = [pathlib.Path(source)]
        if self.layer.place.file:
            paths.append(pathlib.Path(self.layer.place.file).parent / source)
        for path in paths:
            if path.is_file():
                return np.array(blobproto.read(path).array)
        raise DataError("the infogain matrix is not there", at=place, got=", ".join(map(str, paths)))

    def top_shapes(self, bottoms):
        """A scalar, and the scores' shape."""
        check_same_first(self, bottoms)
        classes = bottoms[0][check_labels(self, bottoms, self.axis)]
        got = self.matrix.shape if self.matrix is not None else bottoms[2]
        if count(got) != classes**2:
            want = f"{classes} x {classes} values"
            raise self.error("the infogain matrix does not fit the classes", "infogain_loss_param", got=got, want=want)
        return ((), bottoms[0])[: len(self.layer.tops)]

    def lookups(self, bottoms):
        """Labels of its classes."""
        return {1: (bottoms[0][canonical_axis(self.axis, len(bottoms[0]))], self.ignore)}

    def build(self, site):
        """keras.ops only, in float32."""
        scores = site.bottoms[0]
        rank = len(scores)
        axis = canonical_axis(self.axis, rank)
        classes, inner = scores[axis], count(scores, axis + 1)

        def loss(x, label, matrix=self.matrix):
            x = ops.cast(x, "float32")
            labels = Labels(label, classes, self.ignore)
            if self.matrix is None:
                matrix = to_caffe(ops.stop_gradient(ops.cast(matrix, "float32")))
            rows = ops.take(ops.reshape(matrix, (classes, classes)), labels.safe, axis=0)
            log_p = clamp_through(ops.log_softmax(lines_along(x, axis, rank), axis=-1), least=LEAST)
            each = -ops.sum(rows * log_p, axis=1)
            top = ops.sum(labels.only(each)) / labels.normalizer(self.normalization, inner)
            if len(site.tops) == 1:
                return top
            return top, ops.stop_gradient(ops.softmax(x, axis=keras_axis(axis, rank)))

        return loss
