"""The binary `.caffemodel`: a NetParameter message whose layers hold blobs.

Forks of Caffe gave the same field numbers to different things, so of a layer only the name, type, bottoms, tops and
blobs are read, which all of them share; its parameters come from the prototxt.
"""

from typing import NamedTuple

from zoo.formats import blobproto, caffe_pb2, wire


class SavedLayer(NamedTuple):
    """One layer of a file, in the file's order.

    Attributes:
        name, type: as written; the type of an old file is the name of its enum, as "CONVOLUTION".
        bottom, top: names of blobs.
        blobs: list of `blobproto.Blob`.
    """

    name: str
    type: str
    bottom: tuple[str, ...]
    top: tuple[str, ...]
    blobs: list[blobproto.Blob]


class _Numbers(NamedTuple):
    name: int
    type: int
    bottom: int | None
    top: int | None
    blobs: int


_V2 = _Numbers(name=1, type=2, bottom=3, top=4, blobs=7)
_V1 = _Numbers(name=4, type=5, bottom=2, top=3, blobs=6)
_V0 = _Numbers(name=1, type=2, bottom=None, top=None, blobs=50)
_NAME, _LAYERS, _LAYER, _INNER = 1, 2, 100, 1  # NetParameter.name, .layers (V1), .layer; V1LayerParameter.layer (V0)


def decode(data):
    """Returns (net name, list of `SavedLayer`) of the bytes `data`; the arrays are views of them.

    Raises:
        wire.WireError: damaged bytes, no layers at all, or both generations of layers (upgrade_proto.cpp:669-676).
    """
    name, old, new = "", [], []
    for field in wire.scan(data):
        if field.wire != wire.LEN:
            continue
        if field.number == _NAME:
            name = wire.text(data, field, "the net's name")
        elif field.number == _LAYERS:
            old.append(_old_layer(data, field.start, field.end))
        elif field.number == _LAYER:
            new.append(_layer(data, field.start, field.end, _V2))
    if old and new:
        raise wire.WireError("both old and new layers", got=f"{len(old)} `layers` and {len(new)} `layer`")
    if not old and not new:
        raise wire.WireError("no layers in it")
    return name, old or new


def _old_layer(data, start, end):
    """Returns a layer of the V1 generation, or of V0 where one is wrapped in it."""
    layer = _layer(data, start, end, _V1)
    for field in wire.scan(data, start, end):
        if field.number == _INNER and field.wire == wire.LEN:
            inner = _layer(data, field.start, field.end, _V0)
            return inner._replace(bottom=layer.bottom, top=layer.top)
    return layer


def _layer(data, start, end, numbers):
    name, kind, bottom, top, blobs = "", "", [], [], []
    try:
        for field in wire.scan(data, start, end):
            if field.number == numbers.type and field.wire == wire.VARINT:
                kind = _type_name(field.value)
            if field.wire != wire.LEN:
                continue
            if field.number == numbers.name:
                name = wire.text(data, field, "a layer's name")
            elif field.number == numbers.type:
                kind = wire.text(data, field, "a layer's type")
            elif field.number == numbers.bottom:
                bottom.append(wire.text(data, field, "a bottom's name"))
            elif field.number == numbers.top:
                top.append(wire.text(data, field, "a top's name"))
            elif field.number == numbers.blobs:
                blobs.append(field)
        return SavedLayer(
            name, kind, tuple(bottom), tuple(top), [blobproto.decode(data, blob.start, blob.end) for blob in blobs]
        )
    except wire.WireError as error:
        error.layer = error.layer or name or None
        raise


def _type_name(value):
    try:
        return caffe_pb2.V1LayerParameter.LayerType.Name(value)
    except ValueError:
        return str(value)


def layer_bytes(message, arrays, diffs=()):
    """Returns the bytes of a layer whose blobs are `arrays`, as buffers, the fields in the order of their numbers.

    Args:
        message: LayerParameter; its own blobs are left out.
        arrays: the parameters, in order.
        diffs: none, or an array for each of them.
    """
    bare = caffe_pb2.LayerParameter()
    bare.CopyFrom(message)
    bare.ClearField("blobs")
    text = bare.SerializeToString()
    cut = 0
    for field in wire.scan(text):
        if field.number > _V2.blobs:
            break
        cut = field.end
    chunks = [text[:cut]]
    for index, values in enumerate(arrays):
        blob = blobproto.encode(values, diff=diffs[index] if diffs else None)
        chunks += [wire.put_tag(_V2.blobs, wire.LEN) + wire.put_varint(sum(map(len, blob))), *blob]
    return [*chunks, text[cut:]]


def write(file, net, layers):
    """Writes the current generation of the format to the open binary `file`, as Net::ToProto and Layer::ToProto do.

    Args:
        net: the net's name.
        layers: triples (LayerParameter, list of arrays, none or the gradient of each) in the net's order.
    """
    if net:
        name = net.encode("utf-8")
        file.write(wire.put_tag(_NAME, wire.LEN) + wire.put_varint(len(name)) + name)
    for message, arrays, diffs in layers:
        chunks = layer_bytes(message, arrays, diffs)
        file.write(wire.put_tag(_LAYER, wire.LEN) + wire.put_varint(sum(map(len, chunks))))
        file.writelines(chunks)
