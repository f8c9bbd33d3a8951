"""NVIDIA's BatchNorm over several passes, its gradient, and the multipliers that it sets."""

import numpy as np
import pytest

from tests.layers.one_layer_net import arrays_of, assign, gradients, one_layer_net, run

LAYER = 'type: "BatchNorm" batch_norm_param { scale_bias: true moving_average_fraction: 0.75 eps: 0.01 }'


def test_two_passes_copy_and_the_third_averages():
    net = one_layer_net(LAYER, (6, 3, 4, 5), phase="TRAIN")
    rng = np.random.default_rng(0)
    batches = [rng.normal(scale, 2, size=(6, 3, 4, 5)).astype(np.float32) for scale in (1, 2, 3)]
    means = [x.mean((0, 2, 3)) for x in batches]
    variances = [x.var((0, 2, 3)) + 0.01 for x in batches]
    for x, mean, variance in zip(batches[:2], means, variances):
        run(net, x)
        np.testing.assert_allclose(arrays_of(net)[0], mean, rtol=1e-5)
        np.testing.assert_allclose(arrays_of(net)[1], variance, rtol=1e-5)
    run(net, batches[2])
    np.testing.assert_allclose(arrays_of(net)[0], 0.75 * means[1] + 0.25 * means[2], rtol=1e-5)
    np.testing.assert_allclose(arrays_of(net)[1], 0.75 * variances[1] + 0.25 * variances[2], rtol=1e-5)


def test_multipliers_and_fresh_blobs():
    net = one_layer_net(LAYER + " param { lr_mult: 3 }" * 4 + " param { lr_mult: 0 decay_mult: 0 }", (2, 3, 4, 5))
    assert [(p.lr_mult, p.decay_mult, p.variable.trainable) for p in net.learnable()] == [(0, 0, False)] * 3 + [
        (1, 1, True)
    ] * 2
    assert [array.ravel()[0] for array in arrays_of(net)] == [0, 0, 1, 1, 0]


OLD = 'type: "BatchNorm" batch_norm_param { scale_filler { value: 1 } moving_average_fraction: 0.75 eps: 0.01 %s }'


def old_net(body="", **more):
    return one_layer_net(OLD % body, (4, 2, 3, 5), after='fork: "nvidia15"', **more)


def test_version_15_copies_once_and_holds_the_variance_from_pass_201_on():
    net, rng = old_net(phase="TRAIN"), np.random.default_rng(0)
    kept = [np.zeros(2), np.zeros(2)]
    for index in range(203):
        spread = [0.05, 30] if index >= 200 else [1, 2]  # with the last passes one falls, the other grows
        x = rng.normal(size=(4, 2, 3, 5)) * np.reshape(spread, (-1, 1, 1)) + 1
        x = x.astype(np.float32)
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
        if index >= 200:
            most = 4 * (kept[1] + kept[1].mean())
            assert (variance > most).any() and (variance < kept[1] / 4).any()
            variance = np.maximum(np.minimum(variance, most), kept[1] / 4)
        kept = [mean, variance] if not index else [0.75 * a + 0.25 * b for a, b in zip(kept, (mean, variance))]
        top = run(net, x)
        if index in (0, 1, 199, 200, 202):
            wide = [v.reshape(-1, 1, 1) for v in (mean, variance)]
            np.testing.assert_allclose(top, (x - wide[0]) / np.sqrt(wide[1] + 0.01), rtol=1e-4, atol=1e-4)
            for mine, theirs in zip(arrays_of(net)[2:4], kept):
                np.testing.assert_allclose(mine, theirs, rtol=1e-4)


@pytest.mark.parametrize("body", ["", "use_global_stats: false"])
def test_the_gradient_of_version_15_is_always_that_of_a_batch(body):
    net, rng = old_net(body), np.random.default_rng(1)
    scale, bias, mean, variance = rng.normal(size=(4, 2))
    assign(net, scale, bias, mean, variance**2 + 0.5, [0])
    x, diff = rng.normal(size=(2, 4, 2, 3, 5))
    wide = [v.reshape(-1, 1, 1) for v in (scale, mean, variance**2 + 0.5)]
    if body:
        wide[1:] = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    deviation = np.sqrt(wide[2] + 0.01)
    y, g = (x - wide[1]) / deviation, diff * wide[0]
    want = (g - g.mean((0, 2, 3), keepdims=True) - y * (g * y).mean((0, 2, 3), keepdims=True)) / deviation
    (got,) = gradients(net, x, diff=diff)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_version_15_begins_with_zeros_but_for_its_fillers():
    assert [array.tolist() for array in arrays_of(old_net())] == [[1, 1], [0, 0], [0, 0], [0, 0], [0]]
