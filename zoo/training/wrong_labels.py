"""Labels that no class has, which make a loss or score NaN: which layer, which value, what is allowed."""

import itertools

import numpy as np

from zoo.errors import DataError
from zoo.layers.ops.layout import to_caffe
from zoo.netdef.netdef import layer_said


def counts(layer):
    """Whether a `BuiltLayer` has a part in the loss: not a score, nor a loss of weight 0."""
    return not layer.type.scored_bottoms or any(layer.loss_weights)


def wrong_number(net, values, what, part=counts):
    """Returns the DataError for the first number that a layer cannot look up, or None.

    Args:
        net: a built `Net`.
        values: {BlobRef: tensor} of those values that are there; layers that read others are passed over.
        what: what is wrong, as a clause such as "loss is nan at iteration 3".
        part: which of the layers are looked at, from a `BuiltLayer` to a bool.
    """
    for layer in filter(part, net.layers):
        for index, (count, ignored) in layer.type.lookups(layer.bottoms).items():
            ref = layer.definition.bottoms[index]
            if ref in values:
                error = _wrong_in(layer, ref, np.ravel(to_caffe(np.asarray(values[ref]))), count, ignored, net, what)
                if error is not None:
                    return error
    return None


def in_inputs(net, batches, what, part=counts):
    """Returns the DataError for the first such number among what `batches` (tuples of tensors) feed, or None."""
    found = (wrong_number(net, dict(zip(net.inputs, batch)), what, part) for batch in batches)
    return next(filter(None, found), None)


def check_scores(net, values, batches, count):
    """Raises the DataError for a label that made a score NaN.

    Scores that are not finite for another reason stand, as Caffe prints them too.

    Args:
        net: the TEST `Net`.
        values: arrays of its scores, summed over `count` batches.
        batches: makes an iterator of these batches.
        count: how many they are.
    """
    if all(np.isfinite(value).all() for value in values):
        return
    error = in_inputs(net, itertools.islice(batches(), count), "a score is not a number", bool)
    if error is not None:
        raise error


def _wrong_in(layer, ref, numbers, count, ignored, net, what):
    with np.errstate(invalid="ignore"):
        cut = np.trunc(numbers)
        bad = ~((cut >= 0) & (cut < count))
    kept = () if ignored is None else np.atleast_1d(ignored)
    bad &= ~np.isin(cut, kept)
    if not bad.any():
        return None
    first = int(np.argmax(bad))
    want = f"0 to {count - 1}" + "".join(f", or {label}, which is ignored" for label in kept)
    source = next((other.definition for other in net.layers if ref in other.definition.tops), None)
    hint = f"it comes from {layer_said(source.place)}; labels count from 0" if source is not None else None
    return DataError(
        f'{what}: bottom "{ref}" holds what this layer has no class for, {int(bad.sum())} of {numbers.size} values',
        at=layer.definition.at(),
        got=f"{numbers[first]:g} at index {first}",
        want=want,
        hint=hint,
    )
