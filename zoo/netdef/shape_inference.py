"""Reads and sizes every layer of a NetDef before anything is built, and says all refusals of the net in one error."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zoo import layers  # noqa: F401  (registers every type)
from zoo.errors import NetError, ZooError, raise_together
from zoo.layers.base.blobs import BlobSpec
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.registry import lookup
from zoo.netdef.netdef import BlobRef, LayerDef, NetDef, ParamKey

Shape = tuple[int, ...]
MAX_COUNT = 2**31 - 1  # Blob::Reshape refuses more (blob.cpp:24-47)


@dataclass(frozen=True)
class PlannedLayer:
    """One layer with everything known that integers can tell.

    Attributes:
        definition, type: the layer and its `LayerType`.
        bottoms, tops: Caffe shapes.
        blobs: its parameter blobs.
        loss_weights: weight of each top in the objective, mostly 0.
    """

    definition: LayerDef
    type: LayerType
    bottoms: tuple[tuple[int, ...], ...]
    tops: tuple[tuple[int, ...], ...]
    blobs: tuple[BlobSpec, ...]
    loss_weights: tuple[float, ...]


def infer_shapes(
    definition: NetDef, data_shapes: Mapping[BlobRef, Sequence[Shape]] | None = None
) -> tuple[PlannedLayer, ...]:
    """Returns a tuple of `PlannedLayer`, in the order of the NetDef.

    Args:
        definition: the NetDef.
        data_shapes: {first top of a layer: Caffe shapes of its tops} for data layers whose shapes their data decides;
            two layers may have one name.

    Raises:
        ZooError: one error with everything that the layers refuse, with file, line and layer.

    Example:
        >>> from zoo.netdef.config import open_config
        >>> definition = open_config("configs/lenet.prototxt").definition("TRAIN")
        >>> data, label = definition.layers[0].tops
        >>> conv1 = infer_shapes(definition, {data: ((64, 1, 28, 28), (64,))})[1]
        >>> conv1.definition.name, conv1.tops
        ('conv1', ((64, 20, 24, 24),))
    """
    planned, errors = _walk(definition, data_shapes or {}, opened=True)
    raise_together(errors)
    return tuple(planned)


def refusals(definition: NetDef) -> list[ZooError]:
    """Returns what the layers refuse of a net whose wiring is broken and whose data nobody has opened.

    Nothing is said of what follows from another problem: of sizes behind a bottom that nothing gives, for instance.
    """
    return _walk(definition, {}, opened=False)[1]


def infer_what_is_known(
    definition: NetDef, known: Mapping[BlobRef, Shape] | None = None
) -> tuple[tuple[PlannedLayer, ...], tuple[ZooError, ...]]:
    """Returns (the layers whose sizes follow from the file and `known` alone, what they refuse); opens no data.

    Args:
        definition: the NetDef.
        known: Caffe shapes of tops of data layers, which are themselves not among the layers that are returned.
    """
    planned, errors = _walk(definition, {}, opened=False, known=known)
    return tuple(planned), tuple(errors)


def _walk(definition, data_shapes, opened, known=None):
    """Returns (planned layers, errors); `opened` is whether `data_shapes` are there for all data layers."""
    errors, planned = [], []
    shapes: dict[BlobRef, tuple[int, ...]] = dict(known or {})
    for layer in definition.layers:
        if not layer.type:  # the wiring says so
            continue
        try:
            kind = lookup(layer)(layer)
            known = all(bottom in shapes for bottom in layer.bottoms)  # else it follows from an earlier refusal
            if known and (opened or not kind.sized_by_data):
                planned.append(_plan_layer(layer, kind, shapes, data_shapes))
        except ZooError as error:
            errors.append(error)
    return planned, errors


def _plan_layer(layer, kind, shapes, data_shapes: Mapping):
    bottoms = tuple(shapes[bottom] for bottom in layer.bottoms)
    if layer.tops and layer.tops[0] in data_shapes:
        tops = data_shapes[layer.tops[0]]
    else:
        tops = kind.top_shapes(bottoms)
    tops = tuple(tuple(int(dim) for dim in shape) for shape in tops)
    if len(tops) != len(layer.tops):
        raise NetError("wrong number of tops", at=layer.at("top"), got=len(layer.tops), want=len(tops))
    for ref, shape in zip(layer.tops, tops):
        _check_size(f'top "{ref}"', shape, layer)
    blobs = kind.blobs(bottoms)
    for index, spec in enumerate(blobs):
        _check_size(f"parameter blob {index}", spec.shape, layer)
    given = len(layer.message.param)
    if given > len(blobs):
        raise NetError("more param than the layer has blobs", at=layer.at("param"), got=given, want=len(blobs))
    down = len(layer.message.propagate_down)
    if down not in (0, len(bottoms)):
        raise NetError(
            "propagate_down is given for some bottoms only", at=layer.at("propagate_down"), got=down, want=len(bottoms)
        )
    weights = loss_weights(layer, kind)
    shapes.update(zip(layer.tops, tops))
    return PlannedLayer(layer, kind, bottoms, tops, tuple(blobs), weights)


def _check_size(what, shape, layer):
    if any(dim < 0 for dim in shape) or math.prod(shape) > MAX_COUNT:
        want = f"dimensions of 0 or more with a product up to {MAX_COUNT}"
        raise NetError(f"{what} has a size that no blob can have", at=layer.at(), got=shape, want=want)


def loss_weights(layer: LayerDef, kind: LayerType) -> tuple[float, ...]:
    """Returns the weight of each top: given, or the type's own for top 0 (SetLossWeights, loss_layer.cpp:8-14).

    Raises:
        NetError: not one for each top.
    """
    given = tuple(layer.message.loss_weight)
    if not given and kind.default_loss_weight and len(layer.tops) > 1:  # loss_layer.cpp:11-13 gives one for them all
        hint = "loss_weight: 1 loss_weight: 0"
        raise NetError("a loss with several tops needs a loss_weight for each", at=layer.at("top"), hint=hint)
    if not given:
        return (kind.default_loss_weight,) + (0.0,) * (len(layer.tops) - 1) if layer.tops else ()
    if len(given) != len(layer.tops):
        raise NetError(
            "loss_weight is given for some tops only", at=layer.at("loss_weight"), got=len(given), want=len(layer.tops)
        )
    return given


def multipliers(definition: NetDef) -> dict[ParamKey, tuple[float, float]]:
    """Returns {owner: (lr_mult, decay_mult)} for every parameter that a `param` speaks of.

    Of several layers that share one, those that state a multiplier decide (net.cpp AppendParam); 1 where none does.
    """
    stated: dict[ParamKey, dict[str, float]] = {}
    for layer in definition.layers:
        for index, param in enumerate(layer.message.param):
            key = ParamKey(layer.key, index)
            of_owner = stated.setdefault(definition.owners.get(key, key), {})
            for name in ("lr_mult", "decay_mult"):
                if param.HasField(name):
                    of_owner.setdefault(name, getattr(param, name))
    return {key: (given.get("lr_mult", 1.0), given.get("decay_mult", 1.0)) for key, given in stated.items()}
