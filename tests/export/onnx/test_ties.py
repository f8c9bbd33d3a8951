"""Where numbers are equal, what comes first is Caffe's choice, in every runtime."""

import numpy as np
import pytest

from tests.export.onnx.running import close, conversion_of_text, run
from zoo import reference
from zoo.errors import UnsupportedError
from zoo.export.onnx.model import onnx_model

PROPOSAL = """
layer { name: "s" type: "Input" top: "s" input_param { shape { dim: 1 dim: 6 dim: 5 dim: 7 } } }
layer { name: "o" type: "Input" top: "o" input_param { shape { dim: 1 dim: 12 dim: 5 dim: 7 } } }
layer { name: "i" type: "Input" top: "i" input_param { shape { dim: 1 dim: 4 } } }
layer { name: "p" type: "Proposal" bottom: "s" bottom: "o" bottom: "i" top: "rois" top: "found"
  proposal_param { ratio: 0.5 ratio: 1 ratio: 2 scale: 2 min_size: %d pre_nms_topn: %d nms_thresh: 0.9 } }
"""


@pytest.mark.parametrize(("least", "before"), [(1, 50), (40, 105), (1000, 60)])
@pytest.mark.parametrize("levels", [1, 3, 20])
def test_proposals_of_equal_scores_are_in_the_order_of_the_quicksort(least, before, levels, tmp_path):
    conversion = conversion_of_text(PROPOSAL % (least, before), tmp_path / "net.prototxt")
    rng = np.random.default_rng(least + before + levels)
    feeds = {
        "s": rng.integers(1, levels + 1, (1, 6, 5, 7)).astype(np.float32) / 32,
        "o": rng.normal(size=(1, 12, 5, 7)).astype(np.float32) * 0.3,
        "i": np.array([[80, 112, 1, 1]], np.float32),
    }
    want = reference.run(conversion.message, {}, feeds)
    for blob, got in zip(conversion.outputs, run(onnx_model(conversion), feeds), strict=True):
        close(blob, got, want[blob])
    assert levels == 20 or len(np.unique(want["found"])) < len(want["found"])


@pytest.mark.parametrize("threshold", [0, 0.3, 0.7])
def test_proposals_less_than_a_pixel_apart_do_not_overlap(threshold, tmp_path):
    text = (PROPOSAL % (0, 105)).replace("0.9", str(threshold)).replace("scale: 2", "scale: 0.1 base_size: 6")
    conversion = conversion_of_text(text.replace("min_size", "feat_stride: 1 min_size"), tmp_path / "net.prototxt")
    rng = np.random.default_rng(3)
    feeds = {
        "s": (rng.permutation(210) + 1).reshape(1, 6, 5, 7).astype(np.float32) / 210,
        "o": rng.normal(size=(1, 12, 5, 7)).astype(np.float32) * 0.3,
        "i": np.array([[5, 7, 1, 1]], np.float32),
    }
    want = reference.run(conversion.message, {}, feeds)
    for blob, got in zip(conversion.outputs, run(onnx_model(conversion), feeds), strict=True):
        close(blob, got, want[blob])
    gaps = np.maximum(want["rois"][:, None, 1:3] - want["rois"][:, 3:], 0)
    assert ((gaps > 0) & (gaps < 1)).any()


YOLO = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 14 dim: 3 dim: 3 } } }
layer { name: "d" type: "Yolov3DetectionOutput" bottom: "x" top: "d" yolov3_detection_output_param {
  num_classes: 2 num_box: 2 biases: 1 biases: 2 biases: 2 biases: 1 mask_group_num: 1 mask: 0 mask: 1 anchors_scale: 1
  confidence_threshold: 0.1 nms_threshold: %g } }
"""


@pytest.mark.parametrize("threshold", [0.995, 1.5])
def test_classes_of_one_box_die_or_stay_together(threshold, tmp_path):
    conversion = conversion_of_text(YOLO % threshold, tmp_path / "net.prototxt")
    feeds = {"x": np.random.default_rng(4).normal(size=(1, 14, 3, 3)).astype(np.float32)}
    want = reference.run(conversion.message, {}, feeds)["d"]
    assert want.shape[2] == 18 if threshold < 1 else want.shape[2] > 18
    close("d", run(onnx_model(conversion), feeds)[0], want)


def test_a_threshold_at_which_rounding_decides_is_refused(tmp_path):
    conversion = conversion_of_text(YOLO % 1, tmp_path / "net.prototxt")
    with pytest.raises(UnsupportedError, match="rounding decides") as error:
        onnx_model(conversion)
    assert 'layer "d" (Yolov3DetectionOutput)' in str(error.value)
