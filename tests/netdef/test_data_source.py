"""Which field of a data layer names its data."""

import pytest

from zoo.formats.prototxt import parse_net
from zoo.netdef.data_source import source_field


@pytest.mark.parametrize(
    "text, field",
    [
        ('type: "Data" transform_param { scale: 2 } data_param { source: "a" batch_size: 1 }', "data_param"),
        ('type: "HDF5Data" hdf5_data_param { source: "a" }', "hdf5_data_param"),
        ('type: "DenseImageData" dense_image_data_param { source: "a" }', "dense_image_data_param"),
        ('type: "Data" data_param { batch_size: 1 }', None),
        ('type: "DummyData" dummy_data_param { shape { dim: 1 } }', None),
        ('type: "Data" include { phase: TEST }', None),
    ],
)
def test_the_field_that_names_the_data(text, field):
    assert source_field(parse_net(f'layer {{ name: "d" {text} }}').message.layer[0]) == field
