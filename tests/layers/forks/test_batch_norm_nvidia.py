"""NVIDIA's BatchNorm over several passes, and the multipliers that it sets."""

import numpy as np

from tests.layers.one_layer_net import arrays_of, one_layer_net, run

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
