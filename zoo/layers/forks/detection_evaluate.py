"""DetectionEvaluate: which of the boxes found are right, for the average precision."""

import numpy as np

from zoo.formats import name_sizes
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.boxes import overlap, pixel_overlap
from zoo.layers.ops.first_largest import first_largest
from zoo.layers.ops.layout import to_caffe


@layer_type("DetectionEvaluate", source="weiliu89/caffe@ssd detection_evaluate_layer.cpp:11-227")
class DetectionEvaluate(LayerType):
    """A detection is true if the box of its image and label that it overlaps most overlaps enough and is not yet found.

    Bottoms: detections (1, 1, D, 7), as DetectionOutput gives them, rows of image or label -1 being none; boxes that
    are there (1, 1, G, 8): image, label, instance, xmin, ymin, xmax, ymax, difficult, up to the first of image -1. Top
    (1, 1, M, 5): for each class but the background -1, label, boxes, -1, -1; then each detection's image, label, score,
    1 if true, 1 if false, by image and label. Those of a label that the image has boxes of come by descending score,
    others in the order given. Difficult boxes, where they are not evaluated, are not counted, and make neither true nor
    false. With a name_size_file boxes are clipped and scaled to pixels of their image, the next of the file for each
    image with a row, from batch to batch and round and round, back through resize_param where there is one; a pixel is
    added to widths. No gradient, no blobs.

    M is K - 1 and what is a detection; the graph's top holds all D, and rows of -1 behind.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = True
    no_gradient_bottoms = (0, 1)
    pixel_map = None
    deployed = False
    scored_bottoms = 1
    padded_axis = 2
    takes_padding = True
    gathers_rows = True
    bottom_count = 2
    fields = ("detection_evaluate_param",)

    def read(self, p):
        """Reads detection_evaluate_param."""
        if not p.has("num_classes") or not p.num_classes:
            raise p.error("num_classes must be given", "num_classes", want="the classes, the background included")
        self.classes, self.background = p.num_classes, p.background_label_id
        self.threshold, self.with_difficult = p.overlap_threshold, p.evaluate_difficult_gt
        if self.background >= self.classes:
            want = f"0 to {self.classes - 1}"
            raise p.error("no class is the background", "background_label_id", got=self.background, want=want)
        if not self.threshold > 0:
            raise p.error("overlap_threshold must be positive", "overlap_threshold", got=f"{self.threshold:g}")
        self.sizes = p.name_size_file or None
        self.resize = resize = p.resize_param
        self.mode = type(resize).Resize_mode.Name(resize.resize_mode)
        small = self.mode == "FIT_SMALL_SIZE" and resize.height_scale and resize.width_scale
        self.scales = (float(resize.width_scale), float(resize.height_scale)) if small else ()
        p.no_effect("resize_param")  # without sizes
        if self.sizes and self.mode != "WARP" and not (resize.height and resize.width):
            got = f"{resize.height} x {resize.width}"
            raise p.error("resize_param needs height and width, above 0", "resize_param", got=got)

    def top_shapes(self, bottoms):
        """(1, 1, classes without the background + D, 5)."""
        for index, (shape, columns) in enumerate(zip(bottoms, (7, 8))):
            if len(shape) != 4 or shape[:2] != (1, 1) or shape[3] != columns:
                raise self.error(f"bottom {index} has other axes", "bottom", got=shape, want=f"(1, 1, rows, {columns})")
        return ((1, 1, self.classes - 1 + bottoms[0][2], 5),)

    def real_rows(self, top):
        """Those that pad have -1 for a label."""
        return int(np.count_nonzero(top[0, 0, :, 1] != -1))

    def fixes_batch(self, bottoms):
        """Its rows are of all items together."""
        return f'layer "{self.layer.name}" has the boxes of all items in one list'

    def build(self, site):
        """Works on tables of (D, G) values; where the images' sizes are is state of the net.

        Raises:
            DataError: the name_size_file is not there, or holds something else.
        """
        place = _Sizes(self, site) if self.sizes else None
        labels = np.array([label for label in range(self.classes) if label != self.background], np.float32)

        def evaluate(found, there):
            found, there = (to_caffe(ops.cast(ops.stop_gradient(x), "float32"))[0, 0] for x in (found, there))
            there, usable = self._boxes(there)
            counted = ops.sum(ops.where(ops.equal(there[:, 1], labels[:, None]), usable, 0.0), axis=1)
            ones = -ops.ones_like(counted)
            head = ops.stack([ones, ones * 0 + labels, counted, ones, ones], axis=1)
            rows = self._detections(found, there, place.of(found) if place else None)
            top = ops.concatenate([head, rows], axis=0)[None, :, :, None]
            return place.passed(top, found) if place else top

        return evaluate

    def _boxes(self, there):
        """Returns (boxes (G, 8) with image -1 where there is none, 1.0 for those that count)."""
        ended = ops.cumsum(ops.cast(ops.equal(there[:, 0], -1), "float32")) > 0
        there = ops.where(ended[:, None], -1.0, there)
        counts = ops.not_equal(there[:, 0], -1)
        if not self.with_difficult:
            counts = ops.logical_and(counts, ops.equal(there[:, 7], 0))
        return there, ops.cast(counts, "float32")

    def _detections(self, found, there, sizes):
        """Returns a row for each of `found` (D, 7): what is a detection first, in order, then rows of zeros or -1.

        `sizes` are (width, height) of their images (D, 2), or None.
        """
        image, label, score = (found[:, i] for i in range(3))
        both = [ops.equal(found[:, None, i], there[None, :, i]) for i in (0, 1)]
        here = ops.logical_and(ops.logical_and(*both), ops.not_equal(image, -1)[:, None])
        known = ops.any(here, axis=1)
        order = ops.argsort(ops.where(known, -score, 0.0))  # each of the sorts leaves what is equal as it is
        order = ops.take(order, ops.argsort(ops.take(label, order)))
        labelled = ops.not_equal(label, -1)
        real = ops.logical_and(ops.not_equal(image, -1), labelled)
        order = ops.take(order, ops.argsort(ops.take(ops.where(real, image, np.inf), order)))
        found, here, real = (ops.take(x, order, axis=0) for x in (found, here, real))
        boxes = [found[:, i, None] for i in range(3, 7)], [there[None, :, i] for i in range(3, 7)]
        if sizes is None:
            overlaps = overlap(*boxes)
        else:
            size = [ops.take(sizes, order, axis=0)[:, i, None] for i in (0, 1)]
            pixel = 0.0 if self.scales else 1.0
            overlaps = pixel_overlap(*(self._in_pixels(box, *size) for box in boxes), pixel=pixel)
        overlaps = ops.where(here, overlaps, -1.0)
        best = ops.one_hot(first_largest(overlaps, axis=1), there.shape[0], dtype="float32")
        enough = ops.max(overlaps, axis=1) >= self.threshold
        if not self.with_difficult:
            difficult = ops.cast(ops.not_equal(there[None, :, 7], 0), "float32")
            left_out = ops.logical_and(enough, ops.sum(best * difficult, axis=1) > 0)
        else:
            left_out = ops.zeros_like(enough)
        hits = best * ops.cast(ops.logical_and(enough, ops.logical_not(left_out)), "float32")[:, None]
        earlier = ops.cumsum(hits, axis=0) - hits
        true = ops.sum(hits, axis=1) * ops.cast(ops.equal(ops.sum(hits * earlier, axis=1), 0), "float32")
        false = (1 - true) * ops.cast(ops.logical_not(left_out), "float32")
        rows = ops.stack([found[:, 0], found[:, 1], found[:, 2], true, false], axis=1)
        # A label without an image is counted among the rows of the top, and none written for it.
        unwritten = ops.sum(ops.cast(ops.logical_and(ops.equal(image, -1), labelled), "float32"))
        place = ops.cumsum(ops.ones_like(true)) - ops.sum(ops.cast(real, "float32"))
        rest = ops.where(ops.logical_and(place > 0, place <= unwritten)[:, None], 0.0, -1.0)
        return ops.where(real[:, None], rows, rest)

    def _in_pixels(self, box, width, height):
        """Returns a box in pixels of its image of that size (bbox_util.cpp OutputBBox)."""
        sides = (width, height) * 2
        if self.scales:
            return [ops.maximum(ops.minimum(x * by, side), 0.0) for x, by, side in zip(box, self.scales * 2, sides)]
        if self.mode == "FIT_LARGE_SIZE_AND_PAD":
            box = self._without_border(box, width / height)
        return [ops.clip(x, 0.0, 1.0) * side for x, side in zip(box, sides)]

    def _without_border(self, box, aspect):
        """Returns a box in parts of what the border surrounds; one that lies in the border stays (ProjectBBox)."""
        width, height = float(self.resize.width), float(self.resize.height)
        wide = aspect > width / height
        left = ops.where(wide, 0.0, (width - height * aspect) / 2 / width)
        above = ops.where(wide, (height - width / aspect) / 2 / height, 0.0)
        begins, ends = box[:2], box[2:]
        inside = [ops.logical_and(x < 1.0 - by, to > by) for x, to, by in zip(begins, ends, (left, above))]
        inside = ops.logical_and(*inside)
        return [ops.where(inside, (x - by) / (1.0 - by - by), x) for x, by in zip(box, (left, above) * 2)]


class _Sizes:
    """The sizes of a name_size_file, and how many images of it have gone by."""

    def __init__(self, layer_type, site):
        from zoo.layers.keras_layers.carried_state import LoadState, StoreState

        layer = layer_type.layer
        at = layer.at("detection_evaluate_param.name_size_file")
        found = name_sizes.read(layer_type.sizes, at, layer.place.file)
        self._table = np.array([size[::-1] for _, size in found], np.float32)
        state, plain = [site.state("images", ())], {"dtype": "float32", "autocast": False}
        self._load, self._store = (
            kind(state, name=f"{site.name}__{name}", **plain)
            for kind, name in ((LoadState, "load"), (StoreState, "keep"))
        )

    def of(self, found):
        """Returns (width, height) of the image of each row of `found` (D, 7), (D, 2)."""
        image = found[:, 0]
        before = ops.logical_and(_first_rows(image)[None, :], image[None, :] < image[:, None])
        number = self._load(found)[0] + ops.sum(ops.cast(before, "float32"), axis=1)
        return ops.take(self._table, ops.cast(ops.mod(number, len(self._table)), "int32"), axis=0)

    def passed(self, top, found):
        """Returns `top`, and counts the images of `found`."""
        number = self._load(found)[0] + ops.sum(ops.cast(_first_rows(found[:, 0]), "float32"))
        return self._store([top, ops.mod(number, len(self._table))])


def _first_rows(image):
    """Returns for each of the images of rows (D,) whether it is one and has no earlier row."""
    count = image.shape[0]
    earlier = np.tri(count, count, -1, dtype=bool)
    again = ops.any(ops.logical_and(ops.equal(image[:, None], image[None, :]), earlier), axis=1)
    return ops.logical_and(ops.not_equal(image, -1), ops.logical_not(again))
