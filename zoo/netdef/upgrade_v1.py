"""Layers of 2014, `layers { type: CONVOLUTION blobs_lr: 1 }`, become current ones (upgrade_proto.cpp UpgradeV1Net)."""

from zoo.formats import caffe_pb2
from zoo.formats.source_lines import Node

LAYER_TYPES = {
    "NONE": "",
    "ABSVAL": "AbsVal",
    "ACCURACY": "Accuracy",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "CONVOLUTION": "Convolution",
    "DATA": "Data",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "DUMMY_DATA": "DummyData",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "ELTWISE": "Eltwise",
    "EXP": "Exp",
    "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "MVN": "MVN",
    "POOLING": "Pooling",
    "POWER": "Power",
    "RELU": "ReLU",
    "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SILENCE": "Silence",
    "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "SPLIT": "Split",
    "SLICE": "Slice",
    "TANH": "TanH",
    "WINDOW_DATA": "WindowData",
    "THRESHOLD": "Threshold",
    "BN": "BN",
    "UPSAMPLE": "Upsample",
    "DENSE_IMAGE_DATA": "DenseImageData",
    "CONVOLUTION3D": "Convolution3D",
    "POOLING3D": "Pooling3D",
}
# Fields of V1LayerParameter that stand under the same name and meaning in LayerParameter; the rest are below.
_APART = ("layer", "type", "param", "blob_share_mode", "blobs_lr", "weight_decay")
_DATA_TYPES = {"DATA": "data_param", "IMAGE_DATA": "image_data_param", "WINDOW_DATA": "window_data_param"}
_TRANSFORM_FIELDS = ("scale", "mean_file", "crop_size", "mirror")


def _type_name(layer):
    return caffe_pb2.V1LayerParameter.LayerType.Name(layer.type)


def move_transform_fields(net, nodes):
    """Moves scale, mean_file, crop_size and mirror of V1 data layers to transform_param, in `net` itself.

    Where one layer needs it, all data layers get a transform_param, as Caffe's output shows.

    Returns:
        `nodes`, the source nodes of `net.layers`, with the fields moved.
    """
    data = [
        (i, layer, _DATA_TYPES[_type_name(layer)])
        for i, layer in enumerate(net.layers)
        if _type_name(layer) in _DATA_TYPES
    ]
    if not any(getattr(layer, of).HasField(name) for _, layer, of in data for name in _TRANSFORM_FIELDS):
        return nodes
    nodes = list(nodes)
    for index, layer, of in data:
        param = getattr(layer, of)
        param.SetInParent()
        layer.transform_param.SetInParent()
        fields = {name: list(found) for name, found in nodes[index].fields.items()}
        for name in _TRANSFORM_FIELDS:
            if param.HasField(name):
                setattr(layer.transform_param, name, getattr(param, name))
                param.ClearField(name)
                node = nodes[index].find(f"{of}.{name}")
                if node:
                    found = fields.setdefault("transform_param", [Node(node.line, node.span)])
                    found[0] = Node(found[0].line, found[0].span, None, {**found[0].fields, name: [node]})
        nodes[index] = Node(nodes[index].line, nodes[index].span, None, fields)
    return nodes


def upgrade_v1(net, nodes):
    """Returns the current form of a V1 `net` and the source nodes of its layers.

    Args:
        net: a NetParameter without V0 layers; not modified.
        nodes: the source nodes of `net.layers`.
    """
    upgraded = caffe_pb2.NetParameter()
    upgraded.CopyFrom(net)
    upgraded.ClearField("layers")
    for layer in net.layers:
        _upgrade_layer(layer, upgraded.layer.add())
    return upgraded, [_upgrade_node(node) for node in nodes]


def _upgrade_layer(old, new):
    for field, value in old.ListFields():
        if field.name in _APART:
            continue
        if field.is_repeated:
            getattr(new, field.name).extend(value)
        elif field.message_type:
            getattr(new, field.name).CopyFrom(value)
        else:
            setattr(new, field.name, value)
    if old.HasField("type"):
        new.type = LAYER_TYPES[_type_name(old)]
    for field, values in (
        ("name", old.param),
        ("share_mode", old.blob_share_mode),
        ("lr_mult", old.blobs_lr),
        ("decay_mult", old.weight_decay),
    ):
        for index, value in enumerate(values):
            while len(new.param) <= index:
                new.param.add()
            setattr(new.param[index], field, value)


def _upgrade_node(node):
    fields = {name: found for name, found in node.fields.items() if name not in _APART or name == "type"}
    params = {}
    for new, old in (
        ("name", "param"),
        ("share_mode", "blob_share_mode"),
        ("lr_mult", "blobs_lr"),
        ("decay_mult", "weight_decay"),
    ):
        for index, found in enumerate(node.fields.get(old, ())):
            params.setdefault(index, {})[new] = [found]
    if params:
        first = {i: next(iter(found.values()))[0] for i, found in params.items()}
        fields["param"] = [Node(first[i].line, first[i].span, None, params[i]) for i in sorted(params)]
    return Node(node.line, node.span, None, fields)
