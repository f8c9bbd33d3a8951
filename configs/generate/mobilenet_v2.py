"""MobileNet v2, width 1, on ImageNet: Sandler et al., arXiv 1801.04381, with the names of shicai/MobileNet-Caffe."""

from configs.generate.imagenet import BIAS, MSRA, POOL, TESTS, WEIGHT, ZERO, commands, conv_bn, data, window
from configs.generate.sketch import Sketch

FIXED = {"lr_mult": 0, "decay_mult": 0}
UNDECAYED = {"lr_mult": 1, "decay_mult": 0}
BLOCKS = (  # name, channels that it gives, stride of its depthwise convolution
    ("2_1", 16, 1),
    ("2_2", 24, 2),
    ("3_1", 24, 1),
    ("3_2", 32, 2),
    ("4_1", 32, 1),
    ("4_2", 32, 1),
    ("4_3", 64, 1),
    ("4_4", 64, 1),
    ("4_5", 64, 1),
    ("4_6", 64, 1),
    ("4_7", 96, 2),
    ("5_1", 96, 1),
    ("5_2", 96, 1),
    ("5_3", 160, 2),
    ("6_1", 160, 1),
    ("6_2", 160, 1),
    ("6_3", 320, 1),
)


def convolution(net, name, bottom, channels, shape, relu=None):
    """Adds a convolution, a BatchNorm with a top of its own, a Scale and, where it has a name, a ReLU in place."""
    names = {"bn": f"{name}/bn", "scale": f"{name}/scale", "relu": relu}
    fields = {"bn_fields": {"in_place": False, "param": [FIXED] * 3}, "scale_param": [UNDECAYED] * 2}
    return conv_bn(net, name, bottom, channels, shape, param=[WEIGHT], **fields, **names)


def block(net, name, bottom, read, given, stride, wider):
    """Adds an inverted residual: wider by a 1 x 1, depthwise, narrow by a 1 x 1; with the sum where sizes allow it."""
    inside = wider * read
    top = convolution(net, f"conv{name}/expand", bottom, inside, window(1), f"relu{name}/expand")
    top = convolution(net, f"conv{name}/dwise", top, inside, window(3, stride, 1, group=inside), f"relu{name}/dwise")
    top = convolution(net, f"conv{name}/linear", top, given, window(1))
    return net.add(f"block_{name}", "Eltwise", bottom, top) if read == given and stride == 1 else top


def sketch():
    """Returns the net."""
    net = Sketch("MOBILENET_V2", *data(256, mean=(103.94, 116.78, 123.68), scale=0.017))
    net.section("Stem: 224 -> 112.")
    top, read, size = convolution(net, "conv1", net.data, 32, window(3, 2, 1), "relu1"), 32, 112
    for name, given, stride in BLOCKS:
        size //= stride
        net.section(f"Block {name}: {read} -> {given} channels of {size} x {size}.")
        top, read = block(net, name, top, read, given, stride, 1 if name == "2_1" else 6), given
    net.section("Classifier.")
    top = convolution(net, "conv6_4", top, 1280, window(1), "relu6_4")
    top = net.add("pool6", "Pooling", top, pool=POOL.AVE, global_pooling=True)
    top = net.add("fc7", "Convolution", top, num_output=1000, param=[WEIGHT, BIAS], **window(1), **MSRA, **ZERO)
    net.scores(top, top5=True)
    return net


SOLVER = {
    "type": "RMSProp",
    "base_lr": 0.045,
    "lr_policy": "exp",
    "gamma": (0.9999959, "0.98 an epoch of 5005 steps"),
    "rms_decay": 0.9,
    "weight_decay": 0.00004,
    "max_iter": (1501500, "300 epochs; ours"),
    "display": 20,
    "average_loss": 20,
    **TESTS,
    "test_interval": 5005,
    "snapshot": 10010,
}

HEADER = """
MobileNet v2, width 1, on ImageNet: Sandler, Howard, Zhu, Zhmoginov and Chen, arXiv 1801.04381, with the layers and
names of the Caffe release by shicai (shicai/MobileNet-Caffe), which follows the paper's first version: maps of 64
channels are 28 x 28 there, 14 x 14 in later ones, hence more multiply-adds than the 300 million of those. ReLU
where the paper has ReLU6. 3,505,960 learned parameters: torchvision's 3,504,872 and the first block's expansion of
1,088, which the paper leaves out. Besides these, 34,229 numbers of running statistics.

{commands}

Score of the released weights, not run here: top-1 71.90 %, top-5 90.49 % on the centre crop of images whose shorter
side is 256 (their readme). From the paper's section 6.1: RMSProp with 0.9, rate 0.045 times 0.98 an epoch, decay
0.00004. Differs from it: Caffe's RMSProp has no momentum, and BatchNorm's statistics go on by 0.999; one batch of
256 where they had 16 x 96; images of 256 x 256; 300 epochs are ours, as theirs are not said.
"""


def config():
    """Returns the text of the config."""
    return sketch().text("mobilenet_v2", HEADER.format(commands=commands("mobilenet_v2")), SOLVER)
