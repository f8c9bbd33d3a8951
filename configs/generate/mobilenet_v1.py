"""MobileNet v1, width 1, on ImageNet: Howard et al., arXiv 1704.04861, with the names of shicai/MobileNet-Caffe."""

from configs.generate.imagenet import BIAS, MSRA, POOL, TESTS, WEIGHT, ZERO, commands, conv_bn, data, window
from configs.generate.sketch import Sketch

UNDECAYED = {"lr_mult": 1, "decay_mult": 0}
BLOCKS = (  # name, channels that it gives, stride of its depthwise convolution
    ("2_1", 64, 1),
    ("2_2", 128, 2),
    ("3_1", 128, 1),
    ("3_2", 256, 2),
    ("4_1", 256, 1),
    ("4_2", 512, 2),
    *((f"5_{number}", 512, 1) for number in range(1, 6)),
    ("5_6", 1024, 2),
    ("6", 1024, 1),
)


def convolution(net, name, bottom, channels, shape, rate, relu, kind="Convolution"):
    """Adds a convolution of the type `kind` with BatchNorm, Scale and ReLU in place; `rate` is that of its kernel."""
    names = {"bn": f"{name}/bn", "scale": f"{name}/scale", "relu": relu, "kind": kind}
    return conv_bn(net, name, bottom, channels, shape, param=[rate], scale_param=[UNDECAYED] * 2, **names)


def sketch(depthwise="Convolution"):
    """Returns the net; `depthwise` is the type of its depthwise convolutions."""
    net = Sketch("MOBILENET", *data(256, mean=(103.94, 116.78, 123.68), scale=0.017))
    net.section("Stem: 224 -> 112.")
    top, read, size = convolution(net, "conv1", net.data, 32, window(3, 2, 1), WEIGHT, "relu1"), 32, 112
    for name, given, stride in BLOCKS:
        size //= stride
        net.section(f"Depthwise then pointwise: {read} -> {given} channels of {size} x {size}.")
        shape = window(3, stride, 1, group=read)
        top = convolution(net, f"conv{name}/dw", top, read, shape, UNDECAYED, f"relu{name}/dw", depthwise)
        top = convolution(net, f"conv{name}/sep", top, given, window(1), WEIGHT, f"relu{name}/sep")
        read = given
    net.section("Classifier.")
    top = net.add("pool6", "Pooling", top, pool=POOL.AVE, global_pooling=True)
    top = net.add("fc7", "Convolution", top, num_output=1000, param=[WEIGHT, BIAS], **window(1), **MSRA, **ZERO)
    net.scores(top, top5=True)
    return net


SOLVER = {
    "base_lr": 0.1,
    "lr_policy": "poly",
    "power": 1,
    "momentum": 0.9,
    "weight_decay": 0.00004,
    "max_iter": (500500, "100 epochs of 5005 batches"),
    "display": 20,
    "average_loss": 20,
    **TESTS,
    "test_interval": 5005,
    "snapshot": 10010,
}

HEADER = """
MobileNet v1 on ImageNet: Howard et al., arXiv 1704.04861, width 1, 224 x 224, with the layers and names of the Caffe
form by shicai (shicai/MobileNet-Caffe). A depthwise convolution is a Convolution with as many groups as channels. The
classifier is a 1x1 convolution. 4,231,976 learned parameters, and 21,915 numbers of running statistics.

{commands}

Score of the author of the Caffe form, not run here: top-1 70.81 %, top-5 89.85 % on the centre crop (readme of
shicai/MobileNet-Caffe; the paper has 70.6 %). Neither published a recipe that a Caffe solver can state (the paper
trained with asynchronous RMSProp), so this one is ours and not yet run: batch 256, 100 epochs, rate 0.1 falling
linearly, decay 0.00004, none on the depthwise weights (the paper's section 3.2) nor on scales and shifts.
"""


def config():
    """Returns the text of the config."""
    return sketch().text("mobilenet_v1", HEADER.format(commands=commands("mobilenet_v1")), SOLVER)


DEPTHWISE = """
MobileNet v1 on ImageNet, as mobilenet_v1 but for the type of the depthwise convolutions: the DepthwiseConvolution of
yonghenglh6/DepthwiseConvolution, which plain Caffe does not have. It computes what a Convolution with as many groups as
channels does, with the same fields and parameters, so that weights fit both. 4,231,976 learned parameters, and 21,915
numbers of running statistics.

{commands}

Score of the author of the Caffe form with Convolution, not run here: top-1 70.81 %, top-5 89.85 % on the centre crop
(readme of shicai/MobileNet-Caffe). The recipe is that of mobilenet_v1: ours and not yet run.
"""


def depthwise():
    """Returns the text of the config with layers of the type DepthwiseConvolution."""
    name = "mobilenet_v1_depthwise"
    return sketch("DepthwiseConvolution").text(name, DEPTHWISE.format(commands=commands(name)), SOLVER)
