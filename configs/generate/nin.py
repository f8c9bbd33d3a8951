"""Network in Network: Lin, Chen and Yan, arXiv 1312.4400, on ImageNet, with the names of their Caffe release."""

from configs.generate.imagenet import BIAS, POOL, TESTS, WEIGHT, ZERO, commands, conv_relu, data, window
from configs.generate.sketch import Sketch


def sketch():
    """Returns the net."""
    net = Sketch("nin_imagenet", *data(64))
    relus = iter([0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12])  # the release has no relu4

    def convolution(name, bottom, channels, shape, std=0.05):
        filler = {"weight_filler": {"type": "gaussian", "mean": 0, "std": std}, **ZERO, "param": [WEIGHT, BIAS]}
        return conv_relu(net, name, bottom, channels, shape, f"relu{next(relus)}", **filler)

    top = net.data
    blocks = ((96, window(11, 4), 0.01, "pool0"), (256, window(5, 1, 2), 0.05, "pool2"))
    for block, (channels, shape, std, pool) in enumerate((*blocks, (384, window(3, 1, 1), 0.01, "pool3")), 1):
        net.section(f"Block {block}: a convolution and two of 1 x 1, {channels} channels.")
        top = convolution(f"conv{block}", top, channels, shape, std)
        for number in (2 * block - 1, 2 * block):
            top = convolution(f"cccp{number}", top, channels, window(1))
        top = net.add(pool, "Pooling", top, pool=POOL.MAX, **window(3, 2))
    top = net.add("drop", "Dropout", top, dropout_ratio=0.5, in_place=True)
    net.section("Block 4: in the end a channel for each class.")
    top = convolution("conv4-1024", top, 1024, window(3, 1, 1))
    top = convolution("cccp7-1024", top, 1024, window(1))
    top = convolution("cccp8-1024", top, 1000, window(1), 0.01)
    net.scores(net.add("pool4", "Pooling", top, pool=POOL.AVE, kernel_size=6, stride=1), top5=True)
    return net


SOLVER = {
    "base_lr": 0.01,
    "lr_policy": "step",
    "gamma": 0.1,
    "stepsize": 200000,
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "max_iter": (450000, "22 epochs"),
    "display": 20,
    **TESTS,
    "test_interval": 1000,
    "snapshot": 10000,
}

HEADER = """
Network in Network on ImageNet: Lin, Chen and Yan, arXiv 1312.4400, with the layers and names of their Caffe release
(mavenlin's gist d802a5849de39225bcc6). 7,595,176 parameters.

{commands}

Score of the original authors, not run here: top-1 59.36 % (readme of the gist). The recipe is the gist's: batch 64,
rate 0.01 divided by 10 every 200,000 of 450,000 iterations, decay 0.0005. Differs from theirs: three channel means,
not the mean image, and top-5 is measured too.
"""


def config():
    """Returns the text of the config."""
    return sketch().text("nin_imagenet", HEADER.format(commands=commands("nin_imagenet")), SOLVER)
