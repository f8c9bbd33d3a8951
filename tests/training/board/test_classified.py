"""Where a net compares scores of classes with labels."""

import types

import pytest

from zoo.formats import prototxt
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes
from zoo.training.board.classified import classified, first_image

DATA = """layer { name: "d" type: "DummyData" top: "x" top: "y" dummy_data_param {
  shape { dim: 4 dim: 3 dim: 8 dim: 8 } shape { %s } } }
layer { name: "ip" type: "%s" bottom: "x" top: "s" %s }
"""
LOSS = 'layer { name: "loss" type: "%s" bottom: "s" bottom: "y" top: "loss" %s }'
ONE, DENSE = "dim: 4", "dim: 4 dim: 1 dim: 8 dim: 8"
IP, CONV = "inner_product_param { num_output: 5 }", "convolution_param { num_output: 5 kernel_size: 1 }"


def found(*texts):
    """The `Classified` of a TEST net of that text."""
    layers = infer_shapes(net_def(prototxt.parse_net("".join(texts)), "TEST"))
    shapes = {top: shape for layer in layers for top, shape in zip(layer.definition.tops, layer.tops)}
    inputs = layers[0].definition.tops
    return classified(types.SimpleNamespace(layers=layers, shapes=shapes, inputs=inputs))


def test_a_score_comes_before_a_loss_and_items_with_a_label_each_are_shown():
    accuracy = (
        'layer { name: "a" type: "Accuracy" bottom: "s" bottom: "y" top: "a" accuracy_param { ignore_label: 3 } }'
    )
    place = found(DATA % (ONE, "InnerProduct", IP), LOSS % ("SoftmaxWithLoss", ""), accuracy)
    assert (place.scores.name, place.axis, place.labels.name, place.classes) == ("s", 1, "y", 5)
    assert place.ignored == (3,) and place.image.name == "x"
    assert found(DATA % (ONE, "InnerProduct", IP), LOSS % ("HingeLoss", "")).ignored == ()


def test_a_label_for_each_pixel_has_a_matrix_and_no_images():
    loss = LOSS % ("SoftmaxWithLoss", "loss_param { ignore_label: 255 }")
    place = found(DATA % (DENSE, "Convolution", CONV), loss)
    assert (place.axis, place.classes, place.ignored, place.image) == (1, 5, (255,), None)


def test_nets_that_compare_no_classes():
    text = 'layer { name: "loss" type: "EuclideanLoss" bottom: "x" bottom: "x" top: "loss" }'
    assert found(DATA % (ONE, "InnerProduct", IP), text) is None


@pytest.mark.parametrize(
    "shape, image", [((4, 1, 8, 8), True), ((4, 2, 8, 8), False), ((4, 3, 1, 1), False), ((4,), False)]
)
def test_which_inputs_are_images(shape, image):
    assert (first_image(types.SimpleNamespace(inputs=["x"], shapes={"x": shape})) == "x") is image
    assert first_image(types.SimpleNamespace(inputs=["x"], shapes={"x": shape}), items=5) is None
