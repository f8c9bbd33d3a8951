"""What data layers read, as tf.data: prepared splits and databases, or the data of a config."""

import numbers
import os
from typing import TYPE_CHECKING

from zoo.errors import DataError, did_you_mean
from zoo.formats import caffe_pb2
from zoo.formats.packaged import find, packaged
from zoo.formats.paths import candidates
from zoo.input.pipeline import DataLayer, data_layer
from zoo.input.sources.locate import open_source
from zoo.netdef.config import open_config, phase_number
from zoo.netdef.netdef import BlobRef, LayerDef

if TYPE_CHECKING:
    import tensorflow as tf


def dataset(
    source: str | os.PathLike[str],
    batch_size: int | None = None,
    *,
    phase: str = "TRAIN",
    scale: float = 1.0,
    crop_size: int = 0,
    mirror: bool = False,
    seed: int = 0,
    data_dir: str | os.PathLike[str] | None = "data",
) -> "tf.data.Dataset":
    """Returns a tf.data.Dataset of (image, label), float32: images (H, W, C) of 0..255, of three channels B, G, R.

    Args:
        source: a split that data_prep has made ("mnist/train"), an LMDB or LevelDB, or a folder of TensorFlow Datasets:
            one pass over it, in its order. Or a config, by path (.prototxt) or by the name of a packaged one: what
            its data layer feeds, batch after batch, for ever; it says the batch and the transform itself.
        batch_size: items in a batch; the last may have fewer. None gives items.
        phase: "TRAIN" or "TEST": whether crops are random, and of a config which of its data layers.
        scale: what values are multiplied by.
        crop_size: side of the square that is cut out; 0 for none.
        mirror: whether images are mirrored at random.
        seed: fixes what is random.
        data_dir: where the source is looked for first; then the working directory.

    Raises:
        NetError: no such phase.
        DataError: a batch_size or crop_size that is none, or one given with a config.
        ZooError: there is no such source, or it is damaged.

    Example:
        >>> lenet = dataset("lenet", phase="TEST", data_dir="prepared")
        >>> images, labels = next(iter(lenet))
        >>> images.shape, labels.shape
        (TensorShape([100, 28, 28, 1]), TensorShape([100]))
        >>> items = dataset("mnist/test", data_dir="prepared")
        >>> sum(1 for image, label in items)
        30
    """
    phase_number(phase)
    for what, value, least in (("batch_size", batch_size, 1), ("crop_size", crop_size, 0)):
        if value is not None and not (isinstance(value, numbers.Integral) and value >= least):
            raise DataError(f"not a {what}", got=value, want=f"a whole number, {least} or more")
    name = os.fspath(source)
    where = None if data_dir is None else os.fspath(data_dir)
    if name.endswith(".prototxt") or name in packaged():
        given = {"batch_size": batch_size, "scale": scale, "crop_size": crop_size, "mirror": mirror}
        for what, none in (("batch_size", None), ("scale", 1.0), ("crop_size", 0), ("mirror", False)):
            if given[what] != none:
                raise DataError(f"a config says its {what} itself", got=f"{what}={given[what]} with the config {name}")
        return _of_config(find(name), phase, seed, where)
    if (near := did_you_mean(name, packaged())) and not any(map(os.path.lexists, candidates(name, where))):
        raise DataError(f'"{name}" is neither a source nor a packaged config', hint=near)
    opened = open_source(name, data_dir=where)
    size = 64 if opened.image_shape or crop_size else 1
    message = caffe_pb2.LayerParameter(name=name, type="Data", top=["data", "label"])
    message.data_param.source, message.data_param.batch_size = name, size
    transform = message.transform_param
    transform.scale, transform.crop_size, transform.mirror = scale, crop_size, mirror
    layer = LayerDef(name, "Data", (), (BlobRef("data"), BlobRef("label")), message)
    import tensorflow as tf

    items = DataLayer(layer, phase, data_dir=where, seed=seed).dataset().unbatch().take(opened.count)
    items = items.apply(tf.data.experimental.assert_cardinality(opened.count))
    return items if batch_size is None else items.batch(batch_size)


def _of_config(path, phase, seed, data_dir):
    definition = open_config(path).definition(phase, data_dir=data_dir)
    for layer in definition.layers:
        feed = None if layer.bottoms or not layer.tops else data_layer(layer, phase, data_dir=data_dir, seed=seed)
        if feed is not None:
            return feed.dataset()
    raise DataError(f"{path} has no data layer in {phase}", want="a config that is trained, not one to deploy")
