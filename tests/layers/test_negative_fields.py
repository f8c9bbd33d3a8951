"""Every number of a layer type's message below zero, once and as a list: taken, or one error that names the field."""

import dataclasses
import re

import pytest
from google.protobuf.descriptor import FieldDescriptor

from tests.layers.cases import CASES
from zoo.errors import ZooError
from zoo.formats import caffe_pb2
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes

TYPES = ("INT32", "UINT32", "INT64", "UINT64", "FLOAT", "DOUBLE")
NUMBERS = {getattr(FieldDescriptor, f"TYPE_{name}") for name in TYPES}


def tries(case):
    """Yields (field, prototxt with it below zero) for the parameter messages of a case."""
    for path in dict.fromkeys(re.findall(r"(\w+_param) \{", case.body)):
        message = caffe_pb2.LayerParameter.DESCRIPTOR.fields_by_name.get(path)
        for field in message.message_type.fields if message else ():
            if field.type not in NUMBERS:
                continue
            without = re.sub(rf"(?<![\w.]){field.name}: *[-\w.]+ ?", "", case.body)
            for values in ((-3,), (-3, -3, -3)) if field.is_repeated else ((-3,),):
                said = " ".join(f"{field.name}: {value}" for value in values)
                body = without.replace(f"{path} {{", f"{path} {{ {said} ", 1)
                yield field.name, dataclasses.replace(case, body=f"\n{body}").prototxt


@pytest.mark.parametrize("kind", CASES)
def test_a_number_below_zero_is_taken_or_named(kind):
    for name, text in tries(CASES[kind][0]):
        try:
            infer_shapes(net_def(parse_net(text, "net.prototxt"), "TRAIN"))
        except ZooError as error:
            said = str(error)
            shape_follows = name == "axis"  # another axis may be there, and sizes along it not fit
            assert shape_follows or re.sub("_[hw]$", "", name) in said, (name, said)
            assert "net.prototxt:" in said and not re.search(r"\b(\d+) or \1\b", said), said


def test_a_negative_list_on_one_spatial_axis():
    text = """layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 9 } } }
    layer { name: "c" type: "Convolution" bottom: "x" top: "y" convolution_param { num_output: 2
      kernel_size: 2 kernel_size: 2 kernel_size: 2 } }"""
    with pytest.raises(ZooError, match="wrong number of kernel_size values, got 3, want one value$"):
        infer_shapes(net_def(parse_net(text), "TRAIN"))
    with pytest.raises(ZooError, match="net.prototxt:3: .*field stride does not take this value, got -2"):
        parse_net(text.replace("num_output: 2", "num_output: 2\nstride: -2"), "net.prototxt")
