"""SmoothL1Loss in its three meanings, SmoothL1LossOHEM, L1Loss, SoftmaxWithLossOHEM."""

from tests.layers.cases.case import Case, Fed, labels, normal, ties, uniform

PAIR = {"a": normal(4, 6), "b": normal(4, 6)}
PLANES = {"a": normal(2, 3, 4, 5), "b": normal(2, 3, 4, 5)}
SHAPES = {"a": normal(3, 4), "b": normal(3, 4, 1, 1)}
ROWS = {"x": normal(5, 4), "label": labels(4, 5)}
MAPS = {"x": normal(2, 3, 4, 5), "label": labels(3, 2, 1, 4, 5)}
THREE = "loss_weight: 1 loss_weight: 0 loss_weight: 0 "
OHEM = "loss_param {{ {} }}"


def weights(inputs, *names):
    """The inputs and weights of their shape, to which the layer gives no gradient."""
    drawn = uniform(0.2, 3, *inputs["a"].shape)
    return {**inputs, **dict.fromkeys(names, Fed(drawn.shape, drawn.draw, smooth=False))}


def smooth(variant, name, inputs, body="", **more):
    more.setdefault("gradient", ("y",))
    return Case("SmoothL1Loss", name, inputs, body, variant=variant, **more)


def ohem(name, inputs, body="", **more):
    more.setdefault("gradient", ("y",))
    return Case("SmoothL1LossOHEM", name, inputs, body, **more)


def softmax(name, inputs, body="", **more):
    more.setdefault("gradient", ("y",))
    return Case("SoftmaxWithLossOHEM", name, inputs, body, **more)


CASES = [
    smooth("ssd", "rows", PAIR),
    smooth("ssd", "planes", PLANES, "loss_weight: 2"),
    smooth("ssd", "two-shapes", SHAPES),
    smooth("ssd", "one-axis", {"a": normal(5), "b": normal(5)}),
    smooth("frcnn", "sigma", PAIR, "smooth_l1_loss_param { sigma: 3 }"),
    smooth("frcnn", "weights", weights(PAIR, "inside", "outside"), "loss_weight: 1"),
    smooth("frcnn", "all", weights(PLANES, "inside", "outside"), "loss_weight: 0.5 smooth_l1_loss_param { sigma: 2 }"),
    smooth("rfcn", "weight", weights(PAIR, "w"), "loss_weight: 1", gradient=()),  # test_losses.py has their gradient
    smooth("rfcn", "loss-param", PLANES, OHEM.format("normalization: BATCH_SIZE")),
    smooth("rfcn", "each", PLANES, "loss_weight: 1 loss_weight: 0", tops=("y", "each")),
    ohem("planes", weights(PLANES, "w"), "loss_weight: 1", gradient=()),
    ohem("rows", PAIR, OHEM.format("normalization: NONE"), tops=("y", "each")),
    ohem("two-shapes", SHAPES, OHEM.format("normalize: false"), tops=("y", "each")),
    ohem("one-axis", {"a": normal(5), "b": normal(5)}, tops=("y", "each")),
    ohem("full", PLANES, OHEM.format("normalization: FULL"), tops=("y", "each")),
    ohem("pre-fixed", PLANES, OHEM.format("normalization: PRE_FIXED pre_fixed_normalizer: 128")),
    ohem("pre-fixed-below-1", PLANES, OHEM.format("normalization: PRE_FIXED pre_fixed_normalizer: 0.5")),
    Case("L1Loss", "rows", PAIR, variant="nvidia"),
    Case("L1Loss", "planes", PLANES, "loss_weight: 2", variant="nvidia"),
    Case("L1Loss", "equal", {"a": ties(4, 3), "b": ties(4, 3)}, variant="nvidia", gradient=()),
    softmax("rows", ROWS),
    softmax("three-tops", MAPS, THREE, tops=("y", "prob", "each")),
    softmax("pre-fixed", MAPS, OHEM.format("normalization: PRE_FIXED pre_fixed_normalizer: 64")),
    softmax("ignored", MAPS, THREE + OHEM.format("ignore_label: 1"), tops=("y", "prob", "each")),
]
