"""cv2.dnn's interface over this package, for scripts that read Caffe's files: ``import zoo.cv as dnn``.

OpenCV 5 has no `readNetFromCaffe` any more; after `install` a script that calls it through cv2 runs as it is. Arrays
are float32 in (N,C,H,W), layers and outputs have the names and numbers that OpenCV 4 gives them. What has nothing to do
with Caffe (`blobFromImage`, `NMSBoxes`, constants, ...) is cv2.dnn's own: any other name asked of this module is looked
up there.
"""

import cv2

from zoo.command import quiet_tensorflow

quiet_tensorflow()  # before anything below imports it, with all that it says of this machine

from zoo.cv.files import readNet, readNetFromCaffe
from zoo.cv.installing import install
from zoo.cv.layers import Layer
from zoo.cv.models import ClassificationModel, DetectionModel, KeypointsModel, Model, SegmentationModel
from zoo.cv.net import Net

__all__ = [
    "ClassificationModel",
    "DetectionModel",
    "KeypointsModel",
    "Layer",
    "Model",
    "Net",
    "SegmentationModel",
    "install",
    "readNet",
    "readNetFromCaffe",
]


def __getattr__(name):
    try:
        return getattr(cv2.dnn, name)
    except AttributeError:
        raise AttributeError(f"neither zoo.cv nor cv2.dnn has {name}") from None
