"""The images of a list file, decoded as they are asked for (image_data_layer.cpp)."""

import numpy as np
import tensorflow as tf

from zoo.errors import DataError, Place
from zoo.formats import datum, image_file
from zoo.formats.digest import digest, ends, evenly
from zoo.input.sources.fetch import Fetch
from zoo.input.sources.image_checks import check, one_by_one


class ImageListSource:
    """Reads the images of a list.

    Args:
        path: the list file, for messages.
        entries: its `Entry` list.
        folder: what their names are relative to, `root` already put before them.
        root: what is put before every name, as it stands; a directory needs its "/".
        color: whether to decode to BGR, else to gray.
        resize: (H, W) to bring images to, or None.
        order: the `Order` in which they are read.

    Raises:
        DataError: the first image is missing or damaged.
    """

    dtype = tf.uint8

    def __init__(self, path, entries, folder, root, *, color=True, resize=None, order):
        self._path, self._entries, self._folder, self._root = path, entries, folder, root
        self._force, self.channels = ("color", 3) if color else ("gray", 1)
        self._resize, self._order, self._fetch = resize, order, Fetch()
        image = self._pixels(entries[order(0)])
        self.image_shape = self.min_size = image.shape[:2]
        self.count = len(entries)

    def fingerprint(self):
        """Returns a short text that tells this list from others: by base names, labels and 16 images."""
        lines = [(entry.name.rpartition("/")[2], entry.label) for entry in self._entries]
        pictures = [self._folder / f"{self._root}{self._entries[index].name}" for index in evenly(len(lines))]
        return f"{self.count} pictures, {digest(lines, ends(pictures))}"

    def batches(self, start_batch, batch_size, transform, part=(0, 1)):
        """Returns the endless dataset of (float32 (N, h, w, C), float32 (N,)) from batch `start_batch` on.

        Where N is 1 and nothing is cropped, h and w are open: they are those of the image.

        With `part` (k, n) the stream is that of records k, k + n, k + 2n, ..., and batches are made of these.
        """
        first = start_batch * batch_size
        return one_by_one(self, self._fetch, self._nth, first, batch_size, transform, part)

    def diagnose(self, error):
        """Returns the DataError to raise for a TensorFlow `error` that came while reading, or None if not ours."""
        return self._fetch.diagnose(error)

    def _nth(self, ordinal, size, crop_size):
        entry = self._entries[self._order(ordinal)]
        image = self._pixels(entry)
        try:
            check(image, self, size, crop_size)
        except DataError as e:
            raise DataError(e.what, at=self._place(entry), got=e.got, want=e.want, hint=e.hint) from e
        return image, self._label(entry)

    def _label(self, entry):
        return np.float32(entry.label)

    def _place(self, entry):
        return Place(str(self._path), entry.line)

    def _pixels(self, entry):
        return self._read(entry.name, entry, self._force)

    def _read(self, name, entry, force, nearest=False):
        path = self._folder / f"{self._root}{name}"
        try:
            data = image_file.read(path, self._place(entry))
        except OSError as e:
            raise DataError(f"cannot read the image {path}", at=self._place(entry), got=e.strerror) from e
        try:
            image = datum.decode(data, force)
        except DataError as e:
            raise DataError(f"{path} is {e.what}", at=self._place(entry), got=e.got) from e
        return datum.resize(image, self._resize, nearest) if self._resize else image


class LabelImageListSource(ImageListSource):
    """The same of a list of `Pair`s: images that have their label image as one channel more, as it stands in its file.

    So whatever is cropped or mirrored is so for both.
    """

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.channels += 1

    def _label(self, entry):
        return np.float32(0)

    def _pixels(self, entry):
        image = super()._pixels(entry)
        labels = self._read(entry.label, entry, "gray", nearest=True)
        if labels.shape[:2] != image.shape[:2]:
            what = f"{entry.label} has another size than its image"
            raise DataError(what, at=self._place(entry), got=labels.shape[:2], want=image.shape[:2])
        return np.concatenate([image, labels], axis=2)
