"""Greedy suppression by the products that export, by TensorFlow's kernel, and by a loop."""

import keras
import numpy as np
import pytest

from zoo.layers.keras_layers.suppression import Suppression
from zoo.layers.ops import suppression
from zoo.layers.ops.boxes import decode


def by_loop(boxes, allowed, threshold, pixel, most, touching=False):
    kept = []
    for i, one in enumerate(boxes):
        width, height = (
            np.minimum(one[k + 2], [boxes[j][k + 2] for j in kept]) - np.maximum(one[k], [boxes[j][k] for j in kept])
            for k in (0, 1)
        )
        shared = np.maximum(width + pixel, 0) * np.maximum(height + pixel, 0)
        if touching:
            shared[(width < 0) | (height < 0)] = 0
        areas = [(b[2] - b[0] + pixel) * (b[3] - b[1] + pixel) for b in boxes[[*kept, i]]]
        if allowed[i] and len(kept) < most and not np.any(shared / (areas[-1] + areas[:-1] - shared) > threshold):
            kept.append(i)
    return [float(i in kept) for i in range(len(boxes))]


@pytest.mark.parametrize("count", [1, 31, 32, 33, 70])
@pytest.mark.parametrize(("pixel", "size"), [(0.0, 1), (1.0, 100)])
def test_one_list(count, pixel, size):
    """One list alone, in a graph too: Keras's add takes a row for a bias where sizes agree, as 32 and 32 do."""
    rng = np.random.default_rng(count)
    low = rng.uniform(0, 0.7, (count, 2)) * size
    boxes = np.concatenate([low, low + rng.uniform(0, 0.3, (count, 2)) * size], axis=1).astype(np.float32)
    allowed = (rng.uniform(size=count) > 0.2).astype(np.float32)
    want = by_loop(boxes, allowed, 0.3, pixel, count)
    columns, allowed = [boxes[None, :, i] for i in range(4)], allowed[None]
    inputs = [keras.Input(batch_shape=(1, count)) for _ in range(5)]
    model = keras.Model(inputs, suppression.keep(inputs[:4], inputs[4], 0.3, pixel=pixel))
    assert np.asarray(model([*columns, allowed]))[0].tolist() == want
    assert np.asarray(suppression.keep(columns, allowed, 0.3, pixel=pixel))[0].tolist() == want
    assert np.asarray(Suppression(0.3, pixel, None)(columns, allowed))[0].tolist() == want
    few = by_loop(boxes, allowed[0], 0.3, pixel, 3)
    assert np.asarray(Suppression(0.3, pixel, 3)(columns, allowed))[0].tolist() == few


@pytest.mark.parametrize(("threshold", "scale"), [(0.0, 30), (0.1, 20), (0.4, 3), (0.7, 100)])
def test_boxes_less_than_a_pixel_apart_share_nothing(threshold, scale):
    """Many thin boxes, of which most are decided by that; the last are wide enough for the kernel."""
    rng = np.random.default_rng(int(scale))
    low = rng.uniform(0, scale, (60, 2))
    size = rng.uniform(0, 1, (60, 2)) if scale < 100 else rng.uniform(20, 60, (60, 2))
    boxes = np.concatenate([low, low + size], axis=1).astype(np.float32)
    allowed = (rng.uniform(size=60) > 0.1).astype(np.float32)
    want = by_loop(boxes, allowed, threshold, 1.0, 60, touching=True)
    assert (want != by_loop(boxes, allowed, threshold, 1.0, 60)) == (scale < 100)
    columns, allowed = [boxes[None, :, i] for i in range(4)], allowed[None]
    assert np.asarray(suppression.keep(columns, allowed, threshold, pixel=1.0, touching=True))[0].tolist() == want
    assert np.asarray(Suppression(threshold, 1.0, None, touching=True)(columns, allowed))[0].tolist() == want
    few = by_loop(boxes, allowed[0], threshold, 1.0, 5, touching=True)
    assert np.asarray(Suppression(threshold, 1.0, 5, touching=True)(columns, allowed))[0].tolist() == few


def test_as_many_classes_as_priors():
    """Priors (1, P, 1) against offsets (1, P, classes)."""
    rng = np.random.default_rng(0)
    offsets = rng.normal(size=(4, 1, 3, 3)).astype(np.float32)
    priors = np.sort(rng.uniform(size=(4, 1, 3, 1)), axis=0).astype(np.float32)
    boxes = [keras.Input(batch_shape=(1, 3, size)) for size in (3, 3, 3, 3, 1, 1, 1, 1)]
    model = keras.Model(boxes, decode("CENTER_SIZE", boxes[:4], boxes[4:], None))
    got = model([*offsets, *priors])
    for one, want in zip(got, decode("CENTER_SIZE", list(offsets), list(priors), None)):
        np.testing.assert_allclose(one, np.asarray(want), rtol=1e-6)
