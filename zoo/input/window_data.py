"""WindowData: boxes cut out of images, background first and then objects (window_data_layer.cpp)."""

import numpy as np
import tensorflow as tf

from zoo.errors import DataError, NetError, Place
from zoo.formats import datum, image_file
from zoo.formats.digest import digest, ends, evenly
from zoo.formats.paths import find_file, find_folder_of
from zoo.input.feed import Feed, mean_said
from zoo.input.order import generator
from zoo.input.sources.fetch import Fetch, ordinals
from zoo.input.transform import make_transform, stream_key
from zoo.input.window_crop import Cut, cut
from zoo.input.window_file import IMAGE, LABEL, OVERLAP, X1, Y2, read_windows
from zoo.layers.base.geometry import keras_shape


class WindowDataLayer(Feed):
    """A WindowData layer: of each batch the last int(N * fg_fraction) windows are objects, those before background.

    A box is an object where its overlap is fg_threshold or more, else background where it is below bg_threshold, else
    unused. Which boxes a batch takes, and which of them are mirrored, is a function of the seed, the layer's name, the
    phase and the ordinal. The scale is that of window_data_param.

    Args:
        layer: the `LayerDef`, of type "WindowData".
        phase, data_dir, seed: as for `DataLayer`. Images are looked for as other files are: where the first one of
            the file is found, all are.

    Attributes:
        shapes: ((N, 3, crop, crop), (N,)).

    Raises:
        NetError: wrong fields.
        DataError: a window file or mean file that is missing, damaged or does not fit.
    """

    def __init__(self, layer, phase, *, data_dir=None, seed=0):
        super().__init__(layer)
        spec = self.type.spec
        transform = make_transform(layer, spec.transform, phase, seed, data_dir)
        if spec.transform.force == "gray":
            raise NetError("WindowData decodes to colour", at=layer.at("transform_param.force_gray"), hint="remove it")
        where = {"data_dir": data_dir, "file": layer.place.file}
        self._path = find_file(spec.source, "window file", at=layer.at("window_data_param.source"), **where)
        windows = read_windows(self._path)
        place = Place(str(self._path))
        if windows.channels != 3:  # images are always decoded to three, and the last one's number sizes the top
            raise DataError("images that are not in colour", at=place, got=f"{windows.channels} channels", want=3)
        self._background, self._objects = _divide(windows.boxes, spec, place)
        self._paths = [f"{spec.root_folder}{name}" for name in windows.paths]
        self._folder = find_folder_of(self._paths[0], "image", at=place, **where)
        size = spec.transform.crop_size
        self._cut = Cut(size, spec.context_pad, spec.square, np.float32(spec.scale), transform.mean)
        self._cut.check(layer)
        self._mirror, self._key = spec.transform.mirror, stream_key(seed, phase, layer.key, "windows")
        self.batch_size = spec.batch_size
        self._first_object = spec.batch_size - int(np.float32(spec.batch_size) * np.float32(spec.fg_fraction))
        self.shapes = ((spec.batch_size, 3, size, size), (spec.batch_size,))
        self._fetch = Fetch()

    def dataset(self, start_batch=0):
        """As `Feed.dataset`."""
        spec = (tf.TensorSpec(keras_shape(self.shapes[0])[1:], tf.float32), tf.TensorSpec((), tf.float32))
        stream = self._fetch.map(ordinals(start_batch * self.batch_size), self._nth, spec)
        return stream.batch(self.batch_size, drop_remainder=True).prefetch(2)

    def fingerprint(self):
        """As `Feed.fingerprint`: by the boxes, 16 of the images and the mean file."""
        images = [self._folder / self._paths[index] for index in evenly(len(self._paths))]
        boxes = digest(self._background.tobytes(), self._objects.tobytes(), ends(images))
        return f"{len(self._paths)} pictures, {boxes}" + mean_said(self._cut.mean)

    def diagnose(self, error):
        """As `Feed.diagnose`."""
        return self._fetch.diagnose(error)

    def _nth(self, ordinal):
        """Returns (float32 (crop, crop, 3), label) of one item of the endless stream."""
        is_object = ordinal % self.batch_size >= self._first_object
        boxes = self._objects if is_object else self._background
        numbers = generator(self._key, ordinal)
        box = boxes[numbers.integers(len(boxes))]
        mirror = self._mirror and bool(numbers.integers(2))
        image = self._pixels(int(box[IMAGE]))
        try:
            return cut(image, box[X1 : Y2 + 1].astype(int), mirror, self._cut), box[LABEL]
        except DataError as e:
            path = self._paths[int(box[IMAGE])]
            raise DataError(f"{e.what} {path}", at=Place(str(self._path)), got=e.got, want=e.want) from e

    def _pixels(self, image):
        path = self._folder / self._paths[image]
        at = Place(str(self._path))
        try:
            data = image_file.read(path)
        except OSError as e:
            raise DataError(f"cannot read the image {path}", at=at, got=e.strerror) from e
        return datum.decode(data, "color", Place(str(path)))


def _divide(boxes, spec, place):
    """Returns (background, objects) among `boxes`; background has the label 0. Raises DataError where one is empty."""
    is_object = boxes[:, OVERLAP] >= np.float32(spec.fg_threshold)
    objects = boxes[is_object]
    background = boxes[~is_object & (boxes[:, OVERLAP] < np.float32(spec.bg_threshold))]
    background[:, LABEL] = 0
    if len(objects) and objects[:, LABEL].min() <= 0:
        raise DataError("an object of class 0", at=place, want="1 or more, as 0 is the background")
    for what, kind in (("object", objects), ("background", background)):
        if not len(kind):
            got = f"overlaps from {boxes[:, OVERLAP].min():g} to {boxes[:, OVERLAP].max():g}" if len(boxes) else "none"
            want = f"fg_threshold {spec.fg_threshold:g}, bg_threshold {spec.bg_threshold:g} to leave some"
            raise DataError(f"no {what} boxes", at=place, got=got, want=want)
    return background, objects
