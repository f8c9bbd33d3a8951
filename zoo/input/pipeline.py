"""The data layers of a net as tf.data."""

import contextlib

import tensorflow as tf

from zoo.converters.fields import Fields
from zoo.errors import NetError
from zoo.input.sources.locate import open_source
from zoo.input.transform import read_transform

# Caffe's 2013 files had these in data_param; it moves them for V1 `layers` only and overlooks them in `layer`.
MOVED = {name: name for name in ("scale", "mean_file", "crop_size", "mirror")}
MOVED["force_encoded_color"] = "force_color"


class DataLayer:
    """A Data layer (data_layer.cpp): pictures and labels of a source, in its order, for ever.

    Args:
        layer: the `LayerDef`, of type "Data".
        phase: "TRAIN" or "TEST".
        data_dir: where paths are tried first; then the working directory, then the folder of the net's file.
        seed: an integer for random crops and mirrors.
        resize: (H, W) to bring encoded pictures to, or None.

    Attributes:
        shapes: for each top its shape in Caffe's order: ((N, C, H, W), (N,)), or the first alone without a label top.
        batch_size: N.

    Raises:
        NetError: wrong tops or fields.
        DataError: data that is missing, damaged or does not fit the transform.
        UnsupportedError: a source or field that this package does not know.
    """

    def __init__(self, layer, phase, *, data_dir=None, seed=0, resize=None):
        self.layer = layer
        p = Fields(layer, "data_param")
        if layer.bottoms or len(layer.tops) not in (1, 2):
            got = f"{len(layer.bottoms)} bottoms and {len(layer.tops)} tops"
            raise NetError("wrong number of blobs", at=layer.at(), got=got, want="no bottom and 1 or 2 tops")
        if not p.source:
            raise p.error("no source", want="data_param.source")
        if not p.batch_size:
            raise p.error("no batch size", "batch_size", want="data_param.batch_size of 1 or more")
        for name, now in MOVED.items():
            if p.has(name):
                hint = f"write transform_param.{now}; Caffe overlooks this one in `layer`"
                raise p.error(f"data_param.{name} has no effect", name, hint=hint)
        p.no_effect("rand_skip", "backend", "prefetch")  # Caffe's Data layer itself overlooks rand_skip
        for error in p.unread_errors():
            raise error
        self.batch_size = p.batch_size
        self._transform, force = read_transform(layer, phase, seed, data_dir)
        at = p.at("source")
        self._source = open_source(
            p.source, at=at, data_dir=data_dir, file=layer.place.file, force=force, resize=resize
        )
        channels = self._source.channels
        size = self._transform.check(channels, self._source.image_shape, self._source.min_size, layer.at())
        self.shapes = ((self.batch_size, channels, *size), (self.batch_size,))[: len(layer.tops)]

    @property
    def count(self):
        """How many records one pass over the source holds; a LevelDB has to be read through to tell."""
        return self._source.count

    def dataset(self, start_batch=0):
        """Returns the endless dataset from batch `start_batch` on, as if it had run from batch 0.

        Its elements are tuples, one tensor a top: float32 (N, H, W, C) and, with a label top, float32 (N,).
        """
        batches = self._source.batches(start_batch, self.batch_size, self._transform)
        if len(self.layer.tops) == 1:
            return batches.map(lambda data, label: (data,))
        return batches

    @contextlib.contextmanager
    def reading(self):
        """Around reading from `dataset`: says damaged data as a DataError that names the shard and what to run."""
        try:
            yield
        except tf.errors.OpError as e:
            found = self._source.diagnose(e)
            if found is None:
                raise
            raise found from e


def data_layer(layer, phase, *, data_dir=None, seed=0, resize=None):
    """Returns the object that feeds `layer`'s tops (today a `DataLayer`), or None where it is no data layer."""
    if layer.type == "Data":
        return DataLayer(layer, phase, data_dir=data_dir, seed=seed, resize=resize)
    return None
