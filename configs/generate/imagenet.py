"""What recipes on ImageNet have in common: the data of both phases, the header's commands, the usual blocks."""

from zoo.formats import caffe_pb2

POOL = caffe_pb2.PoolingParameter
MEAN = (104, 117, 123)  # of B, G, R
COMMANDS = """
  python -m data_prep.imagenet --source=DIRECTORY_OF_IMAGES --resize={resize}
  python -m zoo.train --config=configs/{name}.prototxt
"""
TESTS = {"test_iter": (1000, "1000 batches of 50: the whole validation set"), "test_initialization": False}
MSRA, XAVIER = ({"weight_filler": {"type": kind}} for kind in ("msra", "xavier"))
ZERO = {"bias_filler": {"type": "constant", "value": 0}}
WEIGHT, BIAS = {"lr_mult": 1, "decay_mult": 1}, {"lr_mult": 2, "decay_mult": 0}


def commands(name, resize="256"):
    """Returns the header's paragraph of commands for the config `name`."""
    return COMMANDS.format(name=name, resize=resize).strip("\n")


def data(batch, size=224, mean=MEAN, scale=None, test_batch=50, mirror=True):
    """Returns the fields of the data layer in TRAIN and in TEST.

    Args:
        batch, test_batch: images of a batch.
        size: of the crop.
        mean: of B, G and R.
        scale: factor of what is left after it, or None.
        mirror: whether half of the images in TRAIN are mirrored.
    """
    fields = {"crop_size": size, "mean_value": list(mean)} | ({"scale": scale} if scale else {})
    return tuple(
        {
            "transform_param": fields | {"mirror": mirrored},
            "data_param": {"source": f"imagenet/{split}", "batch_size": count},
        }
        for split, count, mirrored in (("train", batch, mirror), ("val", test_batch, False))
    )


def window(kernel_size, stride=1, pad=0, **more):
    """Returns the fields of a window, those that are defaults left out."""
    return (
        {"kernel_size": kernel_size} | ({"stride": stride} if stride > 1 else {}) | ({"pad": pad} if pad else {}) | more
    )


def conv_bn(net, name, bottom, channels, shape, *, bn, scale, relu=None, **more):
    """Adds a convolution without bias, BatchNorm and Scale, the last two in place, and a ReLU where it has a name.

    Args:
        net: the `Sketch`.
        name: of the convolution.
        bottom: its bottom.
        channels: how many it gives.
        shape: what `window` gives.
        bn, scale, relu: names of these.
        more: `filler`, msra by default; `bn_fields`, where `in_place` may be False; `param` of the convolution and
            `scale_param` of the Scale; `bias`, whether the convolution has one; `kind`, Convolution by default.
    """
    fields = shape | more.get("filler", MSRA) | ({} if more.get("bias") else {"bias_term": False})
    kind = more.get("kind", "Convolution")
    top = net.add(name, kind, bottom, num_output=channels, **fields, **_param(more.get("param")))
    top = net.add(bn, "BatchNorm", top, **{"in_place": True} | more.get("bn_fields", {}))
    top = net.add(scale, "Scale", top, bias_term=True, in_place=True, **_param(more.get("scale_param")))
    return net.add(relu, "ReLU", top, in_place=True) if relu else top


def _param(rates):
    return {"param": rates} if rates else {}


def hidden(net, number, top, kind="InnerProduct", name=None, **fields):
    """Adds the 4096 outputs of AlexNet's fc6 or fc7 and of nets after it, with ReLU and dropout; returns the top.

    Args:
        net: the `Sketch`.
        number: 6 or 7.
        top: what it reads.
        kind, name: of the layer; the name is fc6 or fc7 by default.
        fields: its fillers, `param` and shape.
    """
    top = net.add(name or f"fc{number}", kind, top, num_output=4096, **fields)
    top = net.add(f"relu{number}", "ReLU", top, in_place=True)
    return net.add(f"drop{number}", "Dropout", top, dropout_ratio=0.5, in_place=True)


def convolution(net, name, bottom, channels, shape):
    """Adds a convolution without bias, its filler msra; returns the top."""
    return net.add(name, "Convolution", bottom, num_output=channels, bias_term=False, **shape, **MSRA)


def conv_relu(net, name, bottom, channels, shape, relu, **fields):
    """Adds a convolution with bias and a ReLU in place; `fields` are fillers and `param`."""
    top = net.add(name, "Convolution", bottom, num_output=channels, **shape, **fields)
    return net.add(relu, "ReLU", top, in_place=True)
