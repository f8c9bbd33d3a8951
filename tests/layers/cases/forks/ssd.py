"""Cases of SSD's layer types."""

import numpy as np

from tests.layers.cases.case import Case, Fed, normal

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
    detection(
        "as_many_candidates_as_labels",
        2,
        12,
        4,
        "share_location: false nms_param { nms_threshold: 0.9 top_k: 3 }",
        own=4,
    ),
    detection("background_last", 2, 20, 3, "background_label_id: 2 nms_param { nms_threshold: 0 }"),
    detection("eta", 2, 80, 2, "code_type: CENTER_SIZE nms_param { nms_threshold: 0.9 eta: 0.9 }"),
    detection("nothing", 3, 10, 3, "confidence_threshold: 1"),
    detection("keep_none", 2, 10, 3, "keep_top_k: 0"),
    detection("no_candidates", 2, 10, 3, "nms_param { top_k: 0 }"),
    detection("text_of_opencv", 2, 30, 3, "nms_threshold: 0.6 top_k: 12 keep_top_k: 10"),
]

ONE_SCALE = "across_spatial: false scale_filler { type: 'constant' value: 20 }"


def permute(name, shape, *order, **more):
    return Case("Permute", name, {"x": normal(*shape)}, f"permute_param {{ {each('order', order)} }}", **more)


def normalize(name, shape, body="", type_="Normalize", param="norm_param", variant="ssd", **more):
    """Where the scales of the channels differ, the gradient is the fork's own: recorded numbers hold it."""
    if "channel_shared: false" in body:
        more["gradient"] = ()
    body = f"{param} {{ {body} }}" if body else ""
    return Case(type_, name, {"x": normal(*shape)}, body, variant=variant, **more)


def prior_box(name, body, shape=(2, 3, 3, 5), image=(2, 1, 96, 58), **more):
    inputs = {"x": normal(*shape), "image": normal(*image)}
    return Case("PriorBox", name, inputs, f"prior_box_param {{ {body} }}", gradient=(), **more)


def detections(rows, classes=4, images=3, absent=True):
    """Rows of few images and labels, whose boxes often overlap those of `boxes_there`; some are none."""

    def draw(rng, shape):
        table = np.concatenate(
            [
                rng.integers(0, images, (rows, 1)),
                rng.integers(1, classes, (rows, 1)),
                np.round(rng.uniform(0, 1, (rows, 1)) * 8) / 8,
                GRID[rng.integers(0, 4, rows)] + rng.normal(size=(rows, 4)) * 0.02,
            ],
            axis=1,
        )
        if absent:
            table[1] = -1
            table[4, 1:] = -1
            table[6, 0] = -1
        return table[None, None]

    return Fed((1, 1, rows, 7), draw, smooth=False, grows=False)


def boxes_there(rows, classes=4, images=3, end=None):
    """Boxes of which some are difficult; those from row `end` on do not count."""

    def draw(rng, shape):
        table = np.concatenate(
            [
                rng.integers(0, images - 1, (rows, 1)),
                rng.integers(1, classes, (rows, 1)),
                np.zeros((rows, 1)),
                GRID[rng.integers(0, 4, rows)],
                rng.integers(0, 2, (rows, 1)),
            ],
            axis=1,
        )
        if end is not None:
            table[end, 0] = -1
        return table[None, None]

    return Fed((1, 1, rows, 8), draw, smooth=False, grows=False)


GRID = np.array([[0.1, 0.1, 0.4, 0.5], [0.5, 0.1, 0.9, 0.4], [0.1, 0.6, 0.5, 0.9], [0.55, 0.5, 0.9, 0.9]])


def evaluate(name, found, there, body=""):
    return Case(
        "DetectionEvaluate",
        name,
        {"det": found, "gt": there},
        f"detection_evaluate_param {{ num_classes: 4 {body} }}",
        gradient=(),
        batch_fixed=DETECTIONS,
    )


def each(name, values):
    return " ".join(f"{name}: {value}" for value in values)


MOVED = "axis 0 moves"
CASES = [
    *DETECTION_OUTPUT,
    evaluate("many", detections(40), boxes_there(12)),
    evaluate("without_difficult", detections(40), boxes_there(12), "evaluate_difficult_gt: false"),
    evaluate("boxes_end", detections(20), boxes_there(9, end=4), "overlap_threshold: 0.7"),
    evaluate("no_boxes", detections(20, absent=False), boxes_there(3, end=0)),
    evaluate(
        "other_background", detections(10, absent=False, classes=3), boxes_there(3, classes=3), "background_label_id: 3"
    ),
    permute("ssd", (2, 3, 4, 5), 0, 2, 3, 1),
    permute("back", (2, 3, 4, 5), 0, 3),
    permute("as_it_is", (2, 3, 4, 5)),
    permute("matrix", (2, 3), 1, batch_fixed=MOVED),
    permute("batch_last", (2, 3, 4, 5), 3, 2, 1, 0, batch_fixed=MOVED),
    permute("cube", (2, 3, 4), 0, 2),
    permute("volume", (2, 3, 4, 2, 3), 0, 4, 2),
    normalize("without_a_word", (2, 3, 4, 5)),
    normalize("pixels", (2, 3, 4, 5), ONE_SCALE),
    normalize("pixels_by_channel", (2, 3, 4, 5), f"{ONE_SCALE} channel_shared: false"),
    normalize("items_by_channel", (2, 3, 4, 5), "channel_shared: false eps: 0.01"),
    normalize("matrix", (4, 5), "across_spatial: false eps: 0.1"),
    normalize("lines", (2, 3, 5), "across_spatial: false channel_shared: false"),
    normalize("of_opencv", (2, 3, 4, 5), ONE_SCALE, "NormalizeBBox", "normalize_bbox_param", ""),
    prior_box("of opencv, clipped", "min_size: 90.5", variant="opencv", after='fork: "opencv"'),
    prior_box("of opencv, not clipped", "min_size: 90.5 clip: false", variant="opencv", after='fork: "opencv"'),
    prior_box("of opencv", "min_size: 30.7 max_size: 60.2 aspect_ratio: 2", variant="opencv", after='fork: "opencv"'),
    prior_box("of textboxes", "min_size: 30.5", variant="textboxes", after='fork: "textboxes"'),
    prior_box(
        "of textboxes, shaped",
        "min_size: 30.7 max_size: 95.2 aspect_ratio: 2 aspect_ratio: 10 flip: false clip: false",
        variant="textboxes",
        after='fork: "textboxes"',
    ),
    prior_box("squares", "min_size: 30.7"),
    prior_box("several", "min_size: 14 min_size: 58.5 max_size: 20.9 max_size: 60 aspect_ratio: 2 aspect_ratio: 0.5"),
    prior_box("clipped", "min_size: 40 aspect_ratio: 2 aspect_ratio: 3 flip: false clip: true variance: 0.2"),
    prior_box("steps", "min_size: 9 step_h: 28 step_w: 59.5 offset: 0.25 img_h: 300 img_w: 200"),
    prior_box(
        "size_and_step", "min_size: 9 img_size: 257 step: 6 variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.3"
    ),
    prior_box("line", "min_size: 2 aspect_ratio: 2", (2, 3, 4), (2, 1, 6)),
]
