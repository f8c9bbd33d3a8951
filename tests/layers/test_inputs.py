"""Layers whose tops are fed: shapes from the message, and the fields that are refused."""

import dataclasses

import pytest

from zoo.errors import NetError, UnsupportedError
from zoo.formats.prototxt import parse_net
from zoo.layers.base.data_specs import DataSpec, Hdf5DataSpec, ImageDataSpec, TransformSpec, WindowDataSpec
from zoo.layers.inputs import DummyData
from zoo.netdef.net import net_def
from zoo.netdef.netdef import BlobRef
from zoo.netdef.shape_inference import infer_shapes


def planned(type_, body, tops=2, **more):
    names = " ".join(f'top: "t{i}"' for i in range(tops))
    text = f'layer {{\n name: "d"\n type: "{type_}"\n {names}\n {body} }}'
    return infer_shapes(net_def(parse_net(text, "net.prototxt"), "TRAIN"), **more)[0]


@pytest.mark.parametrize(
    ("type_", "body", "want"),
    [
        ("Input", "input_param { shape { dim: 2 dim: 3 } }", ((2, 3), (2, 3))),
        ("Input", "input_param { shape { dim: 2 dim: 3 } shape { } }", ((2, 3), ())),
        ("DummyData", "dummy_data_param { shape { dim: 4 } shape { dim: 4 dim: 1 } }", ((4,), (4, 1))),
        ("DummyData", "dummy_data_param { shape { dim: 4 } }", ((4,), (4,))),
        (
            "DummyData",
            "dummy_data_param { num: 5 channels: 3 channels: 1 height: 7 height: 1 width: 2 width: 1 }",
            ((5, 3, 7, 2), (5, 1, 1, 1)),
        ),
        ("MemoryData", "memory_data_param { batch_size: 5 channels: 3 height: 4 width: 6 }", ((5, 3, 4, 6), (5,))),
    ],
)
def test_shapes_that_the_message_gives(type_, body, want):
    layer = planned(type_, body)
    assert layer.tops == want
    assert layer.type.is_source


def test_dummy_data_has_a_filler_for_each_top():
    body = "shape { dim: 2 }"
    assert planned("DummyData", f"dummy_data_param {{ {body} }}").type.fillers == (None, None)
    layer = planned("DummyData", f"dummy_data_param {{ {body} data_filler {{ value: 3 }} }}")
    assert isinstance(layer.type, DummyData)
    assert [filler.value for filler in layer.type.fillers] == [3, 3]


GIVEN = {"data_shapes": {BlobRef("t0"): ((2, 3, 8, 8), (2,))}}
FULL = {
    "Data": """data_param { source: "db" batch_size: 2 backend: LMDB rand_skip: 3 prefetch: 8
        force_encoded_color: true }
        transform_param { crop_size: 8 mirror: true mean_value: 104 mean_value: 117 mean_value: 123 scale: 0.5 }""",
    "ImageData": """image_data_param { source: "list.txt" batch_size: 2 shuffle: true new_height: 9 new_width: 9
        is_color: false root_folder: "pictures/" rand_skip: 1 } transform_param { force_gray: true mean_file: "m" }""",
    "HDF5Data": 'hdf5_data_param { source: "list.txt" batch_size: 2 shuffle: true }',
    "WindowData": """window_data_param { source: "windows.txt" batch_size: 2 scale: 0.5 fg_threshold: 0.6
        bg_threshold: 0.4 fg_fraction: 0.3 context_pad: 16 crop_mode: "square" cache_images: true root_folder: "p" }
        transform_param { crop_size: 8 mirror: true mean_file: "mean.binaryproto" }""",
}


@pytest.mark.parametrize("type_", FULL)
def test_data_layers_take_all_their_fields_and_the_shapes_of_their_data(type_):
    assert planned(type_, FULL[type_], **GIVEN).tops == ((2, 3, 8, 8), (2,))
    with pytest.raises(NetError, match=r'net.prototxt:1: layer "d" .*shape comes from the data'):
        planned(type_, FULL[type_])


SPECS = {
    "Data": DataSpec("db", 2, TransformSpec(0.5, True, 8, None, (104, 117, 123), None), True),
    "ImageData": ImageDataSpec(
        "list.txt", 2, TransformSpec(mean_file="m", force="gray"), "pictures/", True, 1, False, (9, 9)
    ),
    "HDF5Data": Hdf5DataSpec("list.txt", 2, True),
    "WindowData": WindowDataSpec(
        "windows.txt", 2, TransformSpec(mirror=True, crop_size=8, mean_file="mean.binaryproto"), "p", 0.5,
        pytest.approx(0.6), pytest.approx(0.4), pytest.approx(0.3), 16, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("type_", FULL)
def test_the_spec_says_what_the_messages_say_and_cannot_change(type_):
    spec = planned(type_, FULL[type_], **GIVEN).type.spec
    assert spec == SPECS[type_]
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.source = "other"


def test_a_mean_file_without_a_name_is_not_none():
    body = 'data_param { source: "x" batch_size: 2 } transform_param { mean_file: "" }'
    assert planned("Data", body, **GIVEN).type.spec.transform == TransformSpec(mean_file="")


@pytest.mark.parametrize("field", ["scale: 0.5", 'mean_file: "m"', "crop_size: 8", "mirror: true"])
@pytest.mark.parametrize(("type_", "param"), [("Data", "data_param"), ("ImageData", "image_data_param")])
def test_fields_that_caffe_leaves_unused_are_refused(type_, param, field):
    name = field.split(":")[0]
    with pytest.raises(UnsupportedError, match=rf"net.prototxt:6: .*Caffe leaves {name} unused.*transform_param"):
        planned(type_, f'{param} {{ source: "x" batch_size: 2\n {field} }}', **GIVEN)


@pytest.mark.parametrize(
    ("type_", "body", "match"),
    [
        ("Input", "", "each top needs a shape, got 0, want 1 shape, or 2: one a top"),
        ("Input", "input_param { shape {} shape {} shape {} }", "got 3"),
        ("Input", "input_param { shape { dim: -1 } }", "a size that no blob can have"),
        ("DummyData", "", "shape is set a wrong number of times, got 0"),
        ("DummyData", "dummy_data_param { shape { dim: 2 } num: 2 }", "shape and the legacy num exclude"),
        ("DummyData", "dummy_data_param { num: 2 height: 2 width: 2 }", "channels is set a wrong number of times"),
        ("MemoryData", "memory_data_param { batch_size: 5 channels: 3 height: 4 }", "width must be given"),
        ("Data", "data_param { batch_size: 2 }", "source must be given"),
        ("Data", 'data_param { source: "x" }', "batch_size must be given"),
        (
            "Data",
            'data_param { source: "x" batch_size: 2 } transform_param { mean_file: "m" mean_value: 1 }',
            "mean_file and mean_value exclude",
        ),
        (
            "Data",
            'data_param { source: "x" batch_size: 2 } transform_param { force_color: true force_gray: true }',
            "force_color and force_gray exclude",
        ),
        ("ImageData", 'image_data_param { source: "x" new_width: 2 }', "new_height and new_width go together"),
        (
            "HDF5Data",
            'hdf5_data_param { source: "x" batch_size: 2 } transform_param { scale: 2 }',
            "does not transform its data",
        ),
        ("WindowData", 'window_data_param { source: "x" batch_size: 2 crop_mode: "round" }', "unknown crop_mode"),
        ("WindowData", 'window_data_param { source: "x" batch_size: 2 }', "WindowData needs crop_size"),
    ],
)
def test_what_is_refused(type_, body, match):
    with pytest.raises(NetError, match=match):
        planned(type_, body, **({} if type_ in ("Input", "DummyData", "MemoryData") else GIVEN))


def test_window_data_scale_where_caffe_does_not_look():
    body = 'window_data_param { source: "x" batch_size: 2 } transform_param { crop_size: 8 scale: 0.5 }'
    with pytest.raises(UnsupportedError, match="write window_data_param"):
        planned("WindowData", body, **GIVEN)


def test_numbers_of_tops():
    assert planned("Data", 'data_param { source: "x" batch_size: 2 }', 1, data_shapes={BlobRef("t0"): ((2, 1, 4, 4),)})
    with pytest.raises(NetError, match="wrong number of tops, got 3, want 1 to 2"):
        planned("Data", 'data_param { source: "x" batch_size: 2 }', 3)
    with pytest.raises(NetError, match="wrong number of tops, got 1, want 2"):
        planned("MemoryData", "memory_data_param { batch_size: 5 channels: 3 height: 4 width: 6 }", 1)
