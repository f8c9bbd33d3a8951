"""What one case says: a layer, how its inputs are drawn, and what may be asked of it."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Fed:
    """An input blob.

    Attributes:
        shape: Caffe's shape.
        draw: ``draw(rng, shape) -> array``.
        smooth: whether the layer has a gradient for it, to be tested.
        grows: whether axis 0 is the batch, which may be another one at run time.
    """

    shape: tuple[int, ...]
    draw: Callable
    smooth: bool = True
    grows: bool = True


def normal(*shape):
    """Values of both signs."""
    return Fed(shape, lambda rng, s: rng.normal(size=s))


def positive(*shape):
    """Values between 0.2 and 3."""
    return uniform(0.2, 3, *shape)


def uniform(low, high, *shape):
    """Values between `low` and `high`."""
    return Fed(shape, lambda rng, s: rng.uniform(low, high, size=s))


def probabilities(*shape):
    """Non-negative values that sum to 1 along axis 1."""
    return Fed(shape, lambda rng, s: (lambda x: x / x.sum(1, keepdims=True))(rng.uniform(0.05, 1, size=s)))


def ties(*shape):
    """Small integers, so that many are equal; nothing is smooth there."""
    return Fed(shape, lambda rng, s: rng.integers(-2, 3, size=s), smooth=False)


def labels(classes, *shape):
    """Classes from 0 on, as floats; each comes about as often."""
    return Fed(
        shape, lambda rng, s: rng.permutation(np.arange(np.prod(s, dtype=int)) % classes).reshape(s), smooth=False
    )


def targets(*shape):
    """Fractions in [0, 1], to which Caffe gives no gradient."""
    return Fed(shape, lambda rng, s: rng.uniform(0, 1, size=s), smooth=False)


def given(*values, grows=True):
    """These values, in one dimension."""
    array = np.array(values, np.float32)
    return Fed(array.shape, lambda rng, s: np.resize(array, s), smooth=False, grows=grows)


def fixed(fed, smooth=None):
    """The same input with an axis 0 that is no batch."""
    return Fed(fed.shape, fed.draw, fed.smooth if smooth is None else smooth, grows=False)


@dataclass(frozen=True, eq=False)
class Case:
    """One layer under test.

    Attributes:
        type: Caffe's type string.
        name: what tells the case from the type's others.
        body: the text within the layer's braces, after type, bottoms and tops.
        inputs: {blob: Fed}, also the bottoms in order unless `bottoms` says otherwise.
        tops: the layer's tops; one that is also a bottom is computed in place.
        bottoms: None for the inputs.
        phase: "TRAIN" or "TEST".
        before, after: text of further layers around it.
        parameters: {index: draw} where the layer's blobs are not to be drawn normal.
        gradient: the tops whose gradient is tested; None for all.
        batch_fixed: a reason why the batch size cannot be left open, or "".
        dynamic: whether axis 0 of the tops is known at run time only.
        variant: of a type string of several meanings, which one.
    """

    type: str
    name: str
    inputs: Mapping[str, Fed]
    body: str = ""
    tops: tuple[str, ...] = ("y",)
    bottoms: tuple[str, ...] | None = None
    phase: str = "TEST"
    before: str = ""
    after: str = ""
    parameters: Mapping[int, Callable] = field(default_factory=dict)
    gradient: tuple[str, ...] | None = None
    batch_fixed: str = ""
    dynamic: bool = False
    variant: str = ""

    @property
    def kind(self):
        """The registered kind under test."""
        return f"{self.type} ({self.variant})" if self.variant else self.type

    @property
    def id(self):
        """Its name in the test's report."""
        return f"{self.kind}-{self.name}"

    @property
    def prototxt(self):
        """The net: Input layers, `before`, the layer called "layer", `after`."""
        feeds = [
            f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {_dims(fed.shape)} }} }} }}'
            for name, fed in self.inputs.items()
        ]
        bottoms = self.inputs if self.bottoms is None else self.bottoms
        ends = [f'bottom: "{name}"' for name in bottoms] + [f'top: "{name}"' for name in self.tops]
        layer = f'layer {{ name: "layer" type: "{self.type}" {" ".join(ends)} {self.body} }}'
        return "\n".join([*feeds, self.before, layer, self.after])

    def rng(self, what):
        """A generator of its own for each purpose of each case."""
        return np.random.default_rng(zlib.crc32(f"{self.id} {what}".encode()))

    def feeds(self, more=0):
        """Returns {blob: float32 array}; `more` items than the file says along the axes 0 that may grow."""
        rng, fed = self.rng("inputs"), {}
        for name, one in self.inputs.items():
            shape = (one.shape[0] + more, *one.shape[1:]) if more and one.grows and one.shape else one.shape
            fed[name] = np.asarray(one.draw(rng, shape), np.float32)
        return fed

    def blobs(self, shapes, layer="layer"):
        """Returns float32 arrays of `shapes` for the parameters of a layer of the case."""
        rng = self.rng(f"parameters of {layer}")
        draws = self.parameters if layer == "layer" else {}
        return [
            np.asarray(draws[i](rng, shape) if i in draws else rng.normal(size=shape) * 0.7, np.float32)
            for i, shape in enumerate(shapes)
        ]


def _dims(shape):
    return " ".join(f"dim: {dim}" for dim in shape)
