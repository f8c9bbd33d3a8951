"""ResNets on ImageNet: He, Zhang, Ren and Sun, arXiv 1512.03385, with the names of KaimingHe/deep-residual-networks."""

from configs.generate.imagenet import MSRA, POOL, TESTS, ZERO, commands, conv_bn, data, window
from configs.generate.sketch import Sketch

STAGES = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
SIZES = {2: 56, 3: 28, 4: 14, 5: 7}


def names(depth, stage, count):
    """Returns the names of a stage's blocks: a, b, c; of the long stages a, b1, b2, as in the release."""
    if depth > 50 and stage in (3, 4):
        return ["a", *(f"b{number}" for number in range(1, count))]
    return [chr(ord("a") + number) for number in range(count)]


def branch(net, block, number, bottom, channels, shape, relu=True):
    """Adds one convolution of a block with BatchNorm, Scale and, on request, ReLU; `number` is 1, 2a, 2b or 2c."""
    name = f"res{block}_branch{number}"
    bn, scale = f"bn{block}_branch{number}", f"scale{block}_branch{number}"
    return conv_bn(net, name, bottom, channels, shape, bn=bn, scale=scale, relu=f"{name}_relu" if relu else None)


def basic(net, block, bottom, width, stride, first):
    """Adds a block of two 3 x 3 convolutions."""
    straight = branch(net, block, "1", bottom, width, window(1, stride), relu=False) if first else bottom
    top = branch(net, block, "2a", bottom, width, window(3, stride, 1))
    return straight, branch(net, block, "2b", top, width, window(3, 1, 1), relu=False)


def bottleneck(net, block, bottom, width, stride, first):
    """Adds a block of a 1 x 1, a 3 x 3 and a 1 x 1 convolution."""
    straight = branch(net, block, "1", bottom, 4 * width, window(1, stride), relu=False) if first else bottom
    top = branch(net, block, "2a", bottom, width, window(1, stride))
    top = branch(net, block, "2b", top, width, window(3, 1, 1))
    return straight, branch(net, block, "2c", top, 4 * width, window(1), relu=False)


def sketch(depth, batch, biases=False):
    """Returns the net; with `biases` conv1 has them, as that of the released ResNet-50."""
    net = Sketch(f"ResNet-{depth}", *data(batch))
    net.section("Stem: 224 -> 56. Caffe's pooling rounds up, so it needs no padding.")
    top = conv_bn(
        net,
        "conv1",
        net.data,
        64,
        window(7, 2, 3),
        bn="bn_conv1",
        scale="scale_conv1",
        relu="conv1_relu",
        bias=biases,
    )
    top = net.add("pool1", "Pooling", top, pool=POOL.MAX, **window(3, 2))
    add = basic if depth < 50 else bottleneck
    for stage, count in enumerate(STAGES[depth], 2):
        width = 64 << (stage - 2)
        given = width if add is basic else 4 * width
        net.section(f"Stage {stage}: {count} blocks, {given} channels of {SIZES[stage]} x {SIZES[stage]}.")
        for number, letter in enumerate(names(depth, stage, count)):
            block = f"{stage}{letter}"
            straight, top = add(net, block, top, width, 2 if stage > 2 and not number else 1, not number)
            top = net.add(f"res{block}", "Eltwise", straight, top)
            top = net.add(f"res{block}_relu", "ReLU", top, in_place=True)
    net.section("Classifier.")
    top = net.add("pool5", "Pooling", top, pool=POOL.AVE, kernel_size=7, stride=1)
    net.scores(net.add("fc1000", "InnerProduct", top, num_output=1000, **MSRA, **ZERO), top5=True)
    return net


SOLVER = {
    "base_lr": 0.1,
    "lr_policy": "multistep",
    "gamma": 0.1,
    "stepvalue": [150000, 300000, 450000],
    "momentum": 0.9,
    "weight_decay": 0.0001,
    "max_iter": (600000, "120 epochs"),
    "display": 20,
    "average_loss": 20,
    **TESTS,
    "test_interval": 5000,
    "snapshot": 10000,
}

HEADER = """
ResNet-{depth} on ImageNet: He, Zhang, Ren and Sun, arXiv 1512.03385, with the layers and names of their Caffe
release (KaimingHe/deep-residual-networks): BatchNorm and Scale after each convolution, and a block's stride on its
first 1x1 convolutions. {parameters} Besides these, {statistics} numbers of running statistics.

{commands}

Score of the original authors, not run here: top-1 {top1} %, top-5 {top5} % on the centre crop (their readme, error
{errors}). From the paper's section 3.4: batch 256, rate 0.1 divided by 10 at plateaus, 600,000 iterations, decay
0.0001, msra filler. Ours: the three steps. Differs from theirs: {batches}, which BatchNorm sees; images of 256 x
256 where they drew the shorter side from 256 to 480; running statistics where they averaged after training; and no
colour augmentation.
"""

FIGURES = {
    50: {
        "parameters": "25,557,096 learned parameters: the published 25,557,032 and the 64 biases of conv1, which the "
        "release has and BatchNorm makes idle.",
        "statistics": "53,173",
        "top1": "75.3",
        "top5": "92.2",
        "errors": "24.7 and 7.8",
        "batches": "one batch of 256 where they had 8 x 32",
    },
    101: {
        "parameters": "44,549,160 learned parameters.",
        "statistics": "105,448",
        "top1": "76.4",
        "top5": "92.9",
        "errors": "23.6 and 7.1",
        "batches": "8 batches of 32 a step (iter_size) where they had 8 x 32 at once",
    },
    152: {
        "parameters": "60,192,808 learned parameters.",
        "statistics": "151,579",
        "top1": "77.0",
        "top5": "93.3",
        "errors": "23.0 and 6.7",
        "batches": "8 batches of 32 a step (iter_size) where they had 8 x 32 at once",
    },
}


def config(depth):
    """Returns the text of the config of 50, 101 or 152 layers."""
    name = f"resnet{depth}"
    header = HEADER.format(depth=depth, commands=commands(name), **FIGURES[depth])
    if depth == 50:
        return sketch(50, 256, biases=True).text(name, header, SOLVER)
    solver = SOLVER | {"iter_size": (8, "8 batches of 32 a step")}
    return sketch(depth, 32).text(name, header, solver)


HEADER_18 = """
ResNet-18 on ImageNet: He, Zhang, Ren and Sun, arXiv 1512.03385, with the layers and names of the weights in
HolmesShuan/ResNet-18-Caffemodel-on-ImageNet, whose first block has a projection, too. 11,693,736 learned
parameters: the 11,689,512 of other ResNet-18 and 4,224 of that projection. Besides these, 9,749 numbers of running
statistics.

{commands}

Score of the weights' author, not run here: top-1 69.08 %, top-5 89.03 %, trained and tested on images whose shorter
side is 256; 67.57 % and 88.10 % on images of 256 x 256 (their readme). The recipe is the author's: rate 0.05
falling to zero in 650,000 iterations, decay 0.0005. Differs from it: one batch of 256, where the author had 128 on
each of two GPUs, which BatchNorm sees.
"""


def config_18():
    """Returns the text of the config of 18 layers."""
    solver = {"base_lr": 0.05, "lr_policy": "poly", "power": 1, "momentum": 0.9, "weight_decay": 0.0005}
    solver |= {"max_iter": (650000, "130 epochs"), "display": 20, **TESTS, "test_interval": 5000, "snapshot": 5000}
    header = HEADER_18.format(commands=commands("resnet18", "256"))
    return sketch(18, 256).text("resnet18", header, solver)
