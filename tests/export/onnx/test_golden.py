"""Every layer case that real Caffe or a fork recorded and that ONNX can hold, against those numbers."""

import numpy as np
import pytest

from tests.export.onnx.running import close, conversion_of_text, run
from tests.layers import recorded
from zoo.errors import UnsupportedError
from zoo.export.onnx.model import onnx_model
from zoo.export.onnx.registry import why_refused

CLOSE = 1e-5
NORMS = ("BatchNorm", "BatchNorm (nvidia)", "BatchNorm (nvidia15)", "BN (psp)", "BN (happynear)")
TRAINS = (*NORMS, "Dropout", "SpatialDropout")  # what they compute in TRAIN is not what they compute in TEST


@pytest.mark.parametrize("path", recorded.parameters())
def test_as_caffe(path, tmp_path):
    with np.load(path) as data:
        arrays = {key: data[key] for key in data}
    given = {key.removeprefix("param/"): array for key, array in arrays.items() if key.startswith("param/")}

    def blobs(shapes, name):
        return [given[f"{name}/{index}"].reshape(shape) for index, shape in enumerate(shapes)]

    conversion = conversion_of_text(str(arrays["prototxt"]), tmp_path / "net.prototxt", arrays=blobs)
    kinds = [layer.kind for layer in conversion.definition.layers]
    if arrays["phase"] == "TRAIN" and any(kind in TRAINS for kind in kinds):
        pytest.skip("recorded in TRAIN")
    try:
        model = onnx_model(conversion)
    except UnsupportedError as error:  # test_registry says which may be
        assert any(why_refused(kind) in str(error) for kind in kinds)
        return
    got = dict(zip(conversion.outputs, run(model, {ref.name: arrays[f"in/{ref.name}"] for ref in conversion.inputs})))
    wanted = {key.removeprefix("out/"): array for key, array in arrays.items() if key.startswith("out/")}
    compared = wanted.keys() & got.keys()
    assert compared
    for blob in compared:
        close(blob, got[blob], wanted[blob])
