"""What the blobs of a net hold for one image."""

import numpy as np

from zoo.errors import NetError
from zoo.images import heat, scaling
from zoo.images.grid import grid, sized
from zoo.images.sheet import Bar, Panel, packed, sheet
from zoo.visualization.sheets import inputs

SIDE, CELL = 400, 32  # pixels: about as large is the panel of a blob, and at most a value without a plane

TELLING = ("Pooling", "InnerProduct", "Eltwise", "Deconvolution")  # types of layers whose blobs are looked at first


def usual_blobs(net, most=8):
    """Returns the names of at most `most` blobs, from the first to the last.

    They are spread evenly over those that a convolution, pooling, sum or InnerProduct gives, one of each size.
    """
    names, sizes = [], set()
    for layer in net.definition.layers:
        shape = net.shape(layer.tops[0]) if layer.tops else ()
        if shape not in sizes and ("Convolution" in layer.type or layer.type in TELLING):
            names.append(layer.tops[0].name)
            sizes.add(shape)
    places = np.unique(np.linspace(0, len(names) - 1, min(most, len(names))).round().astype(int))
    return [names[place] for place in places]


def activation_sheet(net, fed, blobs, title, most=64, each=False, classes=()):
    """Returns one image, uint8 (H, W, 3), of the image and of what the blobs hold for it.

    Args:
        net: the `TrainedNet`.
        fed: (1, H, W, C), what the net is fed.
        blobs: names of blobs or layers.
        title: of the sheet.
        most: how many channels of each are shown.
        each: whether each channel has a scale of its own, so that weak ones show; else all of a blob have one.
        classes: names of classes.

    Raises:
        NetError: there is no such blob.
    """
    refs = [net.value(name) for name in blobs]
    values = net.values(fed, refs)
    panels = [inputs.image_panel(net, fed[0], "the image", "as the net sees it")]
    try:
        row = inputs.probabilities(net, fed, net.scores())[0]
    except NetError:  # the net is no classifier, or its scores are no numbers
        row = ()
    if len(row) > 1:
        names = classes or tuple(map(str, range(len(row))))
        panels.append(inputs.class_bars(row, names, "likeliest classes"))
    panels += [_panel(name, np.asarray(value), most, each) for name, value in zip(blobs, values)]
    note = "Each blob: one cell for a channel. "
    note += "Each channel has its own scale." if each else "All channels of a blob have one scale."
    return sheet(packed(panels), title, note)


def _panel(name, value, most, each):
    whole = " x ".join(map(str, value.shape[1:] or (1,)))
    planes = _planes(value)
    note = whole + (f"; the first {most}" if len(planes) > most and planes.shape[1:] != (1, 1) else "")
    planes = planes[:most] if planes.shape[1:] != (1, 1) else planes[:4096]
    low, high = float(planes.min()), float(planes.max())
    if each and planes.shape[1:] != (1, 1):
        return Panel(_grid(heat.colours(scaling.each(planes), heat.HEAT)), name, note)
    if low < 0:
        high = max(-low, high)
        low, shades, colours = -high, scaling.signed(planes), heat.SIGNED
    else:
        low, shades, colours = 0.0, scaling.together(planes, 0), heat.HEAT
    return Panel(_grid(heat.colours(shades, colours)), name, note, Bar(colours, low, high))


def _planes(value):
    """Returns an item's values as (C, h, w): of what has no plane, a channel a value."""
    item = value[0] if value.ndim and len(value) == 1 else value
    return item if item.ndim == 3 else item.reshape(-1, 1, 1)


def _grid(tiles):
    columns = int(np.ceil(np.sqrt(len(tiles))))
    side = max(SIDE // columns - 2, 4)
    if tiles.shape[1:3] == (1, 1):
        side = min(side, CELL)
    return grid(np.stack([sized(tile, side) for tile in tiles]), gap=1 if side < 20 else 2)
