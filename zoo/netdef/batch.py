"""The size of the batches that a net's data layers give, where their fields say it."""

import numbers

from zoo.errors import NetError
from zoo.formats import caffe_pb2
from zoo.layers import find
from zoo.netdef.netdef import LayerDef

MOST = 2**31 - 1  # what Caffe's int holds


def sized(layer: LayerDef, batch_size: int) -> caffe_pb2.LayerParameter | None:
    """Returns a copy of a source's message with axis 0 of its tops set to `batch_size`; None for other layers.

    Raises:
        NetError: `batch_size` is no whole number from 1 to `MOST`.
    """
    kind = find(layer.kind)
    if kind is None or not kind.is_source:
        return None
    if not isinstance(batch_size, numbers.Integral) or not 1 <= batch_size <= MOST:
        raise NetError("not a batch size", at=layer.at(), got=batch_size, want=f"a whole number from 1 to {MOST}")
    message = type(layer.message)()
    message.CopyFrom(layer.message)
    if kind.batch_param:
        getattr(message, kind.batch_param).batch_size = batch_size
        return message
    param = {"Input": message.input_param, "DummyData": message.dummy_data_param}.get(layer.type)
    if param is None:
        return None
    for shape in param.shape:
        if shape.dim:
            shape.dim[0] = batch_size
    if layer.type == "DummyData" and param.num:
        param.num[:] = [batch_size] * len(param.num)
    return message
