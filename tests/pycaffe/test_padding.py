"""Blobs of which only the data knows the rows have real rows only, and so have those behind them."""

import numpy as np
import pytest

import zoo.pycaffe as caffe
from tests.netdef.test_padding import BEHIND, HEAD


@pytest.fixture
def run(tmp_path):
    """Returns a function from net text to a function that runs it with some priors found in each item."""

    def load(text):
        path = tmp_path / "net.prototxt"
        path.write_text("force_backward: true\n" + text)
        net = caffe.Net(str(path), caffe.TEST)
        boxes = [[i / 10, 0, i / 10 + 0.05, 1] for i in range(6)]
        net.blobs["prior"].data[...] = np.stack([np.ravel(boxes), np.full(24, 0.1)])

        def forward(*found):
            score = np.array([[0.9 if i < n else 0.1 for i in range(6)] for n in found])
            net.blobs["conf"].data[...] = np.stack([1 - score, score], 2).reshape(2, 12)
            return net.forward()

        return net, forward

    return load


def test_pycaffe_gives_caffes_rows(run):
    net, forward = run(HEAD)
    for found in ((2, 3), (0, 6), (6, 6), (1, 0)):
        det = forward(*found)["det"]
        assert det.shape == (1, 1, sum(found), 7)
        assert det[0, 0, :, 0].tolist() == [0] * found[0] + [1] * found[1]
        assert det[0, 0, :, 3] == pytest.approx([i / 10 for n in found for i in range(n)])
    det = forward(0, 0)["det"]
    assert det.tolist() == [[[[i] + [-1] * 6 for i in range(2)]]]


def test_pycaffe_gives_layers_behind_real_rows_only(run):
    net, forward = run(HEAD + BEHIND)
    for found in ((2, 3), (6, 6), (1, 0), (2, 3), (0, 0)):
        mean = forward(*found)["mean"]
        rows = max(sum(found), 2 * (found == (0, 0)))
        assert net.blobs["det"].shape == (1, 1, rows, 7)
        assert net.blobs["ip"].shape == (rows, 2)
        assert mean == pytest.approx(net.blobs["det"].data.sum() / rows, rel=1e-5)
        net.blobs["mean"].diff[...] = 1
        net.clear_param_diffs()
        net.backward()
        assert net.params["ip"][0].diff[0] == pytest.approx(net.blobs["det"].data[0, 0].sum(0) / rows / 2, rel=1e-5)
        assert not net.blobs["loc"].diff.any()


def test_pycaffe_layer_by_layer(run):
    net, forward = run(HEAD + BEHIND)
    seen = []
    net.after_forward(lambda index: seen.append(net.blobs["det"].shape[2]))
    forward(2, 2)
    assert seen[-1] == 4
    net.forward(start="rows")
    assert net.blobs["ip"].shape == (4, 2)
