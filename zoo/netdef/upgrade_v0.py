"""Layers of 2013, `layers { layer { type: "conv" } }`, become those of 2014 (upgrade_proto.cpp UpgradeV0Net)."""

from zoo.errors import Place, PrototxtError, did_you_mean, raise_together
from zoo.formats import caffe_pb2
from zoo.formats.source_lines import Node

_LAYER_TYPES = {
    "accuracy": "ACCURACY",
    "bnll": "BNLL",
    "concat": "CONCAT",
    "conv": "CONVOLUTION",
    "data": "DATA",
    "dropout": "DROPOUT",
    "euclidean_loss": "EUCLIDEAN_LOSS",
    "flatten": "FLATTEN",
    "hdf5_data": "HDF5_DATA",
    "hdf5_output": "HDF5_OUTPUT",
    "im2col": "IM2COL",
    "images": "IMAGE_DATA",
    "infogain_loss": "INFOGAIN_LOSS",
    "innerproduct": "INNER_PRODUCT",
    "lrn": "LRN",
    "multinomial_logistic_loss": "MULTINOMIAL_LOGISTIC_LOSS",
    "pool": "POOLING",
    "relu": "RELU",
    "sigmoid": "SIGMOID",
    "softmax": "SOFTMAX",
    "softmax_loss": "SOFTMAX_LOSS",
    "split": "SPLIT",
    "tanh": "TANH",
    "window_data": "WINDOW_DATA",
}
_WEIGHTED = {"conv": "convolution_param", "innerproduct": "inner_product_param"}
_WINDOWS = {"conv": "convolution_param", "pool": "pooling_param"}
_SOURCES = {
    "data": "data_param",
    "hdf5_data": "hdf5_data_param",
    "images": "image_data_param",
    "window_data": "window_data_param",
}
_DETECTION = {"window_data": "window_data_param"}
# Each field of V0LayerParameter: {type that takes it: message} and its name there. "" takes the layer's own message.
_FIELDS = {
    "num_output": (_WEIGHTED, "num_output"),
    "biasterm": (_WEIGHTED, "bias_term"),
    "weight_filler": (_WEIGHTED, "weight_filler"),
    "bias_filler": (_WEIGHTED, "bias_filler"),
    "pad": (_WINDOWS, "pad"),
    "kernelsize": (_WINDOWS, "kernel_size"),
    "group": ({"conv": "convolution_param"}, "group"),
    "stride": (_WINDOWS, "stride"),
    "pool": ({"pool": "pooling_param"}, "pool"),
    "dropout_ratio": ({"dropout": "dropout_param"}, "dropout_ratio"),
    "local_size": ({"lrn": "lrn_param"}, "local_size"),
    "alpha": ({"lrn": "lrn_param"}, "alpha"),
    "beta": ({"lrn": "lrn_param"}, "beta"),
    "k": ({"lrn": "lrn_param"}, "k"),
    "source": ({**_SOURCES, "infogain_loss": "infogain_loss_param"}, "source"),
    "batchsize": (_SOURCES, "batch_size"),
    "rand_skip": ({"data": "data_param", "images": "image_data_param"}, "rand_skip"),
    "shuffle_images": ({"images": "image_data_param"}, "shuffle"),
    "new_height": ({"images": "image_data_param"}, "new_height"),
    "new_width": ({"images": "image_data_param"}, "new_width"),
    "concat_dim": ({"concat": "concat_param"}, "concat_dim"),
    "det_fg_threshold": (_DETECTION, "fg_threshold"),
    "det_bg_threshold": (_DETECTION, "bg_threshold"),
    "det_fg_fraction": (_DETECTION, "fg_fraction"),
    "det_context_pad": (_DETECTION, "context_pad"),
    "det_crop_mode": (_DETECTION, "crop_mode"),
    "hdf5_output_param": ({"hdf5_output": "hdf5_output_param"}, ""),
}
# These go to transform_param whatever the type is, as in Caffe; a type that has no use for it is refused when built.
_TRANSFORM = {"scale": "scale", "meanfile": "mean_file", "cropsize": "crop_size", "mirror": "mirror"}
_SAME = ("name", "blobs", "blobs_lr", "weight_decay")
_NET_FIELDS = ("name", "layers", "input", "input_dim", "force_backward")


def upgrade_v0(net, nodes, parsed):
    """Returns the V1 form of a V0 `net` and the source nodes of its layers, padding layers folded into what reads them.

    Args:
        net: a NetParameter whose `layers` hold a `layer`; not modified.
        nodes: the source nodes of `net.layers`.
        parsed: the `Parsed` that it came from, for its places.

    Raises:
        PrototxtError: one error with all that Caffe refuses or would drop.
    """
    errors = [
        PrototxtError(f"{field.name} is not part of the form of 2013", at=parsed.at(field.name), hint="remove it")
        for field, _ in net.ListFields()
        if field.name not in _NET_FIELDS
    ]
    for layer, node in zip(net.layers, nodes):
        errors += _foreign(layer, node, parsed.file)
    raise_together(errors)
    net, nodes = _fold_padding(net, nodes, parsed.file)
    upgraded = caffe_pb2.NetParameter()
    upgraded.CopyFrom(net)
    upgraded.ClearField("layers")
    new_nodes = []
    for layer, node in zip(net.layers, nodes):
        new_nodes.append(_upgrade_layer(layer, node, upgraded.layers.add(), parsed.file, errors))
    raise_together(errors)
    return upgraded, new_nodes


def _place(layer, node, file, path=None):
    found = node.find(f"layer.{path}" if path else "layer") or node
    return Place(file, found.line or None, layer.layer.name or layer.name, layer.layer.type or None)


def _foreign(layer, node, file):
    """Errors for what stands next to the inner `layer` and Caffe would drop."""
    if not layer.HasField("layer"):
        at = _place(layer, node, file)
        return [PrototxtError("a layer of 2014 among layers of 2013", at=at, hint="write all in one form")]
    return [
        PrototxtError(f"{field.name} is not part of the form of 2013", at=_place(layer, node, file), hint="remove it")
        for field, _ in layer.ListFields()
        if field.name not in ("layer", "bottom", "top")
    ]


def _fold_padding(net, nodes, file):
    """Takes padding layers out and gives their pad and bottom to the conv or pool layer that reads them."""
    folded = caffe_pb2.NetParameter()
    folded.CopyFrom(net)
    folded.ClearField("layers")
    kept, producer = [], dict.fromkeys(net.input)
    for layer, node in zip(net.layers, nodes):
        kind, at = layer.layer.type, _place(layer, node, file)
        new = None
        if kind != "padding":
            new = folded.layers.add()
            new.CopyFrom(layer)
            kept.append(node)
        for index, bottom in enumerate(layer.bottom):
            if bottom not in producer:
                raise PrototxtError(f'unknown bottom "{bottom}"', at=at, hint=did_you_mean(bottom, producer))
            source = producer[bottom]
            if source is None or source.layer.type != "padding":
                continue
            if kind not in _WINDOWS:
                raise PrototxtError(
                    f'reads the padding layer "{source.layer.name}"', at=at, got=kind, want="conv or pool"
                )
            for what, count in (("bottom", layer.bottom), ("bottom", source.bottom), ("top", source.top)):
                if len(count) != 1:
                    raise PrototxtError(f"padding takes one {what}", at=at, got=len(count))
            new.layer.pad = source.layer.pad
            new.bottom[index] = source.bottom[0]
        producer.update(dict.fromkeys(layer.top, layer))
    return folded, kept


def _upgrade_layer(layer, node, new, file, errors):
    """Fills `new`, a V1LayerParameter, and returns its source node."""
    old, inner = layer.layer, node.first("layer") or Node(node.line, node.span)
    new.bottom.extend(layer.bottom)
    new.top.extend(layer.top)
    fields = {name: node.fields[name] for name in ("bottom", "top") if name in node.fields}
    if old.HasField("type"):
        if old.type not in _LAYER_TYPES:
            at = _place(layer, node, file, "type")
            errors.append(
                PrototxtError(f'unknown layer type "{old.type}"', at=at, hint=did_you_mean(old.type, _LAYER_TYPES))
            )
            return node
        new.type = caffe_pb2.V1LayerParameter.LayerType.Value(_LAYER_TYPES[old.type])
        fields["type"] = inner.fields.get("type", [])
    for field, value in old.ListFields():
        name = field.name
        found = inner.fields.get(name, [])
        if name == "type":
            continue
        if name in _SAME:
            if field.is_repeated:
                getattr(new, name).extend(value)
            else:
                setattr(new, name, value)
            fields[name] = found
            continue
        if name in _TRANSFORM:
            of, to = "transform_param", _TRANSFORM[name]
        else:
            takers, to = _FIELDS.get(name, ({}, ""))
            of = takers.get(old.type)
        if of is None:
            at = _place(layer, node, file, name)
            errors.append(PrototxtError(f"field {name} has no meaning for this layer type", at=at, hint="remove it"))
            continue
        _put(getattr(new, of), to, value)
        if found:
            param = fields.setdefault(of, [Node(found[0].line, found[0].span)])
            param[0] = Node(
                param[0].line, param[0].span, None, {**param[0].fields, to: found} if to else found[0].fields
            )
    return Node(node.line, node.span, None, fields)


def _put(message, name, value):
    if not name:
        message.CopyFrom(value)
        return
    field = message.DESCRIPTOR.fields_by_name[name]
    if field.is_repeated:
        getattr(message, name).append(value)
    elif field.message_type:
        getattr(message, name).CopyFrom(value)
    else:
        setattr(message, name, value)
