"""ShuffleNet 1x, 3 groups, on ImageNet: Zhang et al., arXiv 1707.01083, with the names of farmingyard/ShuffleNet."""

from configs.generate.imagenet import BIAS, MSRA, POOL, TESTS, WEIGHT, ZERO, commands, conv_bn, data, window
from configs.generate.sketch import Sketch

GROUPS = 3
STAGES = ((4, 240), (8, 480), (4, 960))  # units, channels that each gives


def convolution(net, name, bottom, channels, shape, relu=False, kind="Convolution"):
    """Adds a convolution of the type `kind` with BatchNorm and Scale and, on request, a ReLU."""
    names = {"bn": f"{name}_bn", "scale": f"{name}_scale", "relu": f"{name}_relu" if relu else None}
    return conv_bn(net, name, bottom, channels, shape, kind=kind, **names)


def unit(net, number, bottom, thin, given, stride):
    """Adds a unit; that with stride 2 joins the pooled bottom, the others add theirs.

    Args:
        net: the `Sketch`.
        number: of the unit, from 1.
        bottom: what it reads.
        thin: channels of its depthwise convolution.
        given: channels that its branch gives.
        stride: of the depthwise convolution, 1 or 2.
    """
    name, first = f"resx{number}", number == 1
    straight = bottom
    if stride == 2:
        straight = net.add(f"{name}_match_conv", "Pooling", bottom, pool=POOL.AVE, **window(3, 2))
    shape = window(1) if first else window(1, group=GROUPS)
    top = convolution(net, f"{name}_conv1", bottom, thin, shape, relu=True)
    if not first:
        top = net.add(f"shuffle{number}", "ShuffleChannel", top, shuffle_channel_param={"group": GROUPS})
    top = convolution(net, f"{name}_conv2", top, thin, window(3, stride, 1, group=thin), kind="ConvolutionDepthwise")
    top = convolution(net, f"{name}_conv3", top, given, window(1, group=GROUPS))
    name, kind = (f"{name}_concat", "Concat") if stride == 2 else (f"{name}_elewise", "Eltwise")
    top = net.add(name, kind, straight, top)
    return net.add(f"{name}_relu", "ReLU", top, in_place=True)


def sketch():
    """Returns the net."""
    net = Sketch("ShuffleNet", *data(128, mean=(103.94, 116.78, 123.68), scale=0.017))
    net.section("Stem: 224 -> 56. Caffe's pooling rounds up, so it needs no padding.")
    top = convolution(net, "conv1", net.data, 24, window(3, 2, 1), relu=True)
    top = net.add("pool1", "Pooling", top, pool=POOL.MAX, **window(3, 2))
    read, first, size = 24, 1, 28
    for count, channels in STAGES:
        net.section(f"{count} units, {channels} channels of {size} x {size}.")
        given = channels - read
        top = unit(net, first, top, given // 4, given, 2)
        for number in range(first + 1, first + count):
            top = unit(net, number, top, channels // 4, channels, 1)
        read, first, size = channels, first + count, size // 2
    net.section("Classifier.")
    top = net.add("pool_ave", "Pooling", top, pool=POOL.AVE, global_pooling=True)
    top = net.add("fc1000", "Convolution", top, num_output=1000, param=[WEIGHT, BIAS], **window(1), **MSRA, **ZERO)
    net.scores(top, top5=True)
    return net


SOLVER = {
    "base_lr": 0.5,
    "lr_policy": "poly",
    "power": 1,
    "momentum": 0.9,
    "weight_decay": 0.00004,
    "max_iter": (300000, "240 epochs"),
    "iter_size": (8, "8 batches of 128 a step"),
    "display": 20,
    "average_loss": 20,
    **TESTS,
    "test_interval": 10000,
    "snapshot": 10000,
}

HEADER = """
ShuffleNet 1x with 3 groups on ImageNet: Zhang, Zhou, Lin and Sun, arXiv 1707.01083, with the layers and names of the
Caffe form by farmingyard (farmingyard/ShuffleNet). Plain Caffe does not have ShuffleChannel and ConvolutionDepthwise;
a Convolution of the same fields computes what the latter does. 1,814,734 learned parameters, and 23,785 numbers of
running statistics.

{commands}

Score of the original authors, not run here: top-1 67.8 %, top-5 87.7 % on the centre crop of images whose shorter
side is 256 (ShuffleNetV1/README.md of their megvii-model/ShuffleNet-Series, error 32.2 and 12.3). Their net has 1.9
million parameters and 138 million multiply-adds: the three units that halve the map have middles of 60, 120 and 240
channels there, of 54, 60 and 120 here, and their classifier has no biases. The author of the Caffe form gives no
score. The recipe is that of the same repository (ShuffleNetV1/train.py): batch 1024, here as 8 x 128, 300,000
iterations, rate 0.5 falling linearly, decay 0.00004. Ours: decay on every parameter, as which ones theirs leaves
out was not found. Differs from theirs: labels that are not smoothed; no scale, aspect or colour augmentation; images
of 256 x 256.
"""


def config():
    """Returns the text of the config."""
    return sketch().text("shufflenet_1x_g3", HEADER.format(commands=commands("shufflenet_1x_g3")), SOLVER)
