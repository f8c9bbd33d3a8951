"""DenseNets, growth 32, on ImageNet: Huang et al., arXiv 1608.06993, with the names of shicai/DenseNet-Caffe."""

from configs.generate.imagenet import MSRA, POOL, TESTS, ZERO, commands, convolution, data, window
from configs.generate.sketch import Sketch

GROWTH = 32
BLOCKS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32)}


def normalised(net, name, relu, bottom):
    """Adds BatchNorm with a top of its own, Scale and ReLU in place."""
    top = net.add(f"{name}/bn", "BatchNorm", bottom)
    top = net.add(f"{name}/scale", "Scale", top, in_place=True, bias_term=True)
    return net.add(relu, "ReLU", top, in_place=True)


def layer(net, name, bottom):
    """Adds one dense layer, `name` such as 2_1: its maps go next to all before them."""
    top = normalised(net, f"conv{name}/x1", f"relu{name}/x1", bottom)
    top = convolution(net, f"conv{name}/x1", top, 4 * GROWTH, window(1))
    top = normalised(net, f"conv{name}/x2", f"relu{name}/x2", top)
    top = convolution(net, f"conv{name}/x2", top, GROWTH, window(3, 1, 1))
    return net.add(f"concat_{name}", "Concat", bottom, top)


def sketch(depth):
    """Returns the net."""
    net = Sketch(f"DENSENET_{depth}", *data(256, mean=(103.94, 116.78, 123.68), scale=0.017))
    net.section("Stem: 224 -> 56.")
    top = convolution(net, "conv1", net.data, 64, window(7, 2, 3))
    top = normalised(net, "conv1", "relu1", top)
    top = net.add("pool1", "Pooling", top, pool=POOL.MAX, round_mode=POOL.FLOOR, **window(3, 2, 1))
    channels, size = 64, 56
    for number, count in enumerate(BLOCKS[depth], 2):
        given = channels + GROWTH * count
        net.section(f"Block {number}: {count} layers, {channels} -> {given} channels of {size} x {size}.")
        for index in range(1, count + 1):
            top = layer(net, f"{number}_{index}", top)
        if number < 5:
            channels, size = given // 2, size // 2
            net.section(f"Transition {number}: {channels} channels, half the size.")
            top = normalised(net, f"conv{number}_blk", f"relu{number}_blk", top)
            top = convolution(net, f"conv{number}_blk", top, channels, window(1))
            top = net.add(f"pool{number}", "Pooling", top, pool=POOL.AVE, **window(2, 2))
    net.section("Classifier.")
    top = normalised(net, "conv5_blk", "relu5_blk", top)
    top = net.add("pool5", "Pooling", top, pool=POOL.AVE, global_pooling=True)
    net.scores(net.add("fc6", "Convolution", top, num_output=1000, **window(1), **MSRA, **ZERO), top5=True)
    return net


SOLVER = {
    "type": "Nesterov",
    "base_lr": 0.1,
    "lr_policy": "multistep",
    "gamma": 0.1,
    "stepvalue": ([150150, 300300], "epochs 30 and 60 of 5005 batches"),
    "momentum": 0.9,
    "weight_decay": 0.0001,
    "max_iter": 450450,
    "display": 20,
    "average_loss": 20,
    **TESTS,
    "test_interval": 5005,
    "snapshot": 10010,
}

HEADER = """
DenseNet-{depth} on ImageNet: Huang, Liu, van der Maaten and Weinberger, arXiv 1608.06993, growth 32, with the
layers and names of the Caffe conversion by shicai (shicai/DenseNet-Caffe). {parameters} learned parameters, and
{statistics} numbers of running statistics. The classifier is a 1x1 convolution, as there. pool1 rounds down
(round_mode, newer than Caffe 1.0), as the Torch original does.

{commands}

Score of the converted Torch weights of the original authors, not run here: top-1 {top1} %, top-5 {top5} % on the
centre crop (readme of shicai/DenseNet-Caffe). The recipe is the paper's section 4.2: Nesterov, batch 256, 90
epochs, rate 0.1 divided by 10 at epochs 30 and 60, decay 0.0001. Differs from theirs: images of 256 x 256, no
scale, aspect or colour augmentation, one number for the deviation of all channels (scale: 0.017).
"""

FIGURES = {
    121: {"parameters": "7,978,856", "statistics": "83,769", "top1": "74.91", "top5": "92.19"},
    169: {"parameters": "14,149,480", "statistics": "158,569", "top1": "76.09", "top5": "93.14"},
}


def config(depth):
    """Returns the text of the config of 121 or 169 layers."""
    name = f"densenet{depth}"
    return sketch(depth).text(name, HEADER.format(depth=depth, commands=commands(name), **FIGURES[depth]), SOLVER)
