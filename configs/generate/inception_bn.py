"""Inception with BatchNorm on ImageNet: Ioffe and Szegedy, arXiv 1502.03167, named as in lim0606/caffe-googlenet-bn."""

from configs.generate.imagenet import POOL, TESTS, WEIGHT, XAVIER, ZERO, commands, data, window
from configs.generate.sketch import Sketch

# module: channels of the 1 x 1, of the 3 x 3 and what leads to it, of the two 3 x 3 and what leads to them, of the
# pooling's projection; and the kind of that pooling. Without a 1 x 1 the module halves the size, and its pooling has no
# projection.
MODULES = {
    "3a": (64, (64, 64), (64, 96), 32, POOL.AVE),
    "3b": (64, (64, 96), (64, 96), 64, POOL.AVE),
    "3c": (None, (128, 160), (64, 96), None, POOL.MAX),
    "4a": (224, (64, 96), (96, 128), 128, POOL.AVE),
    "4b": (192, (96, 128), (96, 128), 128, POOL.AVE),
    "4c": (160, (128, 160), (128, 160), 96, POOL.AVE),
    "4d": (96, (128, 192), (160, 192), 96, POOL.AVE),
    "4e": (None, (128, 192), (192, 256), None, POOL.MAX),
    "5a": (352, (192, 320), (160, 224), 128, POOL.AVE),
    "5b": (352, (192, 320), (192, 224), 128, POOL.MAX),
}


def convolution(net, name, bottom, channels, shape):
    """Adds a convolution without bias, BatchNorm and Scale with tops of their own, and a ReLU in place."""
    fields = {"num_output": channels, "bias_term": False, "param": [WEIGHT]}
    top = net.add(name, "Convolution", bottom, **fields, **shape, **XAVIER)
    top = net.add(f"{name}/bn", "BatchNorm", top)
    top = net.add(f"{name}/bn/sc", "Scale", top, bias_term=True)
    return net.add(f"{name}/bn/sc/relu", "ReLU", top, in_place=True)


def module(net, name, bottom, ones, three, double, projected, pool):
    """Adds a module; see `MODULES`."""

    def part(what, bottom, channels, shape):
        return convolution(net, f"inception_{name}/{what}", bottom, channels, shape)

    stride = 1 if ones else 2
    parts = [part("1x1", bottom, ones, window(1))] if ones else []
    top = part("3x3_reduce", bottom, three[0], window(1))
    parts.append(part("3x3", top, three[1], window(3, stride, 1)))
    top = part("double3x3_reduce", bottom, double[0], window(1))
    top = part("double3x3a", top, double[1], window(3, 1, 1))
    parts.append(part("double3x3b", top, double[1], window(3, stride, 1)))
    # Caffe's pooling rounds up, so one that halves needs no border.
    top = net.add(f"inception_{name}/pool", "Pooling", bottom, pool=pool, **window(3, stride, 2 - stride))
    parts.append(part("pool_proj", top, projected, window(1)) if projected else top)
    return net.add(f"inception_{name}/output", "Concat", *parts)


def sketch():
    """Returns the net."""
    net = Sketch("InceptionNetwork", *data(32))
    net.section("Stem: 224 -> 28.")
    top = convolution(net, "conv1/7x7_s2", net.data, 64, window(7, 2, 3))
    top = net.add("pool1/3x3_s2", "Pooling", top, pool=POOL.MAX, **window(3, 2))
    top = convolution(net, "conv2/3x3_reduce", top, 64, window(1))
    top = convolution(net, "conv2/3x3", top, 192, window(3, 1, 1))
    top = net.add("pool2/3x3_s2", "Pooling", top, pool=POOL.MAX, **window(3, 2))
    for name, (ones, three, double, projected, pool) in MODULES.items():
        net.section(f"Inception {name}." if ones else f"Inception {name}: half the size.")
        top = module(net, name, top, ones, three, double, projected, pool)
    net.section("Classifier.")
    top = net.add("pool5/7x7_s1", "Pooling", top, pool=POOL.AVE, kernel_size=7, stride=1)
    net.scores(net.add("loss3/classifier", "InnerProduct", top, num_output=1000, **XAVIER, **ZERO), top5=True)
    return net


SOLVER = {
    "base_lr": 0.045,
    "lr_policy": "step",
    "gamma": 0.96,
    "stepsize": 6400,
    "momentum": 0.9,
    "weight_decay": 0.0002,
    "max_iter": (1200000, "30 epochs"),
    "display": 40,
    "average_loss": 40,
    **TESTS,
    "test_interval": 10000,
    "snapshot": 10000,
}

HEADER = """
Inception-BN on ImageNet: GoogLeNet with BatchNorm and two 3x3 convolutions for each 5x5, Ioffe and Szegedy, arXiv
1502.03167, with the layers and names of lim0606/caffe-googlenet-bn. 11,194,984 learned parameters, and 19,973
numbers of running statistics.

{commands}

Score of the released weights, not run here: top-1 72.05 %, top-5 90.87 % on the centre crop after 1,200,000
iterations (their readme), with the labels of ILSVRC 2015. The recipe is theirs: rate 0.045 times 0.96 every 6,400
iterations. Differs from theirs: one batch of 32, where they had 32 on each of two GPUs; no auxiliary classifiers
(loss1 and loss2 of their weights are left over); three channel means, not the mean image.
"""


def config():
    """Returns the text of the config."""
    return sketch().text("inception_bn", HEADER.format(commands=commands("inception_bn")), SOLVER)
