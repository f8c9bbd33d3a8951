"""The messages of the schema, under pycaffe's name."""

from zoo.formats.caffe_pb2 import *  # noqa: F403
