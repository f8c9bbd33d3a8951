"""The layers of a net as boxes and lines between them: a layer in place is a row in the box whose blob it changes."""

from dataclasses import dataclass

FAR = 12  # a line from a data layer over more boxes than that is not drawn: both ends name the blob instead


@dataclass
class Box:
    """One box.

    Attributes:
        layers: indices of its layers in the net: one, and those that work in place on its top.
        above: names of blobs that come from far above, each with the index of the layer that gives it.
    """

    layers: list[int]
    above: list[tuple[str, int]]


@dataclass(frozen=True)
class Line:
    """A line from one box to another: `blobs` are the names of what goes along it."""

    source: int
    target: int
    blobs: tuple[str, ...]


def boxes(definition):
    """Returns ([Box] in the order of their first layers, [Line]) of a NetDef.

    A layer that works in place is a row of its bottom's box: nothing else reads what it overwrites (NetDef), so that
    whoever reads the box's blob reads what the last row gives.
    """
    layers = definition.layers
    found, box_of, giver = [], {}, {}
    for index, layer in enumerate(layers):
        if _in_place(layer) and layer.bottoms[0] in giver:
            box = box_of[giver[layer.bottoms[0]]]
            if found[box].layers[-1] == giver[layer.bottoms[0]]:  # not of several tops two chains in one box
                found[box].layers.append(index)
                box_of[index] = box
                giver[layer.tops[0]] = index
                continue
        box_of[index] = len(found)
        found.append(Box([index], []))
        giver.update((top, index) for top in layer.tops)
    lines = _lines(layers, found, box_of, giver)
    return found, lines


def _in_place(layer):
    return len(layer.bottoms) == 1 and len(layer.tops) == 1 and layer.bottoms[0].name == layer.tops[0].name


def _lines(layers, found, box_of, giver):
    along, depth = {}, [0] * len(found)
    for number, box in enumerate(found):
        for bottom in layers[box.layers[0]].bottoms:
            if bottom in giver:
                depth[number] = max(depth[number], depth[box_of[giver[bottom]]] + 1)
    for number, box in enumerate(found):
        for bottom in layers[box.layers[0]].bottoms:
            if bottom not in giver:
                continue
            source = giver[bottom]
            far = not layers[source].bottoms and depth[number] - depth[box_of[source]] > FAR
            if far and bottom.name not in dict(box.above):
                box.above.append((bottom.name, source))
            elif not far:
                names = along.setdefault((box_of[source], number), [])
                if bottom.name not in names:
                    names.append(bottom.name)
    return [Line(source, target, tuple(names)) for (source, target), names in along.items()]
