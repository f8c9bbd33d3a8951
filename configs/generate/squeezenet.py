"""SqueezeNet 1.0 and 1.1 on ImageNet: Iandola et al., arXiv 1602.07360, with the names of forresti/SqueezeNet."""

from configs.generate.imagenet import POOL, XAVIER, commands, conv_relu, data, window
from configs.generate.sketch import Sketch

SQUEEZED = {2: 16, 3: 16, 4: 32, 5: 32, 6: 48, 7: 48, 8: 64, 9: 64}
# version: (channels and window of conv1, the modules after which there is a pooling, size of the maps there)
VERSIONS = {"1.0": (96, window(7, 2), (1, 4, 8)), "1.1": (64, window(3, 2), (1, 3, 5))}


def fire(net, name, bottom, squeezed):
    """Adds a fire module: a 1 x 1 convolution, then a 1 x 1 and a 3 x 3 of four times its channels each."""

    def convolution(part, bottom, channels, shape):
        return conv_relu(net, f"{name}/{part}", bottom, channels, shape, f"{name}/relu_{part}", **XAVIER)

    top = convolution("squeeze1x1", bottom, squeezed, window(1))
    expanded = [
        convolution("expand1x1", top, 4 * squeezed, window(1)),
        convolution("expand3x3", top, 4 * squeezed, window(3, 1, 1)),
    ]
    return net.add(f"{name}/concat", "Concat", *expanded)


def sketch(version):
    """Returns the net."""
    channels, shape, pooled = VERSIONS[version]
    net = Sketch(f"SqueezeNet_v{version}", *data(32, size=227, test_batch=25, mirror=False))
    net.section("Stem.")
    top = conv_relu(net, "conv1", net.data, channels, shape, "relu_conv1", **XAVIER)
    for number in range(1, 10):
        if number > 1:
            top = fire(net, f"fire{number}", top, SQUEEZED[number])
        if number in pooled:
            top = net.add(f"pool{number}", "Pooling", top, pool=POOL.MAX, **window(3, 2))
        if number in pooled and number < 8:
            net.section(f"Fire modules {number + 1} to {min([n for n in (*pooled, 9) if n > number])}.")
    top = net.add("drop9", "Dropout", top, dropout_ratio=0.5, in_place=True)
    net.section("Classifier.")
    normal = {"weight_filler": {"type": "gaussian", "mean": 0, "std": 0.01}}
    shape = window(1, 1, 1 if version == "1.0" else 0)  # 1.0's has a border, as released
    top = conv_relu(net, "conv10", top, 1000, shape, "relu_conv10", **normal)
    net.scores(net.add("pool10", "Pooling", top, pool=POOL.AVE, global_pooling=True), top5=True)
    return net


SOLVER = {
    "base_lr": 0.04,
    "lr_policy": "poly",
    "power": (1, "falls to zero in a line"),
    "momentum": 0.9,
    "weight_decay": 0.0002,
    "max_iter": (170000, "68 epochs"),
    "iter_size": (16, "16 batches of 32 a step"),
    "display": 40,
    "average_loss": 40,
    "test_iter": (2000, "2000 batches of 25: the whole validation set"),
    "test_interval": 1000,
    "test_initialization": False,
    "snapshot": 1000,
}

HEADER = """
SqueezeNet {version} on ImageNet: Iandola, Han, Moskewicz, Ashraf, Dally and Keutzer, arXiv 1602.07360, with the
layers, names and recipe of the authors' release (forresti/SqueezeNet). {parameters} parameters.{more}

{commands}

Score of the original authors, not run here: {score} The recipe is theirs: 16 batches of 32 a step, and a rate of
0.04 that falls to zero in 170,000 steps.
"""

FIGURES = {
    "1.0": {
        "parameters": "1,248,424",
        "more": "",
        "score": "top-1 57.5 %, top-5 80.3 % (the paper's table 2).",
    },
    "1.1": {
        "parameters": "1,235,496",
        "more": " It takes 2.4 times fewer multiply-adds than 1.0: a smaller conv1, and poolings two modules earlier.",
        "score": "top-5 80.3 % or better, as 1.0 (their readme for 1.1).",
    },
}


def config(version):
    """Returns the text of the config of a version."""
    name = f"squeezenet{version.replace('.', '_')}"
    header = HEADER.format(version=version, commands=commands(name), **FIGURES[version])
    return sketch(version).text(name, header, SOLVER)
