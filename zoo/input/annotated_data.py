"""AnnotatedData: images with boxes of a database or of shards, augmented as SSD does it (weiliu89/caffe@ssd)."""

import numpy as np
import tensorflow as tf

from zoo.errors import DataError, NetError
from zoo.formats import datum
from zoo.input.augmentation import boxes as b
from zoo.input.augmentation.colour import distort
from zoo.input.augmentation.framing import crop, expand, resize
from zoo.input.augmentation.noise import make_noise
from zoo.input.augmentation.sampling import chosen
from zoo.input.feed import Feed
from zoo.input.order import generator
from zoo.input.sources.boxes import open_boxes
from zoo.input.transform import make_transform, stream_key


class AnnotatedDataLayer(Feed):
    """An AnnotatedData layer: in the order of its source, for ever.

    What is drawn for an image is a function of the seed, the layer's name, the phase and the ordinal of the record. In
    order: distortion, expansion, a crop that a batch_sampler found, resizing, noise, a crop, a mirror image, mean and
    scale.

    Args:
        layer: the `LayerDef`, of type "AnnotatedData".
        phase, data_dir, seed: as for `DataLayer`.

    Attributes:
        shapes: ((N, C, H, W), (1, 1, N * G, 8)) with G the most boxes that an image of the source has, 1 at least.

    Raises:
        NetError: wrong fields.
        DataError: a source that is missing, damaged, or holds something else.
    """

    def __init__(self, layer, phase, *, data_dir=None, seed=0):
        super().__init__(layer)
        spec = self._spec = self.type.spec
        transform = make_transform(layer, spec.transform, phase, seed, data_dir)
        at = layer.at("data_param.source")
        self._source = open_boxes(spec.source, at=at, data_dir=data_dir, file=layer.place.file)
        self._random = phase == "TRAIN"
        self.most = max(1, *(sum(len(group.annotation) for group in it.annotation_group) for it in self._source.all()))
        self._mean, self._scale, self._mirror = transform.mean, transform.scale, spec.transform.mirror
        self._force = spec.transform.force or "color"
        channels = 1 if self._force == "gray" else 3
        self._check(channels)
        self._key, self.batch_size = stream_key(seed, phase, layer.key, "boxes"), spec.batch_size
        height, width = spec.crop or (spec.resize.height, spec.resize.width)
        if self._mean is not None and self._mean.ndim == 3 and self._mean.shape[:2] != (height, width):
            got, want = self._mean.shape[:2], (height, width)
            raise DataError("mean_file has another size than the images", at=layer.at(), got=got, want=want)
        self._size = (height, width, channels)
        data = (spec.batch_size, channels, height, width)
        self.shapes = (data, (1, 1, spec.batch_size * self.most, 8))[: len(layer.tops)]

    def dataset(self, start_batch=0):
        """As `Feed.dataset`."""
        return self.rows(start_batch)

    def rows(self, start_batch, joined=1, part=(0, 1)):
        """As `Feed.rows`; the boxes of the rows asked for count these rows from 0."""
        index, parts = part
        size = self.batch_size * joined // parts
        spec = (tf.TensorSpec(self._size, tf.float32), tf.TensorSpec((self.most, 7), tf.float32))
        stream = self._source.map(self._nth, start_batch * self.batch_size * joined + index, parts, spec)
        stream = stream.batch(size, drop_remainder=True)
        tops = len(self.layer.tops)
        return stream.map(lambda images, boxes: (images, label_rows(boxes))[:tops]).prefetch(2)

    def fingerprint(self):
        """As `Feed.fingerprint`."""
        return self._source.fingerprint()

    def verify(self, shards):
        """As `Feed.verify`."""
        self._source.verify(shards)

    def diagnose(self, error):
        """As `Feed.diagnose`."""
        return self._source.diagnose(error)

    def _check(self, channels):
        spec, layer = self._spec, self.layer
        if channels != 3 and spec.distort is not None:
            at = layer.at("transform_param.distort_param")
            raise NetError("distort_param is for images in colour", at=at, hint="remove it, or force_gray")
        for name in ("decolorize", "jpeg", "convert_to_hsv"):
            if channels != 3 and spec.noise is not None and spec.noise.HasField(name):
                at = layer.at(f"transform_param.noise_param.{name}")
                raise NetError(f"{name} is for images in colour", at=at, hint="remove it, or force_gray")
        for name, values in (
            ("mean_value", self._mean),
            ("resize_param.pad_value", spec.resize and spec.resize.pad_value),
            ("noise_param.saltpepper_param.value", spec.noise and spec.noise.saltpepper_param.value),
        ):
            flat = values is not None and getattr(values, "ndim", 1) == 1
            if flat and len(values) not in (0, 1, channels):
                at = layer.at(f"transform_param.{name}")
                raise NetError(f"wrong number of {name}", at=at, got=len(values), want=f"1 or {channels}")

    def _nth(self, ordinal, record):
        """Returns (float32 (H, W, C), float32 (G, 7)) of a record of the endless stream; boxes that are none are -1."""
        spec, place = self._spec, self._source.place(ordinal % self._source.count)
        image = datum.pixels(record.datum, self._force, place)
        boxes, rng = boxes_of(record), generator(self._key, ordinal)
        if spec.distort is not None:
            image = distort(rng, image, spec.distort)
        if spec.expand is not None:
            fill = self._mean if self._mean is not None and self._mean.ndim == 1 else 0
            image, boxes = expand(rng, image, boxes, spec.expand, fill)
        if spec.samplers:
            image, boxes = crop(image, boxes, chosen(rng, boxes, spec.samplers), spec.emit)
        if spec.resize is not None:
            image, boxes = resize(rng, image, boxes, spec.resize)
        if spec.noise is not None:
            image = make_noise(rng, image, spec.noise)
        if spec.crop:
            image, boxes = self._cropped(rng, image, boxes, place)
        if self._mirror and rng.integers(2):
            image, boxes = image[:, ::-1], b.mirrored(boxes)
        values = image.astype(np.float32)
        values = (values - self._mean if self._mean is not None else values) * self._scale
        padded = np.full((self.most, 7), -1, np.float32)
        padded[: len(boxes)] = boxes
        return np.ascontiguousarray(values, np.float32), padded

    def _cropped(self, rng, image, boxes, place):
        height, width = self._spec.crop
        high, wide = image.shape[0] - height, image.shape[1] - width
        if high < 0 or wide < 0:
            got, want = f"{image.shape[0]} x {image.shape[1]}", f"{height} x {width} at least (H x W)"
            raise DataError("the crop exceeds the image", at=place, got=got, want=want)
        top, left = (rng.integers(high + 1), rng.integers(wide + 1)) if self._random else (high // 2, wide // 2)
        size = np.float64([image.shape[1], image.shape[0]] * 2)
        region = np.array([left, top, left + width, top + height]) / size
        return image[top : top + height, left : left + width], b.project(boxes, region, self._spec.emit)


def boxes_of(record):
    """Returns the boxes of an AnnotatedDatum as `augmentation.boxes` has them, in its order."""
    found = [
        (group.group_label, each.instance_id, *_corners(each.bbox), each.bbox.difficult)
        for group in record.annotation_group
        for each in group.annotation
    ]
    return np.array(found, np.float32).reshape(-1, 7)


def _corners(box):
    return box.xmin, box.ymin, box.xmax, box.ymax


def label_rows(boxes):
    """Returns the label of boxes (N, G, 7), channels-last (1, N * G, 8, 1): real rows, their item in front, then -1."""
    size, most = boxes.shape[0], boxes.shape[1]
    absent = boxes[:, :, :1] < 0
    items = tf.broadcast_to(tf.range(size, dtype=tf.float32)[:, None, None], (size, most, 1))
    rows = tf.concat([tf.where(absent, tf.constant(-1.0), items), boxes], axis=2)
    rows = tf.reshape(rows, (size * most, 8))
    order = tf.argsort(tf.cast(tf.reshape(absent, (-1,)), tf.int32), stable=True)
    return tf.gather(rows, order)[None, :, :, None]
