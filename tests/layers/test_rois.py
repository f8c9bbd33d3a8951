"""Regions: where bins begin and end in float32, which value gets the gradient, rows without an image, refusals."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.one_layer_net import one_layer_net, run
from zoo.errors import NetError
from zoo.layers.ops.layout import from_caffe, to_caffe
from zoo.layers.ops.rois import divided, edges, round_away

POOL = 'type: "ROIPooling" roi_pooling_param {{ {} }}'
PS = 'type: "PSROIPooling" psroi_pooling_param {{ {} }}'
SQUARE = POOL.format("pooled_h: 2 pooled_w: 2")


def test_halves_are_rounded_away_from_zero():
    values = np.array([0.5, 1.5, 2.5, -0.5, -2.5, 0.49999997, -0.49999997, 0.0, -3.0, 8388609.0], np.float32)
    assert np.asarray(round_away(tf.constant(values))).tolist() == [1, 2, 3, -1, -3, 0, 0, 0, -3, 8388609]


@pytest.mark.parametrize("parts", [3, 7])
def test_bins_in_a_compiled_graph_are_those_of_float32(parts):
    """TensorFlow's graph optimiser would multiply by 1/7, which gives other edges for some sizes."""
    sizes = np.arange(1, 2000, dtype=np.float32)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def of(size):
        return edges(divided(size, parts), parts, tf.zeros_like(size), 5000)

    steps = sizes / np.float32(parts)
    place = np.arange(parts, dtype=np.float32)
    first, end = of(tf.constant(sizes))
    assert np.array_equal(first, np.floor(steps[:, None] * place))
    assert np.array_equal(end, np.ceil(steps[:, None] * (place + 1)))
    other = sizes * (np.float32(1) / np.float32(parts))
    assert not np.array_equal(end, np.ceil(other[:, None] * (place + 1)))  # so that it would show


def by_loops(x, rois, rows, columns, dy):
    """Value and gradient as Caffe's loops give them, at scale 1, for whole coordinates within the map."""
    top, dx = np.zeros((len(rois), x.shape[1], rows, columns), np.float32), np.zeros_like(x)
    for n, (image, left, up, right, down) in enumerate(rois.astype(int)):
        tall, wide = np.float32(down - up + 1) / np.float32(rows), np.float32(right - left + 1) / np.float32(columns)
        for c, i, j in np.ndindex(top.shape[1:]):
            best, where = -np.float32(3.4028235e38), None
            for h in range(up + math.floor(i * tall), up + math.ceil((i + 1) * tall)):
                for w in range(left + math.floor(j * wide), left + math.ceil((j + 1) * wide)):
                    if x[image, c, h, w] > best:
                        best, where = x[image, c, h, w], (image, c, h, w)
            top[n, c, i, j] = best
            if where:
                dx[where] += dy[n, c, i, j]
    return top, dx


@pytest.mark.parametrize("portable", [False, True])
def test_gradient_goes_to_the_first_of_equal_values(portable):
    rng = np.random.default_rng(0)
    x = np.maximum(rng.integers(-3, 2, (2, 3, 9, 11)), 0).astype(np.float32)  # as behind a ReLU: zeros abound
    x[0, 0, 4, 5] = np.nan
    low = rng.integers(0, 6, (8, 2))
    rois = np.concatenate([rng.integers(0, 2, (8, 1)), low, low + rng.integers(0, 3, (8, 2))], axis=1)
    rois = np.concatenate([rois, [[0, 0, 0, 10, 8], [1, 0, 0, 10, 8]]]).astype(np.float32)
    dy = rng.normal(size=(10, 3, 3, 2)).astype(np.float32)
    net = one_layer_net(POOL.format("pooled_h: 3 pooled_w: 2"), x.shape, rois.shape, portable=portable)
    x_ref, rois_ref = net.inputs
    with tf.GradientTape() as tape:
        fed = from_caffe(tf.constant(x))
        tape.watch(fed)
        (y,) = (value for ref, value in net.run({x_ref: fed, rois_ref: tf.constant(rois)}).items() if ref.name == "y")
        total = tf.reduce_sum(y * from_caffe(tf.constant(dy)))
    top, dx = by_loops(x, rois, 3, 2, dy)
    assert np.array_equal(to_caffe(y), top)
    np.testing.assert_allclose(to_caffe(tf.convert_to_tensor(tape.gradient(total, fed))), dx, atol=1e-6)


@pytest.mark.parametrize("layer", [SQUARE, PS.format("output_dim: 1 group_size: 2 spatial_scale: 1")])
def test_rows_without_an_image(layer):
    net = one_layer_net(layer, (2, 4, 5, 5), (4, 5))
    rois = np.array([[0, 0, 0, 3, 3], [-1, 0, 0, 3, 3], [2, 0, 0, 3, 3], [-2, 0, 0, 3, 3]])
    top = run(net, np.ones((2, 4, 5, 5)), rois)
    assert np.all(top[0] == 1) and np.all(top[1] == 0) and np.all(np.isnan(top[2:]))


@pytest.mark.parametrize("layer", [SQUARE, PS.format("output_dim: 1 group_size: 2 spatial_scale: 1")])
@pytest.mark.parametrize("portable", [False, True])
def test_as_many_regions_as_bins(layer, portable):
    """Keras's add takes a column for a bias where sizes agree."""
    net = one_layer_net(layer, (1, 4, 6, 6), (2, 5), portable=portable)
    rng = np.random.default_rng(1)
    x, rois = rng.normal(size=(1, 4, 6, 6)), np.array([[0, 1, 0, 3, 5], [0, 2, 3, 3, 4]])
    both = run(net, x, rois)
    one = one_layer_net(layer, (1, 4, 6, 6), (1, 5), portable=portable)
    assert np.array_equal(both, np.concatenate([run(one, x, rois[:1]), run(one, x, rois[1:])]))


def test_no_layer_is_run_without_its_regions():
    with pytest.raises(NetError, match=r"bottom 1 must hold regions, got \(4, 6\), want \(R,5\)"):
        one_layer_net(SQUARE, (1, 2, 4, 4), (4, 6))
    with pytest.raises(NetError, match=r"bottom 0 must be spatial"):
        one_layer_net(SQUARE, (1, 2, 4), (4, 5))


@pytest.mark.parametrize(
    ("layer", "what"),
    [
        (POOL.format("pooled_h: 2"), "pooled_w must be above 0"),
        (POOL.format("pooled_size: 2 pooled_h: 2"), "pooled_size, or pooled_h and pooled_w"),
        (POOL.format("pooled_size: 2 pooled_size: 2 pooled_size: 2"), "only regions of two axes"),
        (PS.format("output_dim: 1 group_size: 3 spatial_scale: 1"), "channels do not fit output_dim and group_size"),
        (PS.format("output_dim: 0 group_size: 2 spatial_scale: 1"), "output_dim must be above 0"),
    ],
)
def test_refused(layer, what):
    with pytest.raises(NetError, match=what):
        one_layer_net(layer, (1, 4, 4, 4), (4, 5))
