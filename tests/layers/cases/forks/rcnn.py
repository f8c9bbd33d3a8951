"""The layers of Fast R-CNN, Faster R-CNN and R-FCN."""

import numpy as np

from tests.layers.cases.case import Case, Fed, normal, ties


def rois(images, size, count, tall=False):
    """Regions inside and across the edges of images of `size` pixels a side, one without area and one outside."""

    def draw(rng, shape):
        count = shape[0]
        low, high = rng.uniform(-0.2, 0.8, (count, 2)), rng.uniform(0.1, 0.9, (count, 2))
        rows = np.concatenate([rng.integers(0, images, (count, 1)), low * size, (low + high) * size], axis=1)
        rows[0, 3:] = rows[0, 1:3] - 2
        rows[1, 1:] = [2 * size, 2 * size, 3 * size, 3 * size]
        rows[2, 1:] = [-size, -size, 3 * size, 3 * size]
        rows = np.round(rows * 2) / 2 if count % 2 else rows  # halves are rounded away from zero
        return rows.reshape(shape)

    return Fed((count, 5, 1, 1) if tall else (count, 5), draw, smooth=False)


def roi_pooling(name, body, inputs, **more):
    return Case("ROIPooling", name, inputs, f"roi_pooling_param {{ {body} }}", **more)


SQUARE = "pooled_h: 3 pooled_w: 3 spatial_scale: 0.0625"


def psroi_pooling(name, body, inputs):
    return Case("PSROIPooling", name, inputs, f"psroi_pooling_param {{ {body} }}")


def ohem(name, body, r, k=8, images=2, h=1, w=1, **more):
    inputs = {
        "rois": Fed((r, 5, h, w), lambda rng, s: rng.integers(0, images, s), smooth=False),
        "loss": Fed((r, 1, h, w), lambda rng, s: rng.uniform(0, 3, s).round(more.get("digits", 6)), smooth=False),
        "labels": Fed((r, 1, h, w), lambda rng, s: rng.integers(0, 4, s), smooth=False),
        "weights": Fed((r, k, h, w), lambda rng, s: rng.uniform(0.5, 1, s), smooth=False),
    }
    body = f"box_annotator_ohem_param {{ {body} }}"
    return Case("BoxAnnotatorOHEM", name, inputs, body, ("y", "kept"), gradient=())


def proposal(name, body, h, w, anchors, *, kind="Proposal", scale=1.0, size=16, **more):
    image = [size * h, size * w, *[scale] * (1 if kind == "Python" else 2)]
    inputs = {
        # Without ties, so that every sort has one result.
        "scores": Fed((1, 2 * anchors, h, w), lambda rng, s: (rng.permutation(np.prod(s)) + 1).reshape(s) / np.prod(s)),
        "offsets": Fed((1, 4 * anchors, h, w), lambda rng, s: rng.normal(size=s) * 0.3),
        "image": Fed((1, len(image)), lambda rng, s: np.reshape(image, s)),
    }
    return Case(kind, name, inputs, body, ("y", "found"), gradient=(), batch_fixed="one item", **more)


def pva(name, body, h, w, anchors, **more):
    return proposal(name, f"proposal_param {{ {body} }}", h, w, anchors, **more)


def python(name, text, anchors=9, h=4, w=5, **more):
    body = f'python_param {{ module: "rpn.proposal_layer" layer: "ProposalLayer" param_str: "{text}" }}'
    return proposal(name, body, h, w, anchors, kind="Python", variant="rpn", **more)


RATIOS = "ratio: 0.5 ratio: 1 ratio: 2"

CASES = [
    roi_pooling("square", SQUARE, {"x": normal(2, 3, 8, 9), "rois": rois(2, 140, 7)}),
    roi_pooling(
        "wide", "pooled_h: 2 pooled_w: 5 spatial_scale: 0.5", {"x": normal(1, 2, 9, 7), "rois": rois(1, 16, 8)}
    ),
    roi_pooling("no-scale", "pooled_h: 7 pooled_w: 7", {"x": normal(3, 2, 5, 6), "rois": rois(3, 6, 9)}),
    roi_pooling("one-bin", "pooled_h: 1 pooled_w: 1", {"x": normal(1, 2, 17, 1), "rois": rois(1, 12, 5)}),
    roi_pooling("tall-blob", SQUARE, {"x": normal(2, 3, 8, 9), "rois": rois(2, 140, 6, tall=True)}),
    roi_pooling("intel", "pooled_size: 3 pooled_size: 2", {"x": normal(1, 2, 6, 6), "rois": rois(1, 6, 5)}),
    roi_pooling("ties", SQUARE, {"x": ties(2, 3, 8, 9), "rois": rois(2, 140, 7)}, gradient=()),
    psroi_pooling(
        "square",
        "output_dim: 2 group_size: 3 spatial_scale: 0.0625",
        {"x": normal(2, 18, 8, 9), "rois": rois(2, 140, 7)},
    ),
    psroi_pooling(
        "one-bin", "output_dim: 3 group_size: 1 spatial_scale: 0.5", {"x": normal(1, 3, 9, 7), "rois": rois(1, 16, 8)}
    ),
    psroi_pooling(
        "no-scale", "output_dim: 1 group_size: 2 spatial_scale: 1", {"x": normal(3, 4, 5, 6), "rois": rois(3, 6, 9)}
    ),
    Case(
        "BoxAnnotatorOHEM",
        "short-shapes",
        {
            "rois": Fed((6, 5), lambda rng, s: rng.integers(0, 2, s), smooth=False),
            "loss": Fed((6, 1), lambda rng, s: rng.uniform(0, 3, s), smooth=False),
            "labels": Fed((6,), lambda rng, s: rng.integers(0, 4, s), smooth=False),
            "weights": Fed((6, 8), lambda rng, s: rng.uniform(0.5, 1, s), smooth=False),
        },
        "box_annotator_ohem_param { roi_per_img: 2 ignore_label: 5 }",
        ("y", "kept"),
        gradient=(),
    ),
    ohem("some", "roi_per_img: 3", 9),
    ohem("all", "roi_per_img: 9", 6),
    ohem("planes", "roi_per_img: 5 ignore_label: 255", 3, k=4, h=2, w=3),
    ohem("ties", "roi_per_img: 4", 12, digits=0),
    pva("some", f"{RATIOS} scale: 3 scale: 6 pre_nms_topn: 40 post_nms_topn: 12", 5, 4, 6),
    pva("all", "ratio: 1 scale: 2 scale: 4 min_size: 1 nms_thresh: 0.3", 4, 6, 2),
    pva("other-base", "ratio: 0.7 scale: 1.5 base_size: 9 feat_stride: 8 min_size: 2 post_nms_topn: 5", 6, 7, 1),
    python("no-image", "'feat_stride': 16", size=0, scale=0.0),
    python("default", "'feat_stride': 16"),
    python("train", "'feat_stride': 16", phase="TRAIN"),
    python("scales", "'feat_stride': 16 \\n'scales': !!python/tuple [1, 2, 4, 8]", anchors=12),
    python("small-ones-left-out", "'feat_stride': 16 \\n'scales': [0.5, 1]", anchors=6, scale=1.5),
]
