"""Decoded images kept in memory from the first pass on, for sets that fit: later passes read and decode nothing."""

import math
import pathlib

import tensorflow as tf

from zoo.errors import DataError
from zoo.input.sources import jpeg

FRACTION = 0.9  # of the memory that is available: the rest is for what else grows
EACH = 512  # bytes that an image takes besides its pixels, at most
CGROUP = pathlib.Path("/sys/fs/cgroup")


def available():
    """Returns how many bytes this process may still take: of the machine, and of its control group if it has one."""
    try:
        lines = pathlib.Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):  # not Linux
        return math.inf
    try:
        limit, used = ((CGROUP / name).read_text(encoding="ascii") for name in ("memory.max", "memory.current"))
        return min(free, int(limit) - int(used))
    except (OSError, ValueError):  # no group, or one without a limit
        return free


def check_fits(count, pixels, at):
    """Returns a line on how much memory `count` images of `pixels` bytes in all take; raises DataError if too much.

    Args:
        count, pixels: of the images that are kept.
        at: the `Place` of their source.
    """
    need, free = pixels + count * EACH, available()
    if need > FRACTION * free:
        hint = "leave --cache out; or data_prep.imagenet --resize makes images smaller"
        want = f"at most {FRACTION * free / 1e9:.2f} GB, {FRACTION:.0%} of what is available"
        raise DataError(
            "the decoded images do not fit in memory", at=at, got=f"{need / 1e9:.2f} GB", want=want, hint=hint
        )
    return f"{count} decoded images are kept in memory, {need / 1e9:.2f} of {free / 1e9:.2f} GB that are available"


def pixels_of(files, channels):
    """Returns how many bytes the images in `files`, a dataset of JPEG and PNG files, decode to."""

    def size(data):
        shape = tf.cond(
            tf.io.is_jpeg(data), lambda: tf.io.extract_jpeg_shape(data), lambda: tf.shape(jpeg.decode(data, 1))
        )
        return tf.cast(shape[0], tf.int64) * tf.cast(shape[1], tf.int64) * channels

    sizes = files.map(size, tf.data.AUTOTUNE, deterministic=False)
    return int(sizes.reduce(tf.constant(0, tf.int64), lambda total, one: total + one))


def period(count, parts):
    """Returns after how many records every `parts`-th of an endless walk over `count` records comes round again."""
    return count // math.gcd(count, parts)
