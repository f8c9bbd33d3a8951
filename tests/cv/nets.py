"""A net of the kinds of layers that are told apart by name, and nets of other people, read by OpenCV and by us."""

import cv2
import numpy as np
import pytest

import zoo.cv
from zoo.formats import caffemodel

TEXT = """name: "small"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "drop" type: "Dropout" bottom: "conv1" top: "conv1" }
layer { name: "pool" type: "Pooling" bottom: "conv1" top: "pooled" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "cut" type: "Slice" bottom: "pooled" top: "s1" top: "s2" slice_param { axis: 1 slice_point: 1 } }
layer { name: "ip" type: "InnerProduct" bottom: "s2" top: "ip" inner_product_param { num_output: 5 } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
layer { name: "bn" type: "BatchNorm" bottom: "pooled" top: "bn" }
layer { name: "sc" type: "Scale" bottom: "bn" top: "bn" scale_param { bias_term: true } }
layer { name: "fl" type: "Flatten" bottom: "bn" top: "fl" }
"""
SHAPES = {"conv1": [(4, 3, 3, 3), (4,)], "ip": [(5, 27), (5,)], "bn": [(4,), (4,), (1,)], "sc": [(4,), (4,)]}


def weights():
    """Returns {layer: arrays}."""
    rng = np.random.default_rng(0)
    return {
        name: [rng.standard_normal(shape).astype(np.float32) * 0.3 + 0.4 for shape in shapes]
        for name, shapes in SHAPES.items()
    }


def files(folder):
    """Writes the net; returns (path of the text, path of the weights)."""
    (folder / "net.prototxt").write_text(TEXT)
    caffemodel.write(folder / "net.caffemodel", weights())
    return str(folder / "net.prototxt"), str(folder / "net.caffemodel")


def opencv():
    """Skips the test where OpenCV reads no Caffe files any more."""
    if not hasattr(cv2.dnn, "Net") or cv2.__version__ >= "5":
        pytest.skip(f"OpenCV {cv2.__version__} reads no Caffe files: nothing to compare with")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def both(*paths):
    """Returns (our net, OpenCV's)."""
    opencv()
    return zoo.cv.readNetFromCaffe(*paths), cv2.dnn.readNetFromCaffe(*paths)


def alike(got, want, tolerance=2e-6):
    """Whether arrays are of one shape and equal within a part of the largest value."""
    return got.shape == want.shape and np.abs(got - want).max(initial=0) <= tolerance * np.abs(want).max(initial=1e-30)
