"""Every layer type that has an ONNX form, by the one case table: ONNX Runtime against the reference implementation."""

import pytest

from tests.export.onnx.running import close, conversion_of_text, onnx, run, weights_of
from tests.layers.cases import ALL
from zoo import reference
from zoo.errors import UnsupportedError
from zoo.export.onnx.model import onnx_model
from zoo.export.onnx.registry import find

WRITTEN = [case for case in ALL if find(case.kind) and case.phase == "TEST"]
REFUSED = list({case.kind: case for case in ALL if not find(case.kind) and case.phase == "TEST"}.values())


def params(cases):
    return pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in cases])


@params(WRITTEN)
def test_onnx_runtime_computes_what_caffe_does(case, tmp_path):
    conversion = conversion_of_text(case.prototxt, tmp_path / "net.prototxt", arrays=case.blobs)
    model = onnx_model(conversion)
    onnx.checker.check_model(model, full_check=True)
    assert {opset.domain for opset in model.opset_import} == {""}
    for more in (0, 2) if not (conversion.fixed or case.batch_fixed) else (0,):
        feeds = case.feeds(more)
        want = reference.run(conversion.message, weights_of(conversion), feeds)
        for blob, got in zip(conversion.outputs, run(model, feeds), strict=True):
            close(f"{blob}, {more} more items", got, want[blob])


@params(REFUSED)
def test_what_has_no_form_is_refused_by_name(case, tmp_path):
    conversion = conversion_of_text(case.prototxt, tmp_path / "net.prototxt")
    with pytest.raises(UnsupportedError, match="has no exact ONNX form") as error:
        onnx_model(conversion)
    assert f'layer "layer" ({case.type})' in str(error.value)
