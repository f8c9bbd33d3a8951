"""The tables of names agree with what is registered, and hints point where they should."""

import pytest

from zoo.formats.layer_names import _FORKS, _TYPES_ELSEWHERE, TYPES, about_field, about_type
from zoo.layers import find, layer_types


def test_types_are_those_that_are_read():
    assert sorted(TYPES) == [name for name in layer_types() if find(name).fork is None]
    of_forks = {name for types, _ in _FORKS.values() for name in types.split()}
    assert {find(kind).type for kind in layer_types()} <= TYPES | of_forks


def test_no_name_of_elsewhere_is_caffes():
    for types, _ in _FORKS.values():
        assert not TYPES & set(types.split())
    assert not TYPES & set(_TYPES_ELSEWHERE)


@pytest.mark.parametrize(
    "name, said",
    [
        ("Convolutoin", 'did you mean "Convolution"?'),
        ("relu", 'did you mean "ReLU"?'),
        ("Batchnorm", 'did you mean "BatchNorm"?'),
        ("DepthwiseConvolution", "yonghenglh6/DepthwiseConvolution"),
        ("Conv2D", "in Caffe: Convolution"),
    ],
)
def test_types(name, said):
    assert said in about_type(name)


@pytest.mark.parametrize("name", ["CReLUPlus", "GroupConvolution", "MyLoss", "FancySoftmax"])
def test_a_word_that_merely_looks_alike_is_no_hint(name):
    assert about_type(name) is None


def test_a_field_of_an_unknown_layer_is_not_a_slip():
    assert about_field("crelu_param", "LayerParameter", ["prelu_param"], type_known=False) is None
    assert about_field("crelu_param", "LayerParameter", ["prelu_param"]) == 'did you mean "prelu_param"?'
