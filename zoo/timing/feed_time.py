"""The input pipeline alone: how many items a second each data layer of a net gives."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class FeedTime:
    """How fast a data layer gives its batches, one after another, to nobody who computes with them.

    Attributes:
        name, type: of the layer.
        tops: Caffe shapes.
        items: how many records came.
        bytes: how many bytes of float32 they are as the net gets them.
        seconds: how long that took.
    """

    name: str
    type: str
    tops: tuple
    items: int
    bytes: int
    seconds: float

    @property
    def items_per_second(self):
        """Records a second."""
        return self.items / self.seconds

    @property
    def batch_seconds(self):
        """Seconds a batch."""
        return self.seconds * self.tops[0][0] / self.items


def feed_time(feed, batches, least=1.0):
    """Returns the `FeedTime` of a `Feed`.

    The first five batches are not timed: files are opened for them, and more is read ahead meanwhile.

    Args:
        feed: a `Feed`.
        batches: how many are timed at least.
        least: seconds that the timed ones take at least.

    Raises:
        DataError: damaged data.
    """
    with feed.reading():
        iterator = iter(feed.dataset())
        for _ in range(5):
            next(iterator)
        count = size = 0
        began = time.perf_counter()
        while count < batches or time.perf_counter() - began < least:
            tops = next(iterator)
            size += sum(int(top.shape.num_elements()) * top.dtype.size for top in tops)
            count += 1
        seconds = time.perf_counter() - began
    layer = feed.layer
    return FeedTime(layer.name, layer.type, feed.shapes, count * feed.shapes[0][0], size, seconds)
