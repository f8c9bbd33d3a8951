"""ResNets for CIFAR-10 as in section 4.2 of He, Zhang, Ren and Sun, arXiv 1512.03385: 6n + 2 layers."""

from configs.generate.imagenet import MSRA, POOL, ZERO, conv_bn, window
from configs.generate.sketch import Sketch

TESTS = {
    "test_iter": (100, "100 batches of 100: the whole test set"),
    "test_interval": 1000,
    "test_initialization": (False, "before the first batch BatchNorm knows no statistics"),
}


def data(**transform):
    """Returns the fields of the data layer in TRAIN and TEST: 40 x 40 with a border of zeros, cropped to 32 x 32.

    `transform` are more fields of transform_param.
    """
    train, test = (
        {
            "transform_param": {"mirror": mirror, "crop_size": 32, "mean_file": "cifar10_pad4/mean.binaryproto"}
            | transform,
            "data_param": {"source": f"cifar10_pad4/{split}", "batch_size": batch},
        }
        for split, batch, mirror in (("train", 128, True), ("test", 100, False))
    )
    return train, test


def convolution(net, name, bottom, channels, stride=1):
    """Adds a 3 x 3 convolution with BatchNorm and Scale; returns the top."""
    shape = window(3, stride, 1)
    return conv_bn(net, name, bottom, channels, shape, bn=f"{name}_bn", scale=f"{name}_scale")


def shortcut(net, name, bottom):
    """Adds the paper's shortcut A: every second pixel, and as many channels of zeros again; returns the top."""
    pool = {"pool": POOL.AVE, "kernel_size": 1, "stride": 2, "round_mode": POOL.FLOOR}
    half = net.add(f"{name}_half", "Pooling", bottom, **pool)
    return net.add(f"{name}_shortcut", "Concat", half, net.add(f"{name}_zeros", "Power", half, scale=0))


def block(net, name, bottom, channels, first):
    """Adds two convolutions and the sum with their input; `first` of a stage halves the size."""
    top = convolution(net, f"{name}_conv1", bottom, channels, 2 if first else 1)
    top = net.add(f"{name}_relu1", "ReLU", top, in_place=True)
    top = convolution(net, f"{name}_conv2", top, channels)
    top = net.add(name, "Eltwise", shortcut(net, name, bottom) if first else bottom, top)
    return net.add(f"{name}_relu", "ReLU", top, in_place=True)


def sketch(depth):
    """Returns the net of `depth` = 6n + 2 layers."""
    net = Sketch(f"CIFAR10_ResNet-{depth}", *data())
    net.section("Stem.")
    top = net.add("conv1_relu", "ReLU", convolution(net, "conv1", net.data, 16), in_place=True)
    count = (depth - 2) // 6
    for stage, (channels, size) in enumerate(((16, 32), (32, 16), (64, 8)), 1):
        net.section(f"Stage {stage}: {count} blocks, {channels} channels of {size} x {size}.")
        for number in range(1, count + 1):
            top = block(net, f"res{stage}_{number}", top, channels, first=stage > 1 and number == 1)
    net.section("Classifier.")
    top = net.add("pool", "Pooling", top, pool=POOL.AVE, global_pooling=True)
    net.scores(net.add("fc10", "InnerProduct", top, num_output=10, **MSRA, **ZERO))
    return net


SOLVER = {
    "base_lr": 0.1,
    "lr_policy": "multistep",
    "gamma": 0.1,
    "stepvalue": [32000, 48000],
    "momentum": 0.9,
    "weight_decay": 0.0001,
    "max_iter": (64000, "164 epochs"),
    "display": 100,
    **TESTS,
    "snapshot": 4000,
}

COMMANDS = """
  python -m data_prep.cifar10 --source=DIRECTORY_OR_ARCHIVE --pad=4 --output_dir=data/cifar10_pad4
  python -m data_prep.mean_image --source=data/cifar10_pad4/train --output=data/cifar10_pad4/mean.binaryproto
  python -m zoo.train --config=configs/{name}.prototxt
""".strip("\n")

HEADER = """
ResNet-{depth} on CIFAR-10: He, Zhang, Ren and Sun, arXiv 1512.03385, section 4.2, with the shortcuts of their
option A, which have no parameters. {parameters} learned parameters, and {statistics} numbers of running statistics.

{commands}

Score of the original authors: {score} % (their table 6, error {error}). {measured} The recipe is theirs: batch
128, rate 0.1 divided by 10 at 32,000 and 48,000 of 64,000 iterations, decay 0.0001, the mean of each pixel
subtracted, then 4 zeros on each side, a random crop of 32 x 32 and a mirror image for half of them. The mean image
of padded images is zero in the border, so zeros stay there. round_mode is newer than Caffe 1.0. Data: pixels are R,
G, B in that order.
"""


MEASURED = {20: "Measured here: 87.16 %, on images that went through JPEG (docs/stablehlo.md)."}


def config(depth, parameters, statistics, error):
    """Returns the text of the config of `depth` layers; the figures are for its header."""
    name, figures = f"cifar10_resnet{depth}", {"parameters": parameters, "statistics": statistics, "error": error}
    figures |= {"score": f"{100 - float(error):.2f}", "measured": MEASURED.get(depth, "It was not run here.")}
    header = HEADER.format(depth=depth, commands=COMMANDS.format(name=name), **figures)
    return sketch(depth).text(name, header, SOLVER)
