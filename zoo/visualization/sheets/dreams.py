"""Dreams: the image before and after, or what was made of noise for each of several aims."""

from collections.abc import Callable

import numpy as np

from zoo.errors import ZooError
from zoo.images.files import to_bytes
from zoo.images.grid import sized
from zoo.images.sheet import Panel, number, packed, sheet
from zoo.pycaffe.images import load_image
from zoo.visualization import deep_dream

SIDE, SMALL = 448, 168  # pixels: of a dream on a sheet, and of one of several


class Dreamer:
    """Makes dreams of a net.

    Args:
        net: the `TrainedNet`.
        ascent: the `deep_dream.Ascent`.
        path: the image to begin with; None for noise.
        size: (height, width) of the result; None for the image's own, where the net takes it, else the net's input.
        largest: pixels that the longer side of the image is brought down to.

    Attributes:
        progress: called after each step, or None.
        result: the first of the last dreams as an image, uint8 (H, W, C).
    """

    def __init__(self, net, ascent, path=None, size=None, largest=512):
        self._net, self._ascent, self._path, self._size, self._largest = net, ascent, path, size, largest
        self.progress: Callable[[], object] | None = None
        self.result = np.zeros((1, 1, 1), np.uint8)

    def steps(self, ref):
        """Returns how many steps a dream of the value `ref` takes; raises ZooError where the net refuses the size."""
        return len(deep_dream.octave_sizes(self._net, ref, self.size(ref), self._ascent)) * self._ascent.steps

    def size(self, ref):
        """Returns the (height, width) of a dream of `ref`."""
        if self._size is not None:
            return self._size
        if self._path is not None:
            height, width = load_image(self._path, self._net.input.colour).shape[:2]
            factor = min(1, self._largest / max(height, width))
            own = (round(height * factor), round(width * factor))
            try:
                self._net.at(own, ref)
                return own
            except ZooError:
                pass
        return self._net.input.shape[2:]

    def panels(self, ref, seed, titles):
        """Returns the `Panel`s of dreams, of all at once: the image they began with, and what became of it.

        Args:
            ref: the value that the objectives are of.
            seed: as `deep_dream.dream` takes it.
            titles: of the results, one for each.
        """
        before, side = self._start(ref), SIDE if len(titles) == 1 else SMALL
        fed = np.repeat(before, len(titles), axis=0)
        after, said = deep_dream.dream(self._net, ref, fed, seed, self._ascent, self.progress)
        images = self._net.input.images(after)
        self.result = to_bytes(images[0])
        panels = [Panel(sized(image, side), title, note) for image, title, note in zip(images, titles, _notes(said))]
        first = [] if self._path is None else [Panel(sized(self._net.input.images(before)[0], side), "the image")]
        return first + panels

    def _start(self, ref):
        size = self.size(ref)
        if self._path is not None:
            return self._net.input.feed([self._net.input.load(self._path, size)])
        noise = np.random.default_rng(self._ascent.seed).normal(0.5, 0.08, (*size, self._net.input.shape[1]))
        return self._net.input.feed([np.clip(noise, 0, 1).astype(np.float32)])


def _notes(said):
    sizes = f", the last of {len(said)} sizes" if len(said) > 1 else ""
    return [f"objective {number(first)} to {number(last)}{sizes}" for first, last in zip(*list(said.values())[-1])]


def dream_sheet(panels, title, note=""):
    """Returns one image, uint8 (H, W, 3)."""
    return sheet(packed(panels), title, note)
