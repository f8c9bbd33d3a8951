"""SE-ResNet-50 on ImageNet: Hu, Shen and Sun, arXiv 1709.01507, with the names of hujie-frank/SENet."""

from configs.generate import resnet
from configs.generate.imagenet import MSRA, POOL, ZERO, commands, conv_bn, data, window
from configs.generate.sketch import Sketch

REDUCTION = 16  # the first layer of an excitation gives a sixteenth of the channels


def convolution(net, name, bottom, channels, shape, relu=None):
    """Adds a convolution with BatchNorm and Scale and, where `relu` names it, a ReLU."""
    return conv_bn(net, name, bottom, channels, shape, bn=f"{name}/bn", scale=f"{name}/bn/scale", relu=relu)


def excitation(net, block, bottom, channels):
    """Adds what gives one factor between 0 and 1 for each channel of `bottom`; returns it."""
    top = net.add(f"{block}_global_pool", "Pooling", bottom, pool=POOL.AVE, global_pooling=True)
    fields = window(1) | MSRA | ZERO
    top = net.add(f"{block}_1x1_down", "Convolution", top, num_output=channels // REDUCTION, **fields)
    top = net.add(f"{block}_1x1_down/relu", "ReLU", top, in_place=True)
    top = net.add(f"{block}_1x1_up", "Convolution", top, num_output=channels, **fields)
    return net.add(f"{block}_prob", "Sigmoid", top, in_place=True)


def unit(net, block, bottom, width, stride, first):
    """Adds a bottleneck whose result is scaled by its excitation before it is added to the shortcut."""
    top = bottom
    for part, channels, shape in (
        ("1x1_reduce", width, window(1, stride)),
        ("3x3", width, window(3, 1, 1)),
        ("1x1_increase", 4 * width, window(1)),
    ):
        name = f"{block}_{part}"
        top = convolution(net, name, top, channels, shape, None if part == "1x1_increase" else f"{name}/relu")
    factors = excitation(net, block, top, 4 * width)
    straight = convolution(net, f"{block}_1x1_proj", bottom, 4 * width, window(1, stride)) if first else bottom
    top = net.add(block, "Axpy", factors, top, straight)
    return net.add(f"{block}/relu", "ReLU", top, in_place=True)


def sketch():
    """Returns the net."""
    net = Sketch("SE-ResNet-50", *data(32))
    net.section("Stem: 224 -> 56. Caffe's pooling rounds up, so it needs no padding.")
    top = convolution(net, "conv1/7x7_s2", net.data, 64, window(7, 2, 3), "conv1/relu_7x7_s2")
    top = net.add("pool1/3x3_s2", "Pooling", top, pool=POOL.MAX, **window(3, 2))
    for stage, count in enumerate(resnet.STAGES[50], 2):
        width = 64 << (stage - 2)
        net.section(
            f"Stage {stage}: {count} blocks, {4 * width} channels of {resnet.SIZES[stage]} x {resnet.SIZES[stage]}."
        )
        for number in range(1, count + 1):
            stride = 2 if stage > 2 and number == 1 else 1
            top = unit(net, f"conv{stage}_{number}", top, width, stride, number == 1)
    net.section("Classifier.")
    top = net.add("pool5/7x7_s1", "Pooling", top, pool=POOL.AVE, kernel_size=7, stride=1)
    net.scores(net.add("classifier", "InnerProduct", top, num_output=1000, **MSRA, **ZERO), top5=True)
    return net


HEADER = """
SE-ResNet-50 on ImageNet: Hu, Shen and Sun, arXiv 1709.01507, with the layers and names of their Caffe release
(hujie-frank/SENet), whose Axpy layer multiplies a block's channels by their excitations and adds the shortcut in one
step. Plain Caffe does not have that type. 28,088,024 learned parameters: 25,557,032 of a ResNet-50 and 2,530,992 of
the sixteen excitations. Besides these, 53,173 numbers of running statistics.

{commands}

Score of the original authors, not run here: top-1 77.63 %, top-5 93.64 % on the centre crop of images whose shorter
side is 256 (their readme, error 22.37 and 6.36). Theirs, from that readme: batch 256 on 8 GPUs, here as 8 x 32, and
a rate that begins at 0.1. Ours, as the readme says no more than "more" epochs: 600,000 iterations with three steps and
a decay of 0.0001, as for ResNet-50. Differs from theirs: no random scale, aspect, rotation or colour augmentation, and
images of 256 x 256.
"""


def config():
    """Returns the text of the config."""
    solver = resnet.SOLVER | {"iter_size": (8, "8 batches of 32 a step")}
    return sketch().text("se_resnet50", HEADER.format(commands=commands("se_resnet50")), solver)
