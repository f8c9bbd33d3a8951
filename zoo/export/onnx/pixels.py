"""The preprocessing as the first nodes of a graph: channel order, mean and scale."""

from collections.abc import Mapping

import numpy as np

from zoo.errors import UnsupportedError
from zoo.export.conversion import Conversion
from zoo.export.onnx.graph import Graph
from zoo.export.preprocessing import gives_images
from zoo.netdef.netdef import BlobRef

ORDERS = "BGR", "RGB"


def pixel_inputs(
    conversion: Conversion, graph: Graph, names: Mapping[BlobRef, str], pixels: str, any_size: bool = False
) -> dict[BlobRef, str]:
    """Adds nodes that make of pixels 0..255 what the net reads.

    Args:
        conversion: says what its data layers did.
        graph: where the nodes go.
        names: {value: name}.
        pixels: "BGR" or "RGB", the order of the channels that are fed; where the net takes none of three, it says
            nothing.
        any_size: whether height and width are open, where no mean image fits.

    Returns:
        `names`, with the preprocessed value in place of each input of images.

    Raises:
        UnsupportedError: nothing is known of the preprocessing, or its mean image is not there or does not fit.
    """
    read, known = dict(names), 0
    for ref in conversion.inputs:
        said = conversion.preprocessing.get(ref.name)
        if said is None or not gives_images(said.layer):
            continue
        known += 1
        value = names[ref]
        if _turned(said, pixels, conversion.shapes[ref]):
            turned = graph.constant(np.array([2, 1, 0]), f"{ref.name}.order")
            value = _node(graph, "Gather", value, turned, ref, axis=1)
        if any_size and said.mean_file is not None:
            raise UnsupportedError(f"the mean image {said.mean_file} is of one size, and height and width are open")
        mean = _mean(said, conversion.shapes[ref])
        if mean is not None:
            value = _node(graph, "Sub", value, graph.constant(mean, f"{ref.name}.mean"), ref)
        if said.scale != 1:
            value = _node(
                graph, "Mul", value, graph.constant(np.array(said.scale, np.float32), f"{ref.name}.scale"), ref
            )
        read[ref] = value
    if not known:
        what = "nothing is known of the preprocessing: no layer of the file feeds images"
        hint = "give the config with the data layer and its transform_param"
        raise UnsupportedError(f"{conversion.config}: {what}", hint=hint)
    return read


def _turned(said, pixels, shape):
    """Returns whether the net has the three channels in the other order than the pixels that are fed."""
    return said.order in ORDERS and said.order != pixels and shape[1] == 3


def _node(graph, kind, value, other, ref, **attributes):
    name = graph.unique(f"{ref.name}/{kind}")
    graph.node(kind, [value, other], [name], name, **attributes)
    return name


def _mean(said, shape):
    """Returns the mean as float32 (1, C, 1, 1), or (1, C, H, W) of a mean image; None for none."""
    if said.mean_file is not None:
        if said.mean_image is None:
            hint = "say with --data_dir where it is"
            raise UnsupportedError(f"the mean image {said.mean_file} is not found here", hint=hint)
        image = said.mean_image
        offsets = [(have - want) // 2 for have, want in zip(image.shape, shape[2:])]
        if min(offsets) < 0 or image.shape[2] != shape[1]:
            raise UnsupportedError(f"the mean image {said.mean_file} does not fit", got=image.shape, want=shape[1:])
        rows, columns = (slice(at, at + size) for at, size in zip(offsets, shape[2:]))
        return np.ascontiguousarray(image[rows, columns].transpose(2, 0, 1)[None], np.float32)
    return np.reshape(np.asarray(said.mean, np.float32), (1, -1, 1, 1)) if said.mean else None


def pixels_of(conversion: Conversion, blob: str, array: np.ndarray, pixels: str) -> np.ndarray:
    """Returns the pixels of which the preprocessing makes `array`, an input of Caffe's shape."""
    said = conversion.preprocessing[blob]
    if not gives_images(said.layer):
        return array
    array = array / said.scale
    mean = _mean(said, array.shape)
    array = array if mean is None else array + mean
    return array[:, ::-1] if _turned(said, pixels, array.shape) else array
