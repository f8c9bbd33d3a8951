"""A `Classifier` of any config and its weights, which prepares images as the config's data layer does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.errors import DataError, NetError, Place, ZooError
from zoo.export.conversion import convert
from zoo.export.preprocessing import gives_images
from zoo.input.mean_file import mean_image
from zoo.pycaffe.classifier import Classifier

IMAGENET_CROPS, IMAGENET_SIDE = (224, 227), 256  # what classify.py brings images to before it cuts 227 x 227 out


@dataclass(frozen=True)
class Preparation:
    """How images become a net's input; what is None is as the config says.

    Attributes:
        image_dims: (height, width) that images are brought to before crops are cut out.
        mean: float32 (channels,) or (channels, height, width), in the order of the net's channels; () for none.
        scale: what is multiplied with after the mean.
        rgb: whether the net wants R, G, B; most nets want B, G, R. Not needed where the config's data says so.
    """

    image_dims: tuple[int, int] | None = None
    mean: np.ndarray | Sequence[float] | None = None
    scale: float | None = None
    rgb: bool = False


def preparation_of(mean_value=None, mean_file=None, scale=None, rgb=False, images_dim=()):
    """Returns the `Preparation` that the flags of a command say, whose lists are of texts.

    Raises:
        ZooError: a flag that takes numbers has other texts; a mean file that cannot be read.
    """
    if mean_file and mean_value is not None:
        raise ZooError("--mean_file and --mean_value exclude each other")
    mean = None if mean_value is None else _numbers("mean_value", mean_value, float, "104,117,123")
    sides = _numbers("images_dim", images_dim, int, "256,256")
    if sides and (len(sides) != 2 or min(sides) < 1):
        raise ZooError("--images_dim", got=",".join(images_dim), want="height and width, such as 256,256")
    dims = (sides[0], sides[1]) if sides else None
    return Preparation(dims, read_mean(mean_file) if mean_file else mean, scale, rgb)


def _numbers(flag, texts, kind, want):
    try:
        return [kind(text) for text in texts]
    except ValueError:
        raise ZooError(f"--{flag} takes numbers", got=",".join(texts), want=want) from None


def image_net(config, weights, preparation=None, shapes=None, outputs=(), data_dir=None, batch=10):
    """Returns (`Classifier`, what it does to images, in words) of a net to deploy, or to train, or of a solver.

    Args:
        config: path of the prototxt.
        weights: paths of weights files, loaded in turn.
        preparation: the `Preparation`; None leaves all to the config.
        shapes: {input: Caffe shape}, needed where nothing else says it.
        outputs: names of the blobs to give; () means what no layer reads.
        data_dir: where the mean file is looked for first.
        batch: how many crops the net runs over at once, where it takes any number.

    Raises:
        ZooError: the net takes no images, its mean file is not there, or what `convert` raises.
    """
    preparation = preparation or Preparation()
    conversion = convert(config, weights, shapes=shapes, outputs=outputs, data_dir=data_dir, load=False)
    name, shape, dims, setters = prepared(conversion, preparation)
    net = Classifier.of(conversion.definition, weights, dims, *setters)
    if not conversion.fixed:
        net.blobs[name].reshape(batch, *shape[1:])
    return net, _said(conversion.preprocessing[name], dims, shape, setters, preparation)


def prepared(conversion, preparation):
    """Returns how images become what a net takes: (input, its Caffe shape, image_dims, values of a `Transformer`).

    The values are mean, input_scale, raw_scale and channel_swap, as a `Classifier` takes them.

    Args:
        conversion: the `Conversion` of the net.
        preparation: the `Preparation`.

    Raises:
        ZooError: the net takes no images, or its mean file is not there.
    """
    name, shape = _input(conversion)
    found = conversion.preprocessing[name]
    mean = _mean(found, preparation.mean, shape[1], conversion.config)
    scale = found.scale if preparation.scale is None else preparation.scale
    swap = (2, 1, 0) if shape[1] == 3 and not preparation.rgb and found.order != "RGB" else None
    dims = preparation.image_dims or found.resize or _image_dims(shape[2:])
    return name, shape, dims, (mean, None if scale == 1 else scale, 255, swap)


def config_classifier(config, weights, preparation=None, shapes=None, output=None, data_dir=None, batch=10):
    """Returns what `image_net` does, of a net that gives classes; raises as it does, and NetError for any other net.

    Args:
        output: the blob with a value for each class; None for the net's only output, or its "prob".
        config, weights, preparation, shapes, data_dir, batch: as for `image_net`.
    """
    conversion = convert(
        config, weights, shapes=shapes, outputs=[output] if output else (), data_dir=data_dir, load=False
    )
    if output is None:
        output = "prob" if len(conversion.outputs) > 1 else next(iter(conversion.outputs))
    if output not in conversion.outputs:
        got = ", ".join(conversion.outputs)
        raise NetError("the net has several outputs", at=Place(config), got=got, hint="--blob=NAME says which")
    size = conversion.shapes[conversion.outputs[output]]
    if len(size) < 2 or any(side != 1 for side in size[2:]):
        got, want = f"{output} {' x '.join(map(str, size))}", "N x classes"
        raise NetError(
            "the net gives no classes", at=Place(config), got=got, want=want, hint="--blob=NAME says another"
        )
    return image_net(config, weights, preparation, shapes, [output], data_dir, batch)


def _input(conversion):
    """Returns (name, Caffe shape) of the only input, which is of images."""
    shapes = {ref.name: conversion.shapes[ref] for ref in conversion.inputs}
    (name, shape), *more = shapes.items()
    if more or len(shape) != 4 or shape[1] not in (1, 3):
        got = ", ".join(f"{each} {' x '.join(map(str, size))}" for each, size in shapes.items())
        want = "one input N x 3 x H x W, or N x 1 x H x W"
        raise NetError("the net does not take images", at=Place(conversion.config), got=got, want=want)
    return name, shape


def _mean(found, given, channels, config):
    if given is None and found.mean_file and found.mean_image is None:
        hint = "--mean_file or --mean_value, in Python mean=, says what to subtract; 0 nothing"
        raise DataError("the config's mean file is not here", at=Place(config), got=found.mean_file, hint=hint)
    if given is None:
        given = found.mean if found.mean_image is None else found.mean_image.transpose(2, 0, 1)
    mean = np.asarray(given, np.float32)
    if not mean.size or not mean.any():
        return None
    if mean.ndim == 1 and mean.size not in (1, channels):
        raise DataError("wrong number of mean values", got=mean.size, want=f"1 or {channels}")
    return np.repeat(mean, channels) if mean.shape == (1,) else mean


def _image_dims(size):
    return (IMAGENET_SIDE, IMAGENET_SIDE) if set(size) <= set(IMAGENET_CROPS) else tuple(size)


def _said(found, dims, shape, setters, preparation):
    mean, scale, _, swap = setters
    channels = "gray" if shape[1] == 1 else "BGR" if swap else "RGB"
    sizes = f"{dims[0]} x {dims[1]} (H x W)" + ("" if dims == shape[2:] else f", of it {shape[2]} x {shape[3]}")
    said = [f"images: {channels}, 0..255, brought to {sizes}"]
    if mean is not None:
        values = ", ".join(f"{value:g}" for value in mean.reshape(len(mean), -1).mean(1))
        said.append(f"less {'a mean image of means ' if mean.ndim == 3 else ''}{values}")
    elif not gives_images(found.layer) and preparation.mean is None:
        said.append("less no mean, as neither the config nor a flag says one")
    return "; ".join([*said, *([] if scale is None else [f"times {scale:g}"])])


def read_mean(path):
    """Returns the mean image (channels, height, width) in a file, a .binaryproto or .npy; raises DataError."""
    if not str(path).endswith(".npy"):
        return mean_image(path).transpose(2, 0, 1)
    at = Place(str(path))
    try:
        mean = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError("no mean image", at=at, got=getattr(error, "strerror", None) or str(error)) from None
    if mean.ndim not in (1, 3) or mean.dtype.kind not in "fiu":
        raise DataError("no mean image", at=at, got=f"{mean.dtype} of shape {mean.shape}", want="(channels, H, W)")
    return mean.astype(np.float32)
