"""Nets in which the data says how many rows there are, up to the end: a small Faster R-CNN."""

import numpy as np
import pytest

from tests.export.onnx.running import close, conversion_of_text, run, weights_of
from zoo import reference
from zoo.export.onnx.model import onnx_model

HEAD = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: %d dim: 5 dim: 7 } } }
layer { name: "s" type: "Input" top: "s" input_param { shape { dim: 1 dim: 6 dim: 5 dim: 7 } } }
layer { name: "o" type: "Input" top: "o" input_param { shape { dim: 1 dim: 12 dim: 5 dim: 7 } } }
layer { name: "i" type: "Input" top: "i" input_param { shape { dim: 1 dim: 4 } } }
layer { name: "p" type: "Proposal" bottom: "s" bottom: "o" bottom: "i" top: "rois"
  proposal_param { ratio: 0.5 ratio: 1 ratio: 2 scale: 2 nms_thresh: 0.3 } }
%s
layer { name: "prob" type: "Softmax" bottom: "scores" top: "prob" }
"""
FASTER = """
layer { name: "pool" type: "ROIPooling" bottom: "x" bottom: "rois" top: "pool"
  roi_pooling_param { pooled_h: 2 pooled_w: 3 spatial_scale: 0.0625 } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip" inner_product_param { num_output: 5 } }
layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
layer { name: "cls" type: "InnerProduct" bottom: "ip" top: "scores" inner_product_param { num_output: 3 } }
"""
RFCN = """
layer { name: "pool" type: "PSROIPooling" bottom: "x" bottom: "rois" top: "pool"
  psroi_pooling_param { spatial_scale: 0.0625 output_dim: 3 group_size: 2 } }
layer { name: "vote" type: "Pooling" bottom: "pool" top: "vote" pooling_param { pool: AVE kernel_size: 2 } }
layer { name: "flat" type: "Reshape" bottom: "vote" top: "scores" reshape_param { shape { dim: -1 dim: 3 } } }
"""


@pytest.mark.parametrize(("channels", "text"), [(4, FASTER), (12, RFCN)], ids=["faster", "rfcn"])
@pytest.mark.parametrize("spread", [0.1, 1.0])
def test_regions_are_found_pooled_and_scored(channels, text, spread, tmp_path):
    rng = np.random.default_rng(3)

    def blobs(shapes, name):
        return [rng.normal(size=shape).astype(np.float32) for shape in shapes]

    conversion = conversion_of_text(HEAD % (channels, text), tmp_path / "net.prototxt", arrays=blobs)
    feeds = {
        "x": rng.normal(size=(1, channels, 5, 7)).astype(np.float32),
        "s": rng.uniform(size=(1, 6, 5, 7)).astype(np.float32),
        "o": rng.normal(size=(1, 12, 5, 7)).astype(np.float32) * np.float32(spread),
        "i": np.array([[80, 112, 1, 1]], np.float32),
    }
    want = reference.run(conversion.message, weights_of(conversion), feeds)
    assert 1 < len(want["rois"]) < 5 * 7 * 3
    for blob, got in zip(conversion.outputs, run(onnx_model(conversion), feeds), strict=True):
        close(blob, got, want[blob])
