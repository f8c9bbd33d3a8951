"""What a layer's function is given, and the small questions that many of them ask."""

from dataclasses import dataclass, field

import numpy as np

from zoo.errors import NetError, Place


@dataclass
class Layer:
    """One layer about to run.

    Attributes:
        message: its LayerParameter, never modified.
        phase: "TRAIN" or "TEST".
        blobs: its parameters, float64, in Caffe's shapes.
        forks: whose meaning of a type was asked for, where there are several.
        after: what the parameters are after the forward pass; stays None where it changes none.
    """

    message: object
    phase: str
    blobs: list[np.ndarray] = field(default_factory=list)
    after: list[np.ndarray] | None = None
    forks: tuple[str, ...] = ()

    @property
    def place(self):
        """The `Place` for errors."""
        return Place(layer=self.message.name, type=self.message.type)

    def error(self, what, **kwargs):
        """Returns a NetError placed at the layer; `got`, `want` as in `ZooError`."""
        return NetError(what, at=self.place, **kwargs)

    def axis(self, axis, x):
        """Returns `axis`, which may count from the end of `x`, counted from 0 (Blob::CanonicalAxisIndex)."""
        if not -x.ndim <= axis < x.ndim:
            raise self.error("no such axis", got=axis, want=f"{-x.ndim} to {x.ndim - 1}")
        return axis % x.ndim


def enum_name(message, name):
    """Returns the name of the value of an enum field, such as "MAX"."""
    return message.DESCRIPTOR.fields_by_name[name].enum_type.values_by_number[getattr(message, name)].name


def integers(values):
    """Returns labels or indices, which Caffe keeps as floats, cut to integers as a C cast does, in one dimension."""
    return np.trunc(values).astype(np.int64).ravel()
