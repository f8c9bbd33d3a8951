"""A converted net as onnx.ModelProto."""

import json

import onnx
from onnx import helper

import zoo
from zoo.export import metadata
from zoo.export.conversion import Conversion
from zoo.export.onnx.graph import tensor_header
from zoo.export.onnx.net import WrittenNet, write_net

PRODUCER = "caffe-zoo"
OPSET = 17
IR_VERSION = 8  # the oldest that has the opset, so that old runtimes read the file


def onnx_model(conversion: Conversion, *, any_size: bool = False, pixels: str = "") -> onnx.ModelProto:
    """Returns the ModelProto of a `Conversion`, whole; `file.write` needs less memory.

    Inputs and outputs are in the order of the conversion's, float32 in Caffe's shapes, with the names of their blobs;
    where an output has the name of an input, with a number behind it.

    Args:
        conversion: the net to deploy.
        any_size, pixels: as `net.write_net` has them.

    Raises:
        ZooError: as `write_net`.
    """
    written = write_net(conversion, any_size, pixels)
    model = without_arrays(written, conversion, pixels)
    for name, array in written.graph.arrays.items():
        tensor = tensor_header(name, array)
        tensor.raw_data = array.tobytes()
        model.graph.initializer.append(tensor)
    return model


def without_arrays(written: WrittenNet, conversion: Conversion, pixels: str = "") -> onnx.ModelProto:
    """Returns the ModelProto of a written net without its initialisers."""
    graph = helper.make_graph(written.graph.nodes, written.name, written.inputs, written.outputs)
    model = helper.make_model(
        graph,
        producer_name=PRODUCER,
        producer_version=zoo.__version__,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, provenance(conversion, pixels))
    return model


def provenance(conversion: Conversion, pixels: str = "") -> dict[str, str]:
    """Returns what the file says of its origin: JSON texts by key."""
    sources = metadata.sources(conversion.config, conversion.weights)
    said = {
        "config": sources[0],
        "weights": sources[1:],
        "folded": conversion.origin is not None,
        "preprocessing": {blob: known.as_dict() for blob, known in conversion.preprocessing.items()},
    }
    if pixels:
        said["inputs"] = {
            "pixels": pixels,
            "values": [0, 255],
            "preprocessing": "done in the graph, but for resizing and cropping",
        }
    if conversion.fixed:
        said["batch"] = conversion.fixed
    return {key: json.dumps(value, ensure_ascii=False) for key, value in said.items()}
