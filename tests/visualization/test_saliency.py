"""Grad-CAM on a net whose map is known, occlusion by brute force."""

import numpy as np
import pytest

from tests.visualization.nets import INPUT, Case, conv, dense, drawn, pool, relu
from zoo.errors import NetError
from zoo.visualization import saliency


def test_gradcam_where_the_map_is_known(tmp_path):
    """Behind global average pooling alpha_k = w_k / (H W), so that the map is max(0, sum of w_k A_k) / (H W)."""
    text = INPUT % (1, 5, 6) + conv("c", "data", "num_output: 3 kernel_size: 1") + relu("c")
    text += pool("g", "c", "pool: AVE global_pooling: true") + dense("score", "g", 2)
    case = Case(tmp_path, text, seed=1)
    net, fed = case.open(), drawn((2, 5, 6, 1))
    planes = net.last_planes(net.scores())
    assert planes == net.value("c")
    found = saliency.gradcam(net, fed, net.scores(), 1, planes)
    weights = case.arrays["score"][0][1]
    want = np.maximum(np.einsum("k,nkhw->nhw", weights, case.values(fed)["c"]), 0) / 30
    np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-6)
    assert 0 < (want > 0).mean() < 1


def test_occlusion_by_brute_force(small, net):
    fed, size, stride = drawn((1, 12, 13, 3)), 4, 3
    counted = []
    found = saliency.occlusion(net, fed, net.scores(), 1, size, stride, batch=5, progress=counted.append)
    whole = small.values(fed)["score"][0, 1]
    drops = [[[] for _ in range(13)] for _ in range(12)]
    for y in (0, 3, 6, 8):
        for x in (0, 3, 6, 9):
            covered = fed.copy()
            covered[0, y : y + size, x : x + size] = fed.mean(axis=(0, 1, 2))
            drop = whole - small.values(covered)["score"][0, 1]
            for row in range(y, y + size):
                for column in range(x, x + size):
                    drops[row][column].append(drop)
    want = np.array([[np.mean(each) for each in row] for row in drops])
    np.testing.assert_allclose(found, want, rtol=1e-3, atol=1e-4)
    assert sum(counted) == 16 == saliency.squares((12, 13), size, stride)


def test_scores_are_those_before_the_softmax(net):
    assert net.scores().name == "score"
    assert net.scores("prob").name == "score"
    assert net.scores("score").name == "score"
    with pytest.raises(NetError, match="no scores of classes, got c2 1 x 5 x 4 x 4, want N x classes"):
        net.scores("c2")
    with pytest.raises(NetError, match='no blob or layer "scor" in the net .did you mean "score"'):
        net.scores("scor")
    with pytest.raises(NetError, match='no blob or layer "xyz" in the net .it has c1, p1, n1, c2, score, prob'):
        net.value("xyz")
