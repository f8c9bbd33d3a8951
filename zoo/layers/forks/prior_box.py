"""PriorBox: the boxes that SSD's offsets start from, of the shapes of its bottoms alone."""

import numpy as np

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type


@layer_type("PriorBox", source="weiliu89/caffe@ssd prior_box_layer.cpp:10-232")
class PriorBox(LayerType):
    """For each pixel of bottom 0, row by row, and each min_size: boxes around the place of the pixel in the image.

    A square of min_size; one of sqrt(min_size max_size) where there are max_sizes; then min_size sqrt(r) by
    min_size / sqrt(r) for each ratio r but 1. Sizes are cut to whole numbers, 30.7 acts as 30. A ratio within 1e-6 of
    an earlier one is left out; with `flip` its inverse follows, untested. Centres lie at (x + offset) * step pixels; a
    step that is not given is image size / size of the map. Bottoms: map and image (N,C,H,W), whose values nobody reads
    -> top (1, 2, H*W*boxes*4): xmin, ymin, xmax, ymax in parts of the image, and variances. No gradient, no blobs.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = (0, 1)
    pixel_map = None
    reads_memory = False
    bottom_count = 2
    fields = ("prior_box_param",)
    whole_sizes = True  # sizes are cut to whole numbers
    clips = False  # where the text does not say
    lower_row = False  # each box a second time, half a step further down

    def read(self, p):
        """Reads prior_box_param."""
        self.least, self.most, self.offset = list(p.min_size), list(p.max_size), p.offset
        self.clip = p.clip if p.has("clip") else self.clips
        if not self.least:
            raise p.error("min_size must be given", "min_size")
        if self.most and len(self.most) != len(self.least):
            want = f"one for each min_size, {len(self.least)}"
            raise p.error("max_size does not fit min_size", "max_size", got=len(self.most), want=want)
        for least, most in zip(self.least, self.most):
            if most <= least:
                raise p.error("max_size must exceed its min_size", "max_size", got=f"{most:g}", want=f"over {least:g}")
        self.variances = list(p.variance) or [0.1]
        if len(self.variances) not in (1, 4):
            raise p.error("variance is given once, or four times", "variance", got=len(self.variances))
        for name in ("min_size", "variance", "aspect_ratio"):
            for value in getattr(p, name):
                if not value > 0:
                    raise p.error(f"{name} must be positive", name, got=f"{value:g}")
        self.ratios = self._ratios(p)
        self.image = self._both(p, "img_size", "img_h", "img_w")
        self.steps = self._both(p, "step", "step_h", "step_w")

    def _ratios(self, p):
        """Returns the ratios but 1, float32."""
        ratios, flip = [np.float32(1)], p.flip
        for ratio in map(np.float32, p.aspect_ratio):
            if all(abs(float(ratio) - float(known)) >= 1e-6 for known in ratios):
                ratios += [ratio, np.float32(1 / float(ratio))] if flip else [ratio]
        return [ratio for ratio in ratios if abs(float(ratio) - 1) >= 1e-6]

    def _both(self, p, one, *two):
        """Returns (of the height, of the width), given as `one` for both or as `two`; None where it is not given."""
        given = [name for name in two if p.has(name)]
        names = two if given else (one,)
        if len(names) == 2 and p.has(one):
            raise p.error(f"{one} and {two[0]}, {two[1]} exclude each other", one)
        if not p.has(names[0]) and len(names) == 1:
            return None
        for name in names:
            if not getattr(p, name) > 0:
                raise p.error(f"{name} must be positive", name, got=f"{getattr(p, name):g}")
        return getattr(p, names[0]), getattr(p, names[-1])

    @property
    def _boxes(self):
        """Returns the boxes of a pixel: [(width, height)], float32."""
        boxes, cut = [], int if self.whole_sizes else float
        for index, least in enumerate(map(cut, self.least)):
            boxes.append((least, least))
            if self.most:
                boxes.append((np.sqrt(least * cut(self.most[index])),) * 2)
            boxes += [(least * np.sqrt(ratio), least / np.sqrt(ratio)) for ratio in self.ratios]
        return np.array(boxes, np.float32)

    def top_shapes(self, bottoms):
        """(1, 2, 4 for each box)."""
        for index, shape in enumerate(bottoms):
            if len(shape) > 4:
                raise self.error(f"bottom {index} is (N,C,H,W)", "bottom", got=shape, want="up to 4 axes")
        height, width = _plane(bottoms[0])
        if not height * width:
            raise self.error("bottom 0 has no pixels", "bottom", got=bottoms[0])
        if self.image is None and not all(_plane(bottoms[1])):
            raise self.error("bottom 1, the image, has no pixels", "bottom", got=bottoms[1])
        return ((1, 2, height * width * len(self._boxes) * (2 if self.lower_row else 1) * 4),)

    def values(self, bottoms):
        """Returns the top for bottoms of those shapes, float32; what Caffe computes in double is double here."""
        size = np.array(_plane(bottoms[0]))
        image = np.array(self.image or _plane(bottoms[1]))
        steps = np.array(self.steps or image.astype(np.float32) / size.astype(np.float32), np.float32)
        rows = np.float32([self.offset, self.offset + 0.5] if self.lower_row else [self.offset])
        y = (np.arange(size[0], dtype=np.float32)[:, None] + rows) * steps[0]
        x = (np.arange(size[1], dtype=np.float32) + np.float32(self.offset)) * steps[1]
        # (height, width, box, row, corner, x and y)
        centres = np.stack(np.broadcast_arrays(x[None, :, None], y[:, None]), axis=-1)[:, :, None, :, None]
        half = self._boxes.astype(np.float64)[:, None, None] / 2 * np.array([[-1], [1]])
        boxes = ((centres + half) / image[::-1]).astype(np.float32)
        if self.clip:
            boxes = np.clip(boxes, 0, 1)
        variances = np.resize(np.array(self.variances, np.float32), boxes.shape)
        return np.stack([boxes.ravel(), variances.ravel()])[None]

    def build(self, site):
        """A constant, tied to the graph by a zero of bottom 0's dtype."""
        values = self.values(site.bottoms)

        def prior_boxes(x, *_):
            corner = ops.stop_gradient(x)[(slice(0, 1),) + (0,) * (len(x.shape) - 1)]
            return ops.reshape(ops.zeros_like(corner), (-1, 1, 1)) + ops.cast(values, corner.dtype)

        return prior_boxes


@layer_type("PriorBox", source="opencv/opencv@4.x modules/dnn/src/layers/prior_box_layer.cpp", variant="opencv")
class PriorBoxOfOpenCV(PriorBox):
    """As SSD's, but sizes keep their fractions and clip is true by default: what nets written for OpenCV mean."""

    whole_sizes = False
    clips = True


@layer_type("PriorBox", source="MhLiao/TextBoxes@TextBoxes prior_box_layer.cpp:10-195", variant="textboxes")
class PriorBoxOfTextBoxes(PriorBox):
    """As SSD's first, with each box a second time half a step further down: what a text of TextBoxes means.

    Sizes keep their fractions, clip is true by default, and there is one min_size[, one max_size]. The text does not
    tell it from SSD's; the net's offsets do, of which there are twice as many.
    """

    whole_sizes = False
    clips = True
    lower_row = True

    def read(self, p):
        """Reads prior_box_param. Raises NetError for a field that the fork does not have."""
        super().read(p)
        for name in ("img_size", "img_h", "img_w", "step", "step_h", "step_w", "offset"):
            if p.has(name):
                raise p.error(f"PriorBox of TextBoxes has no {name}", name, hint="--fork=ssd has it")
        if len(self.least) > 1:
            raise p.error("PriorBox of TextBoxes has one min_size", "min_size", got=len(self.least), want="1")


def _plane(shape):
    """Returns (height, width) of a shape of up to four axes (blob.hpp LegacyShape)."""
    return (*shape, *(1,) * (4 - len(shape)))[2:4]
