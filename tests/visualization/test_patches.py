"""Top patches of units: their values against the reference, their boxes against what a unit sees."""

import numpy as np
import pytest

from tests.visualization.nets import drawn
from zoo.visualization import patches


@pytest.fixture(scope="module")
def images():
    return drawn((23, 12, 13, 3), seed=8)


def batches(images, labels=None, size=6):
    for start in range(0, len(images), size):
        yield images[start : start + size], None if labels is None else labels[start : start + size]


@pytest.mark.parametrize("blob", ["c1", "c2", "score"])
def test_the_strongest_are_the_strongest(small, net, images, blob):
    units = [0, 2]
    found = patches.strongest(net, net.value(blob), units, batches(images, np.arange(23) % 5), count=4)
    values = small.values(images)[blob]
    for unit in units:
        best = values[:, unit].reshape(23, -1).max(axis=1)
        order = np.argsort(-best, kind="stable")[:4]
        assert [each.image for each in found[unit]] == list(order)
        np.testing.assert_allclose([each.value for each in found[unit]], best[order], rtol=1e-4, atol=1e-5)
        for each in found[unit]:
            own = values[each.image, unit]
            assert each.label == each.image % 5
            np.testing.assert_array_equal(each.fed, images[each.image])
            assert own[each.place if own.ndim else ()] == own.max()


def test_a_patch_is_all_that_the_unit_sees(small, net, images):
    ref, unit = net.value("c2"), 3
    for each in patches.strongest(net, ref, [unit], batches(images), count=9)[unit]:
        top, left, bottom, right = net.fields[ref].box(*each.place)
        inside = np.zeros((12, 13, 1), bool)
        inside[max(top, 0) : bottom, max(left, 0) : right] = True
        other = np.where(inside, each.fed, drawn((12, 13, 3), seed=77))[None]
        assert small.values(other)["c2"][0, unit][each.place] == pytest.approx(each.value, rel=1e-4)
        back = patches.deconvolved(net, ref, unit, [each])[0]
        assert np.abs(back[~inside[..., 0]]).max(initial=0) == 0
        assert np.abs(back).max() > 0


def test_each_is_brought_back_alone(net, images):
    ref = net.value("c2")
    found = patches.strongest(net, ref, [1], batches(images), count=5)[1]
    together = patches.deconvolved(net, ref, 1, found)
    alone = np.concatenate([patches.deconvolved(net, ref, 1, [each]) for each in found])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)


def test_what_lies_outside_of_an_image_is_filled():
    image = np.arange(1, 13, dtype=np.float32).reshape(3, 4, 1)
    np.testing.assert_array_equal(patches.cut(image, (1, 1, 3, 3), 0)[..., 0], [[6, 7], [10, 11]])
    np.testing.assert_array_equal(patches.cut(image, (-1, 3, 1, 6), 0)[..., 0], [[0, 0, 0], [4, 0, 0]])
    np.testing.assert_array_equal(patches.cut(image, (2, -2, 5, 1), -1)[..., 0], [[-1, -1, 9], [-1] * 3, [-1] * 3])
