"""Which pixels matter for a class: a row for each image, a column for each method."""

from collections.abc import Callable

import numpy as np

from zoo.errors import NetError, Place, did_you_mean
from zoo.images import heat, scaling
from zoo.images.grid import sized
from zoo.images.sheet import Bar, Panel, sheet
from zoo.visualization import backward, saliency
from zoo.visualization.sheets import inputs

TITLES = {
    "gradient": ("gradient", "largest |dS/dx| of the channels"),
    "guided": ("guided backpropagation", "dS/dx, positive through every ReLU"),
    "gradcam": ("Grad-CAM", ""),
    "occlusion": ("occlusion", ""),
}


def label_of(given, names, config):
    """Returns the number of the class that `given` means, a number or a name of `names`.

    Raises:
        NetError: there is none.
    """
    if given.isdecimal() and int(given) < len(names) and given not in names:
        return int(given)
    lower = [name.lower() for name in names]
    if given.lower() in lower:
        return lower.index(given.lower())
    near = None if given.isdecimal() else did_you_mean(given, names)
    hint = near or (f"they are {', '.join(names)}" if len(names) <= 20 else None)
    raise NetError(
        "no such class", at=Place(str(config)), got=given, want=f"0 to {len(names) - 1}, or a name", hint=hint
    )


class SaliencyRows:
    """Makes the rows.

    Args:
        net: the `TrainedNet`.
        methods: of `saliency.METHODS`, in order.
        scores: the `BlobRef` of the class scores.
        names: of the classes.
        label: the class; None for each image's likeliest.
        planes: the `BlobRef` that Grad-CAM is computed at.
        side, stride: of the square of occlusion in pixels; None for a fifth of the image and a third of that.
        progress: called with the number of steps done since, see `steps`; None for nothing. It may be set later.
    """

    def __init__(self, net, methods, scores, names, label=None, planes=None, side=None, stride=None, progress=None):
        self._net, self._methods, self._scores, self._names, self._label = net, methods, scores, names, label
        self._planes = planes if planes is not None or "gradcam" not in methods else net.last_planes(scores)
        size = net.input.shape[2:]
        self._side = side or max(2, round(min(size) / 5))
        self._stride = stride or max(1, round(self._side / 3))
        self.progress: Callable[[int], object] = progress or (lambda count: None)

    def steps(self):
        """Returns how many steps a row takes."""
        squares = saliency.squares(self._net.input.shape[2:], self._side, self._stride)
        return sum(squares if method == "occlusion" else 1 for method in self._methods)

    def row(self, fed, title, true=None):
        """Returns the panels for one image, (1, H, W, C).

        Args:
            fed: the image.
            title: what it is called.
            true: its label, or None.
        """
        chances = inputs.probabilities(self._net, fed, self._scores)[0]
        label = int(chances.argmax()) if self._label is None else self._label
        note = f"{self._names[label]}: {chances[label]:.2f}"
        if true is not None and true < len(self._names):
            note += f", labelled {self._names[true]}"
        image = sized(self._net.input.images(fed)[0], inputs.SIDE)
        panels = [Panel(image, title, note)]
        for method in self._methods:
            panels.append(getattr(self, f"_{method}")(fed, image, label))
        return panels

    def _gradient(self, fed, image, label):
        found = saliency.gradient(self._net, fed, self._scores, label)
        self.progress(1)
        shades = scaling.together(saliency.magnitude(found)[0], 0, _most(saliency.magnitude(found)))
        return Panel(sized(heat.colours(shades, "gray"), inputs.SIDE), *TITLES["gradient"])

    def _guided(self, fed, image, label):
        found = saliency.gradient(self._net, fed, self._scores, label, backward.GUIDED)
        self.progress(1)
        shades = scaling.signed(self._net.input.contrast(found)[0], _most(np.abs(found)))
        return Panel(sized(shades, inputs.SIDE), *TITLES["guided"])

    def _gradcam(self, fed, image, label):
        found = saliency.gradcam(self._net, fed, self._scores, label, self._planes)[0]
        self.progress(1)
        title, _ = TITLES["gradcam"]
        note = f"at {self._planes}, {found.shape[0]} x {found.shape[1]}"
        if not found.any():
            return Panel(heat.over(image, found, strength=0), title, f"{note}: nothing speaks for the class")
        return Panel(heat.over(image, found), title, note, Bar("turbo", float(found.min()), float(found.max())))

    def _occlusion(self, fed, image, label):
        found = saliency.occlusion(
            self._net, fed, self._scores, label, self._side, self._stride, progress=self.progress
        )
        most, title = float(np.abs(found).max()), TITLES["occlusion"][0]
        note = f"fall of the score, square of {self._side}, stride {self._stride}"
        return Panel(
            heat.over(image, found, name=heat.SIGNED, shade=scaling.signed), title, note, Bar(heat.SIGNED, -most, most)
        )


def _most(values):
    """Returns what is shown as white: nearly the largest, so that one pixel does not make all others dark."""
    return float(np.percentile(values, 99.5)) or float(values.max())


def saliency_sheet(rows, title):
    """Returns one image, uint8 (H, W, 3), of rows of `SaliencyRows`."""
    return sheet(rows, title, "S is the score of the class before the Softmax.")
