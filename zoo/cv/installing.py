"""Puts the readers of Caffe's files back into cv2.dnn, so that an old script runs as it is."""

import functools

import cv2
from absl import logging

from zoo.cv import files, models
from zoo.cv.net import Net
from zoo.layers.base.registry import layer_types

_MADE: list = []
_MODELS = ("Model", "DetectionModel", "ClassificationModel", "SegmentationModel", "KeypointsModel")


def install():
    """Makes cv2.dnn.readNetFromCaffe, and readNet for Caffe's files, read into a `Net`.

    The classes that take a net, such as cv2.dnn.DetectionModel and cv2.dnn_DetectionModel, take such a `Net`, or paths
    of Caffe's files, as well. Everything else stays OpenCV's. In an OpenCV that has a reader of its own it is replaced
    all the same. A second call changes nothing.
    """
    cv2.dnn_registerLayer = _register_layer
    cv2.dnn.readNetFromCaffe, cv2.dnn.readNet = files.readNetFromCaffe, files.readNet
    for name in _MODELS:
        both = _either(getattr(cv2.dnn, name), getattr(models, name))
        setattr(cv2.dnn, name, both)
        setattr(cv2, f"dnn_{name}", both)


_REGISTER = cv2.dnn_registerLayer  # before `install` replaces it


def _register_layer(type, layerClass):
    """As cv2.dnn_registerLayer, with a word where the type is one that a `Net` computes itself."""
    if type in layer_types():
        logging.warning(
            "cv2.dnn_registerLayer: nets of Caffe's files compute %s as Caffe does, not by %s",
            type,
            layerClass.__name__,
        )
    return _REGISTER(type, layerClass)


def _either(theirs, ours):
    """Returns what makes `ours` of a `Net` or Caffe's files, and `theirs` of anything else."""
    if theirs in _MADE:
        return theirs

    @functools.wraps(theirs, updated=())
    def make(*args, **kwargs):
        more = dict(kwargs)
        given = [*args, *(more.pop(name) for name in ("network", "model", "config") if name in kwargs)]
        caffe = bool(given) and isinstance(given[0], str) and files.of_caffe(*given[:2])
        if caffe or (given and isinstance(given[0], Net)):
            return ours(*given, **more)
        return theirs(*args, **kwargs)

    _MADE.append(make)
    return make
