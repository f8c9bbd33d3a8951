"""What has to be done to an image before the net, as its data layer did it: said for people and for programs."""

import contextlib
from dataclasses import dataclass, field, replace

import numpy as np

from zoo.errors import DataError
from zoo.formats.paths import candidates
from zoo.input import mean_file
from zoo.input.sources.locate import find_source
from zoo.layers import find, lookup
from zoo.netdef.data_source import source_field


@dataclass(frozen=True)
class Preprocessing:
    """How the values of one input come from images.

    Attributes:
        blob: the input.
        layer: type of the layer that fed it; "Input" where the file says nothing of the data.
        steps: what to do, in order, a sentence each.
        mean: per channel, in the order of the channels: mean values, or the means of a mean image; () for none.
        mean_file: the mean image as the file names it, or None.
        mean_image: float32 (H, W, C), where that file was found.
        scale: what the difference is multiplied by.
        crop: the (H, W) that is cut out of the middle, or None.
        order: of the channels: "BGR", "RGB" where the data are here and are raw R, G, B, "gray", or "as in the data"
            where there are neither three nor one.
        resize: (H, W) that images are brought to first, or None.
    """

    blob: str
    layer: str = "Input"
    steps: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    mean_file: str | None = None
    mean_image: np.ndarray | None = field(default=None, repr=False)
    scale: float = 1.0
    crop: tuple[int, int] | None = None
    order: str = "BGR"
    resize: tuple[int, int] | None = None

    def as_dict(self):
        """Returns what a JSON file can hold of it."""
        said = {"layer": self.layer, "steps": list(self.steps)}
        if gives_images(self.layer):
            said |= {"channels": self.order, "values": [0, 255]}
            said |= {"resize": self.resize, "crop": self.crop}
            said |= {"mean": list(self.mean), "mean_file": self.mean_file, "scale": self.scale}
            if self.mean_image is not None:
                said["mean_image"] = list(self.mean_image.shape)
        return said


def gives_images(kind):
    """Whether a layer of that type feeds images that its transform_param speaks of."""
    return getattr(find(kind), "gives_images", False)


def images_spec(layer):
    """Returns the `ImagesSpec` of a `LayerDef` that feeds images.

    Raises:
        ZooError: what its fields allow not.
    """
    return lookup(layer)(layer).spec


def preprocessing(layer, top, channels=None, data_dir=None):
    """Returns the `Preprocessing` of top number `top` of a layer (`LayerDef`) that feeds the net.

    Args:
        channels: of the input, where known.
        data_dir: where a mean file, and the data, are looked for first.

    Raises:
        ZooError: the fields of the layer are wrong.
        DataError: the mean file is there but damaged.
    """
    blob = layer.tops[top].name
    if not gives_images(layer.kind) or top > 0:
        return Preprocessing(blob, layer.type, (_unknown(layer.type),))
    spec = images_spec(layer)
    path = find_mean(layer, spec, data_dir)
    mean_image = None if path is None else mean_file.mean_image(path)
    means = spec.transform.mean_values if mean_image is None else mean_image.mean(axis=(0, 1), dtype=np.float64)
    three = "RGB" if channels == 3 and _reads_rgb(layer, data_dir) else "BGR"
    known = Preprocessing(
        blob,
        layer.type,
        mean=tuple(shortest(value) for value in means),
        mean_file=spec.transform.mean_file,
        mean_image=mean_image,
        scale=shortest(spec.factor),
        crop=spec.cropped,
        order="gray" if channels == 1 or spec.gray else three if channels in (3, None) else "as in the data",
        resize=spec.resized,
    )
    return replace(known, steps=tuple(_steps(known, spec, channels)))


def find_mean(layer, spec, data_dir=None):
    """Returns the path of the mean file that a layer's `ImagesSpec` names, or None where there is none."""
    name = spec.transform.mean_file
    paths = candidates(name, data_dir, layer.place.file) if name else ()
    return next((path for path in paths if path.is_file()), None)


def _reads_rgb(layer, data_dir):
    """Returns whether a layer reads records of raw R, G, B, as those of CIFAR-10 are, and the data are here."""
    if source_field(layer.message) == "data_param":
        with contextlib.suppress(DataError):  # the data need not be here
            place = layer.at("data_param.source")
            card = find_source(layer.message.data_param.source, at=place, data_dir=data_dir, file=place.file).card
            return card is not None and card.encoding == "raw" and card.channel_order == "RGB"
    return False


def _unknown(kind):
    if kind == "Input":
        return "as in training: this file says nothing of it (Caffe's nets mostly take BGR, 0..255, less a mean)"
    return f"as the layer of type {kind} gave it, unchanged"


def _steps(known, spec, channels):
    yield {
        "gray": "one channel, gray",
        "BGR": "channels in the order blue, green, red (as OpenCV reads them)",
        "RGB": "channels in the order red, green, blue (as the data has them)",
    }.get(known.order, f"{channels} channels, as in the data")
    yield "values 0..255 as float32"
    if known.resize:
        yield spec.resizing.format(*known.resize)
    if known.mean_file:
        at = ", pixel by pixel" + (f", {spec.mean_at}" if spec.transform.crop_size else "")
        means = f" (its means per channel: {_numbers(known.mean)})" if known.mean_image is not None else ""
        yield f"subtract the mean image {known.mean_file}{at}{means or ' (not found here)'}"
    elif known.mean:
        yield f"subtract {_numbers(known.mean)}" + (", channel by channel in that order" if len(known.mean) > 1 else "")
    if known.crop:
        yield f"crop {known.crop[0]} x {known.crop[1]} from the middle"
    if known.scale != 1:
        yield f"multiply by {_numbers([known.scale])}"


def _numbers(values):
    return ", ".join(str(np.float32(value)) for value in values)


def shortest(value):
    """Returns a number of single precision as the float of the fewest digits that is read back as the same."""
    return float(str(np.float32(value)))
