"""Proposal: py-faster-rcnn's Python layer by name, when it is taken, what it reads; the order of equal scores."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import zoo.pycaffe as caffe
from tests.layers.one_layer_net import one_layer, run
from zoo.errors import NetError, UnsupportedError
from zoo.formats.prototxt import parse_net
from zoo.layers.base import user_classes
from zoo.layers.keras_layers.quicksorted import Quicksorted
from zoo.layers.ops import quicksort
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes
from zoo.reference.forks.rcnn import quicksorted

NET = """
layer {{ name: "s" type: "Input" top: "s" input_param {{ shape {{ dim: 1 dim: 18 dim: 4 dim: 5 }} }} }}
layer {{ name: "d" type: "Input" top: "d" input_param {{ shape {{ dim: 1 dim: 36 dim: 4 dim: 5 }} }} }}
layer {{ name: "i" type: "Input" top: "i" input_param {{ shape {{ dim: 1 dim: 3 }} }} }}
layer {{ name: "proposal" type: "Python" bottom: "s" bottom: "d" bottom: "i" top: "rois"
  python_param {{ module: "rpn.proposal_layer" layer: "{}" param_str: "{}" }} }}
"""
PLAIN = NET.format("ProposalLayer", "'feat_stride': 16")
OWN = """
import zoo.pycaffe as caffe
class ProposalLayer(caffe.Layer):
    def setup(self, bottom, top): pass
    def reshape(self, bottom, top): top[0].reshape(2, 5)
    def forward(self, bottom, top): top[0].data[...] = 7
"""


@pytest.fixture
def on_path(tmp_path, monkeypatch):
    """Returns a function that puts a text on the path as rpn/proposal_layer.py."""
    import sys

    def put(text):
        (tmp_path / "rpn").mkdir()
        (tmp_path / "rpn" / "__init__.py").touch()
        (tmp_path / "rpn" / "proposal_layer.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)

    yield put
    for name in ("rpn", "rpn.proposal_layer"):
        sys.modules.pop(name, None)


@pytest.fixture
def open_net(tmp_path):
    """Returns a function that opens a text with pycaffe."""

    def open_text(text):
        (tmp_path / "net.prototxt").write_text(text)
        return caffe.Net(str(tmp_path / "net.prototxt"), caffe.TEST)

    return open_text


def anchors_of(text):
    (layer,) = (one for one in infer_shapes(net_def(parse_net(text), "TEST")) if one.definition.name == "proposal")
    return layer.type.stride, np.round(np.unique(layer.type.anchors[:, 2] - layer.type.anchors[:, 0] + 1)).tolist()


@pytest.mark.parametrize(("count", "zeros"), [(1, 0), (2, 1), (17, 0.3), (300, 0.6)])
def test_equal_scores_are_in_the_order_of_the_quicksort(count, zeros):
    rng = np.random.default_rng(count)
    scores = (rng.uniform(size=count) * (rng.uniform(size=count) >= zeros)).astype(np.float32)
    want = quicksorted(scores, count)
    ours = quicksort.sorted_order(ops.convert_to_tensor(scores), quicksort.rounds_for(count))
    assert np.asarray(ours).tolist() == want
    assert np.asarray(tf.function(Quicksorted(count))(scores)).tolist() == want


@pytest.mark.parametrize("threshold", [0, 0.2])
def test_boxes_less_than_a_pixel_apart_do_not_overlap(threshold):
    """nms.cpp:13 of sanghoon/caffe."""
    body = f"proposal_param {{ ratio: 1 scale: 0.1 feat_stride: 1 base_size: 10 min_size: 0 nms_thresh: {threshold} }}"
    shapes = (1, 2, 1, 4), (1, 4, 1, 4), (1, 4)
    scores = np.array([0] * 4 + [4, 3, 2, 1], np.float32).reshape(shapes[0])
    offsets = np.zeros(shapes[1], np.float32)
    offsets[0, 0, 0] = [0, 0.1, 0.2, -0.4]  # from 4.5, 5.6, 6.7 and 7.1 on, 1 wide: the last two overlap
    for portable in (False, True):
        net = one_layer("Proposal", body, shapes, tops=2, portable=portable)
        rois, found = run(net, scores, offsets, np.array([[20, 20, 1, 1]]))
        assert found.tolist() == [4, 3, 2, -1]
        assert rois[:3, 1] == pytest.approx([4.5, 5.6, 6.7], abs=1e-5)


def test_many_equal_scores():
    scores = np.random.default_rng(0).integers(0, 4, 60).astype(np.float32)
    want = quicksorted(scores, 60)
    assert np.asarray(tf.function(Quicksorted(60))(scores)).tolist() == want
    assert np.asarray(tf.function(Quicksorted(9))(scores))[:9].tolist() == want[:9]
    got = np.asarray(quicksort.sorted_order(ops.convert_to_tensor(scores), 5))  # however few rounds there are
    assert scores[got].tolist() == sorted(scores, reverse=True)


def test_the_anchors_are_those_of_generate_anchors():
    (layer,) = (one for one in infer_shapes(net_def(parse_net(PLAIN), "TEST")) if one.definition.name == "proposal")
    assert layer.type.anchors.tolist() == [
        [-84.0, -40.0, 99.0, 55.0],
        [-176.0, -88.0, 191.0, 103.0],
        [-360.0, -184.0, 375.0, 199.0],
        [-56.0, -56.0, 71.0, 71.0],
        [-120.0, -120.0, 135.0, 135.0],
        [-248.0, -248.0, 263.0, 263.0],
        [-36.0, -80.0, 51.0, 95.0],
        [-80.0, -168.0, 95.0, 183.0],
        [-168.0, -344.0, 183.0, 359.0],
    ]


def test_without_leave_nothing_is_imported_and_a_line_says_so(on_path):
    on_path("raise SystemExit")
    definition = net_def(parse_net(PLAIN), "TEST")
    ((place, line),) = definition.meanings
    assert place.layer == "proposal"
    assert line.startswith("Python is read as in rbgirshick/py-faster-rcnn")
    assert line.endswith("(since Python layers are not allowed here)")


def test_a_users_own_class_is_run_as_ever(on_path, open_net):
    on_path(OWN)
    net = open_net(PLAIN)
    assert net.forward()["rois"].tolist() == [[7.0] * 5] * 2
    assert type(net.layers[3]).__name__ == "ProposalLayer"


@pytest.mark.parametrize("text", [None, "print 'Python 2'", "import no_such_module"])
def test_a_class_that_cannot_be_imported_is_known_by_name(text, on_path, open_net):
    if text:
        on_path(text)
    net = open_net(PLAIN)
    ((_, line),) = net.definition.meanings
    assert "since rpn.proposal_layer cannot be imported: " in line
    rng = np.random.default_rng(0)
    net.blobs["s"].data[...] = rng.uniform(size=(1, 18, 4, 5))
    net.blobs["i"].data[...] = [64, 80, 1]
    rois = net.forward()["rois"]
    assert 0 < len(rois) < 180
    assert rois.shape[1] == 5 and not rois[:, 0].any() and rois[:, 3].max() <= 79 and rois[:, 4].max() <= 63
    net.blobs["i"].data[...] = [64, 80, 10]  # all boxes are smaller than 160 pixels
    assert net.forward()["rois"].shape == (0, 5)


def test_other_python_layers_are_still_refused():
    other = NET.format("AnchorTargetLayer", "'feat_stride': 16")
    with pytest.raises(UnsupportedError, match="would run the class AnchorTargetLayer"):
        infer_shapes(net_def(parse_net(other), "TEST"))
    with pytest.raises(NetError, match="this Python layer is not known without its code"):
        infer_shapes(net_def(parse_net("fork: 'rpn'" + other), "TEST"))
    user_classes.allow()
    try:
        with pytest.raises(NetError, match="cannot import the Python module"):
            infer_shapes(net_def(parse_net(other), "TEST"))
    finally:
        user_classes.allow(False)


@pytest.mark.parametrize(
    ("text", "stride", "scales"),
    [
        ("'feat_stride': 16", 16, (8, 16, 32)),
        ("{'feat_stride': 8}", 8, (8, 16, 32)),
        ("feat_stride: 16\\nscales: [1, 2.5, 4]", 16, (1, 2.5, 4)),
        ("'feat_stride': 16 \\n'scales': !!python/tuple [2, 4, 6]", 16, (2, 4, 6)),
        ('{\\"feat_stride\\": 16, \\"scales\\": (1, 2, 3)}', 16, (1, 2, 3)),
    ],
)
def test_forms_of_param_str(text, stride, scales):
    got = anchors_of(NET.format("ProposalLayer", text))
    assert got == (stride, sorted({float(np.round(w * s)) for w in (23, 16, 11) for s in scales}))


@pytest.mark.parametrize("text", ["", "'scales': [8]", "'feat_stride': 0", "'feat_stride': 16\\n'ratios': [1]", "16"])
def test_what_cannot_be_read(text):
    with pytest.raises(NetError, match="param_str"):
        anchors_of(NET.format("ProposalLayer", text))
