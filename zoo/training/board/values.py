"""Values of a summary as TensorBoard's messages: many of them make one record of an event file. No TensorFlow."""

import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram import metadata as histograms
from tensorboard.plugins.image import metadata as images
from tensorboard.plugins.scalar import metadata as scalars
from tensorboard.plugins.text import metadata as texts
from tensorboard.util.tensor_util import make_tensor_proto

from zoo.images import files

HISTOGRAM_VALUES = 20_000
BUCKETS = 30  # as in tf.summary.histogram


def scalar(tag, value):
    """Returns the value of a curve."""
    metadata = scalars.create_summary_metadata(display_name=None, description=None)
    return Summary.Value(tag=tag, metadata=metadata, tensor=make_tensor_proto(np.float32(value)))


def text(tag, value):
    """Returns a text, in Markdown."""
    metadata = texts.create_summary_metadata(display_name=None, description=None)
    return Summary.Value(tag=tag, metadata=metadata, tensor=make_tensor_proto(value.encode(), dtype="string"))


def image(tag, pixels, description=None):
    """Returns an image, as `zoo.images.files.png` takes it; `description` is Markdown that stands above it."""
    height, width = np.shape(pixels)[:2]
    metadata = images.create_summary_metadata(display_name=None, description=description)
    parts = [str(width).encode(), str(height).encode(), files.png(pixels)]
    return Summary.Value(tag=tag, metadata=metadata, tensor=make_tensor_proto(parts, dtype="string"))


def histogram(tag, array):
    """Returns the histogram of `HISTOGRAM_VALUES` values of `array`, or of all where they are fewer.

    They are evenly spread in it, and those that are not finite are left out. TensorFlow's own
    (tf.summary.histogram) is the same and takes many times as long: half a minute a display for AlexNet.
    """
    flat = np.ravel(array)
    values = flat[:: max(1, -(-flat.size // HISTOGRAM_VALUES))].astype(np.float64)
    counts, edges = np.histogram(values[np.isfinite(values)], BUCKETS)
    table = np.stack([edges[:-1], edges[1:], counts], axis=1)
    metadata = histograms.create_summary_metadata(None, None)
    return Summary.Value(tag=tag, metadata=metadata, tensor=make_tensor_proto(table))


def record(values):
    """Returns the bytes of a Summary of `values`."""
    return Summary(value=values).SerializeToString()


def as_written(value):
    """Returns a float of a message, which has 32 bits, as its file has it: 0.01, not 0.009999999776482582."""
    return float(f"{value:.7g}") if isinstance(value, float) else value
