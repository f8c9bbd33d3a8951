"""Average precision by hand, and gathered over batches."""

import re

import numpy as np
import pytest
import tensorflow as tf

from zoo.converters.build import build
from zoo.converters.solver import solver_def
from zoo.errors import SolverError
from zoo.formats.prototxt import parse_net, parse_solver
from zoo.netdef.net import net_def
from zoo.training import gathering
from zoo.training import step as steps
from zoo.training.average_precision import DetectionRows, average_precision

SCORES, TRUE = [0.9, 0.5, 0.8, 0.7], [1, 1, 0, 1]  # by score: right, wrong, right, right


@pytest.mark.parametrize(
    "version, boxes, want",
    [
        ("Integral", 4, 0.25 * 1 + 0.25 * 2 / 3 + 0.25 * 3 / 4),
        ("MaxIntegral", 4, 0.25 * 1 + 0.5 * 3 / 4),
        ("11point", 4, (3 * 1 + 5 * 3 / 4) / 11),  # recall 0 to 0.2; 0.3 to 0.7; none from 0.8 on
        ("Integral", 0, 0),
    ],
)
def test_by_hand(version, boxes, want):
    assert average_precision(SCORES, TRUE, boxes, version) == pytest.approx(want, rel=1e-6)
    assert average_precision([], [], boxes, version) == 0


@pytest.mark.parametrize("version", ["Integral", "MaxIntegral", "11point"])
def test_all_right_is_one(version):
    assert average_precision(SCORES, [1] * 4, 4, version) == pytest.approx(1)


def test_rows_of_several_batches():
    """Boxes of a label add up, padding and difficult ones do not count, and a label without detections has 0."""
    table = DetectionRows()
    table.add(np.float32([[-1, 1, 1, -1, -1], [-1, 2, 1, -1, -1], [0, 1, 0.9, 1, 0], [-1] * 5]).reshape(1, 4, 5, 1))
    table.add(
        np.float32([[-1, 1, 1, -1, -1], [-1, 2, 0, -1, -1], [0, 1, 0.8, 0, 1], [1, 1, 0.7, 0, 0], [1, 1, 0.6, 1, 0]])
    )
    found = table.precisions("Integral")
    assert found == {1: pytest.approx(0.5 + 0.5 * 2 / 3), 2: 0.0}


def test_what_a_solver_may_ask_for():
    fields = 'base_lr: 0.1 lr_policy: "fixed" net: "x" '
    assert solver_def(parse_solver(fields)).ap_version == "Integral"
    asked = solver_def(
        parse_solver(fields + 'eval_type: "detection" ap_version: "11point" show_per_class_result: true')
    )
    assert (asked.ap_version, asked.show_per_class_result) == ("11point", True)
    for wrong in ('ap_version: "12point"', 'eval_type: "segmentation"'):
        with pytest.raises(SolverError, match=re.escape(wrong.split('"')[1])):
            solver_def(parse_solver(fields + wrong))


def test_means_of_gathered_rows(tmp_path):
    """A net whose output is rows gives their mean average precision, however its batches are split into calls."""
    box, scores = "0 1 {} 0.1 0.1 0.5 0.5", (0.9, 0.2)
    values = [float(v) for v in " ".join(box.format(score) for score in scores).split()]
    found = np.float32(values).reshape(1, 1, 2, 7)
    there = np.float32([0, 1, 0, 0.1, 0.1, 0.5, 0.5, 0]).reshape(1, 1, 1, 8)
    text = """layer { name: "d" type: "Input" top: "d" top: "g" input_param {
        shape { dim: 1 dim: 1 dim: 2 dim: 7 } shape { dim: 1 dim: 1 dim: 1 dim: 8 } } }
      layer { name: "mAP" type: "DetectionEvaluate" bottom: "d" bottom: "g" top: "mAP"
        detection_evaluate_param { num_classes: 3 } }"""
    net = build(net_def(parse_net(text), "TEST"))
    batches = tf.data.Dataset.from_tensors(tuple(np.moveaxis(a, 1, -1) for a in (found, there))).repeat(6)
    step, totals = steps.TestStep(net), []
    for counts in ((3,), (1, 2)):
        iterator, sums = iter(batches), None
        for count in counts:
            sums = step(iterator, count, sums)
        totals.append(gathering.means(net, sums[1], 3))
    for found in totals:
        ((ref, value),) = found.items()
        assert ref.name == "mAP" and value.tolist() == [
            pytest.approx(0.5)
        ]  # class 1 is found first, class 2 is not there
