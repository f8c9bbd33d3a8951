"""SSD300 on VGG-16, VOC 2007 and 2012."""

from configs.generate import ssd
from configs.generate.single_file import text
from configs.generate.ssd import Source
from zoo.pycaffe.net_spec import NetSpec
from zoo.pycaffe.net_spec import layers as L
from zoo.pycaffe.net_spec import params as P

HEADER = """
SSD300 with VGG-16 on VOC 2007 and 2012: Liu et al., arXiv 1512.02325, with the layers, names and recipe of
examples/ssd/ssd_pascal.py (weiliu89/caffe, branch ssd). VGG-16 without its last layer, fc6 and fc7 as convolutions
with holes, and six maps of boxes: 8,732 for an image of 300 x 300. 26,285,486 learned parameters.

  python -m data_prep.detection --source=VOCdevkit/VOC2007,VOCdevkit/VOC2012 --names=ImageSets/Main/trainval.txt \\
      --output=data/voc0712/trainval_lmdb --shuffle
  python -m data_prep.detection --source=VOCdevkit/VOC2007 --names=ImageSets/Main/test.txt \\
      --labelmap=data/voc0712/labelmap.prototxt --output=data/voc0712/test_lmdb
  python -m zoo.train --config=configs/ssd300_vgg16.prototxt --weights=VGG_ILSVRC_16_layers_fc_reduced.caffemodel

The weights are the authors' (gist.github.com/weiliu89/2ed6e13bfd5b57cf81d6), of VGG-16 with fc6 and fc7 reduced to
such convolutions. What is found on the test images is written as VOC wants it, into outputs/ of the run directory.
docs/detection.md says more. Written by configs/generate/ssd300_vgg16.py.

Score of the original authors, not run here: mean average precision 77.2 % on VOC 2007 test (their readme). Differs
from theirs: one batch of 32, where they had 8 on each of four GPUs, each with its own number of matches under its
loss.
"""

RATE = {"param": [{"lr_mult": 1, "decay_mult": 1}, {"lr_mult": 2, "decay_mult": 0}]}
XAVIER = RATE | {"weight_filler": {"type": "xavier"}, "bias_filler": ssd.CONSTANT_ZERO}

SOLVER = {
    "base_lr": 0.001,
    "lr_policy": "multistep",
    "gamma": 0.1,
    "stepvalue": [80000, 100000, 120000],
    "max_iter": 120000,
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "type": "SGD",
    "display": 10,
    "average_loss": 10,
    "test_iter": (619, "619 batches of 8: the whole of VOC 2007 test"),
    "test_interval": 10000,
    "test_initialization": False,
    "snapshot": 80000,
    "snapshot_prefix": "ssd300_vgg16",
    "random_seed": 1,
    "eval_type": "detection",
    "ap_version": "11point",
}

SIZES = "data/voc0712/test_name_size.txt"
RESULTS = {
    "output_directory": "results/VOC2007/SSD_300x300/Main",
    "output_name_prefix": "comp4_det_test_",
    "output_format": "VOC",
    "label_map_file": "data/voc0712/labelmap.prototxt",
    "name_size_file": SIZES,
    "num_test_image": 4952,
}

TRANSFORM = {"mean_value": [104, 117, 123]}

SOURCES = (
    Source("conv4_3_norm", 30, 60, (2,), 8),
    Source("fc7", 60, 111, (2, 3), 16),
    Source("conv6_2", 111, 162, (2, 3), 32),
    Source("conv7_2", 162, 213, (2, 3), 64),
    Source("conv8_2", 213, 264, (2,), 100),
    Source("conv9_2", 264, 315, (2,), 300),
)


def layers():
    """Returns the LayerParameters: those of both phases once."""
    net = NetSpec()
    net.data, net.label = L.AnnotatedData(ntop=2)
    top = net.data
    for stage, (convolutions, channels) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 1):
        for number in range(1, convolutions + 1):
            top = _convolution(net, top, f"conv{stage}_{number}", f"relu{stage}_{number}", channels, 3, pad=1)
        window = {"kernel_size": 2, "stride": 2} if stage < 5 else {"kernel_size": 3, "stride": 1, "pad": 1}
        top = net[f"pool{stage}"] = L.Pooling(top, pool=P.Pooling.MAX, **window)
    top = _convolution(net, top, "fc6", "relu6", 1024, 3, pad=6, dilation=6)
    top = _convolution(net, top, "fc7", "relu7", 1024, 1)
    for stage, thin, wide, shape in (
        (6, 256, 512, {"pad": 1, "stride": 2}),
        (7, 128, 256, {"pad": 1, "stride": 2}),
        (8, 128, 256, {}),
        (9, 128, 256, {}),
    ):
        names = [f"conv{stage}_{number}" for number in (1, 2)]
        top = _convolution(net, top, names[0], f"{names[0]}_relu", thin, 1)
        top = _convolution(net, top, names[1], f"{names[1]}_relu", wide, 3, **shape)
    twenty = {"type": "constant", "value": 20}
    net.conv4_3_norm = L.Normalize(net.conv4_3, across_spatial=False, channel_shared=False, scale_filler=twenty)
    head = XAVIER | {"kernel_size": 3, "pad": 1}
    ssd.heads(net, SOURCES, location=head, confidence=head)
    ssd.loss_and_score(net, output={"save_output_param": RESULTS}, evaluate={"name_size_file": SIZES})
    return [
        ssd.data(ssd.TRAIN, "voc0712/trainval_lmdb", 32, TRANSFORM),
        ssd.data(ssd.TEST, "voc0712/test_lmdb", 8, TRANSFORM),
        *net.to_proto().layer[1:],
    ]


def _convolution(net, top, name, relu, channels, kernel_size, **shape):
    net[name] = L.Convolution(top, num_output=channels, kernel_size=kernel_size, **shape, **XAVIER)
    net[relu] = L.ReLU(net[name], in_place=True)
    return net[relu]


COMMENTS = {
    "conv1_1": "VGG-16: 300 -> 19. Caffe's pooling rounds up: 75 to 38.",
    "fc6": "fc6 and fc7 as convolutions, fc6 with holes.",
    "conv6_1": "SSD's own layers: 19 -> 10, 5, 3, 1.",
    "conv4_3_norm": "Boxes from 38 x 38.",
    "fc7_mbox_loc": "Boxes from 19 x 19.",
    "conv6_2_mbox_loc": "Boxes from 10 x 10.",
    "conv7_2_mbox_loc": "Boxes from 5 x 5.",
    "conv8_2_mbox_loc": "Boxes from 3 x 3.",
    "conv9_2_mbox_loc": "Boxes from 1 x 1.",
    "mbox_loc": "All boxes in one list.",
    "mbox_loss": "Training's loss, and the score of tests.",
}


def config():
    """Returns the text of the config."""
    return text(HEADER, SOLVER, "VGG_VOC0712_SSD_300x300", layers(), COMMENTS)
