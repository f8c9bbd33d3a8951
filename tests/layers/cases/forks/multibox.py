"""MultiBoxLoss."""

import numpy as np

from tests.layers.cases.case import Case, Fed, normal

ITEMS, PRIORS = 3, 20
RNG = np.random.default_rng(7)


def boxes(number, low=0.1, high=0.9):
    """Boxes around centres from `low` to `high`, some 0.3 wide."""
    centre, half = RNG.uniform(low, high, (number, 2)), RNG.uniform(0.08, 0.22, (number, 2))
    return np.concatenate([centre - half, centre + half], axis=1)


BOXES = boxes(PRIORS)
TWICE = np.repeat(boxes(PRIORS // 2, 0.3, 0.7), 2, axis=0)  # equal overlaps
NEAR = RNG.normal(0, 0.03, (8, 4))


def values(array):
    """These values, to which the layer gives no gradient."""
    return Fed(array.shape, lambda rng, shape: array, smooth=False, grows=False)


def priors(array):
    variances = np.tile([0.1, 0.1, 0.2, 0.2], (len(array), 1))
    return values(np.stack([array.ravel(), variances.ravel()])[None])


def truth(*rows, of=BOXES, near=NEAR):
    """Ground truth: (item, label, prior that it is near, difficult) of each row."""
    found = [[i, label, 0, *(of[j] + off), hard] for (i, label, j, hard), off in zip(rows, near)]
    return values(np.array(found, float).reshape(1, 1, -1, 8))


ROWS = (0, 1, 3, 0), (0, 2, 11, 0), (2, 1, 7, 1), (-1, -1, 0, 0), (2, 3, 15, 0), (9, 1, 2, 0)
SOME = truth(*ROWS)
TIES = truth((0, 1, 3, 0), (0, 2, 3, 0), (1, 1, 8, 0), (1, 3, 8, 0), (1, 2, 8, 0), of=TWICE, near=np.zeros((5, 4)))
ONES = truth(*((i, min(label, 1), j, hard) for i, label, j, hard in ROWS))


def case(name, body="", *, classes=4, own=1, prior=BOXES, gt=SOME, more="", **rest):
    inputs = {
        "loc": Fed((ITEMS, len(prior) * own * 4), lambda rng, shape: rng.normal(0, 0.7, shape)),
        "conf": normal(ITEMS, len(prior) * classes),
        "prior": priors(prior),
        "gt": gt,
    }
    body = f"{more} multibox_loss_param {{ num_classes: {classes} {body} }}"
    return Case("MultiBoxLoss", name, inputs, body, batch_fixed="its ground truth names the items", **rest)


def per_class(name, body="", **more):
    body = f"share_location: false mining_type: NONE {body}"
    return case(name, body, own=more.get("classes", 4), **more)


LOGISTIC = "conf_loss_type: LOGISTIC "
HARD = "mining_type: HARD_EXAMPLE "
DECODED = "use_prior_for_matching: false overlap_threshold: 0.2 "
CASES = [
    case("default"),
    case("ssd300", "code_type: CENTER_SIZE overlap_threshold: 0.4 neg_overlap: 0.2"),
    case("equal-overlaps", "overlap_threshold: 0.3", prior=TWICE, gt=TIES),
    case("outside", "ignore_cross_boundary_bbox: true overlap_threshold: 0.3 " + HARD),
    case("inside", "bp_inside: true overlap_threshold: 0.3 code_type: CENTER_SIZE"),
    case("inside-decoded", DECODED + "bp_inside: true code_type: CENTER_SIZE"),
    case("variance-in-target", "encode_variance_in_target: true code_type: CENTER_SIZE", gradient=()),
    case("agnostic", "map_object_to_agnostic: true", classes=2, gt=ONES),
    case("logistic", LOGISTIC + "neg_pos_ratio: 1.5"),
    case("logistic-no-mining", LOGISTIC + "mining_type: NONE"),
    case("logistic-other-background-no-mining", LOGISTIC + "background_label_id: 4 mining_type: NONE", classes=5),
    case("hard", HARD + "sample_size: 4"),
    case("hard-apart", HARD + "sample_size: 6 nms_param { nms_threshold: 0.2 top_k: 15 } use_prior_for_nms: true"),
    case("hard-apart-decoded", HARD + "sample_size: 3 nms_param { nms_threshold: 0.3 top_k: -1 }"),
    case("hard-apart-as-many-as-items", HARD + "nms_param { nms_threshold: 0.9 top_k: 3 }", prior=BOXES[3:16:4]),
    case("negatives-apart", "nms_param { nms_threshold: 0.1 top_k: 12 } use_prior_for_nms: true"),
    case("negatives-apart-top-k-unset", "nms_param { nms_threshold: 0.5 }"),
    per_class("own-locations"),
    per_class("own-locations-decoded", DECODED),
    per_class("own-locations-agnostic", LOGISTIC + "map_object_to_agnostic: true", classes=2, gt=ONES),
    case("none", more="loss_weight: 0.5 loss_param { normalization: NONE }"),
    case(
        "without-localisation",
        more="propagate_down: false propagate_down: true propagate_down: false propagate_down: false",
        gradient=(),
    ),
    case(
        "without-confidence",
        more="propagate_down: true propagate_down: false propagate_down: false propagate_down: false",
        gradient=(),
    ),
]
