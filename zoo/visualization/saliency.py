"""Which pixels of an image a class score depends on: by gradient, guided gradient, Grad-CAM and occlusion.

The score S_c(x) of class c is the net's value before the Softmax, as Simonyan et al. take it: by the probability a
class could gain by others losing.
"""

import numpy as np

from zoo.visualization import backward

METHODS = ("gradient", "guided", "gradcam", "occlusion")


def of_class(label):
    """Returns the seed that picks class `label` of scores (N, classes[, 1, 1]), as `TrainedNet.derivative` takes it."""

    def seed(scores):
        weights = np.zeros_like(scores)
        weights[:, label] = 1
        return weights

    return seed


def gradient(net, fed, scores, label, rule=backward.GRADIENT):
    """Returns the derivative of a class score for the input, (N, H, W, C).

    w = dS_c/dx at the image x: of all small changes of the image, the one that changes the score most (Simonyan,
    Vedaldi, Zisserman 2013, arXiv:1312.6034, eq. 4). With the rule `GUIDED` only what comes back positive through every
    ReLU is kept (Springenberg et al. 2015, arXiv:1412.6806, section 3.4).

    Args:
        net: the `TrainedNet`.
        fed: (N, H, W, C).
        scores: the `BlobRef` of the scores.
        label: the class.
        rule: one of `backward`.
    """
    return net.derivative(fed, scores, of_class(label), rule)[1]


def magnitude(derivative):
    """Returns (N, H, W): the largest magnitude among the channels (arXiv:1312.6034, section 3.1)."""
    return np.abs(derivative).max(axis=-1)


def gradcam(net, fed, scores, label, planes):
    """Returns the Grad-CAM map of a class, (N, h, w) of the planes' size, 0 or more.

    alpha_k = mean over (i, j) of dS_c/dA_k(i, j); map = max(0, sum over k of alpha_k A_k), where A_k are the channels
    of `planes`, mostly the last that have pixels (Selvaraju et al. 2017, "Grad-CAM", arXiv:1610.02391, eq. 1 and 2).

    Args:
        net, fed, scores, label: as for `gradient`.
        planes: the `BlobRef` of the planes.
    """
    (values,) = net.values(fed, [planes])
    _, derivative = net.derivative(fed, scores, of_class(label), at=planes)
    alpha = derivative.mean(axis=(2, 3), keepdims=True)
    return np.maximum((alpha * values).sum(axis=1), 0)


def occlusion(net, fed, scores, label, size, stride, fill=None, batch=32, progress=None):
    """Returns how much the score of a class falls when a square covers a pixel, (H, W).

    The square moves over the image by `stride`, and once more to its end; a pixel has the mean of S_c(x) - S_c(x with
    the square) over all squares that cover it (Zeiler, Fergus 2013, arXiv:1311.2901, section 4.2, who show the
    score itself).

    Args:
        net, scores, label: as for `gradient`.
        fed: (1, H, W, C).
        size, stride: of the square in pixels.
        fill: what the square holds, (C,); None for the image's mean.
        batch: how many squares the net runs over at once.
        progress: called with the number of squares that have been seen since, or None.
    """
    _, height, width, _ = fed.shape
    fill = fed.mean(axis=(0, 1, 2)) if fill is None else fill
    corners = [(y, x) for y in _starts(height, size, stride) for x in _starts(width, size, stride)]
    whole = net.values(fed, [scores])[0][0, label].item()
    total, count = np.zeros((height, width)), np.zeros((height, width))
    for start in range(0, len(corners), batch):
        part = corners[start : start + batch]
        covered = np.repeat(fed, len(part), axis=0)
        for image, (y, x) in zip(covered, part):
            image[y : y + size, x : x + size] = fill
        found = net.values(covered, [scores])[0][:, label].reshape(-1)
        for value, (y, x) in zip(found, part):
            total[y : y + size, x : x + size] += whole - value
            count[y : y + size, x : x + size] += 1
        if progress:
            progress(len(part))
    return (total / count).astype(np.float32)


def squares(size, side, stride):
    """Returns how many squares `occlusion` moves over an image of (H, W)."""
    return len(_starts(size[0], side, stride)) * len(_starts(size[1], side, stride))


def _starts(length, size, stride):
    """Returns where squares begin along an axis: every `stride`, and such that the last ends where the image does."""
    last = max(length - size, 0)
    return sorted({*range(0, last, stride), last})
