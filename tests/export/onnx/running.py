"""A case of the table, or a text, as a `Conversion`; and what ONNX Runtime computes of a model."""

import numpy as np
import pytest

from zoo.export.batch_size import why_fixed
from zoo.export.conversion import Conversion
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

CLOSE = 1e-5  # of the largest value


def conversion_of_text(text, path, phase="TEST", arrays=None):
    """Returns the `Conversion` of a prototxt whose data layers are Input; its outputs are all blobs that layers give.

    Args:
        text: the net's.
        path: a new file that the text is written to, since a model names its source.
        arrays: ``arrays(shapes, layer name) -> float32 arrays``, the parameters; None for what the fillers give.
    """
    path.write_text(text)
    parsed = parse_net(text)
    definition = net_def(parsed, phase)
    planned = infer_shapes(definition)
    inputs = tuple(ref for layer in planned if layer.type.is_source for ref in layer.definition.tops)
    computed = [layer for layer in planned if not layer.type.is_source]
    conversion = Conversion(
        config=str(path),
        weights=(),
        parsed=parsed,
        definition=definition,
        shapes={ref: shape for layer in planned for ref, shape in zip(layer.definition.tops, layer.tops)},
        inputs=inputs,
        outputs={ref.name: ref for layer in computed for ref in layer.definition.tops},
        preprocessing={},
        found={},
        fixed=why_fixed(definition),
    )
    for layer in conversion.array_net.layers if arrays else ():
        given = arrays([parameter.spec.shape for parameter in layer.parameters], layer.definition.name)
        for parameter, array in zip(layer.parameters, given, strict=True):
            parameter.assign(array)
    return conversion


def weights_of(conversion):
    """Returns {layer key: float32 arrays}, as the reference implementation takes them."""
    return {
        layer.definition.key: [parameter.array() for parameter in layer.parameters]
        for layer in conversion.array_net.layers
        if layer.parameters
    }


def run(model, feeds):
    """Returns the outputs, a list, that ONNX Runtime computes of a ModelProto, or of the file at a path."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    source = model if isinstance(model, str) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def close(name, got, want, tolerance=CLOSE):
    """Fails where two arrays differ by more than `tolerance` of the largest finite value, or in shape."""
    assert got.shape == want.shape, f"{name}: shape {got.shape}, want {want.shape}"
    finite = np.isfinite(want)
    np.testing.assert_array_equal(got[~finite], want[~finite], name)
    largest = np.abs(want[finite]).max(initial=0)
    difference = np.abs(got[finite].astype(np.float64) - want[finite]).max(initial=0)
    assert difference <= tolerance * largest, f"{name}: {difference:g} apart, the largest is {largest:g}"
