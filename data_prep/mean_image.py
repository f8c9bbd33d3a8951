"""Computes the mean image of a dataset, as compute_image_mean does.

    python -m data_prep.mean_image --source=data/cifar10/train --output=data/cifar10/mean.binaryproto[,mean.png,...]

The source is a split of TFRecord shards, an LMDB, a LevelDB or a list of images. Sums are float64, so that they
stay exact where Caffe's float32 sums lose the low bits of large data sets. Printed are the means of the channels, in
the order in which mean_value takes them. `.binaryproto` is what mean_file reads, `.npy` is float32 (C, H, W), `.png`
is to look at.
"""

import pathlib

import numpy as np
from absl import flags

from data_prep import common
from data_prep.image_readers import ahead, define_resize, open_source, resize_of
from zoo.errors import DataError, Place
from zoo.formats import atomic, blobproto, datum, shard_check
from zoo.progress import Progress
from zoo.report import Report

SUFFIXES = (".binaryproto", ".npy", ".png")


def mean_image(source, gray=False, resize=None, count=lambda records: records):
    """Returns (float64 (H, W, C) mean, number of images) of an `ImageSource`.

    Args:
        source: the `ImageSource`.
        gray: whether to take the images as gray.
        resize: (H, W) to bring them to, or None.
        count: a function that passes records on, such as to draw a bar.

    Raises:
        DataError: no images, unlike sizes, or one that does not decode.
    """

    def pixels(record):
        image = record.loaded().pixels(gray, color=source.kind == "list")
        return record, datum.resize(image, resize) if resize else image

    total, number = None, 0
    for record, image in ahead(pixels, count(source.records)):
        if total is None:
            total = np.zeros(image.shape)
        if image.shape != total.shape:
            hint = "--resize_height and --resize_width bring images to one size"
            got, want = _size(image), _size(total)
            raise DataError("an image of another size", at=record.place, got=got, want=want, hint=hint)
        total += image
        number += 1
    return total / number, number


def write(path, mean, channel_order="BGR"):
    """Writes the float (H, W, C) `mean` in the form that the ending of `path` names; raises DataError."""
    path = pathlib.Path(path)
    check_path(path)
    planes = mean.transpose(2, 0, 1).astype(np.float32)
    if path.suffix == ".binaryproto":
        return blobproto.write_mean(path, planes)
    if path.suffix == ".png" and mean.shape[2] not in (1, 3):
        raise DataError("a mean that is no image", at=Place(str(path)), got=f"{mean.shape[2]} channels", want="1 or 3")
    with atomic.replacing(path, DataError) as file:
        if path.suffix == ".npy":
            np.save(file, planes)
        else:
            import cv2

            pixels = np.rint(mean).clip(0, 255).astype(np.uint8)
            file.write(cv2.imencode(".png", pixels[..., ::-1] if channel_order == "RGB" else pixels)[1])
    return None


def check_path(path):
    """Raises DataError where the ending of `path` names no form."""
    if pathlib.Path(path).suffix not in SUFFIXES:
        raise DataError("no form of a mean image", at=Place(str(path)), want=f"an ending of {', '.join(SUFFIXES)}")


def _size(image):
    return "{} x {} x {} (H x W x C)".format(*image.shape)


def main(_):
    """Reads the flags, computes, writes, and says the numbers."""
    f = flags.FLAGS
    for path in f.output:
        check_path(path)
    source = open_source(f.source, f.root_folder, verify=f.verify_shards)
    with Progress(source.count, "mean", "image") as progress:
        mean, number = mean_image(source, f.gray, resize_of(f), progress.over)
    report = Report()
    for path in f.output:
        write(path, mean, source.channel_order)
        report.text(f"wrote {path}").note_made("mean", path)
    report.text(f"{number} images of {_size(mean)}")
    for channel, value in enumerate(mean.mean((0, 1))):
        report.text(f"mean_value channel [{channel}]: {value:.6g}")
    report.more |= {"images": number, "mean_value": mean.mean((0, 1))}
    for path in f.output[:1]:
        report.text(f'  in a prototxt: transform_param {{ mean_file: "{path}" }}')
    return report


if __name__ == "__main__":
    flags.DEFINE_string("source", None, "Split of shards, LMDB, LevelDB, or list of images.", required=True)
    flags.DEFINE_list(
        "output", [], f"Files to write, separated by commas, each ending in one of {', '.join(SUFFIXES)}."
    )
    flags.DEFINE_string("root_folder", "", "Put before the names of a list, as it stands.")
    flags.DEFINE_bool("gray", False, "Take the images as gray.")
    define_resize()
    shard_check.define_flag()
    common.run(main)
