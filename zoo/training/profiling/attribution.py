"""Operations -> layers of the net: how the time of a trace is told apart. No TensorFlow."""

import re
from collections import defaultdict
from typing import NamedTuple

from zoo.converters.scopes import layer_index

FORWARD, BACKWARD, UPDATE, DATA, OTHER = "forward", "backward", "update", "data", "other"
_BODY = re.compile(r"^(while/body/_\d+/|while/cond/_\d+/)?(while/)?")


class Spent(NamedTuple):
    """The time of one operation of the graph.

    Attributes:
        layer: number of its layer in the net, or None.
        part: FORWARD, BACKWARD, UPDATE, DATA or OTHER.
        name, kind: of the operation.
        count: how often it ran.
        seconds: all of it.
    """

    layer: int | None
    part: str
    name: str
    kind: str
    count: int
    seconds: float


def spent(events, optimizer):
    """Returns a `Spent` for each operation that ran, the longest first.

    An operation into which TensorFlow has fused several is that of the last: a ReLU may hold the convolution before it.

    Args:
        events: `xplane.Event`s.
        optimizer: the name scope of the optimizer.
    """
    totals = defaultdict(lambda: [0, 0.0])
    for event in events:
        if event.kind:
            index = layer_index(event.name)
            key = index, _part(event, index, optimizer), _BODY.sub("", event.name, count=1), event.kind
            totals[key][0] += 1
            totals[key][1] += event.own / 1e9
    found = [Spent(*key, count, seconds) for key, (count, seconds) in totals.items()]
    return sorted(found, key=lambda one: (-one.seconds, one.name))


def _part(event, index, optimizer):
    if index is not None:
        return BACKWARD if "gradient_tape/" in event.name else FORWARD
    if f"/{optimizer}/" in event.name:
        return UPDATE
    if event.thread.startswith("tf_data") or "while/" not in event.name:
        return DATA
    return BACKWARD if "gradient_tape/" in event.name else OTHER


def by_layer(found):
    """Returns {layer or None: {part: seconds}} of `Spent`s."""
    totals = defaultdict(lambda: defaultdict(float))
    for one in found:
        totals[one.layer][one.part] += one.seconds
    return totals
