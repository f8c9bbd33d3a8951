"""Cases of SSD's layer types."""

import numpy as np

from tests.layers.cases.case import Case, Fed

DETECTIONS = "it puts the boxes of all items into one list"


def priors(number):
    """Boxes of which many overlap, and variances: (1, 2, 4 * number)."""

    def draw(rng, shape):
        centre, half = rng.uniform(0.2, 0.8, (number, 2)), rng.uniform(0.1, 0.3, (number, 2))
        boxes = np.concatenate([centre - half, centre + half], axis=1)
        return np.stack([boxes.ravel(), np.tile([0.1, 0.1, 0.2, 0.2], number)])[None]

    return Fed((1, 2, 4 * number), draw, smooth=False, grows=False)


def offsets(*shape):
    """Such as a net predicts."""
    return Fed(shape, lambda rng, s: rng.normal(size=s) * 0.7, smooth=False, grows=False)


def scores(*shape, classes):
    """Probabilities of each prior's classes; of whole sixteenths, so that many are equal."""

    def draw(rng, shape):
        return np.round(rng.dirichlet(np.ones(classes), np.prod(shape) // classes) * 16).reshape(shape) / 16

    return Fed(shape, draw, smooth=False, grows=False)


def detection(name, items, number, classes, body, own=1):
    """A DetectionOutput for so many items, priors and classes."""
    return Case(
        "DetectionOutput",
        name,
        {
            "loc": offsets(items, number * own * 4),
            "conf": scores(items, number * classes, classes=classes),
            "prior": priors(number),
        },
        f"detection_output_param {{ num_classes: {classes} {body} }}",
        gradient=(),
        batch_fixed=DETECTIONS,
    )


DETECTION_OUTPUT = [
    detection("corner", 2, 30, 3, "nms_param { nms_threshold: 0.4 }"),
    detection(
        "center_size_of_more_than_a_block",
        2,
        80,
        4,
        "code_type: CENTER_SIZE nms_param { nms_threshold: 0.45 top_k: 70 } keep_top_k: 25 confidence_threshold: 0.05",
    ),
    detection("corner_size", 1, 20, 3, "code_type: CORNER_SIZE variance_encoded_in_target: true"),
    detection(
        "of_each_class",
        2,
        40,
        3,
        "share_location: false background_label_id: -1 nms_param { nms_threshold: 0.3 top_k: 30 }",
        own=3,
    ),
    detection("background_last", 2, 20, 3, "background_label_id: 2 nms_param { nms_threshold: 0 }"),
    detection("eta", 2, 80, 2, "code_type: CENTER_SIZE nms_param { nms_threshold: 0.9 eta: 0.9 }"),
    detection("nothing", 3, 10, 3, "confidence_threshold: 1"),
    detection("keep_none", 2, 10, 3, "keep_top_k: 0"),
    detection("no_candidates", 2, 10, 3, "nms_param { top_k: 0 }"),
    detection("text_of_opencv", 2, 30, 3, "nms_threshold: 0.6 top_k: 12 keep_top_k: 10"),
]

CASES = [*DETECTION_OUTPUT]
