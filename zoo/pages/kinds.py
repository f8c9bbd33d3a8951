"""The kinds of layers that a page tells apart by colour."""

from zoo.layers import find

# In the order of the legend; page colours are in net.css, --k0 and so on by place here.
KINDS = (
    "data",
    "convolution",
    "inner product",
    "pooling",
    "normalisation",
    "activation",
    "joining and reshaping",
    "recurrent",
    "loss and score",
    "other",
)
_TYPES = {
    "convolution": (
        "Convolution Convolution3D ConvolutionDepthwise Deconvolution DepthwiseConvolution Im2col Upsample Interp"
    ),
    "inner product": "InnerProduct MarginInnerProduct Embed",
    "pooling": "Pooling Pooling3D SPP ROIPooling PSROIPooling",
    "normalisation": "BatchNorm BN LRN MVN Mean Normalize NormalizeBBox Scale Bias",
    "activation": (
        "AbsVal BNLL Clip Dropout ELU Exp Log PReLU Power ReLU ReLU6 Sigmoid Softmax SpatialDropout Swish TanH"
        " Threshold"
    ),
    "joining and reshaping": (
        "ArgMax Axpy BatchReindex Concat Crop Eltwise Filter Flatten Permute Reduction Reorg Reshape Reverse"
        " ShuffleChannel Slice Split Tile Transpose"
    ),
    "recurrent": "LSTM LSTMUnit Lstm RNN",
}
_PLACES = {name: KINDS.index(kind) for kind, names in _TYPES.items() for name in names.split()}


def kind_of(layer):
    """Returns the place in `KINDS` of a `LayerDef`."""
    known = find(layer.kind)
    if known is not None and known.is_source:
        return KINDS.index("data")
    if known is not None and not known.deployed:
        return KINDS.index("loss and score")
    return _PLACES.get(layer.type, KINDS.index("other"))
