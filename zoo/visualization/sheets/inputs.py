"""What sheets share: how an input, a map and the likeliest classes are shown, and what classes are called."""

import numpy as np

from zoo.formats import class_names
from zoo.images.grid import sized
from zoo.images.sheet import Panel, bars

SIDE = 224  # pixels: of an image on a sheet


def image_panel(net, fed, title, note="", side=SIDE):
    """Returns the `Panel` of one item of what is fed, (H, W, C), as an image."""
    return Panel(sized(net.input.images(fed[None])[0], side), title, note)


def names_of(count, given=()):
    """Returns short names for `count` classes: those given where they fit, else as `class_names.of_count` has them."""
    names = given if len(given) == count else class_names.of_count(count)
    return short_names(names)


def short_names(names):
    """Returns names of classes; of those called by synset the first of its words."""
    return tuple(map(_short, names))


def _short(name):
    synset, _, words = name.partition(" ")
    return (words or class_names.short(synset)).partition(",")[0] if class_names.words(synset) else name


def probabilities(net, fed, scores):
    """Returns float32 (N, classes): the Softmax of the scores of what is fed."""
    (values,) = net.values(fed, [scores])
    values = values.reshape(len(values), -1).astype(np.float64)
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def class_bars(row, names, title="", most=5):
    """Returns the `Panel` with bars of the likeliest classes of one item."""
    best = np.argsort(-row, kind="stable")[:most]
    return bars([float(row[label]) for label in best], [names[label] for label in best], 1.0, title)
