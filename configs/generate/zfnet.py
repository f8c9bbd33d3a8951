"""ZFNet on ImageNet: Zeiler and Fergus, arXiv 1311.2901, with the layer names of AlexNet."""

from configs.generate.imagenet import BIAS, POOL, TESTS, WEIGHT, ZERO, commands, conv_relu, data, hidden, window
from configs.generate.sketch import Sketch

FIELDS = {"param": [WEIGHT, BIAS], "weight_filler": {"type": "gaussian", "std": 0.01}, **ZERO}


def sketch():
    """Returns the net."""
    net = Sketch("ZFNet", *data(128))
    top = net.data
    for number, (channels, shape) in enumerate(((96, window(7, 2, 1)), (256, window(5, 2))), 1):
        net.section(
            f"Block {number}: {channels} channels, {(110, 26)[number - 1]} and then {(55, 13)[number - 1]} wide."
        )
        top = conv_relu(net, f"conv{number}", top, channels, shape, f"relu{number}", **FIELDS)
        top = net.add(f"pool{number}", "Pooling", top, pool=POOL.MAX, **window(3, 2))
        top = net.add(f"norm{number}", "LRN", top, local_size=5, alpha=0.0001, beta=0.75)
    net.section("Blocks 3 to 5: 13 wide.")
    for number, channels in enumerate((384, 384, 256), 3):
        top = conv_relu(net, f"conv{number}", top, channels, window(3, 1, 1), f"relu{number}", **FIELDS)
    top = net.add("pool5", "Pooling", top, pool=POOL.MAX, **window(3, 2))
    net.section("Classifier.")
    for number in (6, 7):
        top = hidden(net, number, top, **FIELDS)
    net.scores(net.add("fc8", "InnerProduct", top, num_output=1000, **FIELDS), top5=True)
    return net


SOLVER = {
    "base_lr": 0.01,
    "lr_policy": "multistep",
    "gamma": 0.1,
    "stepvalue": [200000, 400000, 600000],
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "max_iter": (700000, "70 epochs"),
    "display": 20,
    **TESTS,
    "test_interval": 5000,
    "snapshot": 10000,
}

HEADER = """
ZFNet on ImageNet: Zeiler and Fergus, arXiv 1311.2901, figure 3: AlexNet without groups, and with conv1 of 7x7 and
stride 2. 62,357,608 parameters.

{commands}

Score of the original authors, not run here: top-1 61.6 %, top-5 83.5 % on the validation set (their table 2, error
38.4 and 16.5; on how many crops is not said there). From the paper's section 3: batch 128, rate 0.01, momentum 0.9,
dropout 0.5, 70 epochs, weights that begin at 0.01, which is taken for their deviation. Ours: the three steps, where
they went by the validation error; decay 0.0005 and the normalisation's numbers, which are AlexNet's. Differs from
theirs: no renormalising of filters, random crops where they had the corners and the centre, three channel means, not
the mean image.
"""


def config():
    """Returns the text of the config."""
    return sketch().text("zfnet", HEADER.format(commands=commands("zfnet")), SOLVER)
