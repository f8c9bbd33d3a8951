"""Caffe's transform_param: mean, crop, mirror and scale, in Caffe's order (data_transformer.cpp:41-137).

Every value is (pixel - mean) * scale in float32. Inside, images are (H, W, C) and batches (N, H, W, C); a mean file
is (C, H, W) as Caffe writes it and is subtracted where the pixel stood before the crop. Crops are square: at random in
TRAIN, at ((H - c) // 2, (W - c) // 2) in TEST. Mirroring draws in TEST too, as in Caffe.

Every random number is a pure function of the key and of the record's ordinal in the endless stream, so that a run that
is continued draws what it would have drawn.
"""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from zoo.errors import DataError
from zoo.formats.paths import find_file
from zoo.input.mean_file import mean_image

PHILOX = 1  # tf.random.Algorithm.PHILOX: one step of its counter gives the four numbers of one record


class Window(NamedTuple):
    """What of one image is shown: int32 scalars `top` and `left` of the crop; boolean `flip`, or None for never."""

    top: tf.Tensor
    left: tf.Tensor
    flip: tf.Tensor | None


@dataclass(frozen=True)
class Transform:
    """The transform of one data layer.

    Attributes:
        scale: the factor, applied after the mean.
        mirror: whether to flip left to right by the toss of a coin.
        crop_size: the side of the square crop, or 0 for none.
        random_crop: whether the crop lies at random (TRAIN) or in the middle (TEST).
        mean: None, float32 (1,) or (C,) for mean values, or (H, W, C) for a mean image.
        key: 64 bits: whose random numbers these are.
    """

    scale: float = 1.0
    mirror: bool = False
    crop_size: int = 0
    random_crop: bool = False
    mean: np.ndarray | None = None
    key: int = 0

    def __post_init__(self):
        object.__setattr__(self, "scale", np.float32(self.scale))

    def check(self, channels, image_shape, min_size, at=None):
        """Returns the (H, W) that comes out of images with `channels`; raises DataError where they do not fit.

        Args:
            channels: C of the images.
            image_shape: their (H, W), or None where they differ.
            min_size: the smallest H and the smallest W among them, or None where that is not known.
            at: the `Place` to blame.
        """
        if self._mean_values and self.mean.size not in (1, channels):
            want = f"1 or {channels}, as many as channels" if channels > 1 else "1, as many as channels"
            raise DataError("wrong number of mean_value", at=at, got=self.mean.size, want=want)
        if self._mean_image:
            mean = _chw(self.mean)
            if image_shape is None or (channels, *image_shape) != mean:
                want = (channels, *image_shape) if image_shape else "images of one size"
                raise DataError(
                    "mean_file must have the size of the images before the crop", at=at, got=mean, want=want
                )
        if self.crop_size:
            if min_size and self.crop_size > min(min_size):
                want = f"at most {min(min_size)}, as the smallest image is {min_size[0]} x {min_size[1]} (H x W)"
                hint = "data_prep.imagenet --resize=256 brings images to one size" if image_shape is None else None
                raise DataError("crop_size exceeds the images", at=at, got=self.crop_size, want=want, hint=hint)
            return self.crop_size, self.crop_size
        if image_shape is None:
            hint = "set transform_param.crop_size, or prepare the data with --resize"
            raise DataError("images of several sizes do not make a batch", at=at, hint=hint)
        return tuple(image_shape)

    def batch(self, images, first):
        """Returns float32 (N, h, w, C) for `images`, uint8 or float32 (N, H, W, C) with H, W, C known.

        Args:
            images: the batch.
            first: int64 scalar tensor: the ordinal of its first record; the others follow.
        """
        height, width = images.shape[1], images.shape[2]
        if self._mean_image:
            images = tf.cast(images, tf.float32) - self.mean
        crop = self.crop_size
        if self._draws:
            numbers = draw(self.key, first, tf.shape(images)[0])
        if crop and self.random_crop:
            rows = _below(numbers[:, 0], height - crop + 1)[:, None] + tf.range(crop)
            columns = _below(numbers[:, 1], width - crop + 1)[:, None] + tf.range(crop)
            images = tf.gather(tf.gather(images, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)
        elif crop:
            top, left = (height - crop) // 2, (width - crop) // 2
            images = images[:, top : top + crop, left : left + crop]
        if self.mirror:
            flip = _coin(numbers[:, 2])[:, None, None, None]
            images = tf.where(flip, tf.reverse(images, [2]), images)
        return self.values(images)

    def one(self, image, ordinal):
        """Returns float32 (h, w, C) for one `image` (H, W, C), H and W known or not; the same as `batch` gives."""
        return self.values(self.cut(image, ordinal))

    def cut(self, image, ordinal):
        """Returns the part of one `image` that is shown, mirrored or not: `one` but for `values`.

        A byte a pixel makes a batch four times as fast as a float, so `values` had better wait for the batch.
        """
        window = self.window(ordinal, tf.shape(image)[0], tf.shape(image)[1])
        if self.crop_size:
            size = self.crop_size
            image = image[window.top : window.top + size, window.left : window.left + size]
            image = tf.ensure_shape(image, (size, size, image.shape[2]))
        return self.cropped(image, window)

    def window(self, ordinal, height, width):
        """Returns the `Window` of the record with that ordinal, whose image is `height` x `width` (int32 scalars)."""
        crop, numbers = self.crop_size, draw(self.key, ordinal, 1)[0] if self._draws else None
        if crop and self.random_crop:
            top, left = _below(numbers[0], height - crop + 1), _below(numbers[1], width - crop + 1)
        else:
            top, left = ((height - crop) // 2, (width - crop) // 2) if crop else (0, 0)
        return Window(top, left, _coin(numbers[2]) if self.mirror else None)

    def cropped(self, image, window):
        """Returns what `cut` does, given the part `image` (h, w, C) of an image that `window` shows of it.

        It is mirrored if `window` says so; one that is mirrored already has a window with no `flip`.
        """
        if self._mean_image:
            mean, (top, left), crop = self.mean, window[:2], self.crop_size
            if crop:
                mean = tf.ensure_shape(tf.constant(mean)[top : top + crop, left : left + crop], image.shape)
            image = tf.cast(image, tf.float32) - mean
        if window.flip is not None:
            image = tf.cond(window.flip, lambda: tf.reverse(image, [1]), lambda: image)
        return image

    @property
    def wants_one_size(self):
        """Whether all images must have the size of the mean image."""
        return self._mean_image

    @property
    def takes_any_size(self):
        """Whether images of unlike sizes come out alike."""
        return bool(self.crop_size) and not self._mean_image

    @property
    def _mean_values(self):
        return self.mean is not None and self.mean.ndim == 1

    @property
    def _mean_image(self):
        return self.mean is not None and self.mean.ndim == 3

    @property
    def _draws(self):
        return self.mirror or (self.crop_size and self.random_crop)

    def batches_of(self, stream, batch_size):
        """Returns the batches of `stream`, (what `cut` returned, label) pairs, with the images' `values`."""

        def finish(images, labels):
            return self.values(images), labels

        batches = stream.batch(batch_size, drop_remainder=True)
        return batches.map(finish, tf.data.AUTOTUNE, deterministic=True)

    def values(self, images):
        """Returns float32 (..., h, w, C): `images` less the mean values, times the scale."""
        images = tf.cast(images, tf.float32)
        if self._mean_values:
            # TensorFlow subtracts a whole image three times as fast as a value a channel.
            size = images.shape[-3:]
            images = images - (np.broadcast_to(self.mean, size) if size.is_fully_defined() else self.mean)
        return images if self.scale == 1 else images * self.scale


def make_transform(layer, spec, phase, seed=0, data_dir=None):
    """Returns the `Transform` of a layer.

    Args:
        layer: the `LayerDef`.
        spec: its `TransformSpec`.
        phase: "TRAIN" or "TEST".
        seed: an integer; with the layer's name and the phase it makes the key, so that layers draw independently.
        data_dir: where a mean file is looked for first.

    Raises:
        DataError: a mean file that is missing or damaged.
    """
    mean = None
    if spec.mean_file is not None:
        at, file = layer.at("transform_param.mean_file"), layer.place.file
        mean = mean_image(find_file(spec.mean_file, "mean_file", at=at, data_dir=data_dir, file=file))
    elif spec.mean_values:
        mean = np.array(spec.mean_values, np.float32)
    return Transform(
        scale=spec.scale,
        mirror=spec.mirror,
        crop_size=spec.crop_size,
        random_crop=phase == "TRAIN",
        mean=mean,
        key=stream_key(seed, phase, layer.key),
    )


def stream_key(*parts):
    """Returns 64 bits made of `parts`, the same in every process."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "little")


def draw(key, first, count):
    """Returns uint32 (count, 4): four random numbers for each of the records `first`, `first` + 1, ...

    Philox is a counter turned into numbers, so row i is a function of `key` and ``first + i`` alone.
    """
    counter = tf.stack([tf.cast(first, tf.uint64), tf.constant(0, tf.uint64)])
    shape = tf.stack([tf.cast(count, tf.int32), 4])
    numbers = tf.raw_ops.StatelessRandomUniformFullIntV2
    return numbers(shape=shape, key=tf.constant([key], tf.uint64), counter=counter, alg=PHILOX, dtype=tf.uint32)


def _below(numbers, bound):
    """Returns int32 in [0, bound) for uint32 `numbers`: the high half of their product, even to 2^-32 * bound."""
    product = tf.cast(numbers, tf.uint64) * tf.cast(bound, tf.uint64)
    return tf.cast(tf.bitwise.right_shift(product, tf.constant(32, tf.uint64)), tf.int32)


def _coin(numbers):
    """Returns booleans from the low bit of uint32 `numbers`."""
    return tf.cast(tf.bitwise.bitwise_and(numbers, tf.constant(1, tf.uint32)), tf.bool)


def _chw(mean):
    return mean.shape[2], mean.shape[0], mean.shape[1]
