"""Which sizes of a net's values may change without another net: by integers alone."""

from collections.abc import Mapping, Sequence

from zoo.errors import ZooError
from zoo.netdef.netdef import BlobRef, NetDef
from zoo.netdef.shape_inference import PlannedLayer, infer_shapes

Pattern = tuple[int | None, ...]
_LARGER = 512  # by which planes grow: more than any net shrinks them, so that a size that follows is seen to


def open_sizes(
    definition: NetDef, fed: Mapping[BlobRef, Sequence[tuple[int, ...]]], planned: Sequence[PlannedLayer]
) -> dict[BlobRef, Pattern]:
    """Returns {BlobRef: Caffe shape with None where it may change} of all values.

    The batch is open where three times the items on axis 0 of all that is fed give three times those of every value
    and change nothing else, and no layer is bound to it. Height and width of the values of rank 4 are open where
    larger ones change nothing but these, and the layers that see them say that they follow (`follows_plane`).

    Args:
        definition: the NetDef.
        fed: {first top of a source: shapes of its tops}.
        planned: its layers at these.
    """
    batch = _batch(definition, fed, planned)
    plane = _plane(definition, fed, planned)
    found = {}
    for layer in planned:
        for top, shape in zip(layer.definition.tops, layer.tops):
            free = plane.get(top, ()) if plane else ()
            found[top] = tuple(
                None if (batch and axis == 0) or axis in free else size for axis, size in enumerate(shape)
            )
    return found


def _at(definition, fed, change):
    """Returns the layers planned for other shapes of what is fed; None where they do not fit together."""
    try:
        return infer_shapes(definition, {ref: [change(shape) for shape in shapes] for ref, shapes in fed.items()})
    except ZooError:
        return None


def _same_blobs(one, other):
    return [spec.shape for spec in one.blobs] == [spec.shape for spec in other.blobs]


def _batch(definition, fed, planned):
    """Whether the batch is open."""
    if not all(shape for shapes in fed.values() for shape in shapes):
        return False
    larger = _at(definition, fed, lambda shape: (3 * shape[0], *shape[1:]))
    if larger is None:
        return False
    return all(
        _same_blobs(one, three)
        and not one.type.fixes_batch(one.bottoms)
        and all(small and large == (3 * small[0], *small[1:]) for small, large in zip(one.tops, three.tops))
        for one, three in zip(planned, larger)
    )


def _plane(definition, fed, planned):
    """Returns {BlobRef: axes that are open}, empty where none is or one layer does not follow."""

    def grown(shape):
        return (*shape[:2], shape[2] + _LARGER, shape[3] + 2 * _LARGER) if len(shape) == 4 else shape

    larger = _at(definition, fed, grown)
    if larger is None:
        return {}
    found = {}
    for one, other in zip(planned, larger):
        free = [_changed(*pair) for pair in zip((*one.bottoms, *one.tops), (*other.bottoms, *other.tops))]
        if None in free or not _same_blobs(one, other):
            return {}
        if any(free) and not one.type.is_source and not one.type.follows_plane(one.bottoms):
            return {}
        found.update(zip(one.definition.tops, free[len(one.bottoms) :]))
    return found


def _changed(shape, other):
    """Returns the axes, 2 and 3 of four or none, on which two shapes differ; None where they differ otherwise."""
    if shape == other:
        return ()
    if len(shape) != 4 or len(other) != 4 or shape[:2] != other[:2] or shape[2] == other[2] or shape[3] == other[3]:
        return None
    return (2, 3)


def fits(pattern: Pattern, shape: tuple[int, ...]) -> bool:
    """Whether `shape` is one of those that `pattern` leaves open."""
    return len(pattern) == len(shape) and all(one is None or one == size for one, size in zip(pattern, shape))


def follow(planned: Sequence[PlannedLayer], patterns: Mapping[BlobRef, Pattern]) -> bool:
    """Whether the layers, planned for certain shapes, follow at these as well."""
    return all(
        layer.type.is_source
        or not any(None in patterns[ref][2:] for ref in (*layer.definition.bottoms, *layer.definition.tops))
        or layer.type.follows_plane(layer.bottoms)
        for layer in planned
    )
