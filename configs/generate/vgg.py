"""VGG-16 and VGG-19 on ImageNet: Simonyan and Zisserman, arXiv 1409.1556, with the names of their Caffe release."""

from configs.generate.imagenet import BIAS, POOL, TESTS, WEIGHT, XAVIER, ZERO, commands, conv_relu, data, hidden, window
from configs.generate.sketch import Sketch

BLOCKS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
CHANNELS = (64, 128, 256, 512, 512)
FIELDS = {"param": [WEIGHT, BIAS], **XAVIER, **ZERO}


def sketch(depth):
    """Returns the net."""
    net = Sketch(f"VGG_ILSVRC_{depth}_layers", *data(64, mean=(103.939, 116.779, 123.68)))
    top = net.data
    for block, (count, channels) in enumerate(zip(BLOCKS[depth], CHANNELS), 1):
        size = 448 >> block
        net.section(f"Block {block}: {channels} channels of {size} x {size}.")
        for number in range(1, count + 1):
            name = f"{block}_{number}"
            top = conv_relu(net, f"conv{name}", top, channels, window(3, 1, 1), f"relu{name}", **FIELDS)
        top = net.add(f"pool{block}", "Pooling", top, pool=POOL.MAX, **window(2, 2))
    net.section("Classifier.")
    for number in (6, 7):
        top = hidden(net, number, top, **FIELDS)
    net.scores(net.add("fc8", "InnerProduct", top, num_output=1000, **FIELDS), top5=True)
    return net


SOLVER = {
    "base_lr": 0.01,
    "lr_policy": "multistep",
    "gamma": 0.1,
    "stepvalue": [150000, 250000, 330000],
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "max_iter": (370000, "74 epochs"),
    "iter_size": (4, "4 batches of 64 a step"),
    "display": 20,
    **TESTS,
    "test_interval": 5000,
    "snapshot": 10000,
}

HEADER = """
VGG-{depth} on ImageNet: configuration {letter} of Simonyan and Zisserman, arXiv 1409.1556, with the layer names of
their Caffe release (VGG_ILSVRC_{depth}_layers). {parameters} parameters.

{commands}

Score of the original authors, not run here: top-1 {top1} %, top-5 {top5} %, {how} The recipe is the paper's section
3.1: batch 256, here as 4 x 64, and a rate divided by 10 three times in 370,000 iterations. The paper lets plateaus
decide when; the steps here are ours. The fillers are Glorot's, which the paper says make its pre-training needless.
"""

FIGURES = {
    16: {
        "letter": "D",
        "parameters": "138,357,544",
        "top1": "73.0",
        "top5": "91.2",
        "how": "trained and tested on images whose shorter side is 256 (their table 3, error 27.0 and 8.8; the net "
        "applied densely).",
    },
    19: {
        "letter": "E",
        "parameters": "143,667,240",
        "top1": "72.7",
        "top5": "91.0",
        "how": "trained and tested on images whose shorter side is 256 (their table 3, error 27.3 and 9.0; the net "
        "applied densely).",
    },
}


def config(depth):
    """Returns the text of the config of 16 or 19 layers."""
    name = f"vgg{depth}"
    return sketch(depth).text(name, HEADER.format(depth=depth, commands=commands(name), **FIGURES[depth]), SOLVER)
