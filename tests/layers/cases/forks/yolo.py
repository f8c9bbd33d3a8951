"""The layers of YOLO v2 and v3."""

import numpy as np

from tests.layers.cases.case import Case, Fed, normal, ties, uniform

BIASES = (1.3, 2.1, 2.4, 0.9, 0.7, 0.8, 3.2, 2.2, 1.1, 3.4)
ANCHORS = (30, 40, 70, 25, 20, 20, 90, 80, 45, 90, 60, 55)


def truth(n, classes, boxes=4, together=False):
    """Some boxes in each item, of which with `together` several lie at one place, then zeros."""

    def draw(rng, shape):
        rows = np.zeros((shape[0], 300, 5))
        for item in rows:
            count = rng.integers(1, boxes + 1) if not together else boxes
            item[:count, 0] = rng.integers(0, classes, count)
            item[:count, 1:3] = rng.uniform(0.1, 0.9, (1 if together else count, 2))
            item[:count, 3:] = rng.uniform(0.1, 0.6, (1 if together else count, 2))
            item[count - 1, 1] *= 1 if together else -1  # outside of the image
        return rows.reshape(shape)

    return Fed((n, 1, 1, 1500), draw, smooth=False)


def numbers(name, values):
    return " ".join(f"{name}: {value}" for value in values)


def region(name, body="", *, n=2, num=5, classes=3, side=4, biases=BIASES, extra=0, **more):
    inputs = {"x": normal(n, num * (5 + classes) + extra, side, side), "gt": truth(n, classes, **more)}
    body = f"region_loss_param {{ num: {num} num_class: {classes} {numbers('biases', biases)} {body} }}"
    return Case("RegionLoss", name, inputs, body, gradient=())


def yolov3(name, body="", *, n=2, mask=(0, 2, 5), classes=3, side=4, x=None, **more):
    shape = (n, len(mask) * (5 + classes), side, side)
    inputs = {"x": x(*shape) if x else normal(*shape), "gt": truth(n, classes, **more)}
    fields = f"num: {len(mask)} num_class: {classes} {numbers('biases', ANCHORS)} {numbers('mask', mask)}"
    return Case("Yolov3", name, inputs, f"yolov3_param {{ {fields} {body} }}", gradient=())


def saturated(*shape):
    """Logits of which many are so large that their logistic is 1."""
    return Fed(shape, lambda rng, s: rng.normal(size=s) + 30 * (rng.uniform(size=s) > 0.3), smooth=False)


def detection(name, body, *shapes, classes=3, num=5, biases=BIASES, **more):
    inputs = {f"x{i}": normal(*shape) for i, shape in enumerate(shapes)}
    fields = f"num_classes: {classes} num_box: {num} {numbers('biases', biases)} {body}"
    body = f"yolo_detection_output_param {{ {fields} }}"
    return Case("YoloDetectionOutput", name, inputs, body, gradient=(), batch_fixed="one list for all items", **more)


def detection3(name, body, *shapes, classes=2, mask=(3, 4, 5, 0, 1, 2), scales=(32, 16), **more):
    inputs = {f"x{i}": normal(*shape) for i, shape in enumerate(shapes)}
    fields = f"num_classes: {classes} {numbers('biases', ANCHORS)} {numbers('mask', mask)}"
    body = f"yolov3_detection_output_param {{ {fields} {numbers('anchors_scale', scales)} {body} }}"
    return Case("Yolov3DetectionOutput", name, inputs, body, gradient=(), batch_fixed="one list for all items", **more)


CASES = [
    Case("ReLU6", "default", {"x": uniform(-4, 9, 2, 3, 4, 5)}),
    Case("ReLU6", "slope", {"x": uniform(-4, 9, 5, 7)}, "relu6_param { negative_slope: 0.2 }"),
    Case("ReLU6", "negative-slope", {"x": uniform(-4, 9, 5, 7)}, "relu6_param { negative_slope: -0.5 }"),
    Case("ReLU6", "in-place", {"x": uniform(-4, 9, 5, 7)}, "relu6_param { negative_slope: 0.2 }", tops=("x",)),
    Case("ReLU6", "edges", {"x": ties(5, 7)}, gradient=()),
    Case("Reorg", "forward", {"x": normal(2, 8, 4, 6)}, "reorg_param { stride: 2 }"),
    Case("Reorg", "reverse", {"x": normal(2, 18, 2, 3)}, "reorg_param { stride: 3 reverse: true }"),
    Case("Reorg", "one", {"x": normal(1, 2, 3, 3)}, "reorg_param { stride: 1 }"),
    region("default"),
    region("no-rescore", "rescore: 0 thresh: 0.5 coord_scale: 2 object_scale: 5 noobject_scale: 1 class_scale: 0.5"),
    region("no-bias-match", "bias_match: 0", side=5, n=1),
    region("together", "thresh: 0.1", together=True),
    region("coordinates", "coords: 6", num=2, extra=5),
    region("as-many-cells-as-anchors", num=4, side=2, n=1),
    yolov3("default"),
    yolov3("weights", "thresh: 0.6 coord_scale: 2 object_scale: 5 class_scale: 0.7", side=5, n=1),
    yolov3("logic", "use_logic_gradient: true object_scale: 3 anchors_scale: 16", mask=(1, 3)),
    yolov3("together", boxes=6, together=True, mask=(0, 1, 2, 3, 4, 5)),
    yolov3("no-classes-weight", "class_scale: 0", boxes=6, together=True, mask=(0, 1, 2, 3, 4, 5)),
    yolov3("saturated", boxes=9, together=True, mask=(0, 1, 2, 3, 4, 5), x=saturated, n=6),
    detection("some", "confidence_threshold: 0.4", (1, 40, 3, 3)),
    detection("batch", "confidence_threshold: 0.5 nms_threshold: 0.2", (3, 40, 2, 2)),
    detection("two-scales", "confidence_threshold: 0.5", (2, 24, 2, 2), (2, 24, 4, 4), num=3),
    detection("none", "confidence_threshold: 0.9999", (3, 40, 2, 2)),
    detection3("some", "confidence_threshold: 0.5", (2, 21, 2, 2), (2, 21, 4, 4)),
    detection3("all", "confidence_threshold: 0 nms_threshold: 0.7", (1, 21, 2, 2), (1, 21, 3, 3)),
    detection3("none", "confidence_threshold: 0.9999", (2, 21, 2, 2), (2, 21, 4, 4)),
    detection3("one-scale", "mask_group_num: 1 num_box: 2", (2, 14, 3, 3), mask=(4, 1), scales=(8,)),
]
