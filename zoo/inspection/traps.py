"""The same text, another meaning: what a file says to one Caffe and not to another, or not what it seems to say.

Each rule is a function from a `View` to findings; `RULES` lists them.
"""

import numpy as np

from zoo.inspection.finding import DIFFERS, Finding
from zoo.layers.base.registry import find

RULES = []


def rule(name):
    """Decorator: a generator of (layer, what, cure, edits) becomes a rule whose findings are called `name`."""

    def register(function):
        def found(view):
            return [
                Finding(DIFFERS, name, layer.at(path), what, cure, tuple(edits))
                for layer, path, what, cure, edits in function(view)
            ]

        found.__doc__, found.__name__ = function.__doc__, name
        RULES.append(found)
        return function

    return register


@rule("batch-norm-factor-zero")
def _factor_zero(view):
    """batch_norm_layer.cpp:104: a factor of 0 makes mean and variance 0, and what comes out x / sqrt(eps)."""
    for layer in view.of("BatchNorm"):
        blobs = view.blobs(layer)
        if not layer.variant and len(blobs) >= 3 and np.size(blobs[2]) == 1 and float(np.ravel(blobs[2])[0]) == 0:
            what = "the third blob, the factor of the statistics, is 0: Caffe then takes mean and variance as 0"
            cure = "where blobs 0 and 1 hold the statistics themselves, set blob 2 to 1"
            if not (np.any(blobs[0]) or np.any(blobs[1])):
                cure = "these weights were never trained, or were saved before any training batch"
            yield layer, None, what, cure, ()


@rule("batch-statistics-in-test")
def _global_stats(view):
    """batch_norm_layer.cpp:14: use_global_stats false means the statistics of the batch, in TEST too."""
    for layer in view.of("BatchNorm"):
        p = layer.message.batch_norm_param
        given = p.HasField("use_global_stats") and not p.use_global_stats
        if view.definition.phase == "TEST" and not layer.variant and given:
            what = "use_global_stats: false normalises by the batch in TEST too: a result then depends on the batch"
            cure = "leave it out: Caffe itself takes true in TEST and false in TRAIN"
            path = "batch_norm_param.use_global_stats"
            yield layer, path, what, cure, view.remove(layer, path)


@rule("segnet-learning-in-test")
def _segnet_learn(view):
    """SegNet's bn_layer.cpp:83: bn_mode LEARN, the default, takes the batch's statistics in both phases."""
    for layer in view.of("BN"):
        if layer.variant == "segnet" and view.definition.phase == "TEST" and layer.message.bn_param.bn_mode == 0:
            what = "bn_mode LEARN (the default) takes the statistics of the batch in TEST too"
            cure = "fold the statistics in with SegNet's compute_bn_statistics.py, then bn_mode: INFERENCE"
            yield layer, None, what, cure, ()


@rule("segnet-normalize")
def _segnet_normalize(view):
    """SegNet's caffe.proto:388 has loss_param.normalize true by default, BVLC's has not: the loss is divided by N."""
    for layer in view.of("SoftmaxWithLoss"):
        p = layer.message.loss_param
        stated = p.HasField("normalize") or p.HasField("normalization")
        if p.weight_by_label_freqs and not stated and not layer.variant:
            what = "normalize not given: divided by the batch size here, in SegNet's own Caffe by the number of labels"
            yield layer, "loss_param", what, "normalize: true in loss_param, or --fork=segnet: SegNet's own loss", ()


@rule("bn-variance-or-inverse")
def _inverse_deviation(view):
    """happynear/caffe-windows has PSPNet's text and four blobs, but the fourth is 1 / sqrt(var + eps)."""
    for layer in view.of("BN"):
        blobs = view.blobs(layer)
        if layer.variant != "psp" or len(blobs) != 4:
            continue
        fourth = np.ravel(blobs[3])
        what = "the fourth blob is read as the variance; in happynear/caffe-windows it is 1 / standard deviation"
        if np.median(fourth) > 3:
            what += f", and its median of {np.median(fourth):.3g} looks like that"
            yield layer, None, what, "--fork=happynear", ()


@rule("crop-offset")
def _crop_offset(view):
    """Crop of longjon/caffe (HED, the first FCN) finds its offset itself; BVLC's crop_layer.cpp takes 0."""
    from zoo.inspection.offsets import offset

    for layer in view.of("Crop"):
        if layer.message.crop_param.offset or len(layer.bottoms) != 2:
            continue
        found = offset(view, layer)
        if found is not None and any(found):
            text = "crop_param { " + ("" if layer.message.crop_param.HasField("axis") else "axis: 2 ")
            text += " ".join(f"offset: {each}" for each in found) + " }"
            shift = max(map(abs, found))
            what = (
                f"has no offset, which is 0 in BVLC Caffe; the Crop of HED's and FCN's first Caffe took {found[0]},"
                f" so results lie {shift} pixel{'s' if shift != 1 else ''} off"
            )
            edits = () if layer.message.HasField("crop_param") else view.insert(layer, text)
            yield layer, None, what, text, edits


@rule("prior-box-truncates")
def _prior_sizes(view):
    """SSD's prior_box_layer.cpp:120 takes int(min_size): 30.7 acts as 30."""
    for layer in view.of("PriorBox"):
        p = layer.message.prior_box_param
        for field in ("min_size", "max_size"):
            for index, size in enumerate(getattr(p, field)):
                if size != int(size) and layer.variant not in ("opencv", "textboxes"):
                    what = f"{field} {size:g} acts as {int(size)}: SSD's Caffe cuts sizes to whole pixels"
                    cure = "--fork=opencv, if the net was written for OpenCV, which keeps the fraction"
                    yield layer, f"prior_box_param.{field}[{index}]", what, cure, ()


@rule("text-boxes-priors")
def _text_boxes(view):
    """TextBoxes' PriorBox gives twice as many priors under the same text."""
    for layer in view.of("DetectionOutput", "MultiBoxLoss"):
        loc, _, prior = [view.shape(ref) for ref in layer.bottoms[:3]] if len(layer.bottoms) > 2 else [None] * 3
        if loc and prior and len(prior) > 2 and len(loc) > 1 and loc[1] == 2 * prior[2]:
            what = f"has {loc[1]} locations for {prior[2]} values of priors: twice as many, as in TextBoxes"
            yield layer, None, what, "--fork=textboxes, whose PriorBox adds a second, shifted row of priors", ()


@rule("no-default-loss-weight")
def _no_loss_weight(view):
    """smooth_L1_loss_layer.cpp of Fast R-CNN and R-FCN never sets the loss weight that other losses start with."""
    for layer in view.of("SmoothL1Loss", "SmoothL1LossOHEM"):
        counts = layer.type == "SmoothL1Loss" and layer.variant not in ("frcnn", "rfcn")
        if view.definition.phase == "TRAIN" and not layer.message.loss_weight and not counts:
            what = "has no loss_weight and, unlike other losses, no default of 1: it trains nothing"
            yield layer, None, what, "loss_weight: 1", view.insert(layer, "loss_weight: 1")


@rule("pooling-rounds-up")
def _ceil(view):
    """pooling_layer.cpp:93: Caffe rounds the output size up, most other frameworks down."""
    for layer in view.of("Pooling"):
        sizes = view.size(layer)
        if sizes is None or layer.message.pooling_param.global_pooling or len(sizes.bottoms[0]) != 4:
            continue
        kind = sizes.type
        floor = tuple(
            (size + 2 * pad - kernel) // stride + 1
            for size, pad, kernel, stride in zip(sizes.bottoms[0][2:], kind.pad, kind.kernel, kind.stride)
        )
        if sizes.tops[0][2:] != floor:
            here, there = ("x".join(map(str, each)) for each in (sizes.tops[0][2:], floor))
            what = f"gives {here}, rounded up; PyTorch, TensorFlow and forks with ceil_mode: false give {there}"
            yield layer, None, what, "round_mode: FLOOR in pooling_param, if the weights come from one of these", ()


@rule("ceil-mode")
def _ceil_mode(view):
    """ceil_mode: false of SENet's and other forks is round_mode: FLOOR of BVLC Caffe."""
    for layer in view.of("Pooling"):
        p = layer.message.pooling_param
        if p.HasField("ceil_mode") and not p.ceil_mode:
            what = "ceil_mode is a field of forks: another Caffe refuses the file, or rounds up"
            path = "pooling_param.ceil_mode"
            edits = view.remove(layer, path)
            edits = tuple(type(edit)(edit.start, edit.end, _line(view, edit, "round_mode: FLOOR")) for edit in edits)
            yield layer, path, what, "round_mode: FLOOR", edits


def _line(view, edit, text):
    old = view.text[edit.start : edit.end]
    if not old.endswith("\n"):
        return text
    return old[: len(old) - len(old.lstrip())] + text + "\n"


@rule("normalize-defaults")
def _normalize(view):
    """SSD's norm_param: across_spatial and channel_shared are true where they are not given."""
    for layer in view.of("Normalize", "NormalizeBBox"):
        p = layer.message.norm_param if layer.message.HasField("norm_param") else layer.message.normalize_bbox_param
        unset = [name for name in ("across_spatial", "channel_shared") if not p.HasField(name)]
        if unset and layer.variant != "happynear":
            what = f"{' and '.join(unset)} not given: true in SSD's Caffe, while SSD's own nets set false"
            yield (
                layer,
                None,
                what,
                f"{' '.join(f'{name}: false' for name in unset)}, if it normalises over channels",
                (),
            )


@rule("box-code-default")
def _code_type(view):
    """SSD's detection_output_param.code_type is CORNER by default; SSD's nets are trained with CENTER_SIZE."""
    for layer in view.of("DetectionOutput"):
        if not layer.message.detection_output_param.HasField("code_type"):
            what = "code_type not given: boxes are decoded as CORNER, while SSD's own nets are trained with CENTER_SIZE"
            yield layer, None, what, "code_type: CENTER_SIZE, if the net was trained so", ()


@rule("dropout-unscaled")
def _dropout(view):
    """Fast R-CNN's dropout_param.scale_train: false scales at test time instead."""
    for layer in view.of("Dropout"):
        p = layer.message.dropout_param
        if p.HasField("scale_train") and not p.scale_train:
            what = (
                f"scale_train: false: in TEST values are multiplied by {1 - p.dropout_ratio:g} and in TRAIN not scaled;"
                " a Caffe or OpenCV without that field passes them on as they are in TEST"
            )
            yield layer, "dropout_param.scale_train", what, None, ()


@rule("softmax-twice")
def _softmax_twice(view):
    """softmax_loss_layer.cpp applies the softmax itself."""
    for layer in view.of("SoftmaxWithLoss"):
        below = view.producer(layer.bottoms[0]) if layer.bottoms else None
        if below is not None and below.type == "Softmax":
            what = f'applies a softmax to what layer "{below.name}" made by a softmax'
            scores = below.bottoms[0].name if below.bottoms else "the scores"
            yield layer, "bottom", what, f'bottom: "{scores}" instead of "{layer.bottoms[0]}"', ()


@rule("reorg-order")
def _reorg(view):
    """Darknet's order, as all forks have it, is not space-to-depth."""
    for layer in view.of("Reorg"):
        what = "moves values in Darknet's order, which is not space-to-depth (nor PyTorch's PixelUnshuffle)"
        yield layer, None, what, None, ()


@rule("depthwise-ignores")
def _depthwise(view):
    """conv_dw_layer.cpp:134: output channels are the input's, whatever num_output and group say."""
    for layer in view.of("ConvolutionDepthwise"):
        shape, p = view.shape(layer.bottoms[0]) if layer.bottoms else None, layer.message.convolution_param
        if shape is None or len(shape) < 2:
            continue
        channels = shape[1]
        given = [f"{name}: {getattr(p, name)}" for name in ("num_output", "group") if p.HasField(name)]
        wrong = [text for text in given if text.split()[1] != str(channels)]
        if wrong:
            what = f"{' and '.join(wrong)} ignored: this type gives as many channels as it reads, {channels}"
            yield layer, "convolution_param", what, f"num_output: {channels} group: {channels}", ()


@rule("anchors-missing")
def _biases(view):
    """region_loss_layer.cpp:206: with fewer than 10 biases all anchors are 0."""
    for layer in view.of("RegionLoss"):
        if len(layer.message.region_loss_param.biases) < 10:
            what = f"has {len(layer.message.region_loss_param.biases)} biases: with fewer than 10, all anchors are 0"
            yield layer, None, what, "biases: a width and a height for each of the anchors, ten numbers or more", ()


@rule("one-batch-of-boxes")
def _yolo_rows(view):
    """yolo_detection_output_layer.cpp:214: suppression runs over all images, and rows say image 0."""
    for layer in view.of("YoloDetectionOutput", "Yolov3DetectionOutput"):
        shape = view.shape(layer.bottoms[0]) if layer.bottoms else None
        if shape and shape[0] > 1:
            what = "suppresses boxes across the images of the batch and gives every box the image 0"
            yield layer, None, what, "a batch of 1", ()


@rule("nvidia-global-stats")
def _nvidia_global_stats(view):
    """NVIDIA's batch_norm_layer.cpp:166: use_global_stats is not consulted; the phase decides."""
    for layer in view.of("BatchNorm"):
        if layer.variant.startswith("nvidia") and layer.message.batch_norm_param.HasField("use_global_stats"):
            what = "use_global_stats is not consulted by NVIDIA's BatchNorm: the phase decides"
            yield layer, "batch_norm_param.use_global_stats", what, None, ()


@rule("ambiguous-type")
def _usual(view):
    """Forks mean different things by one type string, and nothing in the text tells which."""
    for place, text in view.definition.meanings:
        if "usual meaning" in text:
            layer = next((each for each in view.definition.layers if each.place == place), None)
            if layer is not None:
                yield layer, "type", text, "--fork=NAME says which is meant", ()


@rule("stray-message")
def _stray(view):
    """Caffe reads the message of a layer's own type and passes over the others without a word."""
    for layer in view.definition.layers:
        kind = find(layer.kind)
        for name in kind.stray(layer) if kind else ():
            what = f"{name} is for other layer types: it has no effect on a {layer.type} layer"
            yield layer, name, what, "remove it, if the type is the one that is meant", ()
