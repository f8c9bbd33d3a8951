"""Wide residual nets for CIFAR-10: Zagoruyko and Komodakis, arXiv 1605.07146."""

from configs.generate.imagenet import MSRA, POOL, ZERO, convolution, window
from configs.generate.resnet_cifar import COMMANDS, TESTS, data
from configs.generate.sketch import Sketch


def normalised(net, name, bottom, in_place=False):
    """Adds BatchNorm, Scale and ReLU, the last two in place."""
    top = net.add(f"{name}_bn", "BatchNorm", bottom, in_place=in_place)
    top = net.add(f"{name}_scale", "Scale", top, in_place=True, bias_term=True)
    return net.add(f"{name}_relu", "ReLU", top, in_place=True)


def block(net, name, bottom, channels, stride, first):
    """Adds a block that normalises before each of its two convolutions; `first` of a group has a projection."""
    ready = normalised(net, f"{name}_1", bottom)
    top = convolution(net, f"{name}_conv1", ready, channels, window(3, stride, 1))
    top = normalised(net, f"{name}_2", top, in_place=True)
    top = convolution(net, f"{name}_conv2", top, channels, window(3, 1, 1))
    straight = convolution(net, f"{name}_project", ready, channels, window(1, stride)) if first else bottom
    return net.add(name, "Eltwise", straight, top)


def sketch(depth, width):
    """Returns the net of `depth` = 6n + 4 layers."""
    net = Sketch(f"CIFAR10_WRN-{depth}-{width}", *data(scale=1 / 64))
    net.section("Stem.")
    top = convolution(net, "conv1", net.data, 16, window(3, 1, 1))
    count = (depth - 4) // 6
    for group, size in enumerate((32, 16, 8), 1):
        channels = 16 * width << (group - 1)
        net.section(f"Group {group}: {count} blocks, {channels} channels of {size} x {size}.")
        for number in range(1, count + 1):
            stride = 2 if group > 1 and number == 1 else 1
            top = block(net, f"group{group}_{number}", top, channels, stride, number == 1)
    net.section("Classifier.")
    top = normalised(net, "last", top)
    top = net.add("pool", "Pooling", top, pool=POOL.AVE, global_pooling=True)
    net.scores(net.add("fc10", "InnerProduct", top, num_output=10, **MSRA, **ZERO))
    return net


SOLVER = {
    "type": "Nesterov",
    "base_lr": 0.1,
    "lr_policy": "multistep",
    "gamma": 0.2,
    "stepvalue": [23437, 46875, 62500],
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "max_iter": (78125, "200 epochs; the rate falls after 60, 120 and 160"),
    "display": 100,
    **TESTS,
    "snapshot": 5000,
}

HEADER = """
WRN-16-4 on CIFAR-10, a residual net of 16 layers that is 4 times wider: Zagoruyko and Komodakis, arXiv 1605.07146.
2,748,890 learned parameters, and {statistics} numbers of running statistics.

{commands}

Score of the original authors, not run here: 94.98 % (their table 6, error 5.02 without dropout, median of 5 runs).
The recipe is the paper's section 3: Nesterov, batch 128, rate 0.1 times 0.2 after 60, 120 and 160 of 200 epochs,
decay 0.0005, random crops and mirror images. Differs from theirs: the border of 4 pixels is zero, where theirs
mirrors the image; the mean of each pixel is subtracted, not of each channel, and what is left is divided by 64.
Data: pixels are R, G, B in that order.
"""


def config():
    """Returns the text of the config."""
    header = HEADER.format(commands=COMMANDS.format(name="cifar10_wrn16_4"), statistics="3,629")
    return sketch(16, 4).text("cifar10_wrn16_4", header, SOLVER)
