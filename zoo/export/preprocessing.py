"""What has to be done to an image before the net, as its data layer did it: said for people and for programs."""

from dataclasses import dataclass, field

import numpy as np

from zoo.formats.paths import candidates
from zoo.input.mean_file import mean_image
from zoo.layers import find


@dataclass(frozen=True)
class Preprocessing:
    """How the values of one input come from images.

    Attributes:
        blob: the input.
        layer: type of the layer that fed it; "Input" where the file says nothing of the data.
        steps: what to do, in order, a sentence each.
        mean: per channel, in the order of the channels: mean values, or the means of a mean image; () for none.
        mean_file: the mean image as the file names it, or None.
        mean_picture: float32 (H, W, C), where that file was found.
        scale: what the difference is multiplied by.
        crop_size: the side of the square that is cut out of the middle, or 0.
        order: of the channels: "BGR", "gray", or "as in the data" where there are neither three nor one.
        resize: (H, W) that images are brought to first, or None.
    """

    blob: str
    layer: str = "Input"
    steps: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    mean_file: str | None = None
    mean_picture: np.ndarray | None = field(default=None, repr=False)
    scale: float = 1.0
    crop_size: int = 0
    order: str = "BGR"
    resize: tuple[int, int] | None = None

    def as_dict(self):
        """Returns what a JSON file can hold of it."""
        said = {"layer": self.layer, "steps": list(self.steps)}
        if gives_images(self.layer):
            said |= {"channels": self.order, "values": [0, 255]}
            said |= {"resize": self.resize, "crop_size": self.crop_size or None}
            said |= {"mean": list(self.mean), "mean_file": self.mean_file, "scale": self.scale}
            if self.mean_picture is not None:
                said["mean_picture"] = list(self.mean_picture.shape)
        return said


def gives_images(kind):
    """Whether a layer of that type feeds images that its transform_param speaks of."""
    return getattr(find(kind), "gives_images", False)


def preprocessing(layer, top, channels=None, data_dir=None):
    """Returns the `Preprocessing` of top number `top` of a layer (`LayerDef`) that feeds the net.

    Args:
        channels: of the input, where known.
        data_dir: where a mean file is looked for first.

    Raises:
        DataError: the mean file is there but damaged.
    """
    blob = layer.tops[top].name
    if not gives_images(layer.type) or top > 0:
        return Preprocessing(blob, layer.type, (_unknown(layer.type),))
    t, picture = layer.message.transform_param, None
    if t.mean_file:
        path = find_mean(layer, data_dir)
        picture = None if path is None else mean_image(path)
    means = t.mean_value if picture is None else picture.mean(axis=(0, 1), dtype=np.float64)
    mean = tuple(shortest(value) for value in means)
    scale = layer.message.window_data_param.scale if layer.type == "WindowData" else t.scale
    resize = resized_to(layer)
    gray = channels == 1 or is_gray(layer)
    order = "gray" if gray else "BGR" if channels in (3, None) else "as in the data"
    steps = tuple(_steps(layer, order, channels, resize, mean, picture, scale))
    crop = 0 if layer.type == "WindowData" else t.crop_size
    return Preprocessing(
        blob, layer.type, steps, mean, t.mean_file or None, picture, shortest(scale), crop, order, resize
    )


def is_gray(layer):
    """Whether a data layer says that its images have one channel."""
    lists = _of_list(layer)
    return layer.message.transform_param.force_gray or (lists is not None and not lists.is_color)


def resized_to(layer):
    """Returns the (H, W) that a data layer brings its images to, or None."""
    lists = _of_list(layer)
    return (lists.new_height, lists.new_width) if lists is not None and lists.new_height else None


def _of_list(layer):
    """Returns the message of a layer that reads a list of images, or None."""
    name = {"ImageData": "image_data_param", "DenseImageData": "dense_image_data_param"}.get(layer.type)
    return getattr(layer.message, name) if name else None


def find_mean(layer, data_dir=None):
    """Returns the path of the layer's mean file, or None where there is none."""
    name = layer.message.transform_param.mean_file
    paths = candidates(name, data_dir, layer.place.file) if name else ()
    return next((path for path in paths if path.is_file()), None)


def _unknown(kind):
    if kind == "Input":
        return "as in training: this file says nothing of it (Caffe's nets mostly take BGR, 0..255, less a mean)"
    return f"as the layer of type {kind} gave it, unchanged"


def _steps(layer, order, channels, resize, mean, picture, scale):
    t = layer.message.transform_param
    yield {
        "gray": "one channel, gray",
        "BGR": "channels in the order blue, green, red (as OpenCV reads them)",
    }.get(order, f"{channels} channels, as in the data")
    yield "values 0..255 as float32"
    if resize:
        yield f"resize to {resize[0]} x {resize[1]} (H x W)"
    if layer.type == "WindowData":
        yield f"cut the window out and bring it to {t.crop_size} x {t.crop_size}"
    if t.mean_file:
        at = ", pixel by pixel, before the crop" if t.crop_size else ", pixel by pixel"
        means = f" (its means per channel: {_numbers(mean)})" if picture is not None else " (not found here)"
        yield f"subtract the mean image {t.mean_file}{at}{means}"
    elif mean:
        yield f"subtract {_numbers(mean)}" + (", channel by channel in that order" if len(mean) > 1 else "")
    if t.crop_size and layer.type != "WindowData":
        yield f"crop {t.crop_size} x {t.crop_size} from the middle"
    if scale != 1:
        yield f"multiply by {_numbers([scale])}"


def _numbers(values):
    return ", ".join(str(np.float32(value)) for value in values)


def shortest(value):
    """Returns a number of single precision as the float of the fewest digits that is read back as the same."""
    return float(str(np.float32(value)))
