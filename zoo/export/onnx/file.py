"""The .onnx file: written array by array, so that no second copy of the weights is held."""

import contextlib
import os
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from zoo.errors import OutputError, Place
from zoo.export.conversion import Conversion
from zoo.export.onnx.graph import tensor_header
from zoo.export.onnx.model import PRODUCER, without_arrays
from zoo.export.onnx.net import write_net
from zoo.formats import atomic

LARGEST = 2**31 - 2**20  # bytes of arrays in one file: no protocol-buffer message may have 2**31
_LARGEST_GRAPH = 2**26  # bytes of a file whose arrays are in another
_GRAPH, _INITIALIZER, _RAW_DATA = 7, 5, 9  # fields of ModelProto, GraphProto and TensorProto; all length-delimited


def write(
    conversion: Conversion,
    path: str | os.PathLike[str],
    *,
    any_size: bool = False,
    pixels: str = "",
    largest: int = LARGEST,
) -> list[str]:
    """Writes the net of a `Conversion` as ONNX.

    Args:
        conversion: the net to deploy.
        path: of the file; its arrays are in `path` + ".data" where there are more than `largest` bytes of them. A
            ".data" file of the file that is replaced is removed where the new one has none.
        any_size, pixels: as `net.write_net` has them.

    Returns:
        The paths written, `path` first.

    Raises:
        OutputError: a file cannot be written.
        ZooError: as `net.write_net`.
    """
    path = os.fspath(path)
    written = write_net(conversion, any_size, pixels)
    model, arrays = without_arrays(written, conversion, pixels), written.graph.arrays
    outside = f"{path}.data" if sum(array.nbytes for array in arrays.values()) > largest else None
    left_over = outside is None and _keeps_arrays_in(path, f"{path}.data")
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(atomic.replacing(path, OutputError))
        if outside is None:
            _write_whole(file, model, arrays)
        else:
            data = stack.enter_context(atomic.replacing(outside, OutputError))
            _write_outside(data, Path(outside).name, model, arrays)
            file.write(model.SerializeToString())
    if left_over:
        _remove(f"{path}.data")
    return [path] if outside is None else [path, outside]


def _keeps_arrays_in(path, data):
    """Returns whether `path` is a file that `write` made, whose arrays are in the file `data`."""
    try:
        if not os.path.isfile(data) or os.path.getsize(path) > _LARGEST_GRAPH:
            return False
        model = onnx.load(path, load_external_data=False)
    except (OSError, DecodeError):
        return False
    places = {entry.value for tensor in model.graph.initializer for entry in tensor.external_data}
    return model.producer_name == PRODUCER and Path(data).name in places


def _remove(path):
    try:
        os.unlink(path)
    except OSError as cause:
        raise OutputError("of no more use, but cannot be removed", at=Place(path), got=cause.strerror) from cause


def _write_whole(file, model, arrays):
    """Writes the model with its initialisers as the last fields of the graph."""
    heads = {name: _head(name, array) for name, array in arrays.items()}
    graph = model.graph.SerializeToString()
    size = len(graph) + sum(
        len(_start(_INITIALIZER, len(head) + array.nbytes)) + len(head) + array.nbytes
        for head, array in zip(heads.values(), arrays.values())
    )
    rest = onnx.ModelProto()
    rest.CopyFrom(model)
    rest.ClearField("graph")
    file.write(rest.SerializeToString() + _start(_GRAPH, size) + graph)
    for name, array in arrays.items():
        head = heads[name]
        file.write(_start(_INITIALIZER, len(head) + array.nbytes) + head)
        file.write(_bytes(array))


def _write_outside(file, location, model, arrays):
    """Writes the arrays alone, and into the model where each is, in the file `location` of the same directory."""
    offset = 0
    for name, array in arrays.items():
        tensor = tensor_header(name, array)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in {"location": location, "offset": offset, "length": array.nbytes}.items():
            tensor.external_data.add(key=key, value=str(value))
        model.graph.initializer.append(tensor)
        file.write(_bytes(array))
        padding = -array.nbytes % 64
        file.write(bytes(padding))
        offset += array.nbytes + padding


def _head(name, array):
    """Returns what comes before an array's own bytes in its TensorProto."""
    return tensor_header(name, array).SerializeToString() + _start(_RAW_DATA, array.nbytes)


def _start(field, length):
    """Returns the key of a length-delimited field and its length."""
    return _varint(field << 3 | 2) + _varint(length)


def _varint(number):
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def _bytes(array):
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
