"""Where the images come from that a net is looked at with: image files, or the config's own data layers."""

import numpy as np

from zoo.errors import DataError, NetError, Place
from zoo.netdef.config import open_config


class _Source:
    """What both kinds have in common; `batches` gives their items in order."""

    count: int | None

    def batches(self, size, most=None):
        """Yields (fed (N, H, W, C), labels or None) of at most `size` items, `most` in all; None: one pass."""
        raise NotImplementedError

    def item(self, number):
        """Returns (fed (1, H, W, C), labels (1,) or None) of item `number`; raises DataError where there is none."""
        if self.count is not None and number >= self.count:
            raise DataError("no such image", got=f"number {number}", want=f"0 to {self.count - 1}")
        for fed, labels in self.batches(64, number + 1):
            if number < len(fed):
                return fed[number : number + 1], None if labels is None else labels[number : number + 1]
            number -= len(fed)
        raise DataError("no such image", got=f"number {number}")


class ImageFiles(_Source):
    """Images by path.

    Args:
        net: the `TrainedNet`.
        paths: of the files.

    Attributes:
        count: how many there are.
        classes: names of labels: none are known.
        title: what they are, in words.
    """

    classes = ()

    def __init__(self, net, paths):
        self._net, self._paths = net, paths
        self.count, self.title = len(paths), f"{len(paths)} images"

    def batches(self, size, most=None):
        """As `_Source.batches`, without labels."""
        paths = self._paths[:most]
        for start in range(0, len(paths), size):
            part = paths[start : start + size]
            yield self._net.input.feed([self._net.input.load(path) for path in part]), None


class ConfigData(_Source):
    """What the data layers of the config's test net read, in their order.

    Args:
        net: the `TrainedNet`.

    Attributes:
        count, classes, title: as `ImageFiles` has them.

    Raises:
        ZooError: the config has no data layer that reads data, or they are not there.
    """

    def __init__(self, net):
        from zoo.training.feeds import Feeds

        definition = open_config(net.config).definition("TEST", data_dir=net.data_dir)
        inputs = [top for layer in definition.layers if not layer.bottoms for top in layer.tops]
        fed = [top for layer in definition.layers if not layer.bottoms and layer.type != "Input" for top in layer.tops]
        names = [top.name for top in inputs]
        if net.input.name not in [top.name for top in fed]:
            hint = "--images=FOLDER says which images to take"
            raise NetError("the config reads no data of its own", at=Place(net.config), hint=hint)
        self._feeds = Feeds(definition, net.data_dir)
        self._data, want = names.index(net.input.name), net.input.shape[1:]
        shape = [each for shapes in self._feeds.shapes.values() for each in shapes][self._data][1:]
        if tuple(shape) != tuple(want):
            raise DataError("the data do not fit the input", at=Place(net.config), got=tuple(shape), want=tuple(want))
        self._label = next((index for index, name in enumerate(names) if index != self._data), None)
        self.count, self.classes = self._feeds.count, self._feeds.classes()
        self.title = ", ".join(self._feeds.titles()) or "the config's data"

    def batches(self, size, most=None):
        """As `_Source.batches`."""
        left = most if self.count is None else min(most or self.count, self.count)
        if left is None:
            raise DataError("the data do not say how many there are", at=Place(self._feeds.definition.file))
        fed, labels, held, labelled = [], [], 0, self._label is not None
        label = self._data if self._label is None else self._label
        with self._feeds.reading():
            batches = self._feeds.batches(0)
            while left > 0 or held:
                while held < size and left > 0:
                    batch = next(batches)
                    data = np.asarray(batch[self._data])[:left]
                    fed.append(data)
                    labels.append(np.asarray(batch[label])[: len(data)])
                    held, left = held + len(data), left - len(data)
                data, known = np.concatenate(fed), np.concatenate(labels)
                yield data[:size], _whole(known[:size]) if labelled else None
                fed, labels, held = [data[size:]], [known[size:]], max(0, held - size)


def _whole(labels):
    """Returns labels as integers; None where an item has not one whole number."""
    if labels.reshape(len(labels), -1).shape[1] != 1:
        return None
    flat = labels.reshape(-1)
    return flat.astype(np.int64) if np.array_equal(flat, np.round(flat)) else None
