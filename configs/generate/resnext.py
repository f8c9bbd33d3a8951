"""ResNeXt-50 (32 x 4d) on ImageNet: Xie et al., arXiv 1611.05431, with the names of cypw/ResNeXt-1."""

from configs.generate.imagenet import POOL, TESTS, XAVIER, ZERO, commands, conv_bn, data, window
from configs.generate.sketch import Sketch

EPS = {"bn_fields": {"eps": 2e-5}}


def unit(net, name, bottom, width, stride, first):
    """Adds a block: 1 x 1, 3 x 3 in 32 groups, 1 x 1, the stride on the second."""
    top = bottom
    for number, (channels, shape) in enumerate(
        ((width, window(1)), (width, window(3, stride, 1, group=32)), (2 * width, window(1))), 1
    ):
        names = {"bn": f"{name}_bn{number}", "scale": f"scale_{name}_bn{number}"}
        relu = f"{name}_relu{number}" if number < 3 else None
        top = conv_bn(net, f"{name}_conv{number}", top, channels, shape, relu=relu, **names, **EPS)
    straight = bottom
    if first:
        names = {"bn": f"{name}_sc_bn", "scale": f"scale_{name}_sc_bn"}
        straight = conv_bn(net, f"{name}_sc", bottom, 2 * width, window(1, stride), **names, **EPS)
    top = net.add(f"{name}_plus", "Eltwise", straight, top)
    return net.add(f"{name}_relu", "ReLU", top, in_place=True)


def sketch():
    """Returns the net."""
    net = Sketch("ResNeXt-50", *data(32))
    net.section("Stem: 224 -> 56. The data are normalised first.")
    top = net.add("bn_data", "BatchNorm", net.data, eps=2e-5)
    top = net.add("scale_bn_data", "Scale", top, bias_term=True, in_place=True)
    top = conv_bn(net, "conv0", top, 64, window(7, 2, 3), bn="bn0", scale="scale_bn0", relu="relu0", **EPS)
    top = net.add("pooling0", "Pooling", top, pool=POOL.MAX, **window(3, 2))
    for stage, count in enumerate((3, 4, 6, 3), 1):
        width, size = 64 << stage, 112 >> stage
        net.section(f"Stage {stage}: {count} blocks, {2 * width} channels of {size} x {size}.")
        for number in range(1, count + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            top = unit(net, f"stage{stage}_unit{number}", top, width, stride, number == 1)
    net.section("Classifier.")
    top = net.add("pool1", "Pooling", top, pool=POOL.AVE, global_pooling=True)
    net.scores(net.add("fc1", "InnerProduct", top, num_output=1000, **XAVIER, **ZERO), top5=True)
    return net


HEADER = """
ResNeXt-50 (32 x 4d) on ImageNet: Xie, Girshick, Dollar, Tu and He, arXiv 1611.05431, with the layers and names of
the Caffe release by cypw (cypw/ResNeXt-1), which came from MXNet: a BatchNorm on the data, and a block's stride on
its grouped convolution. 25,028,910 learned parameters: the published 25,028,904 and 6 of the data's. Besides these,
68,284 numbers of running statistics.

{commands}

Score of the converted weights, not run here: top-1 76.9 %, top-5 93.3 % on the centre crop of images whose shorter
side is 256 (their readme, error 23.1 and 6.7); the paper's own is 77.8 % (its table 3, error 22.2). The recipe is
the paper's section 4: batch 256, here as 8 x 32, rate 0.1 divided by 10 three times, decay 0.0001. Ours: after
epochs 30, 60 and 80 of 90 (5005 steps each). Differs from theirs: no scale, aspect or colour augmentation, and
images of 256 x 256.
"""

SOLVER = {
    "base_lr": 0.1,
    "lr_policy": "multistep",
    "gamma": 0.1,
    "stepvalue": [150150, 300300, 400400],
    "momentum": 0.9,
    "weight_decay": 0.0001,
    "max_iter": 450450,
    "iter_size": (8, "8 batches of 32 a step"),
    "display": 20,
    "average_loss": 20,
    **TESTS,
    "test_interval": 5005,
    "snapshot": 10010,
}


def config():
    """Returns the text of the config."""
    return sketch().text("resnext50", HEADER.format(commands=commands("resnext50")), SOLVER)
