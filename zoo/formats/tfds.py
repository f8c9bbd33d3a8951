"""Directories that TensorFlow Datasets prepared, ``~/tensorflow_datasets/mnist/3.0.1``, as cards of `formats.records`.

A split there is named as one of ours is: directory and split, ``~/tensorflow_datasets/mnist/3.0.1/train``. Such a
directory knows less than our card: no sizes and digests of its shards, and of images of several sizes not the smallest.
Records stand in the order of the files, which TFDS shuffled once, when it prepared them.
"""

import pathlib
import warnings

import numpy as np

from zoo import command
from zoo.errors import DataError, Place
from zoo.formats import records, regular
from zoo.formats.records import DESCRIPTION, Card, Shard

OURS = "zoo.formats.tfds_writer"  # the module that dataset_info.json names where our cards say more than it does
FRAMING = 16  # bytes around each record of a TFRecord file: its length and two checksums


def is_folder(path):
    """Returns whether the directory at `path` is described as TensorFlow Datasets does it, and not by `OURS`."""
    try:
        return regular.read_json(pathlib.Path(path) / DESCRIPTION[0]).get("moduleName") != OURS
    except OSError:
        return False
    except (ValueError, AttributeError):
        return True  # damaged, as who reads it will say


def split_names(folder):
    """Returns the names of the splits of a directory that TensorFlow Datasets prepared; raises DataError."""
    return sorted(_info(folder).splits)


def read_card(prefix):
    """Returns the `Card` of a split that TensorFlow Datasets prepared.

    Args:
        prefix: directory and split.

    Raises:
        DataError: no such split, another file format than TFRecord, no image or no label in its records, a damaged
            description, or shards that are missing or do not fit it.
    """
    prefix = pathlib.Path(prefix)
    folder, at = prefix.parent, Place(str(prefix.parent))
    info = _info(folder)
    hint = f"tfds build {info.name} --overwrite"
    split = info.splits.get(prefix.name)
    if split is None:
        got, have = repr(prefix.name), ", ".join(sorted(info.splits)) or "none"
        want = f"one of: {have}"
        raise DataError("no such split in this directory of TensorFlow Datasets", at=at, got=got, want=want)
    if info.file_format is None or info.file_format.value != "tfrecord":
        got, again = info.as_proto.file_format, 'prepare it with file_format="tfrecord"'
        raise DataError("files of TensorFlow Datasets that are no TFRecords", at=at, got=got, hint=again)
    names = _names(info, at)
    picture, label = (info.features[name] for name in names)
    height, width, channels = picture.shape
    card = Card(
        split=prefix.name,
        encoding=picture.encoding_format or "jpeg",  # the reader of which takes PNG as well
        features=dict(zip(("image", "label"), names)),
        channels=channels,
        channel_order="gray" if channels == 1 else "BGR",
        image_shape=(height, width) if height and width else None,
        min_size=(height, width) if height and width else None,
        classes=tuple(label.names) if getattr(label, "num_classes", None) else (),
        shards=tuple(_shards(folder, split, hint)),
        prepare=hint,
        made={"source": f"TensorFlow Datasets {info.full_name}"},
    )
    if not card.count:
        raise DataError("an empty split", at=Place(str(prefix)), got="0 records", hint=records.again(hint))
    if (
        sum(shard.bytes for shard in card.shards) != split.num_bytes + FRAMING * card.count
    ):  # then it is worth reading all to find what is wrong
        records.check_shards(prefix, card, contents=True)
    return card


def _shards(folder, split, hint):
    template, number = split.filename_template, len(split.shard_lengths)
    for i, count in enumerate(split.shard_lengths):
        try:
            name = template.relative_filepath(shard_index=i, num_shards=number)
        except ValueError as e:
            got = str(template.template)[:200]
            raise DataError("a template that names no files", at=Place(str(folder)), got=got, hint=hint) from e
        try:
            yield Shard(name, int(count), (folder / name).stat().st_size)
        except OSError as e:
            at, again = Place(str(folder / name)), records.again(hint)
            raise DataError("a shard cannot be read", at=at, got=str(e), hint=again) from e


def _info(folder):
    """Returns the tfds.core.DatasetInfo of a directory."""
    command.quiet_tensorflow()
    import tensorflow_datasets as tfds

    for name in DESCRIPTION:
        at, hint = Place(str(pathlib.Path(folder) / name)), "TFDS 4 or later writes it again"
        try:
            regular.read_json(at.file)
        except (OSError, ValueError) as e:
            raise DataError("no readable description of TensorFlow Datasets", at=at, got=str(e), hint=hint) from e
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of what TFDS asks protobuf
            info = tfds.builder_from_directory(str(folder)).info
        return info if isinstance(info.features, tfds.features.FeaturesDict) else _no_images(info, folder)
    except DataError:
        raise
    except Exception as e:  # a damaged description may raise anything
        at, got = Place(str(folder)), f"{type(e).__name__}: {e}".splitlines()[0]
        raise DataError("a directory that TensorFlow Datasets cannot open", at=at, got=got) from e


def _names(info, at):
    """Returns the names of the features that are the image and the label."""
    keys = info.supervised_keys
    options = [keys[:2]] if keys and all(isinstance(key, str) for key in keys) else []
    options.append(tuple(records.NAMES["tfds"][key] for key in ("image", "label")))
    for picture, label in options:
        if {picture, label} <= set(info.features) and _fit(info.features[picture], info.features[label]):
            return picture, label
    return _no_images(info, at.file)


def _fit(picture, label):
    """Returns whether one feature holds files of gray or colour images, and the other an integer."""
    from tensorflow_datasets import features

    bytes_ = isinstance(picture, features.Image) and picture.np_dtype == np.uint8 and picture.shape[-1] in (1, 3)
    scalar = isinstance(label, features.Tensor) and not label.shape
    return bytes_ and scalar and np.issubdtype(label.np_dtype, np.integer)


def _no_images(info, folder):
    got = " ".join(repr(info.features).split())
    want = "an Image of uint8 in 1 or 3 channels and one integer, named by supervised_keys or `image` and `label`"
    raise DataError("no images with labels", at=Place(str(folder)), got=got, want=want)
