"""DetectionOutput: the boxes that SSD finds, decoded, thinned out and ranked."""

import math

from zoo.errors import UnsupportedError
from zoo.layers.base.geometry import count
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops import output_paths, suppression
from zoo.layers.ops.boxes import decode
from zoo.layers.ops.broadcast import add
from zoo.layers.ops.detection_results import FORMATS, DetectionResults
from zoo.layers.ops.layout import to_caffe

EXCLUDED = -math.inf  # the score of what is no candidate
MOST_CANDIDATES = 2000  # of a class, where they are gone through by operations of a graph, about three for each


@layer_type("DetectionOutput", source="weiliu89/caffe@ssd detection_output_layer.cpp:12-410")
class DetectionOutput(LayerType):
    """For each class but the background: scores above the threshold, the best top_k of them, greedy suppression.

    Bottoms: offsets (N, P*L*4), with L = 1 if locations are shared, else the classes K; scores (N, P*K), as softmax
    gives them; priors (1, 2, P*4), boxes and variances; images, which nobody reads. Top (1, 1, M, 7): image, label,
    score, xmin, ymin, xmax, ymax, by image, label and descending score; of equal scores the lower prior comes first. Of
    an image with more than keep_top_k the best are left, of equal ones those of the lower label. Boxes are not clipped.
    A batch with nothing at all has a row (i, -1, -1, ...) for each image; else an image with nothing has no row.
    No gradient, no blobs. With a save_output_param, tests of zoo.train, zoo.evaluate and zoo.pycaffe write its files.

    M is what the data decides; the graph's top has N times the most that an image can have, and rows of -1 behind.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = True
    no_gradient_bottoms = (0, 1, 2, 3)
    pixel_map = None
    padded_axis = 2
    bottom_count = (3, 4)
    fields = ("detection_output_param",)

    def read(self, p):
        """Reads detection_output_param."""
        if not p.has("num_classes") or not p.num_classes:
            raise p.error("num_classes must be given", "num_classes", want="the classes, the background included")
        self.classes, self.shared, self.background = p.num_classes, p.share_location, p.background_label_id
        self.code_type, self.in_target = p.enum("code_type"), p.variance_encoded_in_target
        self.least = p.confidence_threshold if p.has("confidence_threshold") else -3.4028234663852886e38  # -FLT_MAX
        self.keep_top_k = p.keep_top_k
        self.threshold, self.top_k, self.eta = self._suppression(p)
        self.results = self._results(p)
        p.no_effect("visualize", "visualize_threshold", "save_file")  # windows that show the images
        if p.visualize:
            output_paths.say(f"{p.at('visualize')}: no window opens; zoo.detect draws the boxes on images")
        if not self.labels:
            raise p.error("there is no class but the background", "num_classes", got=self.classes, want="2 or more")
        if self.shared and self.background == -1:
            hint = "the fork takes -1 for the label of shared locations and stops; give another label that no class has"
            raise p.error("no background_label_id of -1 with share_location", "background_label_id", hint=hint)
        if self.threshold < 0:
            raise p.error("nms_threshold must not be negative", "nms_param.nms_threshold", got=f"{self.threshold:g}")
        if not 0 < self.eta <= 1:
            raise p.error("eta must be above 0 and at most 1", "nms_param.eta", got=f"{self.eta:g}")

    def _results(self, p):
        """Returns where result files go, or None where none are asked for; marks save_output_param as read."""
        save, name = p.save_output_param, "save_output_param"
        p.no_effect(name)
        if not save.output_directory:
            return None
        if not (save.label_map_file and save.name_size_file):
            missing = "name_size_file" if save.label_map_file else "label_map_file"
            output_paths.say(f"{p.at(name)}: no {missing}, so no results are written, as in the fork")
            return None
        if save.output_format not in FORMATS:
            got = save.output_format or "none"
            raise p.error("no such output_format", f"{name}.output_format", got=got, want=", ".join(FORMATS))
        if save.HasField("resize_param") and save.resize_param.resize_mode != save.resize_param.WARP:
            at, hint = p.at(f"{name}.resize_param"), "resize_mode: WARP, or no resize_param"
            raise UnsupportedError("results are of images that were warped alone", at=at, hint=hint)
        return output_paths.placed(save.output_directory)

    def writer(self):
        """Returns the `DetectionResults` that the rows of this layer go to, or None.

        Raises:
            DataError: as `DetectionResults`.
        """
        if self.results is None:
            return None
        save = self.layer.message.detection_output_param.save_output_param
        if output_paths.elsewhere(self.results, save.output_directory):
            at = self.layer.at("detection_output_param.save_output_param")
            output_paths.say(f"{at}: writes into {self.results}, not {save.output_directory} (--allow_paths)")
        return DetectionResults(self.results, save, self.labels, self.layer)

    def _suppression(self, p):
        """Returns (threshold, top_k, eta), of nms_param or, in texts for opencv_contrib, of the message itself."""
        nms = p.nms_param
        given = {"nms_threshold": nms.nms_threshold, "top_k": nms.top_k if nms.HasField("top_k") else -1}
        for name in given:
            if p.has(name):
                if nms.HasField(name):
                    raise p.error(f"{name} is given twice, here and in nms_param", name, hint="remove one")
                given[name] = getattr(p, name)
        return given["nms_threshold"], given["top_k"], nms.eta

    @property
    def labels(self):
        """The classes but the background."""
        return [label for label in range(self.classes) if label != self.background]

    def _sizes(self, bottoms):
        """Returns (priors, candidates of a class, rows of an image, 1 at least)."""
        priors = bottoms[2][2] // 4
        candidates = priors if self.top_k < 0 else max(min(self.top_k, priors), 1)
        most = len(self.labels) * candidates
        rows = most if self.keep_top_k < 0 else min(self.keep_top_k, most)
        return priors, candidates, max(rows, 1)

    def top_shapes(self, bottoms):
        """(1, 1, the most rows, 7)."""
        offsets, scores, priors = bottoms[:3]
        if len(priors) < 3 or priors[1] != 2 or priors[2] % 4 or not priors[2] or count(priors, 3) != 1:
            want = "(1, 2, 4 * priors)"
            raise self.error("priors, bottom 2, are boxes and variances", "bottom", got=priors, want=want)
        number = priors[2] // 4
        for index, name, shape, each in (
            (0, "offsets", offsets, 4 * (1 if self.shared else self.classes)),
            (1, "scores", scores, self.classes),
        ):
            if len(shape) < 2 or shape[1] != number * each or count(shape, 2) != 1:
                want = f"(items, {number * each}), {each} for each of {number} priors"
                raise self.error(f"{name}, bottom {index}, do not fit the priors", "bottom", got=shape, want=want)
        if offsets[0] != scores[0]:
            raise self.error("offsets and scores have different numbers of items", "bottom", got=scores, want=offsets)
        return ((1, 1, max(offsets[0], 1) * self._sizes(bottoms)[2], 7),)

    def fixes_batch(self, bottoms):
        """Its rows are of all items together."""
        return f'layer "{self.layer.name}" puts the boxes of all items into one list'

    def build(self, site):
        """In float32, all items and classes at once; where a graph may call NumPy, the best candidates only."""
        if not site.portable:
            from zoo.layers.keras_layers.detections import Detections

            return Detections(self, self.top_shapes(site.bottoms)[0], name=site.name)
        items = site.bottoms[0][0]
        priors, candidates, rows = self._sizes(site.bottoms)
        if candidates > MOST_CANDIDATES:
            raise UnsupportedError(
                "top_k is not given, and with so many candidates the graph would be too large",
                at=self.layer.at("detection_output_param.nms_param"),
                got=f"{candidates} priors",
                want=f"top_k: {MOST_CANDIDATES} or less; SSD has 400",
            )
        labels = self.labels
        lists = (items * len(labels), candidates)

        def detect(offsets, scores, prior, *_):
            scores = self._scores(scores, items, priors)
            order = ops.argsort(-scores, axis=1)[:, :candidates]
            scores = ops.take_along_axis(scores, order, axis=1)
            boxes = self._boxes(offsets, prior, items, priors)
            boxes = [ops.take_along_axis(b, self._places(order, items, priors), axis=1) for b in boxes]
            allowed = ops.cast(scores > EXCLUDED, "float32") * float(self.top_k != 0 != self.keep_top_k)
            kept = suppression.keep([ops.reshape(b, lists) for b in boxes], allowed, self.threshold, self.eta)
            scores = ops.reshape(ops.where(kept > 0, scores, EXCLUDED), (items, -1))
            return _rows(*self._best(scores, rows), scores, boxes, labels, candidates)

        return detect

    def _scores(self, scores, items, priors):
        """Returns (items * labels, priors), EXCLUDED where a score is not above the threshold."""
        scores = ops.reshape(to_caffe(ops.stop_gradient(scores)), (items, priors, self.classes))
        scores = self._of_labels(ops.cast(scores, "float32"), 2)
        scores = ops.where(scores > self.least, scores, EXCLUDED)
        return ops.reshape(ops.transpose(scores, (0, 2, 1)), (-1, priors))

    def _boxes(self, offsets, prior, items, priors):
        """Returns four tensors (items, priors), or (items, labels * priors) where each label has its own."""
        own = 1 if self.shared else self.classes
        offsets = ops.reshape(to_caffe(ops.stop_gradient(offsets)), (items, priors, own, 4))
        offsets = ops.cast(offsets if self.shared else self._of_labels(offsets, 2), "float32")
        prior = ops.cast(ops.reshape(to_caffe(ops.stop_gradient(prior)), (-1, 2, priors, 1, 4)), "float32")
        variances = None if self.in_target else [prior[:1, 1, ..., i] for i in range(4)]
        boxes = decode(
            self.code_type, [offsets[..., i] for i in range(4)], [prior[:1, 0, ..., i] for i in range(4)], variances
        )
        return [ops.reshape(ops.transpose(b, (0, 2, 1)), (items, -1)) for b in boxes]

    def _of_labels(self, x, axis):
        """Leaves the background out."""
        if self.background not in range(self.classes):
            return x
        before, after = ops.split(x, [self.background], axis=axis)
        _, after = ops.split(after, [1], axis=axis)
        return ops.concatenate([before, after], axis=axis)

    def _places(self, order, items, priors):
        """Returns where in `_boxes` the candidates of `order` (items * labels, candidates) are: (items, all)."""
        order = ops.reshape(order, (items, len(self.labels), -1))
        if not self.shared:
            order = add(order, ops.arange(len(self.labels), dtype=order.dtype)[None, :, None] * priors)
        return ops.reshape(order, (items, -1))

    def _best(self, scores, rows):
        """Returns (places (items, rows) of the best in `scores`, in their order there; whether there is one)."""
        places = ops.argsort(-scores, axis=1)[:, :rows]
        found = ops.take_along_axis(scores, places, axis=1) > EXCLUDED
        behind = ops.where(found, places, scores.shape[1])
        places = ops.sort(behind, axis=1)
        found = places < scores.shape[1]
        return ops.where(found, places, 0), found


def _rows(places, found, scores, boxes, labels, candidates):
    """Returns the top (1, rows, 7, 1): found rows first, -1 in all others."""
    items, rows = places.shape
    label = ops.take(ops.convert_to_tensor(labels, dtype="float32"), places // candidates)
    columns = [label, *(ops.take_along_axis(values, places, axis=1) for values in (scores, *boxes))]
    nothing = ops.logical_not(ops.any(found))
    first = ops.equal(ops.arange(rows), 0)[None]
    columns = [ops.where(found, column, -1.0) for column in columns]
    found = ops.logical_or(found, ops.logical_and(nothing, first))
    item = ops.cast(ops.arange(items), "float32")[:, None]
    columns = [ops.where(found, item, -1.0), *columns]
    table = ops.reshape(ops.stack(columns, axis=2), (-1, 7))
    order = ops.argsort(ops.cast(ops.logical_not(ops.reshape(found, (-1,))), "int32"))
    return ops.take(table, order, axis=0)[None, :, :, None]
