"""PSPNet-50 on ADE20K: Zhao, Shi, Qi, Wang and Jia, arXiv 1612.01105, with the names of hszhao/PSPNet."""

from configs.generate import resnet
from configs.generate.imagenet import MSRA, POOL, window
from configs.generate.sketch import Sketch

CLASSES, UNLABELLED, SIZE = 150, 255, 60  # SIZE of the maps from stage 3 on
NEVER = {"lr_mult": 0, "decay_mult": 0}
STATISTICS = {
    "slope_filler": {"type": "constant", "value": 1},
    "bias_filler": {"type": "constant", "value": 0},
    "momentum": 0.95,
}


def convolution(net, name, bottom, channels, shape, rate=1, relu=True):
    """Adds a convolution without bias, PSPNet's BN and, on request, a ReLU, both in place; `rate` is of all three."""
    param = [{"lr_mult": rate, "decay_mult": 1}]
    top = net.add(name, "Convolution", bottom, num_output=channels, bias_term=False, param=param, **shape, **MSRA)
    param = [{"lr_mult": rate, "decay_mult": 0}] * 2 + [NEVER] * 2
    top = net.add(f"{name}/bn", "BN", top, in_place=True, param=param, bn_param=STATISTICS)
    return net.add(f"{name}/relu", "ReLU", top, in_place=True) if relu else top


def unit(net, block, bottom, width, stride, dilation, first):
    """Adds a bottleneck; its 3 x 3 convolution has holes where `dilation` is above 1."""
    holes = {"dilation": dilation} if dilation > 1 else {}
    top = convolution(net, f"{block}_1x1_reduce", bottom, width, window(1, stride))
    top = convolution(net, f"{block}_3x3", top, width, window(3, 1, dilation, **holes))
    top = convolution(net, f"{block}_1x1_increase", top, 4 * width, window(1), relu=False)
    straight = bottom
    if first:
        straight = convolution(net, f"{block}_1x1_proj", bottom, 4 * width, window(1, stride), relu=False)
    top = net.add(block, "Eltwise", straight, top)
    return net.add(f"{block}/relu", "ReLU", top, in_place=True)


def head(net, name, bottom, channels, last, loss, weight=1):
    """Adds a 3 x 3 convolution, dropout, the classes' scores at an eighth of the size and at full size, and the loss.

    Args:
        net: the `Sketch`.
        name: of the convolution.
        bottom: what it reads.
        channels: that it gives.
        last: name of the convolution that gives the scores.
        loss, weight: name and weight of the loss.

    Returns:
        The scores at full size.
    """
    top = convolution(net, name, bottom, channels, window(3, 1, 1), rate=10)
    top = net.add(f"{name}/dropout", "Dropout", top, dropout_ratio=0.1, in_place=True)
    param = [{"lr_mult": 10, "decay_mult": 1}, {"lr_mult": 20, "decay_mult": 1}]
    top = net.add(last, "Convolution", top, num_output=CLASSES, param=param, **window(1), **MSRA)
    top = net.add(f"{last}_interp", "Interp", top, interp_param={"zoom_factor": 8})
    weighted = {"loss_weight": weight} if weight != 1 else {}
    net.add(loss, "SoftmaxWithLoss", top, net.label, loss_param={"ignore_label": UNLABELLED}, **weighted)
    return top


def data(mean):
    """Returns for images, with the mean of each channel, or for labels the fields of the data layer of both phases."""
    kind, more = ("images", {"transform_param": {"mean_value": list(mean)}}) if mean else ("labels", {})
    return tuple(
        {"data_param": {"source": f"ade20k/{split}_{kind}", "batch_size": count}} | more
        for split, count in (("train", 16), ("val", 4))
    )


def sketch():
    """Returns the net."""
    net = Sketch("PSPNet-50", *data((103.939, 116.779, 123.68)), labels=data(None))
    net.section("Stem: 473 -> 119.")
    top = convolution(net, "conv1_1_3x3_s2", net.data, 64, window(3, 2, 1))
    top = convolution(net, "conv1_2_3x3", top, 64, window(3, 1, 1))
    top = convolution(net, "conv1_3_3x3", top, 128, window(3, 1, 1))
    top = net.add("pool1_3x3_s2", "Pooling", top, pool=POOL.MAX, **window(3, 2, 1))
    for stage, count in enumerate(resnet.STAGES[50], 2):
        size, dilation = (119 if stage == 2 else SIZE), {4: 2, 5: 4}.get(stage, 1)
        net.section(f"Stage {stage}: {count} blocks, {256 << (stage - 2)} channels of {size} x {size}.")
        for number in range(1, count + 1):
            stride, first = (2 if stage == 3 and number == 1 else 1), number == 1
            top = unit(net, f"conv{stage}_{number}", top, 64 << (stage - 2), stride, dilation, first)
        if stage == 4:
            below = top
    net.section("Pyramid: averages of 1, 4, 9 and 36 parts of the map, each made as large as the map again.")
    levels = [top]
    for bins in (1, 2, 3, 6):
        name, part = f"conv5_3_pool{bins}", SIZE // bins
        level = net.add(name, "Pooling", top, pool=POOL.AVE, **window(part, part))
        level = convolution(net, f"{name}_conv", level, 512, window(1), rate=10)
        interp = {"interp_param": {"height": SIZE, "width": SIZE}}
        levels.insert(1, net.add(f"{name}_interp", "Interp", level, **interp))
    top = net.add("conv5_3_concat", "Concat", *levels)
    net.section("A second loss, on stage 4.")
    head(net, "conv4_aux", below, 256, "conv6_aux", "loss_aux", 0.4)
    net.section("Scores of 150 classes for each pixel.")
    top = head(net, "conv5_4", top, 512, "conv6", "loss")
    net.accuracy("accuracy", top, accuracy_param={"ignore_label": UNLABELLED})
    return net


SOLVER = {
    "base_lr": 0.01,
    "lr_policy": "poly",
    "power": 0.9,
    "momentum": 0.9,
    "weight_decay": 0.0001,
    "max_iter": (126300, "100 epochs of 1263 batches"),
    "display": 20,
    "average_loss": 20,
    "test_iter": (500, "500 batches of 4: the whole validation set"),
    "test_initialization": False,
    "test_interval": 12630,
    "snapshot": 12630,
}

HEADER = """
PSPNet-50 on ADE20K, scenes in 150 classes: Zhao, Shi, Qi, Wang and Jia, arXiv 1612.01105, with the layers and names of
hszhao/PSPNet (evaluation/prototxt/pspnet50_ADE20K_473.prototxt), for that fork, whose BN and Interp it has. 49,180,908
learned parameters, 2,398,358 of them below the second loss, and 59,136 numbers of running statistics.

  python -m zoo.train --config=configs/pspnet50.prototxt

Score of the original authors, not run here: 41.68 mean IU and 80.04 % of the pixels on the validation set, at one
scale (the readme of hszhao/PSPNet). The accuracy in its test is of pixels. That repository has no nets to train. The
second loss, whose layers have names of ours, and the recipe are those of the first author's hszhao/semseg
(model/pspnet.py, config/ade20k/ade20k_pspnet50.yaml): batch 16, 100 epochs, rate 0.01 falling by the power 0.9, ten
times that for the pyramid and both heads, decay 0.0001. Differs from theirs: no random scale, rotation, blur, mirror
and crop; tests on one map of 473 x 473 an image, where theirs slides a window over the image; no decay on slopes and
biases of BN, as in the net of hszhao/PSPNet; and random weights to begin with, where theirs has a backbone trained on
ImageNet, of which no Caffe form was found. The finished weights of the authors (pspnet50_ADE20K.caffemodel) have the
same names, and none for the second loss.

Data: four databases, two for each phase in one order: images of 473 x 473, and their label maps (one channel, classes
from 0 to 149; 255 is ignored). The benchmark (CSAILVision/sceneparsing) has 20,210 and 2,000 images, whose labels are
from 1 to 150, and 0 where there is none: take 1 off, and make 0 a 255. Scale each so that its longer side is 473, and
pad with the mean colour and 255.
"""


def config():
    """Returns the text of the config."""
    return sketch().text("pspnet50", HEADER, SOLVER)
