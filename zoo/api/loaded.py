"""A config and its weights as one Keras model, which knows how images are prepared and what its classes are called."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import keras
import numpy as np
from absl import logging

from zoo.errors import DataError
from zoo.export.conversion import Conversion, convert
from zoo.formats import class_names
from zoo.formats.packaged import find
from zoo.netdef.changes import Change
from zoo.pycaffe.config_classifier import Preparation, prepared, read_mean
from zoo.pycaffe.images import centre_crop, load_image, resize_image
from zoo.pycaffe.transformer import Transformer

Image = Any  # a path, or an array (H, W), (H, W, 1) or (H, W, 3) of 0..255 in R, G, B


class Guess(NamedTuple):
    """One class that an image may show.

    Attributes:
        label: its number, from 0.
        name: what it is called; the number where nobody says it.
        score: the net's output for it; after Softmax its probability.
    """

    label: int
    name: str
    score: float


class LoadedModel(keras.Model if TYPE_CHECKING else object):
    """What `load` returns: a plain functional `keras.Model` with two functions more.

    The model itself is one of Keras's own, so that it is saved, fine-tuned and exported as any other; what is saved
    does not hold these two. Spatial tensors are channels-last.
    """

    def preprocess(self, images: Image | Sequence[Image]) -> np.ndarray:
        """Returns float32 (N, H, W, C) for the model, from one image or a list: resized, cropped, less the mean.

        An image is a path, or an array of 0..255 in R, G, B. It is prepared as the config's data layer does in TEST.

        Raises:
            DataError: no such file, no image, or an array of another shape.
        """
        raise NotImplementedError

    def decode(self, predictions: Any, top: int = 5) -> list[list[Guess]]:
        """Returns the `top` likeliest classes of each item of what the model gave, the likeliest first.

        Of a net with several outputs it takes "prob"; where there is none, give it one of them.

        Raises:
            DataError: no such predictions, a `top` below 1, or names that are more or fewer than the classes.
        """
        raise NotImplementedError


def load(
    config: str | os.PathLike[str],
    weights: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    *,
    set: str = "",
    input_shape: Mapping[str, Sequence[int]] | None = None,
    mean: Sequence[float] | str | os.PathLike[str] | None = None,
    scale: float | None = None,
    rgb: bool = False,
    labels: str | Sequence[str] | None = None,
    data_dir: str | os.PathLike[str] | None = "data",
) -> LoadedModel:
    """Returns the Keras model of a config's deploy net, with weights in it.

    Args:
        config: the name of a packaged config, or the path of a net or solver.
        weights: a .caffemodel, .caffemodel.h5 or .keras file of ours, or several, by layer name. Without, parameters
            are what the fillers give, and the log says so.
        set: changes of the config, as --set.
        input_shape: {blob: Caffe shape} of inputs whose size nothing else says.
        mean: per channel in the order of the net's channels, or the path of a mean image (.binaryproto, .npy), where
            the config does not say it or its file is not here.
        scale: what the difference is multiplied by, likewise.
        rgb: whether the net wants R, G, B, not B, G, R; not needed where the config's data is here and is raw R, G, B.
        labels: names of the classes: "imagenet", "cifar10", "mnist", a file with a name a line, a prepared split, or
            the names; None takes ILSVRC2012's where there are 1,000 classes, else numbers.
        data_dir: where data, a mean file and nets are looked for first.

    Raises:
        ZooError: what is wrong with the files.

    Example:
        >>> model = load("lenet")
        >>> digits = model.preprocess(np.zeros((28, 28), np.uint8))
        >>> digits.shape, model(digits).shape
        ((1, 28, 28, 1), TensorShape([1, 10]))
        >>> [guess.label for guess in model.decode(np.eye(10)[3:4], top=1)[0]]
        [3]
    """
    path = find(os.fspath(config))
    paths = [os.fspath(each) for each in ([weights] if isinstance(weights, str | os.PathLike) else weights)]
    changes = [Change(set, "set")] if set.strip() else []
    where = None if data_dir is None else os.fspath(data_dir)
    conversion = convert(path, paths, shapes=dict(input_shape or {}), data_dir=where, changes=changes)
    if not paths:
        logging.warning("%s: no weights are given: all parameters are filler values, none is trained", path)
    model = conversion.exported.model
    names = None if labels is None else class_names.of(labels) if isinstance(labels, str) else tuple(labels)
    values = read_mean(mean) if isinstance(mean, str | os.PathLike) else mean
    preparation = Preparation(mean=values, scale=scale, rgb=rgb)
    model.preprocess = lambda images: preprocessed(conversion, preparation, images)
    model.decode = lambda predictions, top=5: _decode(predictions, top, names)
    return cast(LoadedModel, model)


def preprocessed(conversion: Conversion, preparation: Preparation, images: Image | Sequence[Image]) -> np.ndarray:
    """Returns what `LoadedModel.preprocess` does, for the net of a `Conversion`; raises as it does."""
    name, shape, dims, (mean, input_scale, raw_scale, swap) = prepared(conversion, preparation)
    transformer = Transformer({name: shape})
    transformer.set_transpose(name, (2, 0, 1))
    transformer.set_raw_scale(name, raw_scale)
    for value, setter in (
        (swap, transformer.set_channel_swap),
        (mean, transformer.set_mean),
        (input_scale, transformer.set_input_scale),
    ):
        if value is not None:
            setter(name, value)
    several = isinstance(images, list | tuple) or getattr(images, "ndim", 0) == 4
    batch = []
    for image in images if several else [images]:
        resized = resize_image(_pixels(image, shape[1] == 3), dims)
        height, width = shape[2:]
        top, left = centre_crop(resized.shape, np.array(shape[2:]))
        cropped = resized[top : top + height, left : left + width]
        batch.append(transformer.preprocess(name, cropped).transpose(1, 2, 0))
    if not batch:
        raise DataError("no image to prepare")
    return np.stack(batch)


def _pixels(image, color):
    """Returns an image (H, W, 3) or (H, W, 1), float32 in [0, 1], as `load_image` does."""
    if isinstance(image, str | os.PathLike):
        return load_image(image, color)
    array = np.asarray(image)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3) or not array.size:
        want = "a path, or 0..255 in shape (H, W), (H, W, 1) or (H, W, 3)"
        raise DataError("no image", got=f"an array of shape {np.shape(image)}", want=want)
    if array.dtype.kind not in "buif" or not np.isfinite(array).all():
        got = array.dtype if array.dtype.kind not in "buif" else "values that are not finite"
        raise DataError("no image", got=got, want="numbers of 0..255")
    if array.dtype.kind in "bf" and 0 < array.max() <= 1:
        logging.warning("an image whose values are all in 0..1: 0..255 is wanted, so it is read as nearly black")
    array = array.astype(np.float32) / 255
    if array.shape[2] == 3 and not color:
        return (array @ np.array([0.2125, 0.7154, 0.0721], np.float32))[:, :, None]
    return np.repeat(array, 3, axis=2) if array.shape[2] == 1 and color else array


def _decode(predictions, top, names):
    if isinstance(predictions, Mapping):
        if len(predictions) > 1 and "prob" not in predictions:
            want = f'one of them, such as predictions["{next(iter(predictions))}"]'
            raise DataError("which output names the classes?", got=", ".join(predictions), want=want)
        predictions = predictions["prob" if "prob" in predictions else next(iter(predictions))]
    if top < 1:
        raise DataError("no classes to name", got=f"top={top}", want="1 or more")
    scores = np.asarray(predictions)
    if scores.ndim < 2 or scores.size != scores.shape[0] * scores.shape[1 if scores.shape[1] > 1 else -1]:
        raise DataError("no predictions", got=f"shape {scores.shape}", want="(items, classes)")
    scores = scores.reshape(len(scores), -1)
    names = names or class_names.of_count(scores.shape[1])
    if len(names) != scores.shape[1]:
        want = f"{scores.shape[1]}, as the net has classes"
        raise DataError("names of classes do not fit the net", got=f"{len(names)} names", want=want)
    return [
        [Guess(int(label), names[label], float(row[label])) for label in (-row).argsort(kind="stable")[:top]]
        for row in scores
    ]
