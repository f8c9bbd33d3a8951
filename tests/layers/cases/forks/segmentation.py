"""Interp, SegAccuracy, Upsample of two forks, SegNet's loss, and SpatialDropout."""

import numpy as np

from tests.layers.cases.case import Case, Fed, labels, normal, ties

SCORES = {"x": normal(2, 3, 4, 5), "label": labels(3, 2, 1, 4, 5)}
WEIGHTS = "weight_by_label_freqs: true class_weighting: 0.5 class_weighting: 2 class_weighting: 1.5"
X = {"x": normal(2, 3, 5, 6)}
MASKED = 'layer { name: "pool" type: "Pooling" bottom: "x" top: "p" top: "mask" pooling_param { pool: MAX %s } }'
WHOLE = "values are laid out over a whole batch"


def interp(name, body, inputs=X, **more):
    return Case("Interp", name, inputs, f"interp_param {{ {body} }}", **more)


def score(name, body="", inputs=None, **more):
    inputs = inputs or {"x": normal(2, 4, 5, 3), "label": labels(4, 2, 1, 5, 3)}
    return Case("SegAccuracy", name, inputs, f"seg_accuracy_param {{ {body} }}", gradient=(), **more)


def places(count, *shape, repeated=False):
    """Where values go in a plane of `count` places."""

    def draw(rng, s):
        planes = [
            rng.integers(0, count, size=s[2:]) if repeated else rng.permutation(count)[: s[2] * s[3]].reshape(s[2:])
            for _ in range(s[0] * s[1])
        ]
        return np.stack(planes).reshape(s)

    return Fed(shape, draw, smooth=False)


def upsample(name, body, count, shape=(2, 3, 3, 4), **more):
    repeated = more.pop("repeated", False)
    inputs = {"x": normal(*shape), "mask": places(count, *shape, repeated=repeated)}
    text = f"upsample_param {{ {body} }}" if body else ""
    return Case("Upsample", name, inputs, text, variant="segnet", batch_fixed=WHOLE, **more)


def softmax_loss(name, body):
    """A SoftmaxWithLoss of SegNet's, asked for."""
    more = {"variant": "segnet", "after": 'fork: "segnet"', "gradient": ("y",)}
    return Case("SoftmaxWithLoss", f"segnet {name}", SCORES, f"loss_param {{ {body} }}", **more)


CASES = [
    softmax_loss("unstated", f"ignore_label: 1 {WEIGHTS}"),
    softmax_loss("batch", f"normalize: false {WEIGHTS}"),
    softmax_loss("plain", "ignore_label: 1"),
    interp("size", "height: 9 width: 4"),
    interp("size-with-both-factors", "height: 7 width: 11 zoom_factor: 2 shrink_factor: 3"),
    interp("zoom", "zoom_factor: 3"),
    interp("zoom-before-size", "zoom_factor: 2 height: 3 width: 3"),
    interp("shrink", "shrink_factor: 2"),
    interp("both-factors", "shrink_factor: 2 zoom_factor: 3"),
    interp("cropped", "height: 8 width: 9 pad_beg: -1 pad_end: -2"),
    interp("to-one", "height: 1 width: 1"),
    interp("from-one", "height: 3 width: 4", {"x": normal(2, 3, 1, 1)}),
    interp("same", "height: 5 width: 6"),
    score("scores"),
    score("ignored", "ignore_label: 1 ignore_label: 3 metric: PixelIOU"),
    score("absent", "", {"x": normal(3, 6, 2, 2), "label": labels(2, 3, 1, 2, 2)}),
    score("ties", "", {"x": ties(2, 4, 5, 3), "label": labels(4, 2, 1, 5, 3)}),
    score("rows", "", {"x": normal(7, 3), "label": labels(3, 7)}),
    score("counting-on", "reset: false"),
    upsample("default", "", 48),
    upsample("as-many-rows-as-items-of-one-channel", "", 48, (3, 1, 3, 4)),
    upsample("scale", "scale: 3", 108),
    upsample("scales", "scale_h: 2 scale_w: 3", 72),
    upsample("padded", "scale: 2 pad_out_h: true pad_out_w: true", 35),
    upsample("size", "upsample_h: 5 upsample_w: 7 scale: 9", 35),
    # The gradient of a value that another overwrote is that of the one that stayed.
    upsample("repeated", "upsample_h: 3 upsample_w: 4", 12, repeated=True, gradient=()),
    Case(
        "Upsample",
        "of-a-pooling",
        {"x": normal(2, 3, 6, 5)},
        "upsample_param { scale: 2 pad_out_w: true }",
        bottoms=("p", "mask"),
        before=MASKED % "kernel_size: 2 stride: 2",
        variant="segnet",
        batch_fixed=WHOLE,
    ),
    Case("Upsample", "scale", X, "upsample_param { scale: 2 }", variant="yolo"),
    Case("Upsample", "once", X, variant="yolo"),
    Case("SpatialDropout", "test", X, "dropout_param { dropout_ratio: 0.3 }"),
    Case("SpatialDropout", "in-place", X, tops=("x",)),
    Case("SpatialDropout", "rows", {"x": normal(3, 4)}, "dropout_param { dropout_ratio: 0.3 }"),
    Case("SpatialDropout", "three-axes", {"x": normal(3, 4, 5)}, "dropout_param { dropout_ratio: 0.3 }"),
]
