"""What sources that hand out image after image have in common."""

import tensorflow as tf

from zoo.errors import DataError
from zoo.input.sources.fetch import AUTOTUNE, ordinals


def open_size(source, batch_size, transform):
    """Returns (H, W) that all images of `source` must have, or (None, None) where they may differ.

    As in Caffe, where a crop makes them alike, or where a batch is one image.
    """
    any_size = transform.takes_any_size or (batch_size == 1 and not transform.wants_one_size)
    return (None, None) if any_size else source.image_shape


def check(image, source, size, crop_size):
    """Raises DataError where `image` (H, W, C) has other channels than `source`, or does not fit `size` or the crop."""
    dtype = tf.as_dtype(source.dtype).as_numpy_dtype
    if image.shape[2] != source.channels or image.dtype != dtype:
        got = f"{image.shape[2]} of {image.dtype}"
        want = f"{source.channels} of {source.dtype.name}, as the first record has"
        raise DataError("an image with other channels", got=got, want=want)
    if None not in size and image.shape[:2] != tuple(size):
        hint = "set transform_param.crop_size, or batch_size: 1"
        raise DataError("images of several sizes", got=image.shape[:2], want=tuple(size), hint=hint)
    if crop_size > min(image.shape[:2]):
        raise DataError("crop_size exceeds the image", got=crop_size, want=f"at most {min(image.shape[:2])}")


def one_by_one(source, fetch, read, first, batch_size, transform, part=(0, 1)):
    """Returns the endless dataset of (float32 (N, h, w, C), float32 (N,)), its images made on all cores.

    Args:
        source: has `channels`, `dtype` and `image_shape`.
        fetch: a `Fetch`.
        read: function (ordinal, size, crop_size) -> (image, label): reads and checks one image.
        first: the ordinal to begin with, in the stream of the part.
        batch_size, transform, part: as for `batches`.
    """
    index, parts = part
    size = open_size(source, batch_size, transform)
    spec = (
        tf.TensorSpec((), tf.int64),
        tf.TensorSpec((*size, source.channels), source.dtype),
        tf.TensorSpec((), tf.float32),
    )
    stream = fetch.map(ordinals(first * parts + index, parts), lambda i: (i, *read(i, size, transform.crop_size)), spec)
    stream = stream.map(lambda i, image, label: (transform.cut(image, i), label), AUTOTUNE, deterministic=True)
    return transform.batches_of(stream, batch_size).prefetch(AUTOTUNE)
