"""What sheets share: how an input and the likeliest classes are shown."""

import numpy as np

from zoo.errors import NetError, Place
from zoo.images.grid import sized
from zoo.images.sheet import Panel, bars

SIDE = 224  # pixels: of an image on a sheet


def image_panel(net, fed, title, note="", side=SIDE):
    """Returns the `Panel` of one item of what is fed, (H, W, C), as an image."""
    return Panel(sized(net.input.images(fed[None])[0], side), title, note)


def probabilities(net, fed, scores):
    """Returns float32 (N, classes): the Softmax of the scores of what is fed; raises NetError for NaN or infinity."""
    (values,) = net.values(fed, [scores])
    values = values.reshape(len(values), -1).astype(np.float64)
    if not np.isfinite(values).all():
        hint = "the weights may be damaged"
        raise NetError("the scores of classes are not finite numbers", at=Place(net.config), got=str(scores), hint=hint)
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def class_bars(row, names, title="", most=5):
    """Returns the `Panel` with bars of the likeliest classes of one item."""
    best = np.argsort(-row, kind="stable")[:most]
    return bars([float(row[label]) for label in best], [names[label] for label in best], 1.0, title)
