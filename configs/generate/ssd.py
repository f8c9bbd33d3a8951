"""What the recipes of SSD have in common: data with its augmentation, the heads, the loss and the score.

weiliu89/caffe@ssd: examples/ssd/ssd_pascal.py and python/caffe/model_libs.py.
"""

from dataclasses import dataclass

from zoo.formats import caffe_pb2
from zoo.pycaffe.net_spec import NetSpec
from zoo.pycaffe.net_spec import layers as L
from zoo.pycaffe.net_spec import params as P

CLASSES = 21  # VOC's 20 and the background
TRAIN, TEST = ({"phase": phase} for phase in (caffe_pb2.TRAIN, caffe_pb2.TEST))
SIZE = 300  # height and width of the images
LABELS = "data/voc0712/labelmap.prototxt"
CONSTANT_ZERO = {"type": "constant", "value": 0}


@dataclass(frozen=True)
class Source:
    """A blob that boxes are predicted from, and the PriorBox fields of its boxes."""

    blob: str
    min_size: float
    max_size: float | None
    ratios: tuple[int, ...]
    step: int | None = None

    @property
    def boxes(self):
        """How many boxes there are at each place."""
        return 1 + (self.max_size is not None) + 2 * len(self.ratios)


def data(phase, source, batch_size, transform):
    """Returns the LayerParameter of an AnnotatedData layer, for training with SSD's augmentation.

    Args:
        phase: TRAIN or TEST.
        source, batch_size: of data_param.
        transform: mean and scale, as fields of transform_param.
    """
    resize = P.Resize
    modes = [resize.LINEAR, resize.AREA, resize.NEAREST, resize.CUBIC, resize.LANCZOS4]
    annotated = {"label_map_file": LABELS}
    transform = dict(transform)
    transform["resize_param"] = {"prob": 1, "resize_mode": resize.WARP, "height": SIZE, "width": SIZE}
    transform["resize_param"]["interp_mode"] = modes if phase == TRAIN else modes[:1]
    if phase == TRAIN:
        annotated["batch_sampler"] = _samplers()
        transform |= {
            "mirror": True,
            "emit_constraint": {"emit_type": caffe_pb2.EmitConstraint.CENTER},
            "distort_param": {
                "brightness_prob": 0.5,
                "brightness_delta": 32,
                "contrast_prob": 0.5,
                "contrast_lower": 0.5,
                "contrast_upper": 1.5,
                "hue_prob": 0.5,
                "hue_delta": 18,
                "saturation_prob": 0.5,
                "saturation_lower": 0.5,
                "saturation_upper": 1.5,
                "random_order_prob": 0,
            },
            "expand_param": {"prob": 0.5, "max_expand_ratio": 4},
        }
    spec = NetSpec()
    spec.data, spec.label = L.AnnotatedData(
        ntop=2,
        include=phase,
        transform_param=transform,
        data_param={"source": source, "batch_size": batch_size, "backend": P.Data.LMDB},
        annotated_data_param=annotated,
    )
    return spec.to_proto().layer[0]


def _samplers():
    """The whole image; a part that overlaps some box by at least so much; a part without any condition."""
    sampler = {"min_scale": 0.3, "max_scale": 1, "min_aspect_ratio": 0.5, "max_aspect_ratio": 2}
    wanted = [{"min_jaccard_overlap": overlap} for overlap in (0.1, 0.3, 0.5, 0.7, 0.9)]
    wanted.append({"max_jaccard_overlap": 1})
    parts = [{"sampler": sampler, "sample_constraint": each, "max_sample": 1, "max_trials": 50} for each in wanted]
    return [{"max_sample": 1, "max_trials": 1}, *parts]


def heads(net, sources, *, location, confidence):
    """Adds the predictions of all `sources`, and the joined mbox_loc, mbox_conf and mbox_priorbox.

    Args:
        net: a NetSpec with the blobs and "data".
        sources: `Source`s.
        location, confidence: fields of the convolutions that predict boxes and classes.
    """
    joined = {"loc": [], "conf": [], "priorbox": []}
    for source in sources:
        for kind, numbers, fields in (("loc", 4, location), ("conf", CLASSES, confidence)):
            name = f"{source.blob}_mbox_{kind}"
            net[name] = L.Convolution(net[source.blob], num_output=source.boxes * numbers, **fields)
            net[f"{name}_perm"] = L.Permute(net[name], order=[0, 2, 3, 1])
            net[f"{name}_flat"] = L.Flatten(net[f"{name}_perm"], axis=1)
            joined[kind].append(net[f"{name}_flat"])
        fields = {"min_size": source.min_size, "aspect_ratio": list(source.ratios), "flip": True, "clip": False}
        if source.max_size is not None:
            fields["max_size"] = source.max_size
        if source.step is not None:
            fields["step"] = source.step
        name = f"{source.blob}_mbox_priorbox"
        fields |= {"variance": [0.1, 0.1, 0.2, 0.2], "offset": 0.5}
        net[name] = L.PriorBox(net[source.blob], net.data, **fields)
        joined["priorbox"].append(net[name])
    for kind, axis in (("loc", 1), ("conf", 1), ("priorbox", 2)):
        net[f"mbox_{kind}"] = L.Concat(*joined[kind], axis=axis)


def loss_and_score(net, output=None, evaluate=None):
    """Adds the loss of training, and what tests read: softmax, DetectionOutput and DetectionEvaluate.

    Args:
        net: a NetSpec with mbox_loc, mbox_conf, mbox_priorbox and label.
        output, evaluate: more fields of the last two.
    """
    kinds = P.MultiBoxLoss
    common = {"num_classes": CLASSES, "share_location": True, "background_label_id": 0}
    common["code_type"] = P.PriorBox.CENTER_SIZE
    net.mbox_loss = L.MultiBoxLoss(
        *(net[name] for name in ("mbox_loc", "mbox_conf", "mbox_priorbox", "label")),
        include=TRAIN,
        propagate_down=[True, True, False, False],
        loss_param={"normalization": P.Loss.VALID},
        multibox_loss_param=common
        | {
            "loc_loss_type": kinds.SMOOTH_L1,
            "conf_loss_type": kinds.SOFTMAX,
            "loc_weight": 1,
            "match_type": kinds.PER_PREDICTION,
            "overlap_threshold": 0.5,
            "use_prior_for_matching": True,
            "use_difficult_gt": True,
            "mining_type": kinds.MAX_NEGATIVE,
            "neg_pos_ratio": 3,
            "neg_overlap": 0.5,
            "ignore_cross_boundary_bbox": False,
        },
    )
    net.mbox_conf_reshape = L.Reshape(net.mbox_conf, include=TEST, shape={"dim": [0, -1, CLASSES]})
    net.mbox_conf_softmax = L.Softmax(net.mbox_conf_reshape, include=TEST, axis=2)
    net.mbox_conf_flatten = L.Flatten(net.mbox_conf_softmax, include=TEST, axis=1)
    net.detection_out = L.DetectionOutput(
        *(net[name] for name in ("mbox_loc", "mbox_conf_flatten", "mbox_priorbox")),
        include=TEST,
        detection_output_param=common
        | {"nms_param": {"nms_threshold": 0.45, "top_k": 400}, "keep_top_k": 200, "confidence_threshold": 0.01}
        | (output or {}),
    )
    net.detection_eval = L.DetectionEvaluate(
        net.detection_out,
        net.label,
        include=TEST,
        detection_evaluate_param={
            "num_classes": CLASSES,
            "background_label_id": 0,
            "overlap_threshold": 0.5,
            "evaluate_difficult_gt": False,
        }
        | (evaluate or {}),
    )
