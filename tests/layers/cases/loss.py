"""Losses and Accuracy."""

from tests.layers.cases.case import (
    Case,
    Fed,
    fixed,
    given,
    labels,
    normal,
    positive,
    probabilities,
    targets,
    ties,
    uniform,
)

ROWS = {"x": normal(5, 4), "label": labels(4, 5)}
PLANES = {"x": normal(2, 3, 4, 5), "label": labels(3, 2, 1, 4, 5)}
WEIGHTS = "weight_by_label_freqs: true class_weighting: 0.5 class_weighting: 2 class_weighting: 1.5"
LOGITS = {"x": uniform(-8, 8, 3, 5), "target": targets(3, 5)}


def loss(type_, name, inputs, body="", **more):
    more.setdefault("gradient", (more.get("tops", ("y",))[0],))
    return Case(type_, name, inputs, body, **more)


def softmax_loss(name, inputs, body="", **more):
    return loss("SoftmaxWithLoss", name, inputs, body, **more)


def accuracy(name, inputs, body="", tops=("y",)):
    return Case("Accuracy", name, inputs, f"accuracy_param {{ {body} }}", tops, gradient=())


def infogain(name, inputs, body="", **more):
    matrix = fixed(positive(1, 1, 4, 4), smooth=False)
    return loss("InfogainLoss", name, {**inputs, "H": matrix}, body, **more)


def pairs(similar):
    return {"a": normal(6, 3), "b": normal(6, 3), "similar": similar}


def sigmoid_loss(name, body="", inputs=LOGITS, **more):
    return loss("SigmoidCrossEntropyLoss", name, inputs, body, **more)


HARD = Fed((3, 5), lambda rng, shape: rng.integers(0, 3, size=shape), smooth=False)  # 2 is to be ignored

CASES = [
    softmax_loss("rows", ROWS),
    softmax_loss("planes", PLANES),
    softmax_loss("weighted", ROWS, "loss_weight: 0.3"),
    softmax_loss("ignored", PLANES, "loss_param { ignore_label: 1 }"),
    softmax_loss("ignored-all", {"x": normal(2, 3), "label": given(1, 1)}, "loss_param { ignore_label: 1 }"),
    softmax_loss("full", PLANES, "loss_param { ignore_label: 2 normalization: FULL }"),
    softmax_loss("batch-size", PLANES, "loss_param { normalization: BATCH_SIZE }"),
    softmax_loss("no-normaliser", PLANES, "loss_param { normalization: NONE ignore_label: 0 }"),
    softmax_loss("legacy-normalize", PLANES, "loss_param { normalize: false }"),
    softmax_loss("axis", {"x": normal(2, 3, 4), "label": labels(4, 2, 3)}, "softmax_param { axis: 2 }"),
    softmax_loss("with-probabilities", PLANES, "loss_weight: 1 loss_weight: 0", tops=("y", "prob")),
    softmax_loss("each", PLANES, "loss_weight: 1 loss_weight: 0 loss_weight: 0", tops=("y", "prob", "each")),
    softmax_loss("pre-fixed", PLANES, "loss_param { normalization: PRE_FIXED pre_fixed_normalizer: 7 }"),
    softmax_loss("weighted-classes", PLANES, f"loss_param {{ ignore_label: 1 {WEIGHTS} }}"),
    softmax_loss("weighted-classes-batch", PLANES, f"loss_param {{ normalize: false {WEIGHTS} }}"),
    softmax_loss("class-weights-unused", PLANES, "loss_param { class_weighting: 3 }"),
    softmax_loss("far", {"x": uniform(-200, 200, 5, 4), "label": labels(4, 5)}, gradient=()),
    sigmoid_loss("default"),
    sigmoid_loss("valid", "loss_param { normalization: VALID ignore_label: 2 }", {"x": normal(3, 5), "target": HARD}),
    sigmoid_loss("full", "loss_param { normalization: FULL ignore_label: 2 }", {"x": normal(3, 5), "target": HARD}),
    sigmoid_loss("none", "loss_param { normalization: NONE } loss_weight: 0.7"),
    sigmoid_loss("legacy-normalize", "loss_param { normalize: true }"),
    sigmoid_loss("planes", "", {"x": normal(2, 3, 4, 5), "target": targets(2, 3, 4, 5)}),
    sigmoid_loss("far", "", {"x": uniform(-80, 80, 3, 5), "target": targets(3, 5)}),
    infogain("rows", ROWS),
    infogain("planes", {"x": normal(2, 4, 3, 2), "label": labels(4, 2, 1, 3, 2)}, "loss_param { ignore_label: 3 }"),
    infogain("axis", {"x": normal(2, 3, 4), "label": labels(4, 2, 3)}, "infogain_loss_param { axis: 2 }"),
    infogain(
        "batch-size", ROWS, "loss_param { normalization: BATCH_SIZE } loss_weight: 1 loss_weight: 0", tops=("y", "prob")
    ),
    loss("MultinomialLogisticLoss", "rows", {"x": probabilities(5, 4), "label": labels(4, 5)}),
    loss("MultinomialLogisticLoss", "weighted", {"x": probabilities(3, 6), "label": labels(6, 3)}, "loss_weight: -2"),
    loss("EuclideanLoss", "rows", {"a": normal(3, 5), "b": normal(3, 5)}),
    loss("EuclideanLoss", "planes", {"a": normal(2, 3, 4, 5), "b": normal(2, 3, 4, 5)}, "loss_weight: 0.4"),
    loss("EuclideanLoss", "unlike-ranks", {"a": normal(2, 12), "b": normal(2, 3, 4, 1)}),
    loss("HingeLoss", "l1", ROWS),
    loss("HingeLoss", "l2", ROWS, "hinge_loss_param { norm: L2 }"),
    loss("HingeLoss", "tall", {"x": normal(3, 4, 1, 1), "label": labels(4, 3)}, "loss_weight: 0.6"),
    loss("ContrastiveLoss", "default", pairs(given(1, 0, 0, 1, 0, 1)), "contrastive_loss_param { margin: 2.5 }"),
    loss(
        "ContrastiveLoss",
        "legacy",
        pairs(given(1, 0, 0, 1, 0, 1)),
        "contrastive_loss_param { margin: 4.5 legacy_version: true }",
    ),
    loss(
        "ContrastiveLoss",
        "planes",
        {"a": normal(4, 3, 1, 1), "b": normal(4, 3, 1, 1), "similar": given(0, 1, 0, 2)},
    ),
    accuracy("rows", ROWS),
    accuracy("top-3", {"x": normal(9, 6), "label": labels(6, 9)}, "top_k: 3"),
    accuracy("planes", PLANES, "ignore_label: 1"),
    accuracy("ties", {"x": ties(9, 5), "label": labels(5, 9)}, "top_k: 2"),
    accuracy("by-class", {"x": normal(9, 6), "label": labels(4, 9)}, "top_k: 2", ("y", "by_class")),
    accuracy("by-class-planes", PLANES, "ignore_label: 0", ("y", "by_class")),
    accuracy("axis", {"x": normal(2, 3, 4), "label": labels(4, 2, 3)}, "axis: -1"),
    accuracy("none-counted", {"x": normal(2, 3), "label": given(1, 1)}, "ignore_label: 1"),
]
