"""Dreams raise their objective, at every size, and stay images."""

import numpy as np
import pytest

from tests.visualization.nets import INPUT, Case, conv, dense, drawn
from zoo.errors import ZooError
from zoo.visualization import backward, deep_dream, saliency
from zoo.visualization.deep_dream import Ascent
from zoo.visualization.trained_net import TrainedNet

QUICK = Ascent(octaves=3, steps=3, step=0.02, jitter=0)


@pytest.mark.parametrize(
    ("blob", "seed", "size", "octaves"),
    [
        ("c2", deep_dream.squares, (22, 26), [(11, 13), (16, 19), (22, 26)]),
        ("c1", deep_dream.channels([2]), (12, 13), [(9, 9), (12, 13)]),
        ("score", saliency.of_class(1), (12, 13), [(12, 13)]),
    ],
)
def test_the_objective_rises(net, blob, seed, size, octaves):
    fed = 100 + drawn((1, *size, 3))
    image, said = deep_dream.dream(net, net.value(blob), fed, seed, QUICK)
    assert list(said) == octaves
    assert all(np.all(after > before) for before, after in said.values())
    assert image.shape == fed.shape and image.min() >= 0 and image.max() <= 255
    assert not np.allclose(image, fed)


def test_jitter_is_drawn_by_its_seed(net):
    fed, moving = 100 + drawn((1, 12, 13, 3)), Ascent(octaves=1, steps=2, jitter=2)
    first, second = (deep_dream.dream(net, net.value("c2"), fed, deep_dream.squares, moving)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_decay_draws_to_grey(net):
    fed, ref = np.full((1, 12, 13, 3), 250, np.float32), net.value("score")
    kept = deep_dream.dream(net, ref, fed, saliency.of_class(0), Ascent(octaves=1, steps=6, blur=0.6, decay=0.2))[0]
    assert abs(kept.mean() - 127.5) < 60


def test_a_size_that_the_net_does_not_take(net):
    with pytest.raises(ZooError):
        deep_dream.octave_sizes(net, net.value("score"), (20, 20), QUICK)


def test_several_at_once_are_as_each_alone(net):
    fed, ref, rules = 100 + drawn((1, 12, 13, 3)), net.value("score"), Ascent(octaves=1, steps=2, jitter=1, blur=0.6)
    together, said = deep_dream.dream(net, ref, np.repeat(fed, 2, axis=0), deep_dream.channels([0, 2]), rules)
    alone = [deep_dream.dream(net, ref, fed, deep_dream.channels([label]), rules)[0] for label in (0, 2)]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-3, atol=1e-2)
    assert [len(each) for each in said[12, 13]] == [2, 2]


def test_several_are_made_as_many_at_once_as_the_net_takes(tmp_path, monkeypatch):
    fixed = 'layer { name: "r" type: "Reshape" bottom: "c1" top: "r" reshape_param { shape { dim: %d dim: 24 } } }\n'
    text = INPUT % (3, 5, 5) + conv("c1", "data", "num_output: 6 kernel_size: 2 stride: 2") + "%s" + dense("ip", "r", 3)
    one, any_number = (Case(tmp_path, text % (fixed % count)).open() for count in (1, 0))
    assert (one.fixed_batch, any_number.fixed_batch) == (1, None)
    fed, rules = np.repeat(100 + drawn((1, 5, 5, 3)), 3, axis=0), Ascent(octaves=1, steps=2, jitter=0)

    def made(net):
        return deep_dream.dream(net, net.value("ip"), fed, deep_dream.channels([0, 1, 2]), rules)[0]

    together = made(any_number)
    np.testing.assert_allclose(made(one), together, rtol=1e-4, atol=1e-3)
    runs, run = [], backward.derivative
    monkeypatch.setattr(TrainedNet, "usual_batch", 2)
    monkeypatch.setattr(backward, "derivative", lambda *args: runs.append(args[1]) or run(*args))
    np.testing.assert_allclose(made(any_number), together, rtol=1e-4, atol=1e-3)
    assert [len(value) for feeds in runs for value in feeds.values()] == [2, 1, 2, 1]
