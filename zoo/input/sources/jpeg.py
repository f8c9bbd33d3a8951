"""JPEG files to pixels in TensorFlow, as OpenCV decodes them: whole, or one square out of the middle of them.

The accurate inverse DCT gives OpenCV's pixels, bit for bit; TensorFlow's default is off by up to 21. A square that is
cut while decoding costs neither the inverse DCT nor the colours of what lies outside; docs/data_speed.md has numbers.
"""

import tensorflow as tf

ACCURATE = "INTEGER_ACCURATE"
# Colours may be stored at half or a quarter of the width, and a pixel's are mixed from two neighbours. At the edge of
# what is decoded libjpeg has but one of them, and where a strip is that narrow, it mixes none: so more columns are
# decoded than are kept. (Rows it decodes with their neighbours.)
MARGIN = 4


def decode(data, channels):
    """Returns uint8 (H, W, C) pixels, BGR or gray, of the JPEG or PNG bytes in the string tensor `data`."""
    image = tf.io.decode_jpeg(data, channels=channels, dct_method=ACCURATE)  # takes PNG as well
    return _bgr(image)


def decode_square(data, channels, width, window, side):
    """Returns the uint8 (side, side, C) part of ``decode(data, channels)`` that `window` shows, bit for bit.

    Args:
        data: the bytes of a JPEG file, and of nothing else.
        channels: C.
        width: of the image.
        window: the `Window`, whose square lies inside the image; mirrored where it says so.
        side: of the square.
    """
    first = tf.maximum(window.left - MARGIN, 0)
    end = tf.minimum(window.left + side + MARGIN, width)
    part = tf.stack([window.top, first, side, end - first])
    image = tf.image.decode_and_crop_jpeg(data, part, channels=channels, dct_method=ACCURATE)
    left = window.left - first
    image = tf.ensure_shape(image[:, left : left + side], (side, side, channels))
    if window.flip is None:
        return _bgr(image)
    axes = [2, 1] if channels == 3 else [1]
    return tf.reverse(image, tf.constant(axes)[: len(axes) - 1 + tf.cast(window.flip, tf.int32)])  # both in one pass


def _bgr(image):
    return tf.reverse(image, [2]) if image.shape[2] == 3 else image  # five times as fast as a step of -1
