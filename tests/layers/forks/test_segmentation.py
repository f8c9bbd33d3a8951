"""Interp, SegAccuracy, Upsample and SpatialDropout where no recorded case goes, and what they refuse."""

import numpy as np
import pytest

from tests.layers.one_layer_net import one_layer_net, run
from zoo.errors import ZooError

SHAPE = (2, 3, 5, 6)


@pytest.mark.parametrize(
    "layer, shapes, says",
    [
        ('"Interp"', [SHAPE], "the size is shrink_factor, zoom_factor"),
        ('"Interp" interp_param { height: 4 }', [SHAPE], "the size is shrink_factor"),
        ('"Interp" interp_param { zoom_factor: 0 }', [SHAPE], "zoom_factor must be positive"),
        ('"Interp" interp_param { zoom_factor: 2 pad_beg: 1 }', [SHAPE], "only cropping"),
        ('"Interp" interp_param { zoom_factor: 2 pad_beg: -5 }', [SHAPE], "leave nothing"),
        ('"Interp" interp_param { height: 0 width: 3 }', [SHAPE], "must be positive"),
        ('"SegAccuracy"', [SHAPE, (2, 3, 5, 6)], "each line of scores needs a label"),
        ('"Upsample" upsample_param { scale: 1 }', [SHAPE, SHAPE], "scale must be above 1"),
        ('"Upsample" upsample_param { upsample_h: 1 upsample_w: 5 }', [SHAPE, SHAPE], "must be above 1"),
        ('"Upsample" upsample_param { upsample_h: 4 }', [SHAPE, SHAPE], "given together"),
        ('"Upsample" upsample_param { scale: 2 scale_h: 2 scale_w: 2 }', [SHAPE, SHAPE], "the factor is scale"),
        ('"Upsample" upsample_param { scale: 3 pad_out_h: true }', [SHAPE, SHAPE], "pad_out_h is for a scale of 2"),
        ('"Upsample"', [SHAPE, (2, 3, 5, 5)], "the mask needs the shape"),
        ('"Upsample" upsample_param { scale_h: 2 }', [SHAPE], "upsample_param.scale_h has no meaning"),
        (
            '"SpatialDropout" spatial_dropout_param { dropout_ratio: 0.1 }',
            [SHAPE],
            "its ratio from dropout_param",
        ),
        ('"SpatialDropout"', [(2, 3, 1, 4, 5)], r"takes \(N,C,H,W\)"),
        ('"Axpy"', [(2, 4), SHAPE, SHAPE], "one factor for each item and channel"),
        ('"Axpy"', [(2, 3), SHAPE, (2, 3, 5, 5)], "must have the same shape"),
        ('"ShuffleChannel" shuffle_channel_param { group: 2 }', [SHAPE], "does not divide the channels"),
        ('"ShuffleChannel" shuffle_channel_param { group: 0 }', [SHAPE], "greater than 0"),
        (
            '"DepthwiseConvolution" convolution_param { num_output: 3 kernel_size: 1 }',
            [SHAPE],
            "a group for each",
        ),
        ('"ConvolutionDepthwise" convolution_param { kernel_size: 1 axis: 2 }', [SHAPE], "along axis 1"),
        ('"ConvolutionDepthwise" convolution_param { kernel_size: 6 stride: 9 }', [SHAPE], "the kernel is larger than"),
        ('"BatchNorm" batch_norm_param { scale_bias: true }', [(2, 3, 5)], "takes \\(N,C,H,W\\)"),
    ],
)
def test_refused(layer, shapes, says):
    with pytest.raises(ZooError, match=says):
        one_layer_net(f"type: {layer}", *shapes)


def test_a_place_outside_the_plane():
    net = one_layer_net('type: "Upsample"', (1, 1, 1, 2), (1, 1, 1, 2))
    assert np.isnan(run(net, np.ones((1, 1, 1, 2)), np.array([8, 3]).reshape(1, 1, 1, 2))).any()
    assert np.isnan(run(net, np.ones((1, 1, 1, 2)), np.array([-1, 3]).reshape(1, 1, 1, 2))).any()
    top = run(net, np.array([5, 6]).reshape(1, 1, 1, 2), np.array([7, 3]).reshape(1, 1, 1, 2))
    np.testing.assert_array_equal(top.ravel(), [0, 0, 0, 6, 0, 0, 0, 5])


def test_scores_of_all_batches():
    def scores(reset, *batches):
        net = one_layer_net(f'type: "SegAccuracy" seg_accuracy_param {{ reset: {reset} }}', (4, 3), (4,))
        return [run(net, *batch).ravel() for batch in batches]

    rng = np.random.default_rng(1)
    first, second = ((rng.normal(size=(4, 3)), rng.integers(0, 3, 4)) for _ in range(2))
    counted = scores("false", first, second)
    net = one_layer_net('type: "SegAccuracy"', (8, 3), (8,))
    both = run(net, *(np.concatenate(parts) for parts in zip(first, second))).ravel()
    np.testing.assert_allclose(counted[1], both, rtol=1e-6)
    np.testing.assert_array_equal(scores("true", first, second)[1], scores("true", second)[0])
    assert not np.allclose(counted[1], scores("true", second)[0])


def test_a_label_that_no_class_has():
    net = one_layer_net('type: "SegAccuracy" seg_accuracy_param { ignore_label: 7 ignore_label: 255 }', (3, 2), (3,))
    assert np.isfinite(run(net, np.eye(3, 2), np.array([0, 7, 255]))).all()
    assert np.isnan(run(net, np.eye(3, 2), np.array([0, 2, 255]))).all()
    assert net.layers[-1].type.lookups(net.layers[-1].bottoms) == {1: (2, (7, 255))}


@pytest.mark.parametrize("shape", [(200, 8), (50, 8, 6), (400,)])
def test_whole_channels_of_fewer_axes_are_dropped(shape):
    layer = 'type: "SpatialDropout" dropout_param { dropout_ratio: 0.4 }'
    for portable in (False, True):
        net = one_layer_net(layer, shape, phase="TRAIN", portable=portable)
        model = net.model(net.layers[-1].definition.tops)
        top = np.asarray(model([np.ones(shape, np.float32)], training=True))
        top = top.reshape(*shape, *[1] * (3 - len(shape)))
        assert (top == top[:, :, :1]).all()
        assert 0.5 < (top > 0).mean() < 0.7
        assert len(shape) == 1 or (top != top[:, :1]).any()


def test_whole_channels_are_dropped():
    net = one_layer_net('type: "SpatialDropout" dropout_param { dropout_ratio: 0.4 }', (50, 8, 3, 2), phase="TRAIN")
    top = run(net, np.ones((50, 8, 3, 2)))
    assert (top == top[:, :, :1, :1]).all()
    kept = top[:, :, 0, 0] > 0
    np.testing.assert_allclose(top[kept], 1 / 0.6, rtol=1e-6)
    assert 0.5 < kept.mean() < 0.7
    assert (top == run(net, np.ones((50, 8, 3, 2)))).all()  # of the same iteration
    net.clock.assign_add(1)
    assert (top != run(net, np.ones((50, 8, 3, 2)))).any()
