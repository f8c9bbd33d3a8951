"""MobileNet-SSD, VOC 2007 and 2012."""

from configs.generate import ssd
from configs.generate.single_file import text
from configs.generate.ssd import Source
from zoo.pycaffe.net_spec import NetSpec
from zoo.pycaffe.net_spec import layers as L

HEADER = """
MobileNet-SSD on VOC 2007 and 2012: the layers, names and recipe of voc/ in chuanqi305/MobileNet-SSD. MobileNet v1
without its classifier, eight more convolutions, and six maps of boxes: 1,917 for an image of 300 x 300. 5,796,089
learned parameters, and 25,379 numbers of running statistics.

  python -m data_prep.detection --source=VOCdevkit/VOC2007,VOCdevkit/VOC2012 --names=ImageSets/Main/trainval.txt \\
      --output=data/voc0712/trainval_lmdb --shuffle
  python -m data_prep.detection --source=VOCdevkit/VOC2007 --names=ImageSets/Main/test.txt \\
      --labelmap=data/voc0712/labelmap.prototxt --output=data/voc0712/test_lmdb
  python -m zoo.train --config=configs/mobilenet_ssd.prototxt --weights=mobilenet_iter_73000.caffemodel

The weights are in the author's repository: this net, trained on COCO and then on VOC. A backbone alone, such as the
author's MobileNet classifier, has the same names; then raise the rates of 0.1, which are for finetuning the whole
net. docs/detection.md says more. Written by configs/generate/mobilenet_ssd.py.

Score of the original author, not run here: mean average precision 72.7 % on VOC 2007 test (the repository's readme;
68 % without COCO). Differs from theirs: the test net's rates, which nothing reads, are those of training.
"""

SOLVER = {
    "base_lr": 0.0005,
    "lr_policy": "multistep",
    "gamma": 0.5,
    "stepvalue": [20000, 40000],
    "max_iter": 120000,
    "weight_decay": 0.00005,
    "type": "RMSProp",
    "display": 10,
    "average_loss": 10,
    "test_iter": (673, "the author's: 673 batches of 8 are 5,384 images, 432 more than VOC 2007 test has; 619 fit"),
    "test_interval": 10000,
    "test_initialization": False,
    "snapshot": 1000,
    "snapshot_prefix": "mobilenet_ssd",
    "random_seed": 1,
    "eval_type": "detection",
    "ap_version": "11point",
}

TRANSFORM = {"mean_value": [127.5, 127.5, 127.5], "scale": 0.007843}

SOURCES = (
    Source("conv11", 60, None, (2,)),
    Source("conv13", 105, 150, (2, 3)),
    Source("conv14_2", 150, 195, (2, 3)),
    Source("conv15_2", 195, 240, (2, 3)),
    Source("conv16_2", 240, 285, (2, 3)),
    Source("conv17_2", 285, 300, (2, 3)),
)

FIXED = {"lr_mult": 0, "decay_mult": 0}
MSRA = {"weight_filler": {"type": "msra"}}
DEPTHWISE = (  # channels read, channels given, stride
    (32, 64, 1),
    (64, 128, 2),
    (128, 128, 1),
    (128, 256, 2),
    (256, 256, 1),
    (256, 512, 2),
    *((512, 512, 1),) * 5,
    (512, 1024, 2),
    (1024, 1024, 1),
)


def layers():
    """Returns the LayerParameters: those of both phases once."""
    net = NetSpec()
    net.data, net.label = L.AnnotatedData(ntop=2)
    top = _convolution(net, net.data, "conv0", num_output=32, pad=1, kernel_size=3, stride=2)
    for number, (read, given, stride) in enumerate(DEPTHWISE, 1):
        stride = {"stride": stride} if stride > 1 else {}
        top = _convolution(net, top, f"conv{number}/dw", num_output=read, pad=1, kernel_size=3, group=read, **stride)
        top = _convolution(net, top, f"conv{number}", num_output=given, kernel_size=1)
    for number, (thin, wide) in enumerate(((256, 512), (128, 256), (128, 256), (64, 128)), 14):
        top = _convolution(net, top, f"conv{number}_1", num_output=thin, kernel_size=1)
        top = _convolution(net, top, f"conv{number}_2", num_output=wide, pad=1, kernel_size=3, stride=2)
    ssd.heads(net, SOURCES, location=_head(0.1), confidence=_head(1))
    ssd.loss_and_score(net)
    return [
        ssd.data(ssd.TRAIN, "voc0712/trainval_lmdb", 24, TRANSFORM),
        ssd.data(ssd.TEST, "voc0712/test_lmdb", 8, TRANSFORM),
        *net.to_proto().layer[1:],
    ]


def _convolution(net, top, name, **shape):
    """A convolution without bias, BatchNorm, Scale and ReLU, the last three in place."""
    rate = {"lr_mult": 0.1, "decay_mult": 0.1}
    net[name] = L.Convolution(top, param=[rate], bias_term=False, **shape, **MSRA)
    net[f"{name}/bn"] = L.BatchNorm(net[name], in_place=True, param=[FIXED] * 3)
    rates = [{"lr_mult": 0.1, "decay_mult": 0}, {"lr_mult": 0.2, "decay_mult": 0}]
    scale = {"filler": {"value": 1}, "bias_term": True, "bias_filler": {"value": 0}}
    net[f"{name}/scale"] = L.Scale(net[name], in_place=True, param=rates, **scale)
    net[f"{name}/relu"] = L.ReLU(net[name], in_place=True)
    return net[name]


def _head(rate):
    param = [{"lr_mult": rate, "decay_mult": rate}, {"lr_mult": 2 * rate, "decay_mult": 0}]
    return {"param": param, "kernel_size": 1, "bias_filler": ssd.CONSTANT_ZERO, **MSRA}


COMMENTS = {
    "conv0": "MobileNet v1: 300 -> 10.",
    "conv14_1": "SSD's own layers: 10 -> 5, 3, 2, 1.",
    "conv11_mbox_loc": "Boxes from 19 x 19.",
    "conv13_mbox_loc": "Boxes from 10 x 10.",
    "conv14_2_mbox_loc": "Boxes from 5 x 5.",
    "conv15_2_mbox_loc": "Boxes from 3 x 3.",
    "conv16_2_mbox_loc": "Boxes from 2 x 2.",
    "conv17_2_mbox_loc": "Boxes from 1 x 1.",
    "mbox_loc": "All boxes in one list.",
    "mbox_loss": "Training's loss, and the score of tests.",
}


def config():
    """Returns the text of the config."""
    return text(HEADER, SOLVER, "MobileNet-SSD", layers(), COMMENTS)
