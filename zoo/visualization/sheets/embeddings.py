"""An embedding: thumbnails at their places, and dots in the colours of their classes."""

import numpy as np

from zoo.images.sheet import BAR_ROW, Panel, packed, sheet
from zoo.visualization import embedding

SIDE = 820  # pixels


def embedding_sheet(net, places, fed, labels, names, title, note):
    """Returns one image, uint8 (H, W, 3).

    Args:
        net: the `TrainedNet`.
        places: (N, 2) in 0..1.
        fed: (N, H, W, C), what was embedded.
        labels: (N,), or None.
        names: of the classes.
        title, note: of the sheet.
    """
    images = net.input.images(fed)
    thumbnail = int(np.clip(np.sqrt(SIDE * SIDE / len(images)) * 0.9, 18, 72))
    if labels is None:
        return sheet([[Panel(embedding.scattered(places, images, None, SIDE, thumbnail))]], title, note)
    frames, table = embedding.colours_of(labels)
    panels = [
        Panel(embedding.scattered(places, images, frames, SIDE, thumbnail), "images"),
        Panel(embedding.dots(places, frames, SIDE // 2), "classes"),
        _legend(table, names),
    ]
    return sheet(packed(panels, 2 * SIDE), title, note)


def _legend(table, names):
    shown = list(table.items())[:40]
    image = np.ones((BAR_ROW * len(shown), 16, 3), np.float32)
    for row, (_, colour) in enumerate(shown):
        image[row * BAR_ROW + 3 : (row + 1) * BAR_ROW - 3] = colour
    labels = tuple(names[label] if label < len(names) else str(label) for label, _ in shown)
    return Panel(image, labels=labels)
