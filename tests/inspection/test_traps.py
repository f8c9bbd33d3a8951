"""Each trap: a text that walks into it, and one that does not."""

import numpy as np
import pytest

from zoo.formats import caffemodel
from zoo.inspection.examine import examine
from zoo.inspection.traps import RULES

DATA = 'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {} }} }} }}\n'


def shape(*dims):
    return DATA.format(" ".join(f"dim: {dim}" for dim in dims))


IMAGE = shape(1, 3, 10, 10)
CONV = (
    'layer { name: "c" type: "Convolution" bottom: "data" top: "c" '
    "convolution_param { num_output: 4 kernel_size: 3 } }\n"
)


def layer(kind, fields="", bottoms=("data",), top="y", name="l"):
    wires = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
    return f'layer {{ name: "{name}" type: "{kind}" {wires} top: "{top}" {fields} }}\n'


def look(tmp_path, text, weights=None):
    path = tmp_path / "net.prototxt"
    path.write_text(text)
    stored = None
    if weights is not None:
        stored = str(tmp_path / "net.caffemodel")
        caffemodel.write(stored, {name: [np.float32(a) for a in arrays] for name, arrays in weights.items()})
    return examine(path, stored)


def rules(report):
    return {each.rule for each in report.findings}


HED = (
    shape(1, 1, 30, 30)
    + layer("Convolution", "convolution_param { num_output: 2 kernel_size: 3 pad: 35 }", top="c", name="c")
    + layer("Pooling", "pooling_param { pool: MAX kernel_size: 2 stride: 2 }", ("c",), "p", "p")
    + layer("Deconvolution", "convolution_param { num_output: 1 kernel_size: 4 stride: 2 }", ("p",), "up", "up")
)
ONES = np.ones(3)
TRAIN_LABEL = shape(2, 3) + 'layer { name: "t" type: "Input" top: "t" input_param { shape { dim: 2 dim: 3 } } }\n'
LOSS = TRAIN_LABEL + layer("EuclideanLoss", "", ("data", "t"), "z", "e")
SEGNET = "loss_param {{ weight_by_label_freqs: true class_weighting: [1, 1, 1] {} }}"
BN = "slope_filler { value: 1 }"

TRAPS = {
    "nvidia-global-stats": (
        IMAGE + layer("BatchNorm", "batch_norm_param { scale_bias: true use_global_stats: true }"),
        IMAGE + layer("BatchNorm", "batch_norm_param { scale_bias: true }"),
    ),
    "segnet-normalize": (
        TRAIN_LABEL + layer("SoftmaxWithLoss", SEGNET.format(""), ("data", "t")),
        TRAIN_LABEL + layer("SoftmaxWithLoss", SEGNET.format("normalize: true"), ("data", "t")),
    ),
    "segnet-learning-in-test": (
        IMAGE + layer("BN", "bn_param { scale_filler { value: 1 } }"),
        IMAGE + layer("BN", "bn_param { scale_filler { value: 1 } bn_mode: INFERENCE }"),
    ),
    "bn-variance-or-inverse": (
        (IMAGE + layer("BN", f"bn_param {{ {BN} }}"), {"l": [ONES.reshape(1, 3, 1, 1) * k for k in (1, 0, 0, 30)]}),
        (IMAGE + layer("BN", f"bn_param {{ {BN} }}"), {"l": [ONES.reshape(1, 3, 1, 1) * k for k in (1, 0, 0, 0.1)]}),
    ),
    "ambiguous-type": (IMAGE + layer("BN"), IMAGE + layer("BN", f"bn_param {{ {BN} }}")),
    "text-boxes-priors": (
        shape(1, 80)
        + layer("Slice", "", top="conf", name="s")
        + 'layer { name: "p" type: "Input" top: "p" input_param { shape { dim: 1 dim: 2 dim: 40 } } }\n'
        + layer("DetectionOutput", "detection_output_param { num_classes: 2 }", ("data", "conf", "p")),
        shape(1, 40)
        + layer("Slice", "", top="conf", name="s")
        + 'layer { name: "p" type: "Input" top: "p" input_param { shape { dim: 1 dim: 2 dim: 40 } } }\n'
        + layer("DetectionOutput", "detection_output_param { num_classes: 2 }", ("data", "conf", "p")),
    ),
    "stray-message": (
        IMAGE + layer("Softmax", "loss_param { ignore_label: -1 }"),  # as in py-faster-rcnn's ZF nets
        IMAGE + layer("Softmax", "softmax_param { axis: 1 } include { phase: TEST }"),
    ),
    "one-batch-of-boxes": (
        shape(2, 30, 4, 4) + layer("YoloDetectionOutput", "yolo_detection_output_param { num_classes: 1 }"),
        shape(1, 30, 4, 4) + layer("YoloDetectionOutput", "yolo_detection_output_param { num_classes: 1 }"),
    ),
    "batch-norm-factor-zero": (
        (IMAGE + layer("BatchNorm"), {"l": [ONES, ONES, [0]]}),
        (IMAGE + layer("BatchNorm"), {"l": [ONES, ONES, [1]]}),
    ),
    "batch-statistics-in-test": (
        IMAGE + layer("BatchNorm", "batch_norm_param { use_global_stats: false }"),
        IMAGE + layer("BatchNorm"),
    ),
    "crop-offset": (
        HED + layer("Crop", "", ("up", "data")),
        HED + layer("Crop", "crop_param { offset: 35 }", ("up", "data")),
    ),
    "prior-box-truncates": (
        IMAGE + CONV + layer("PriorBox", "prior_box_param { min_size: 30.7 }", ("c", "data")),
        IMAGE + CONV + layer("PriorBox", "prior_box_param { min_size: 30 }", ("c", "data")),
    ),
    "no-default-loss-weight": (
        TRAIN_LABEL
        + layer("SmoothL1LossOHEM", "", ("data", "t"))
        + layer("EuclideanLoss", "", ("data", "t"), "z", "e"),
        TRAIN_LABEL
        + layer("SmoothL1LossOHEM", "loss_weight: 1", ("data", "t"))
        + layer("EuclideanLoss", "", ("data", "t"), "z", "e"),
    ),
    "pooling-rounds-up": (
        IMAGE + layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 }"),
        IMAGE + layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 round_mode: FLOOR }"),
    ),
    "ceil-mode": (
        IMAGE + layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 ceil_mode: false }"),
        IMAGE + layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 ceil_mode: true }"),
    ),
    "normalize-defaults": (
        IMAGE + layer("Normalize", "norm_param { channel_shared: false }"),
        IMAGE + layer("Normalize", "norm_param { channel_shared: false across_spatial: false }"),
    ),
    "box-code-default": (
        IMAGE + layer("DetectionOutput", "detection_output_param { num_classes: 2 }"),
        IMAGE + layer("DetectionOutput", "detection_output_param { num_classes: 2 code_type: CENTER_SIZE }"),
    ),
    "dropout-unscaled": (
        IMAGE + layer("Dropout", "dropout_param { scale_train: false }"),
        IMAGE + layer("Dropout", "dropout_param { scale_train: true }"),
    ),
    "softmax-twice": (
        TRAIN_LABEL + layer("Softmax", top="p", name="p") + layer("SoftmaxWithLoss", "", ("p", "t")),
        TRAIN_LABEL + layer("SoftmaxWithLoss", "", ("data", "t")),
    ),
    "reorg-order": (IMAGE + layer("Reorg", "reorg_param { stride: 2 }"), IMAGE + CONV),
    "depthwise-ignores": (
        IMAGE + layer("ConvolutionDepthwise", "convolution_param { num_output: 6 kernel_size: 3 pad: 0 stride: 1 }"),
        IMAGE + layer("ConvolutionDepthwise", "convolution_param { num_output: 3 kernel_size: 3 pad: 0 stride: 1 }"),
    ),
    "anchors-missing": (
        IMAGE + layer("RegionLoss", "region_loss_param { biases: 1 }"),
        IMAGE + layer("RegionLoss", f"region_loss_param {{ {' '.join(['biases: 1'] * 10)} }}"),
    ),
    "label-missing": (
        shape(2, 3) + layer("SoftmaxWithLoss", "", ("data", "label")),
        shape(2, 3) + layer("Softmax"),
    ),
    "unquoted-type": (IMAGE + CONV.replace('"Convolution"', "CONVOLUTION"), IMAGE + CONV),
    "quoted-type": (
        'input: "data" input_dim: [1, 3, 10, 10]\n' + CONV.replace("layer {", "layers {"),
        'input: "data" input_dim: [1, 3, 10, 10]\n'
        + CONV.replace("layer {", "layers {").replace('"Convolution"', "CONVOLUTION"),
    ),
    "renamed-field": (
        IMAGE + CONV.replace("kernel_size", "hole: 2 kernel_size"),
        IMAGE + CONV.replace("kernel_size", "dilation: 2 kernel_size"),
    ),
    "weights-without-layer": (
        (IMAGE + CONV, {"c": [np.zeros((4, 3, 3, 3)), np.zeros(4)], "d": [np.zeros(3)]}),
        (IMAGE + CONV, {"c": [np.zeros((4, 3, 3, 3)), np.zeros(4)]}),
    ),
    "weights-do-not-fit": (
        (IMAGE + CONV, {"c": [np.zeros((4, 2, 3, 3)), np.zeros(4)]}),
        (IMAGE + CONV, {"c": [np.zeros((4, 3, 3, 3)), np.zeros(4)]}),
    ),
    "layer-without-weights": (
        (IMAGE + CONV, {"other": [np.zeros(3)]}),
        (IMAGE + CONV, {"c": [np.zeros((4, 3, 3, 3)), np.zeros(4)]}),
    ),
}


def test_every_rule_is_tried():
    assert {function.__name__ for function in RULES} <= set(TRAPS)
    assert {"label-missing", "unquoted-type", "quoted-type", "renamed-field"} <= set(TRAPS)


@pytest.mark.parametrize("rule", TRAPS)
def test_trap(rule, tmp_path):
    walks_in, does_not = (each if isinstance(each, tuple) else (each,) for each in TRAPS[rule])
    found = look(tmp_path, *walks_in)
    assert rule in rules(found)
    assert rule not in rules(look(tmp_path, *does_not))


@pytest.mark.parametrize("rule", [name for name in TRAPS if not name.startswith("weights")])
def test_what_is_mended_is_gone(rule, tmp_path):
    text = TRAPS[rule][0]
    report = look(tmp_path, *(text if isinstance(text, tuple) else (text,)))
    if any(each.edits for each in report.findings if each.rule == rule):
        again = look(tmp_path, report.mended)
        assert rule not in rules(again)
        assert report.mended != text


def test_the_offset_of_hed(tmp_path):
    (found,) = [each for each in look(tmp_path, TRAPS["crop-offset"][0]).findings if each.rule == "crop-offset"]
    assert found.cure == "crop_param { axis: 2 offset: 35 offset: 35 }"
    assert "35 pixels off" in found.what
