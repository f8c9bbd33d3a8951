"""What feeds the tops of one data layer, whatever its type."""

import abc
import contextlib

import numpy as np
import tensorflow as tf

from zoo import layers  # noqa: F401  (registers every type)
from zoo.formats.digest import digest
from zoo.layers.base.registry import lookup


class Feed(abc.ABC):
    """What feeds the tops of one data layer.

    Attributes:
        layer: the `LayerDef`.
        type: the layer's `LayerType`, which has read its fields.
        shapes: for each top its shape in Caffe's order, such as ((N, C, H, W), (N,)).

    Raises:
        ZooError: fields that are wrong or unknown.
    """

    def __init__(self, layer):
        self.layer, self.type = layer, lookup(layer)(layer)
        self.shapes = ()

    @abc.abstractmethod
    def dataset(self, start_batch=0):
        """Returns the endless dataset from batch `start_batch` on, as if it had run from batch 0.

        Its elements are tuples, one float32 tensor a top; those of rank 4 are (N, H, W, C).
        """

    def rows(self, start_batch, joined=1, part=(0, 1)):
        """Returns the endless dataset of batches of `joined` batches, with `part` (k, n) of their rows k, k + n, ...

        Args:
            start_batch: where it begins, in batches as large as they are then.
            joined: how many batches make one.
            part: which rows; n divides the number of rows.
        """
        index, parts = part
        dataset = self.dataset(start_batch * joined)
        if joined > 1:
            dataset = dataset.batch(joined, drop_remainder=True)
            dataset = dataset.map(lambda *tops: tuple(tf.reshape(top, (-1, *top.shape[2:])) for top in tops))
        return dataset if parts == 1 else dataset.map(lambda *tops: tuple(top[index::parts] for top in tops))

    def fingerprint(self):
        """Returns a short text of what is read, equal for equal data wherever it lies; None where nothing is.

        It is made without reading the data through; each source says what it looks at.

        Raises:
            DataError: the data cannot be read.
        """
        return

    def title(self):
        """Returns what is read, in words for people; None where there are none."""
        return

    def classes(self):
        """Returns the names of labels, from 0, where the data has them; else ()."""
        return ()

    def channel_order(self):
        """Returns the order of three channels of its images, "BGR" or "RGB"."""
        return "BGR"

    def verify(self, shards):
        """Has what is read from now on checked by `shards`, a `ShardCheck`, where it has digests to check."""
        return

    @abc.abstractmethod
    def diagnose(self, error):
        """Returns the ZooError to raise for a TensorFlow `error` that came while reading, or None if not ours."""

    @contextlib.contextmanager
    def reading(self):
        """Around reading from `dataset`: says damaged data as a DataError that names the file and what to do."""
        try:
            yield
        except (tf.errors.OpError, UnicodeDecodeError) as e:
            found = self.diagnose(e if isinstance(e, tf.errors.OpError) else _said(e))
            if found is None:
                raise
            raise found from e


def _said(error):
    """Returns TensorFlow's error in place of the UnicodeDecodeError that Python makes of one that quotes a record."""
    return tf.errors.InvalidArgumentError(None, None, error.object.decode("utf-8", "replace"))


def inside(array):
    """Returns `array`, in Caffe's order, as the net has it inside: (N, C, H, W) -> (N, H, W, C) for rank 4."""
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)) if array.ndim == 4 else array


def mean_said(mean):
    """Returns what a `fingerprint` says of a mean image (H, W, C); nothing for values or None."""
    return f", mean {digest(mean.shape, mean.tobytes())}" if mean is not None and mean.ndim == 3 else ""


class ImageFeed(Feed):
    """Images and labels of a source, transformed: what Data and ImageData have in common.

    Images of several sizes make no batch unless they are cropped or batches are one image, as in Caffe; the shape
    is then that of the first. Subclasses call `_open` when they have a source.
    """

    def _open(self, source, transform, batch_size):
        self._source, self._transform, self.batch_size = source, transform, batch_size
        shape = source.image_shape
        if shape is None and batch_size == 1 and not transform.crop_size and not transform.wants_one_size:
            shape = source.first_size()
        size = transform.check(source.channels, shape, source.min_size, self.layer.at())
        self.shapes = ((batch_size, source.channels, *size), (batch_size,))[: len(self.layer.tops)]

    @property
    def counted(self):
        """Whether `count` is known without reading the source through."""
        return getattr(self._source, "counted", True)

    @property
    def count(self):
        """How many records one pass over the source holds; a LevelDB has to be read through to tell."""
        return self._source.count

    def fingerprint(self):
        """As `Feed.fingerprint`: what the source says of itself, and the mean file."""
        return self._source.fingerprint() + mean_said(self._transform.mean)

    def title(self):
        """As `Feed.title`: what the source is called."""
        return getattr(self._source, "title", None)

    def classes(self):
        """As `Feed.classes`: those of the source's card."""
        return getattr(getattr(self._source, "card", None), "classes", ())

    def channel_order(self):
        """As `Feed.channel_order`: that of the source's card."""
        order = getattr(getattr(self._source, "card", None), "channel_order", "BGR")
        return "RGB" if order == "RGB" else "BGR"

    def verify(self, shards):
        """As `Feed.verify`."""
        if hasattr(self._source, "verify"):
            self._source.verify(shards)

    def dataset(self, start_batch=0):
        """As `Feed.dataset`. Where a batch is one image that nothing crops, its H and W are open."""
        return self.rows(start_batch)

    def rows(self, start_batch, joined=1, part=(0, 1)):
        """As `Feed.rows`; nothing but the rows asked for is decoded."""
        batch_size = self.batch_size * joined // part[1]
        batches = self._source.batches(start_batch, batch_size, self._transform, part)
        if len(self.layer.tops) == 1:
            return batches.map(lambda data, label: (data,))
        return batches

    def diagnose(self, error):
        """As `Feed.diagnose`."""
        return self._source.diagnose(error)
