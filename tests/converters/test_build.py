"""What is said of a net when it is built."""

import logging

from zoo.converters.build import build
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def

STRAY = """
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "r" type: "ReLU" bottom: "x" top: "y" relu_param { negative_slope: 0.1 }
  convolution_param { num_output: 3 kernel_size: 3 } }
layer { name: "prob" type: "Softmax" bottom: "y" top: "z" loss_param { ignore_label: -1 } }
"""


def test_messages_of_other_types_are_warned_of_once(caplog):
    """Caffe overlooks them, and public files have some: py-faster-rcnn's Softmax has a loss_param."""
    for _ in range(2):
        with caplog.at_level(logging.WARNING, logger="absl"):
            build(net_def(parse_net(STRAY, "stray"), "TEST"))
    assert [record.getMessage() for record in caplog.records] == [
        'stray:4: layer "r" (ReLU): convolution_param is for other layer types and has no effect, as in Caffe',
        'stray:5: layer "prob" (Softmax): loss_param is for other layer types and has no effect, as in Caffe',
    ]
