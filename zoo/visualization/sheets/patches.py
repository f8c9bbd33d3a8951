"""The top patches of units, each next to its deconvolution."""

from collections import Counter

import numpy as np

from zoo.images import scaling
from zoo.images.grid import grid, sized
from zoo.images.sheet import Panel, number, packed, sheet
from zoo.visualization import patches

TILE, LARGE = 62, 96  # pixels: about as large is a patch, and one of more than `TILE` pixels
WIDE = 1260  # pixels: of the panels of a row
GREY = 0.5  # of what lies outside of an image


def patch_panel(net, ref, unit, found, names=()):
    """Returns the `Panel` of a unit: its patches on the left, on the right what in each excites it.

    Args:
        net: the `TrainedNet`.
        ref: the `BlobRef`.
        unit: the channel.
        found: its `Found`s.
        names: of the classes of labels.
    """
    back = net.input.contrast(patches.deconvolved(net, ref, unit, found))
    images = net.input.images(np.stack([each.fed for each in found]))
    boxes = [_box(net.fields[ref], each.place) for each in found]
    side = TILE if max(net.fields[ref].size) <= TILE else LARGE
    left = [sized(patches.cut(image, box, GREY), side) for image, box in zip(images, boxes)]
    right = [_shown(sized(patches.cut(each, box, 0), side)) for each, box in zip(back, boxes)]
    pair = [_tiles(left), _tiles(right)]
    gap = np.ones((pair[0].shape[0], 8, 3), np.float32)
    wide = [np.broadcast_to(image, (*image.shape[:2], 3)) for image in pair]
    return Panel(np.concatenate([wide[0], gap, wide[1]], axis=1), f"unit {unit}", _note(found, names))


def patch_sheet(net, ref, panels, title, source):
    """Returns one image, uint8 (H, W, 3), of `patch_panel`s of one blob."""
    size = " x ".join(map(str, net.fields[ref].size))
    note = f"Left: the patches of {source} that excite a unit of {ref} most, as large as it sees ({size}). "
    return sheet(packed(panels, WIDE), title, note + "Right: what in each does, by deconvolution.")


def _box(field, place):
    """Returns the receptive field of a place; along an axis on which it is as large as the image, the image."""
    if field.axes is None:
        return field.box()
    top, left, bottom, right = field.box(*place)
    height, width = field.input
    if bottom - top >= height:
        top, bottom = 0, height
    if right - left >= width:
        left, right = 0, width
    return top, left, bottom, right


def _shown(back):
    most = float(np.percentile(np.abs(back), 99.5)) or float(np.abs(back).max())
    return scaling.signed(back, most)


def _tiles(tiles):
    empty = [np.ones_like(tiles[0])] * (-len(tiles) % 3)
    return grid(np.stack(tiles + empty), columns=min(3, len(tiles)), gap=2)


def _note(found, names):
    if found[0].value <= 0:
        return "never above 0 in these images"
    said = f"activation {number(found[0].value)} to {number(found[-1].value)}"
    labels = Counter(each.label for each in found if each.label is not None).most_common()
    called = [f"{names[label] if label < len(names) else label} ({count})" for label, count in labels]
    return f"{said}\nof {', '.join(called[:4])}{', ...' if len(called) > 4 else ''}" if called else said
