"""The image patches that excite a unit most, and what in each of them does: Zeiler and Fergus's figure 2.

For each unit (a channel of a blob) the images are found in which its largest activation, over all places, is largest;
of each image the part that the activation depends on is cut out, its receptive field. Next to it stands the activation
brought back to the pixels by the deconvolution of Zeiler and Fergus 2013, "Visualizing and Understanding Convolutional
Networks", arXiv:1311.2901, section 2.1: all other activations set to zero, then unpooling by the switches, ReLU, and
transposed filters down to the input (`backward.DECONVOLUTION`).
"""

import heapq
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.visualization import backward


@dataclass(order=True)
class Found:
    """One strong activation of a unit.

    Attributes:
        value: the activation.
        order: minus the number of its image, so that of equals the first counts.
        place: (y, x) in the plane; (0, 0) where there is none.
        fed: (H, W, C), what the net was fed.
        label: of the image, or None.
    """

    value: float
    order: int
    place: tuple[int, int] = field(compare=False)
    fed: Any = field(compare=False, repr=False)
    label: int | None = field(compare=False, default=None)

    @property
    def image(self):
        """The number of its image."""
        return -self.order


def strongest(net, ref, units, batches, count=9):
    """Returns {unit: list of at most `count` `Found`, the strongest first, each of another image}.

    Args:
        net: the `TrainedNet`.
        ref: the `BlobRef`.
        units: numbers of channels.
        batches: yields (fed (N, H, W, C), labels or None).
        count: how many of each unit.
    """
    heaps, number = {unit: [] for unit in units}, 0
    for fed, labels in batches:
        kept = {}  # one copy of an image, however many units it excites
        (values,) = net.values(fed, [ref])
        flat = values.reshape(*values.shape[:2], -1)[:, units]
        places, best = flat.argmax(axis=2), flat.max(axis=2)
        for column, unit in enumerate(units):
            heap = heaps[unit]
            for row in np.argsort(-best[:, column], kind="stable")[:count]:
                key = (float(best[row, column]), -(number + int(row)))
                if len(heap) == count and key < (heap[0].value, heap[0].order):
                    break
                place = divmod(int(places[row, column]), values.shape[3]) if values.ndim == 4 else (0, 0)
                label = None if labels is None else int(labels[row])
                found = Found(*key, place, kept.setdefault(int(row), fed[row].copy()), label)
                (heapq.heappushpop if len(heap) == count else heapq.heappush)(heap, found)
        number += len(fed)
    return {unit: sorted(heap, reverse=True) for unit, heap in heaps.items()}


def deconvolved(net, ref, unit, found):
    """Returns (N, H, W, C): each activation of `found` alone, brought back to the input by deconvolution.

    Args:
        net: the `TrainedNet`.
        ref: the `BlobRef`.
        unit: the channel.
        found: `Found`s of that unit.
    """

    def seed(values):
        alone = np.zeros_like(values)
        for row, each in enumerate(found):
            index = (row, unit, *each.place)[: values.ndim]
            alone[index] = values[index]
        return alone

    return net.derivative(np.stack([each.fed for each in found]), ref, seed, backward.DECONVOLUTION)[1]


def cut(image, box, fill):
    """Returns the part `box` (top, left, bottom, right) of an image (H, W, C); what lies outside of it is `fill`."""
    top, left, bottom, right = box
    patch = np.full((bottom - top, right - left, image.shape[2]), fill, image.dtype)
    inner = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    y, x = max(-top, 0), max(-left, 0)
    patch[y : y + inner.shape[0], x : x + inner.shape[1]] = inner
    return patch
