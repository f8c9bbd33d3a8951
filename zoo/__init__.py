"""Caffe prototxt and solver files as living configs on TensorFlow and Keras 3."""

__version__ = "0.2.0"
