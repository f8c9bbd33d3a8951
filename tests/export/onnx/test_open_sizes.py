"""Layers of the forks in a file whose height and width are open: what Caffe computes at another size, or a refusal."""

import numpy as np
import pytest

from tests.export.onnx.running import close, conversion_of_text, run, weights_of
from tests.layers.cases import ALL
from zoo import reference
from zoo.errors import UnsupportedError
from zoo.export.onnx.model import onnx_model
from zoo.export.onnx.registry import find
from zoo.layers.base.registry import find as layer_kind

FORMS = {  # of these the nodes follow from height and width
    "CTCGreedyDecoder",
    "MarginInnerProduct",
    "PSROIPooling",
    "PriorBox",
    "Proposal",
    "Python",
    "Reorg",
    "Upsample",
    "YoloDetectionOutput",
    "Yolov3DetectionOutput",
}
CASES = [
    case
    for case in ALL
    if case.phase == "TEST"
    and layer_kind(case.kind).fork
    and find(case.kind)
    and any(len(fed.shape) == 4 and fed.shape[2:] != (1, 1) for fed in case.inputs.values())
]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_larger_planes(case, tmp_path):
    conversion = conversion_of_text(case.prototxt, tmp_path / "net.prototxt", arrays=case.blobs)
    bound = case.id == "DepthwiseConvolution-longer-kernel"  # of a larger plane no kernel hangs over
    if bound or case.type in FORMS and case.kind != "Upsample (yolo)":
        with pytest.raises(UnsupportedError, match="height and width"):
            onnx_model(conversion, any_size=True)
        return
    model, rng, feeds = onnx_model(conversion, any_size=True), case.rng("larger planes"), {}
    for name, fed in case.inputs.items():
        n, c, *plane = (*fed.shape,) if len(fed.shape) == 4 else (0, 0)
        shape = (n, c, plane[0] + 3, plane[1] + 2) if plane and plane != [1, 1] else fed.shape
        feeds[name] = np.asarray(fed.draw(rng, shape), np.float32)
    want = reference.run(conversion.message, weights_of(conversion), feeds)
    for blob, got in zip(conversion.outputs, run(model, feeds), strict=True):
        close(blob, got, want[blob])
