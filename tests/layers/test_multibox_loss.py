"""MultiBoxLoss: many settings against the reference implementation, gradients that are no derivatives, refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.cases.forks.multibox import BOXES, ITEMS, PRIORS
from tests.layers.one_layer_net import gradients, one_layer, run
from zoo import reference
from zoo.errors import NetError
from zoo.layers.ops import hard_examples
from zoo.layers.ops.box_matching import match
from zoo.reference.forks import multibox

VARIANCES = np.tile([0.1, 0.1, 0.2, 0.2], (PRIORS, 1))
PRIOR = np.stack([BOXES.ravel(), VARIANCES.ravel()])[None].astype(np.float32)
CHOICES = {
    "loc_loss_type": ("L2", "SMOOTH_L1"),
    "conf_loss_type": ("SOFTMAX", "LOGISTIC"),
    "match_type": ("BIPARTITE", "PER_PREDICTION"),
    "overlap_threshold": (0.2, 0.5),
    "use_prior_for_matching": ("true", "false"),
    "background_label_id": (0, 3),
    "use_difficult_gt": ("true", "false"),
    "neg_pos_ratio": (3, 0.7),
    "neg_overlap": (0.5, 0.1),
    "code_type": ("CORNER", "CENTER_SIZE", "CORNER_SIZE"),
    "encode_variance_in_target": ("true", "false"),
    "ignore_cross_boundary_bbox": ("true", "false"),
    "bp_inside": ("true", "false"),
    "use_prior_for_nms": ("true", "false"),
    "nms_param": ("{ nms_threshold: 0.3 top_k: 9 }", "{ nms_threshold: 0 }", "{ nms_threshold: 0.2 top_k: -1 }"),
    "sample_size": (4, 64),
}
MINING = ("NONE", "MAX_NEGATIVE", "HARD_EXAMPLE")
NORMALIZATION = ("FULL", "VALID", "BATCH_SIZE", "NONE")


def ground_truth(rng, background, rows=7):
    """Rows near priors, one of them padding and one of an item that the batch does not have."""
    found = np.zeros((rows, 8), np.float32)
    found[:, 0] = [-1, ITEMS + 4, *rng.integers(0, ITEMS, rows - 2)]
    found[:, 1] = rng.choice([label for label in range(4) if label != background], rows)
    found[:, 3:7] = BOXES[rng.integers(0, PRIORS, rows)] + rng.normal(0, 0.04, (rows, 4))
    found[:, 7] = rng.integers(0, 2, rows)
    return found[None, None]


@pytest.mark.parametrize("seed", range(24))
def test_as_the_reference_implementation(seed):
    rng = np.random.default_rng(seed)
    given = {name: rng.choice(choices) for name, choices in CHOICES.items()}
    mining = MINING[seed % 3]
    shared = mining != "NONE" or seed % 2 == 0
    own = 1 if shared else 4
    body = " ".join(f"{name}: {value}" for name, value in given.items()).replace("nms_param:", "nms_param")
    body = f"num_classes: 4 mining_type: {mining} share_location: {str(shared).lower()} {body}"
    body = f"loss_param {{ normalization: {rng.choice(NORMALIZATION)} }} multibox_loss_param {{ {body} }}"
    feeds = {
        "b0": rng.normal(0, 0.7, (ITEMS, PRIORS * own * 4)).astype(np.float32),
        "b1": rng.normal(size=(ITEMS, PRIORS * 4)).astype(np.float32),
        "b2": PRIOR,
        "b3": ground_truth(rng, int(given["background_label_id"])),
    }
    net = one_layer("MultiBoxLoss", body, [x.shape for x in feeds.values()])
    want = reference.run(net.definition.message, {}, feeds)["y0"]
    assert run(net, *feeds.values()) == pytest.approx(want, rel=1e-5)


def small(body="", near=0.02, **more):
    """A net of one item on two priors, both near its ground truth, and its inputs."""
    prior = np.array([[0.1, 0.1, 0.4, 0.5], [0.5, 0.5, 0.9, 0.8]])
    prior = np.stack([prior.ravel(), np.tile([0.1, 0.1, 0.2, 0.2], 2)])[None]
    truth = np.zeros((1, 1, 2, 8))
    truth[0, 0, :, 1], truth[0, 0, :, 3:7] = (1, 2), prior[0, 0].reshape(2, 4) + near
    body = f"{more.pop('around', '')} multibox_loss_param {{ num_classes: {more.pop('classes', 3)} {body} }}"
    net = one_layer("MultiBoxLoss", body, [(1, 8), (1, 6), (1, 2, 8), (1, 1, 2, 8)], **more)
    return net, np.zeros((1, 8)), np.zeros((1, 6)), prior, truth


def test_gradient_does_not_see_that_variance_is_in_the_target():
    net, *inputs = small("encode_variance_in_target: true loc_loss_type: L2")
    of_loc, _, of_prior, of_truth = gradients(net, *inputs)
    variances = inputs[2][0, 1]
    assert of_loc[0] == pytest.approx(-0.02 / variances / 2, rel=1e-5)  # and not once more through the variances
    assert not of_prior.any()
    assert not of_truth.any()


def test_propagate_down_takes_a_term_away():
    down = "propagate_down: {} propagate_down: {} propagate_down: false propagate_down: false"
    both, *inputs = small("loc_loss_type: L2 loc_weight: 3")
    loc, *_ = small("loc_loss_type: L2 loc_weight: 3", around=down.format("true", "false"))
    conf, *_ = small("loc_loss_type: L2 loc_weight: 3", around=down.format("false", "true"))
    assert run(loc, *inputs) == pytest.approx(3 * 0.5 * 2 * (2 * 0.2**2 + 2 * 0.1**2) / 2, rel=1e-5)
    assert run(conf, *inputs) == pytest.approx(np.log(3), rel=1e-5)
    assert run(both, *inputs) == pytest.approx(run(loc, *inputs) + run(conf, *inputs), rel=1e-5)
    of_loc, of_conf, *_ = gradients(conf, *inputs)
    assert not of_loc.any()
    assert of_conf.any()


@pytest.mark.parametrize(("label", "body"), [(0, ""), (3, ""), (-2, ""), (3, "mining_type: NONE")])
def test_a_label_that_cannot_be_gives_nan(label, body):
    net, *inputs = small(body)
    assert np.isfinite(run(net, *inputs))
    inputs[3][0, 0, 0, 1] = label
    assert np.isnan(run(net, *inputs))


def test_a_difficult_background_that_is_not_used_still_gives_nan():
    net, *inputs = small("use_difficult_gt: false")
    inputs[3][0, 0, 0, 1], inputs[3][0, 0, 0, 7] = 0, 1
    assert np.isnan(run(net, *inputs))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("background_label_id: 3", "no class is the background"),
        ("map_object_to_agnostic: true", "map_object_to_agnostic needs two classes"),
        ("do_neg_mining: false", "do_neg_mining contradicts mining_type"),
        ("share_location: false", "mining needs share_location"),
        ("mining_type: HARD_EXAMPLE sample_size: 0", "sample_size must be positive"),
    ],
)
def test_refused(body, message):
    with pytest.raises(NetError, match=message):
        small(body)


def test_classes_must_be_given():
    with pytest.raises(NetError, match="num_classes must be given"):
        small(classes=0)


def test_shapes_must_fit():
    with pytest.raises(NetError, match="scores, bottom 1, do not fit the priors"):
        one_layer("MultiBoxLoss", "multibox_loss_param { num_classes: 3 }", [(1, 8), (1, 4), (1, 2, 8), (1, 1, 2, 8)])
    with pytest.raises(NetError, match="ground truth, bottom 3, has 8 values a row"):
        one_layer("MultiBoxLoss", "multibox_loss_param { num_classes: 3 }", [(1, 8), (1, 6), (1, 2, 8), (1, 1, 2, 7)])


def grid(rng, number):
    """Boxes with corners on a coarse grid, so that many overlaps are equal."""
    corner, size = rng.integers(0, 4, (number, 2)), rng.integers(1, 4, (number, 2))
    return (np.concatenate([corner, corner + size], axis=1) / 8).astype(np.float32)


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_matching_with_many_equal_overlaps(seed, saved):
    rng = np.random.default_rng(seed)
    number, groups = 14, 3
    rows, priors = grid(rng, number), grid(rng, 10)
    group = np.concatenate([rng.integers(0, groups, number - 2), [groups, groups]]).astype(np.int32)
    given = [*(tf.constant(rows[:, i]) for i in range(4)), *(tf.constant(priors[None, :, i]) for i in range(4))]
    given.append(tf.constant(group))
    if saved:
        inputs = [keras.Input(batch_shape=x.shape, dtype=x.dtype.name) for x in given]
        model = keras.Model(inputs, match(inputs[:4], inputs[8], inputs[4:8], groups, threshold=0.4))
        got, best = model(given)
    else:
        got, best = match(given[:4], given[8], given[4:8], groups, threshold=0.4)
    overlaps = np.array([[multibox._overlap(prior, row) for prior in priors] for row in rows])
    for each in range(groups):
        want, largest = one_by_one(overlaps, np.flatnonzero(group == each), 0.4)
        assert np.asarray(got)[each].tolist() == want
        assert np.asarray(best)[each] == pytest.approx(largest)


@pytest.mark.parametrize("real", [1, 60, 70, 200, 1100])
def test_padding_changes_nothing(real):
    rng = np.random.default_rng(real)
    truth = np.zeros((real, 8), np.float32)
    truth[:, 0], truth[:, 1] = rng.integers(0, ITEMS, real), rng.integers(1, 4, real)
    truth[:, 3:7] = BOXES[rng.integers(0, PRIORS, real)] + rng.normal(0, 0.04, (real, 4))
    padded = np.full((1100, 8), -1, np.float32)
    padded[np.sort(rng.permutation(1100)[:real])] = truth
    loc = rng.normal(0, 0.7, (ITEMS, PRIORS * 4))
    conf = rng.normal(size=(ITEMS, PRIORS * 4))
    losses = []
    for rows in (truth, padded):
        feeds = loc, conf, PRIOR, rows[None, None]
        net = one_layer("MultiBoxLoss", "multibox_loss_param { num_classes: 4 }", [x.shape for x in feeds])
        losses.append(run(net, *feeds))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def one_by_one(overlaps, rows, threshold):
    """The fork's own order: the largest free overlap, again and again, the first of equal ones; then each prior's."""
    found = [-1] * overlaps.shape[1]
    pool = list(rows)
    while pool:
        pairs = [(overlaps[g, j], j, g) for j, has in enumerate(found) if has == -1 for g in pool if overlaps[g, j] > 0]
        if not pairs:
            break
        _, j, g = min(pairs, key=lambda pair: (-pair[0], pair[1], pair[2]))
        found[j] = g
        pool.remove(g)
    for j, has in enumerate(found):
        near = [(-overlaps[g, j], g) for g in rows if overlaps[g, j] >= np.float32(threshold)]
        if has == -1 and near:
            found[j] = min(near)[1]
    return found, overlaps[rows].max(0, initial=0).tolist()


def test_exactly_as_many_as_wanted_of_equal_losses():
    losses = tf.constant([[1.0, 2, 2, 2, 0], [3, 3, 3, 3, 3]])
    eligible = tf.constant([[True, True, False, True, True], [True] * 5])
    got = hard_examples.largest(losses, eligible, tf.constant([3, 2]))
    assert np.asarray(got).tolist() == [[True, True, False, True, False], [True, True, False, False, False]]
    assert not np.asarray(hard_examples.largest(losses, eligible, tf.constant([0, 0]))).any()
