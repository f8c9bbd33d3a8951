"""Images that a layer, a channel or a class finds more of itself in: gradient ascent on the pixels.

Mordvintsev, Olah, Tyka 2015, "Inceptionism: Going Deeper into Neural Networks" (Google Research blog) and its notebook
(github.com/google/deepdream, dream.ipynb): at each step the image is moved by a random offset (jitter), the derivative
of the objective is added, scaled by its mean magnitude, and the image is moved back; this is done at several sizes,
octaves, the details found at one being enlarged into the next. For a layer the objective is the sum of the squares of
its values, whose derivative for a value is the value itself, up to a factor.

For a class the objective is its score before the Softmax (Simonyan, Vedaldi, Zisserman 2013, arXiv:1312.6034, section
2: argmax over x of S_c(x) - lambda |x|^2). To the penalty, `decay`, a slight blur is added as in Yosinski et al. 2015,
"Understanding Neural Networks Through Deep Visualization", arXiv:1506.06579, section 3, without which the image is a
pattern of single pixels.
"""

from dataclasses import dataclass

import numpy as np

from zoo.errors import NetError, Place, ZooError
from zoo.formats import image_file

LEAST = 8  # pixels: no octave has a shorter side


@dataclass(frozen=True)
class Ascent:
    """How the image is changed.

    Attributes:
        octaves: how many sizes, the last that of the image.
        scale: from each to the next.
        steps: at each.
        step: mean change of a value in one step, where black to white is 1.
        jitter: the largest offset in pixels; at most an eighth of the shorter side is taken.
        blur: sigma, in pixels, of the blur after each fourth step; 0 for none.
        decay: which part of the difference from mean grey is taken away at each step.
        seed: of the offsets.
    """

    octaves: int = 4
    scale: float = 1.4
    steps: int = 10
    step: float = 1.5 / 255
    jitter: int = 32
    blur: float = 0.0
    decay: float = 0.0
    seed: int = 0


OF_CLASSES = Ascent(steps=100, blur=0.6, decay=0.01)  # what shows classes well


def squares(values):
    """The seed of a whole layer."""
    return values


def channels(numbers):
    """Returns the seed by which the objective of item i is its channel `numbers[i]`, summed over places."""

    def seed(values):
        weights = np.zeros_like(values)
        weights[np.arange(len(numbers)), numbers] = 1
        return weights

    return seed


def octave_sizes(net, ref, size, ascent):
    """Returns the (height, width) of the octaves that the net takes, the smallest first, `size` last.

    Raises:
        ZooError: the net does not take `size`.
    """
    net.at(size, ref)
    found = [tuple(size)]
    for number in range(1, ascent.octaves):
        smaller = tuple(round(side / ascent.scale**number) for side in size)
        try:
            if min(smaller) < LEAST:
                break
            net.at(smaller, ref)
        except ZooError:
            break
        found.append(smaller)
    return found[::-1]


def dream(net, ref, fed, seed, ascent, progress=None):
    """Returns (what to feed, (N, H, W, C); {octave's size: (objectives (N,) before its steps, after)}).

    Args:
        net: the `TrainedNet`.
        ref: the value that the objectives are of.
        fed: (N, H, W, C) to begin with.
        seed: from the value to its weights in the objectives, the sums of value * weights of each item.
        ascent: the `Ascent`.
        progress: called after each step, or None.

    Raises:
        NetError: values of `ref` are not finite.
    """
    rng, said, image = np.random.default_rng(ascent.seed), {}, fed
    detail = np.zeros_like(fed[:, :1, :1])
    for size in octave_sizes(net, ref, fed.shape[1:3], ascent):
        base = _resized(fed, size)
        image = base + _resized(detail, size)
        first = _objective(net, ref, image, seed)
        low, high = net.input.bounds(size)
        for number in range(ascent.steps):
            image = _step(net, ref, image, seed, ascent, rng)
            if ascent.blur and number % 4 == 3 and number + 1 < ascent.steps:
                image = _blurred(image, ascent.blur)
            image = np.clip(image, low, high)
            if progress:
                progress()
        said[size] = first, _objective(net, ref, image, seed)
        detail = image - base
    return image, said


def _step(net, ref, image, seed, ascent, rng):
    most = min(ascent.jitter, min(image.shape[1:3]) // 8)
    offset = tuple(int(each) for each in rng.integers(-most, most + 1, 2))
    moved = np.roll(image, offset, (1, 2))
    _, derivative = net.derivative(moved, ref, seed)
    length = np.maximum(np.abs(derivative).mean(axis=(1, 2, 3), keepdims=True), 1e-12)
    moved = moved + ascent.step * net.input.range / length * derivative
    if ascent.decay:
        low, high = net.input.bounds(image.shape[1:3])
        grey = (low + high) / 2
        moved = grey + (1 - ascent.decay) * (moved - grey)
    return np.roll(moved, (-offset[0], -offset[1]), (1, 2)).astype(np.float32)


def _objective(net, ref, image, seed):
    (values,) = net.values(image, [ref], net.usual_batch)
    if not np.isfinite(values).all():
        hint = "the weights may be damaged"
        raise NetError("no dream of values that are not finite numbers", at=Place(net.config), got=str(ref), hint=hint)
    return (values * seed(values)).reshape(len(values), -1).sum(axis=1)


def _resized(fed, size):
    if fed.shape[1:3] == tuple(size):
        return fed
    cv2 = image_file.opencv()
    resized = [cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_LINEAR) for image in fed]
    return np.stack(resized).reshape(len(fed), *size, fed.shape[3])


def _blurred(fed, sigma):
    cv2 = image_file.opencv()
    return np.stack([cv2.GaussianBlur(image, (0, 0), sigma) for image in fed]).reshape(fed.shape)
