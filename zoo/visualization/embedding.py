"""Feature vectors on a plane by t-SNE, each shown as its image: like lies next to like.

van der Maaten, Hinton 2008, "Visualizing Data using t-SNE", JMLR 9, as scikit-learn has it.
"""

import numpy as np

from zoo.errors import DataError
from zoo.formats import image_file
from zoo.images.grid import sized
from zoo.images.heat import CLASSES, colours


def features(net, ref, batches):
    """Returns (features float32 (N, D), fed float32 (N, H, W, C), labels (N,) or None) of `batches`.

    Args:
        net: the `TrainedNet`.
        ref: the `BlobRef`; all that it has of an item is one vector.
        batches: yields (fed (N, H, W, C), labels or None).
    """
    found, images, labels = [], [], []
    for fed, label in batches:
        found.append(net.values(fed, [ref])[0].reshape(len(fed), -1))
        images.append(fed)
        labels.append(label)
    known = None if any(label is None for label in labels) else np.concatenate(labels)
    return np.concatenate(found), np.concatenate(images), known


def tsne(vectors, perplexity=30.0, seed=0, steps=1000):
    """Returns places (N, 2) in 0..1 for vectors (N, D).

    Args:
        vectors: at least 3.
        perplexity: about how many neighbours each keeps near; at most a third of what there is.
        seed: of what scikit-learn draws.
        steps: of its descent.

    Raises:
        DataError: fewer than 3 vectors, all the same, or values that are not finite.
    """
    if len(vectors) < 3:
        raise DataError("too few images for an embedding", got=len(vectors), want="3 or more")
    if not np.isfinite(vectors).all():
        raise DataError("features that are not finite numbers have no place", hint="the weights may be damaged")
    vectors = np.asarray(vectors, np.float64)
    spread = (vectors.max(axis=0) - vectors.min(axis=0)).max()
    if not spread:  # of which scikit-learn's t-SNE would end the process
        what = "all images have the same features, so none is next to another"
        raise DataError(what, hint="--blob=NAME says another layer; the net may not be trained")
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    most = (len(vectors) - 1) / 3
    start = "pca" if vectors.shape[1] > 1 else "random"
    method = TSNE(perplexity=min(perplexity, most), init=start, random_state=seed, max_iter=steps)
    with threadpool_limits(1):  # its many short loops took 8 times as long on two busy cores as on one
        places = method.fit_transform(((vectors - vectors.mean(axis=0)) / spread).astype(np.float32))
    places = places - places.min(axis=0)
    return (places / max(places.max(), 1e-12)).astype(np.float32)


def colours_of(labels):
    """Returns float32 (N, 3), a colour for each label, and {label: colour}; more than ten labels share a rainbow."""
    known = sorted(set(map(int, labels)))
    if len(known) <= 10:
        table = dict(zip(known, colours((np.arange(len(known)) + 0.5) / 10, CLASSES)))
    else:
        table = dict(zip(known, colours(np.linspace(0, 1, len(known)), "turbo")))
    return np.stack([table[int(label)] for label in labels]), table


def scattered(places, images, frames=None, side=900, thumbnail=28):
    """Returns one image, float32 (H, W, 3), of images at their places; what lies on top was given last.

    Args:
        places: (N, 2) in 0..1; the image is as wide and high as they are spread.
        images: (N, h, w, 1 or 3) in 0..1.
        frames: (N, 3), a colour around each, or None.
        side: pixels for 0..1.
        thumbnail: pixels of the longer side of each image.
    """
    high, wide = _extent(places, side, thumbnail + 4)
    canvas = np.ones((high, wide, 3), np.float32)
    for number, (x, y) in enumerate(places / np.maximum(places.max(axis=0), 1e-12)):
        small = sized(images[number], thumbnail)
        small = np.broadcast_to(small, (*small.shape[:2], 3))
        if frames is not None:
            framed = np.empty((small.shape[0] + 4, small.shape[1] + 4, 3), np.float32)
            framed[:] = frames[number]
            framed[2:-2, 2:-2] = small
            small = framed
        height, width = small.shape[:2]
        top, left = round(float(1 - y) * (high - height)), round(float(x) * (wide - width))
        canvas[top : top + height, left : left + width] = small
    return canvas


def dots(places, frames, side=900, radius=5):
    """Returns one image, float32 (H, W, 3), with a dot of its colour at each place; sizes as `scattered` has them."""
    high, wide = _extent(places, side, 2 * radius + 2)
    cv2, canvas = image_file.opencv(), np.full((high, wide, 3), 255, np.uint8)  # which OpenCV draws smoothly
    for (x, y), colour in zip(places / np.maximum(places.max(axis=0), 1e-12), frames):
        at = [round(float(part) * (size - 2 * radius - 2)) + radius + 1 for part, size in ((x, wide), (1 - y, high))]
        cv2.circle(canvas, at, radius, tuple(round(255 * float(part)) for part in colour), cv2.FILLED, cv2.LINE_AA)
    return canvas.astype(np.float32) / 255


def _extent(places, side, least):
    """Returns (height, width) in pixels of what holds the places."""
    wide, high = (max(least, round(float(each) * side)) for each in places.max(axis=0))
    return high, wide
