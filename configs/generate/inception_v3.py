"""Inception-v3 on ImageNet: Szegedy et al., arXiv 1512.00567, with the names of soeaver/caffe-model."""

from configs.generate.imagenet import POOL, TESTS, XAVIER, ZERO, commands, conv_bn, data, window
from configs.generate.sketch import Sketch

FIELDS = {"bn_fields": {"eps": 0.001}, "filler": XAVIER}


def flat(length):
    """Returns the fields of a convolution of 1 x `length`."""
    return {"kernel_h": 1, "kernel_w": length, "pad_h": 0, "pad_w": length // 2}


def tall(length):
    """Returns the fields of a convolution of `length` x 1."""
    return {"kernel_h": length, "kernel_w": 1, "pad_h": length // 2, "pad_w": 0}


class Module:
    """Parts of one module, all named after it."""

    def __init__(self, net, name, bottom):
        self.net, self.name, self.bottom, self.parts = net, name, bottom, []

    def column(self, *steps):
        """Adds convolutions after each other, each (what it is called, channels, shape), as one part."""
        top = self.bottom
        for what, channels, shape in steps:
            top = convolution(self.net, f"{self.name}_{what}", top, channels, shape)
        self.parts.append(top)
        return top

    def fork(self, steps, *ends):
        """Adds a column, and at its end several convolutions, each a part."""
        top = self.column(*steps)
        self.parts[-1:] = [convolution(self.net, f"{self.name}_{what}", top, *fields) for what, *fields in ends]

    def pool(self, kind, what="pool", stride=1, then=None):
        """Adds a pooling and, where it is given, a 1 x 1 convolution after it, (what it is called, channels)."""
        top = self.net.add(f"{self.name}_{what}", "Pooling", self.bottom, pool=kind, **window(3, stride, 2 - stride))
        self.parts.append(convolution(self.net, f"{self.name}_{then[0]}", top, then[1], window(1)) if then else top)

    def end(self, what):
        """Adds the concatenation of all parts."""
        return self.net.add(f"{self.name}_{what}", "Concat", *self.parts)


def convolution(net, name, bottom, channels, shape, relu=None):
    """Adds a convolution with BatchNorm, Scale and ReLU, which are named after it."""
    names = {"bn": f"{name}_bn", "scale": f"{name}_scale", "relu": relu or f"{name}_relu"}
    return conv_bn(net, name, bottom, channels, shape, **names, **FIELDS)


def a(net, name, bottom, projected):
    """35 x 35: 1 x 1, 5 x 5, two 3 x 3, pooling."""
    m = Module(net, name, bottom)
    m.column(("1x1", 64, window(1)))
    m.column(("5x5_reduce", 48, window(1)), ("5x5", 64, window(5, 1, 2)))
    m.column(("3x3_reduce", 64, window(1)), ("3x3_1", 96, window(3, 1, 1)), ("3x3_2", 96, window(3, 1, 1)))
    m.pool(POOL.AVE, then=("pool_proj", projected))
    return m.end("output")


def reduction_a(net, bottom):
    """35 x 35 -> 17 x 17."""
    m = Module(net, "reduction_a", bottom)
    m.column(("3x3", 384, window(3, 2)))
    m.column(("3x3_2_reduce", 64, window(1)), ("3x3_2", 96, window(3, 1, 1)), ("3x3_3", 96, window(3, 2)))
    m.pool(POOL.MAX, stride=2)
    return m.end("concat")


def b(net, name, bottom, width):
    """17 x 17: 1 x 1, 7 x 7 in two, two 7 x 7 in four, pooling."""
    m = Module(net, name, bottom)
    m.column(("1x1_2", 192, window(1)))
    m.column(("1x7_reduce", width, window(1)), ("1x7", width, flat(7)), ("7x1", 192, tall(7)))
    m.column(
        ("7x1_reduce", width, window(1)),
        ("7x1_2", width, tall(7)),
        ("1x7_2", width, flat(7)),
        ("7x1_3", width, tall(7)),
        ("1x7_3", 192, flat(7)),
    )
    m.pool(POOL.AVE, "pool_ave", then=("1x1", 192))
    return m.end("concat")


def reduction_b(net, bottom):
    """17 x 17 -> 8 x 8."""
    m = Module(net, "reduction_b", bottom)
    m.column(("3x3_reduce", 192, window(1)), ("3x3", 320, window(3, 2)))
    m.column(("1x7_reduce", 192, window(1)), ("1x7", 192, flat(7)), ("7x1", 192, tall(7)), ("3x3_2", 192, window(3, 2)))
    m.pool(POOL.MAX, stride=2)
    return m.end("concat")


def c(net, name, bottom, pool):
    """8 x 8: 1 x 1, 3 x 3 in two side by side, twice, pooling."""
    m = Module(net, name, bottom)
    m.column(("1x1_2", 320, window(1)))
    m.fork([("1x3_reduce", 384, window(1))], ("1x3", 384, flat(3)), ("3x1", 384, tall(3)))
    m.fork(
        [("3x3_reduce", 448, window(1)), ("3x3", 384, window(3, 1, 1))],
        ("1x3_2", 384, flat(3)),
        ("3x1_2", 384, tall(3)),
    )
    m.pool(pool, then=("1x1", 192))
    return m.end("concat")


def sketch():
    """Returns the net."""
    scale = 0.0078125  # 1 / 128
    net = Sketch("Inception-v3", *data(32, size=299, mean=(128, 128, 128), scale=scale))
    net.section("Stem: 299 -> 35.")
    top = convolution(net, "conv1_3x3_s2", net.data, 32, window(3, 2), "conv1_3x3_relu")
    top = convolution(net, "conv2_3x3_s1", top, 32, window(3), "conv2_3x3_relu")
    top = convolution(net, "conv3_3x3_s1", top, 64, window(3, 1, 1), "conv3_3x3_relu")
    top = net.add("pool1_3x3_s2", "Pooling", top, pool=POOL.MAX, **window(3, 2))
    top = convolution(net, "conv4_3x3_reduce", top, 80, window(1), "conv4_relu_3x3_reduce")
    top = convolution(net, "conv4_3x3", top, 192, window(3), "conv4_relu_3x3")
    top = net.add("pool2_3x3_s2", "Pooling", top, pool=POOL.MAX, **window(3, 2))
    for number, projected in enumerate((32, 64, 64), 1):
        net.section(f"Inception A{number}: {256 if number == 1 else 288} channels of 35 x 35.")
        top = a(net, f"inception_a{number}", top, projected)
    net.section("Reduction A: 768 channels of 17 x 17.")
    top = reduction_a(net, top)
    for number, width in enumerate((128, 160, 160, 192), 1):
        net.section(f"Inception B{number}: 768 channels of 17 x 17.")
        top = b(net, f"inception_b{number}", top, width)
    net.section("Reduction B: 1280 channels of 8 x 8.")
    top = reduction_b(net, top)
    for number, pool in enumerate((POOL.AVE, POOL.MAX), 1):
        net.section(f"Inception C{number}: 2048 channels of 8 x 8.")
        top = c(net, f"inception_c{number}", top, pool)
    net.section("Classifier.")
    top = net.add("pool_8x8_s1", "Pooling", top, pool=POOL.AVE, global_pooling=True)
    top = net.add("pool_8x8_s1_drop", "Dropout", top, dropout_ratio=0.2)
    net.scores(net.add("classifier", "InnerProduct", top, num_output=1000, **XAVIER, **ZERO), top5=True)
    return net


SOLVER = {
    "type": "RMSProp",
    "base_lr": 0.045,
    "lr_policy": "step",
    "gamma": (0.94, "every two epochs of 40037 batches"),
    "stepsize": 80074,
    "rms_decay": 0.9,
    "delta": 1.0,
    "weight_decay": 0.00004,
    "max_iter": (4003700, "100 epochs"),
    "display": 40,
    "average_loss": 40,
    **TESTS,
    "test_interval": 40037,
    "snapshot": 40037,
}

HEADER = """
Inception-v3 on ImageNet: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, arXiv 1512.00567, with the layers and names
of the Caffe conversion by soeaver (soeaver/caffe-model, cls/inception), without the auxiliary classifier.
23,834,568 learned parameters, and 34,526 numbers of running statistics.

{commands}

Score of the converted weights, not run here: top-1 78.33 %, top-5 94.25 % on the centre crop of 299 x 299 of images
whose shorter side is 320 (soeaver's readme, error 21.67 and 5.75), with the labels of ILSVRC 2015. From the paper's
section 8: RMSProp with decay 0.9 and epsilon 1, batch 32, rate 0.045 times 0.94 every two epochs, 100 epochs. Ours:
decay 0.00004, and a shorter side of 342, of which 299 is seven eighths. Differs from theirs: one machine, where they
had 50; no auxiliary classifier and no label smoothing, which Caffe's loss does not have; no scale, aspect or colour
augmentation.
"""


def config():
    """Returns the text of the config."""
    return sketch().text("inception_v3", HEADER.format(commands=commands("inception_v3", "342")), SOLVER)
