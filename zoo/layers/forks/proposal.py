"""The regions of a region proposal network: PVANet's Proposal, and py-faster-rcnn's Python layer by name."""

import re

import numpy as np

from zoo.layers.base import user_classes
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops import proposals, quicksort

MODULE, CLASS = "rpn.proposal_layer", "ProposalLayer"


class _Proposals(LayerType):
    """Anchors at each cell of the map, moved by the offsets, cut to the image, then greedy suppression.

    With w = x2 - x1 + 1 of an anchor: middle = dx w + x1 + w / 2, width = e^dw w, x1 and x2 = middle -+ width / 2,
    clipped to 0 .. size - 1; y likewise. Bottoms: scores (1,2A,H,W), of which the second A are of the foreground,
    offsets (1,4A,H,W), image -> top (R,5) of 0, x1, y1, x2, y2. No gradient, no blobs. In the graph the tops have as
    many rows as are kept at most, and rows of -1 behind.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = True
    no_gradient_bottoms = (0, 1, 2)
    pixel_map = None
    padded_axis = 0
    bottom_count = 3
    top_count = (1, 2)
    image = ()  # what bottom 2 says of the image
    touching = False  # whether boxes overlap only where they touch before the pixel is added to their sides

    def top_shapes(self, bottoms):
        """As many rows as there are at most."""
        rows = min(self.after, self.before, proposals.check(self, bottoms, len(self.anchors), self.image))
        return ((rows, 5), self._scores(rows))[: len(self.layer.tops)]

    def fixes_batch(self, bottoms):
        """One item is all it takes."""
        return f'layer "{self.layer.name}" takes one item'

    def example_values(self, bottoms):
        """An image that the map covers, at its own scale: among random sizes no box is large enough."""
        height, width = (size * self.stride for size in bottoms[0][2:])
        return {2: np.array([height, width, 1, 1][: len(self.image)], np.float32)}

    def build(self, site):
        """In float32."""
        _, _, height, width = site.bottoms[0]
        number = len(self.anchors)
        priors = proposals.shifted(self.anchors, height, width, self.stride)
        before, after = min(self.before, len(priors)), min(self.after, self.before, len(priors))

        def propose(scores, offsets, image):
            scores, offsets, image = (ops.cast(ops.stop_gradient(x), "float32") for x in (scores, offsets, image))
            scores = ops.reshape(scores[..., number:], (1, -1))
            image = ops.reshape(image, (-1,))
            values = [image[i] for i in range(len(self.image))]
            boxes = proposals.decoded(priors, ops.reshape(offsets, (-1, 4)), values[0], values[1])
            wide, tall = boxes[2] - boxes[0] + 1.0, boxes[3] - boxes[1] + 1.0
            scores = self._without_small(scores, tall, wide, values)
            order = self._order(scores, before, site)
            most = before, after, self.threshold
            rois, scores = proposals.propose(scores, boxes, *most, site, order, self.touching)
            return (rois, ops.reshape(scores, self._scores(after)))[: len(self.layer.tops)]

        return lambda *xs: propose(*xs) if len(self.layer.tops) > 1 else propose(*xs)[0]


@layer_type("Proposal", source="sanghoon/caffe@dev_pvanet proposal_layer.cpp:99-320")
class Proposal(_Proposals):
    """PVANet's: a box smaller than min_size times the image's scale keeps its place, with a score of 0.

    Anchors: for each ratio and scale w = int(sqrt(base_size^2 / ratio) + 0.5), h = int(w ratio + 0.5), times the scale.
    The pre_nms_topn best are held against each other, post_nms_topn kept at most, a box that overlaps with a better one
    by more than nms_thresh goes; boxes that do not touch, though less than a pixel apart, do not overlap. Where scores
    are equal, as those zeros are, the order is that of the original's quicksort; exported, of a limited number of
    rounds of it, which suffices where the zeros alone are many. Bottom 2: height, width, scale of the height, of the
    width. Second top: scores (R,).
    """

    fields = ("proposal_param",)
    touching = True
    image = ("height", "width", "scale of height", "scale of width")

    def read(self, p):
        """Reads proposal_param."""
        ratios, scales = np.array(p.ratio, np.float32), list(p.scale)
        for name, values in (("ratio", p.ratio), ("scale", scales)):
            if not values or min(values) <= 0:
                raise p.error(f"at least one {name}, all above 0", name, got=list(values))
        self.before, self.after, self.threshold = p.pre_nms_topn, p.post_nms_topn, p.nms_thresh
        for name, value in (("pre_nms_topn", self.before), ("post_nms_topn", self.after), ("base_size", p.base_size)):
            if value < 1:
                raise p.error(f"{name} must be above 0", name, got=value)
        if self.threshold < 0:
            raise p.error("nms_thresh must not be negative", "nms_thresh", got=f"{self.threshold:g}")
        widths = np.floor(np.sqrt(np.float32(p.base_size**2) / ratios) + np.float32(0.5))
        heights = np.floor(widths * ratios + np.float32(0.5))
        self.anchors = proposals.anchors(widths, heights, scales, p.base_size)
        self.stride, self.least = p.feat_stride, p.min_size

    def _scores(self, rows):
        return (rows,)

    def _order(self, scores, before, site):
        count = scores.shape[1]
        if site.portable:
            order = quicksort.sorted_order(scores[0], quicksort.rounds_for(count))
        else:
            from zoo.layers.keras_layers.quicksorted import Quicksorted

            order = Quicksorted(before, name=f"{site.name}_order")(scores[0])
        return ops.reshape(order, (1, count))

    def _without_small(self, scores, tall, wide, image):
        large = ops.logical_and(wide >= self.least * image[3], tall >= self.least * image[2])
        return scores * ops.cast(large, "float32")


@layer_type("Python", source="rbgirshick/py-faster-rcnn@master lib/rpn/proposal_layer.py:18-165", variant="rpn")
class ProposalLayer(_Proposals):
    """py-faster-rcnn's class rpn.proposal_layer.ProposalLayer, by its name: nobody's code is run.

    It is taken where Python layers are not allowed or the module cannot be imported. Boxes smaller than 16 times the
    image's scale are left out; those of equal size to that stay. Of the rest the 6000 best are held against each other
    and 300 kept in TEST, 12000 and 2000 in TRAIN, all as the original's configuration has it; a box that overlaps with
    a better one by more than 0.7 goes. Of equal scores the first by row, column and anchor comes first (NumPy's sort
    leaves it open). Anchors: base 16, ratios 0.5, 1, 2, rounded half to even, times `scales` (8, 16,
    32) of param_str. Bottom 2: height, width, scale. Second top: scores (R,1).
    """

    fields = ("python_param",)
    image = ("height", "width", "scale")
    threshold, least = 0.7, 16.0

    @classmethod
    def sign(cls, message):
        """That it is named, and cannot be run."""
        p = message.python_param
        return user_classes.why_not_imported(MODULE) if (p.module, p.layer) == (MODULE, CLASS) else None

    def read(self, p):
        """Reads python_param."""
        p.no_effect("share_in_parallel")
        if (p.module, p.layer) != (MODULE, CLASS):
            want = f"{CLASS} of {MODULE}"
            raise p.error("this Python layer is not known without its code", "layer", got=p.layer, want=want)
        self.stride, scales = _parsed(p)
        self.before, self.after = (12000, 2000) if self.layer.phase == "TRAIN" else (6000, 300)
        ratios = np.array([0.5, 1, 2])
        widths = np.round(np.sqrt(256 / ratios))
        self.anchors = proposals.anchors(widths, np.round(widths * ratios), scales, 16)

    def _scores(self, rows):
        return (rows, 1)

    def _order(self, scores, before, site):
        return ops.argsort(-scores, axis=1)

    def _without_small(self, scores, tall, wide, image):
        large = ops.logical_and(wide >= self.least * image[2], tall >= self.least * image[2])
        return ops.where(large, scores, proposals.EXCLUDED)


ENTRY = re.compile(r"""['"]?(\w+)['"]?\s*:\s*(?:!!python/tuple\s*)?([\[(][^\])]*[\])]|[-+.\deE]+)\s*,?\s*""")


def _parsed(p):
    """Returns (feat_stride, scales) of param_str, YAML of which this much is read: lines, or a mapping in braces.

    Raises NetError for anything else.
    """
    text, found, place = p.param_str.strip(), {}, 0
    text = text[1:-1].strip() if text[:1] + text[-1:] == "{}" else text
    while place < len(text):
        entry = ENTRY.match(text, place)
        if not entry or entry[1] not in ("feat_stride", "scales"):
            raise p.error("cannot read param_str", "param_str", got=text[place:], want="'feat_stride': 16")
        found[entry[1]], place = entry[2], entry.end()
    try:
        stride = int(found["feat_stride"])
        scales = [float(v) for v in found.get("scales", "8, 16, 32").strip("[]()").split(",") if v.strip()]
    except (KeyError, ValueError) as error:
        raise p.error("cannot read param_str", "param_str", got=p.param_str, want="'feat_stride': 16") from error
    if stride < 1 or not scales or min(scales) <= 0:
        raise p.error("param_str must have numbers above 0", "param_str", got=p.param_str)
    return stride, scales
