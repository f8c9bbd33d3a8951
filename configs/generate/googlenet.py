"""GoogLeNet on ImageNet: Szegedy et al., arXiv 1409.4842, as in BVLC/caffe models/bvlc_googlenet."""

from configs.generate.imagenet import BIAS, POOL, TESTS, WEIGHT, XAVIER, ZERO, commands, conv_relu, data, window
from configs.generate.sketch import Sketch

RATES = {"param": [WEIGHT, BIAS], **XAVIER}
FIELDS = RATES | {"bias_filler": {"type": "constant", "value": 0.2}}
# module: channels of the 1 x 1, of the 3 x 3 and what leads to it, of the 5 x 5 and what leads to it, of the projection
MODULES = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}
HALVED = {"3b": "pool3/3x3_s2", "4e": "pool4/3x3_s2"}  # the poolings after these modules
AUXILIARY = {"4a": 1, "4d": 2}  # the losses on these modules
SIZES = {"3": 28, "4": 14, "5": 7}


def module(net, name, bottom):
    """Adds a module; see `MODULES`."""
    ones, three, five, projected = MODULES[name]

    def part(what, bottom, channels, shape):
        prefix = f"inception_{name}"
        return conv_relu(net, f"{prefix}/{what}", bottom, channels, shape, f"{prefix}/relu_{what}", **FIELDS)

    parts = [part("1x1", bottom, ones, window(1))]
    parts.append(part("3x3", part("3x3_reduce", bottom, three[0], window(1)), three[1], window(3, 1, 1)))
    parts.append(part("5x5", part("5x5_reduce", bottom, five[0], window(1)), five[1], window(5, 1, 2)))
    top = net.add(f"inception_{name}/pool", "Pooling", bottom, pool=POOL.MAX, kernel_size=3, stride=1, pad=1)
    parts.append(part("pool_proj", top, projected, window(1)))
    return net.add(f"inception_{name}/output", "Concat", *parts)


def classify(net, number, top, weight, layer):
    """Adds the last layer of loss `number`, the loss and its scores; `layer` is what the loss is called."""
    top = net.add(f"loss{number}/classifier", "InnerProduct", top, num_output=1000, **RATES, **ZERO)
    net.add(layer, "SoftmaxWithLoss", top, net.label, blob=f"loss{number}/loss{number}", loss_weight=weight)
    net.accuracy(f"loss{number}/top-1", top)
    net.accuracy(f"loss{number}/top-5", top, top_k=5)


def auxiliary(net, number, name, top):
    """Adds an auxiliary classifier on module `name`."""
    net.section(f"Auxiliary classifier on inception {name}: it only helps training; its loss counts 0.3.")
    top = net.add(f"loss{number}/ave_pool", "Pooling", top, pool=POOL.AVE, **window(5, 3))
    top = conv_relu(net, f"loss{number}/conv", top, 128, window(1), f"loss{number}/relu_conv", **FIELDS)
    top = net.add(f"loss{number}/fc", "InnerProduct", top, num_output=1024, **FIELDS)
    top = net.add(f"loss{number}/relu_fc", "ReLU", top, in_place=True)
    top = net.add(f"loss{number}/drop_fc", "Dropout", top, dropout_ratio=0.7, in_place=True)
    classify(net, number, top, 0.3, f"loss{number}/loss")


def sketch():
    """Returns the net."""
    net = Sketch("GoogleNet", *data(32))
    net.section("Stem: 224 -> 28.")
    lrn = {"local_size": 5, "alpha": 0.0001, "beta": 0.75}
    top = conv_relu(net, "conv1/7x7_s2", net.data, 64, window(7, 2, 3), "conv1/relu_7x7", **FIELDS)
    top = net.add("pool1/3x3_s2", "Pooling", top, pool=POOL.MAX, **window(3, 2))
    top = net.add("pool1/norm1", "LRN", top, **lrn)
    top = conv_relu(net, "conv2/3x3_reduce", top, 64, window(1), "conv2/relu_3x3_reduce", **FIELDS)
    top = conv_relu(net, "conv2/3x3", top, 192, window(3, 1, 1), "conv2/relu_3x3", **FIELDS)
    top = net.add("conv2/norm2", "LRN", top, **lrn)
    top = net.add("pool2/3x3_s2", "Pooling", top, pool=POOL.MAX, **window(3, 2))
    for name, (ones, three, five, projected) in MODULES.items():
        given, size = ones + three[1] + five[1] + projected, SIZES[name[0]]
        net.section(f"Inception {name}: {given} channels of {size} x {size}.")
        top = module(net, name, top)
        if name in HALVED:
            top = net.add(HALVED[name], "Pooling", top, pool=POOL.MAX, **window(3, 2))
        if name in AUXILIARY:
            auxiliary(net, AUXILIARY[name], name, top)
    net.section("The classifier proper.")
    top = net.add("pool5/7x7_s1", "Pooling", top, pool=POOL.AVE, kernel_size=7, stride=1)
    top = net.add("pool5/drop_7x7_s1", "Dropout", top, dropout_ratio=0.4, in_place=True)
    classify(net, 3, top, 1, "loss3/loss3")
    return net


SOLVER = {
    "base_lr": 0.01,
    "lr_policy": "poly",
    "power": 0.5,
    "momentum": 0.9,
    "weight_decay": 0.0002,
    "max_iter": (2400000, "60 epochs"),
    "display": 40,
    "average_loss": 40,
    **TESTS,
    "test_interval": 4000,
    "snapshot": 40000,
}

HEADER = """
GoogLeNet on ImageNet: the BVLC replication (models/bvlc_googlenet) with its three losses, weighted 0.3, 0.3 and 1.
13,378,280 parameters with both auxiliary classifiers, 6,998,552 without. The recipe is its quick_solver.

{commands}

Score of the original authors, not run here: top-1 68.7 %, top-5 88.9 % on the centre crop after 2,400,000 iterations
(BVLC/caffe models/bvlc_googlenet/readme.md).
"""


def config():
    """Returns the text of the config."""
    return sketch().text("googlenet", HEADER.format(commands=commands("googlenet")), SOLVER)
