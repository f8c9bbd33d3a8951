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
    ohem("some", "roi_per_img: 3", 9),
    ohem("all", "roi_per_img: 9", 6),
    ohem("planes", "roi_per_img: 5 ignore_label: 255", 3, k=4, h=2, w=3),
    ohem("ties", "roi_per_img: 4", 12, digits=0),
]
