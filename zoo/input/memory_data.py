"""MemoryData: images and labels from arrays that the program sets (memory_data_layer.cpp)."""

import numpy as np
import tensorflow as tf
from absl import logging

from zoo.errors import DataError
from zoo.formats import datum
from zoo.input.feed import Feed, inside
from zoo.input.transform import make_transform
from zoo.layers.base.geometry import keras_shape


class MemoryDataLayer(Feed):
    """A MemoryData layer: batch after batch of arrays, round and round.

    Args:
        layer: the `LayerDef`, of type "MemoryData".
        phase, data_dir, seed: as for `DataLayer`.

    Attributes:
        shapes: ((N, C, H, W), (N,)).
    """

    def __init__(self, layer, phase, *, data_dir=None, seed=0):
        super().__init__(layer)
        self.shapes = (self.type.spec.shape, self.type.spec.shape[:1])
        self._transform = make_transform(layer, self.type.spec.transform, phase, seed, data_dir)
        self._arrays = None

    def set_arrays(self, data, labels):
        """Feeds `data` as it is; nothing of transform_param is done to it, as in Caffe (Reset).

        Args:
            data: numbers (n, C, H, W), n a multiple of the batch size.
            labels: numbers (n,) or (n, 1, 1, 1).

        Raises:
            DataError: other shapes.
        """
        data, labels = self._numbers(data, "data"), self._numbers(labels, "labels")
        if data.shape[1:] != self.shapes[0][1:]:
            self._refuse("data of another shape", data.shape, f"(n, {', '.join(map(str, self.shapes[0][1:]))})")
        if self.layer.message.HasField("transform_param"):
            logging.warning("%s: transform_param is not applied to arrays", self.layer.at("transform_param"))
        self._set(inside(data), labels)

    def set_images(self, images, labels):
        """Feeds images that are transformed as transform_param says (AddMatVector).

        Args:
            images: uint8 or float32 images (h, w, C), a list of them or an array (n, h, w, C), BGR or gray; what the
                crop leaves has to be H by W. n is a multiple of the batch size.
            labels: numbers (n,).

        Raises:
            DataError: other shapes.
        """
        transformed = []
        for i, image in enumerate(images):
            image = np.asarray(image)
            if image.ndim != 3 or image.shape[2] != self.shapes[0][1] or image.dtype not in (np.uint8, np.float32):
                want = f"(h, w, {self.shapes[0][1]}) of uint8 or float32"
                self._refuse(f"image {i} of another shape", f"{image.shape} of {image.dtype}", want)
            size = self._transform.check(image.shape[2], image.shape[:2], image.shape[:2], self.layer.at())
            if size != self.shapes[0][2:]:
                self._refuse(f"image {i} comes out in another size", size, self.shapes[0][2:])
            transformed.append(self._transform.one(tf.constant(image), tf.constant(i, tf.int64)).numpy())
        shape = (0, *keras_shape(self.shapes[0])[1:])
        data = np.stack(transformed) if transformed else np.empty(shape, np.float32)
        self._set(data, self._numbers(labels, "labels"))

    def set_datums(self, values):
        """Feeds serialised Datums, transformed as transform_param says (AddDatumVector); raises DataError."""
        messages = [datum.parse(value, self.layer.at()) for value in values]
        images = [datum.pixels(message, self.type.spec.transform.force, self.layer.at()) for message in messages]
        self.set_images(images, [message.label for message in messages])

    def dataset(self, start_batch=0):
        """As `Feed.dataset`, of the arrays as they are now; raises DataError where none were set."""
        if self._arrays is None:
            raise DataError("MemoryData has no arrays", at=self.layer.at(), hint="call set_arrays first")
        batch_size = self.shapes[0][0]
        data, labels = self._arrays
        whole = tf.data.Dataset.from_tensor_slices(
            (data.reshape(-1, batch_size, *data.shape[1:]), labels.reshape(-1, batch_size))
        )
        return whole.skip(start_batch % (len(data) // batch_size)).concatenate(whole.repeat())

    def diagnose(self, error):
        """As `Feed.diagnose`: nothing in memory can be damaged."""
        return

    def _set(self, data, labels):
        """Takes (n, H, W, C) and (n,)."""
        n, batch_size = len(data), self.shapes[0][0]
        if labels.shape not in ((n,), (n, 1, 1, 1)):
            self._refuse("labels that do not fit the data", labels.shape, f"({n},)")
        if not n or n % batch_size:
            self._refuse("the number of items is no multiple of the batch size", n, f"a multiple of {batch_size}")
        self._arrays = data, labels.reshape(n)

    def _numbers(self, values, what):
        try:
            return np.asarray(values, np.float32)
        except (TypeError, ValueError) as e:
            raise DataError(f"{what} that are no numbers", at=self.layer.at(), got=str(e)) from e

    def _refuse(self, what, got, want):
        raise DataError(what, at=self.layer.at(), got=got, want=want)
