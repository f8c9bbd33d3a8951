"""Old forms against what Caffe's own upgrade tools wrote, and what they refuse."""

import pytest

from zoo.errors import PrototxtError, SolverError
from zoo.formats import caffe_pb2
from zoo.formats.prototxt import parse_net, parse_solver, read_net, read_solver, to_text
from zoo.netdef.upgrade import default_snapshot_prefix, net_needs_upgrade, upgrade_net, upgrade_solver


@pytest.mark.parametrize("name", ["v0_padding", "v1_lenet", "v2_old_bits", "old_solver"])
def test_as_caffe_upgrades(shared, name):
    read, upgrade = (read_solver, upgrade_solver) if "solver" in name else (read_net, upgrade_net)
    old = read(shared / f"golden/upgrade/{name}.prototxt")
    want = shared / f"golden/upgrade/{name}.upgraded.prototxt"
    before = old.message.SerializeToString()
    new = upgrade(old)
    assert new.message == read(want).message
    assert to_text(new.message) == want.read_text()
    assert old.message.SerializeToString() == before
    assert upgrade(new) is new
    assert upgrade(old.message) == new.message


def upgraded(text):
    return upgrade_net(parse_net(text, "net")).message


def test_lines_survive():
    net = upgrade_net(
        parse_net(
            'input: "data"\ninput_dim: 1 input_dim: 2\ninput_dim: 3 input_dim: 4\n'
            'layers { layer {\n name: "p" type: "padding" pad: 2 }\n bottom: "data" top: "p" }\n'
            'layers {\n layer {\n name: "c"\n type: "conv"\n num_output: 3\n blobs_lr: 1\n blobs_lr: 2\n'
            ' weight_filler {\n std: 1\n } }\n bottom: "p" top: "c" }\n',
            "net",
        )
    )
    assert [layer.name for layer in net.message.layer] == ["input", "c"]
    lines = {
        "layer[0]": 1,
        "layer[0].input_param": 2,
        "layer[1]": 7,
        "layer[1].name": 9,
        "layer[1].type": 10,
        "layer[1].convolution_param.num_output": 11,
        "layer[1].param[0].lr_mult": 12,
        "layer[1].param[1].lr_mult": 13,
        "layer[1].convolution_param.weight_filler.std": 15,
        "layer[1].bottom": 17,
    }
    assert {path: net.at(path).line for path in lines} == lines


def test_lines_of_moved_transform_fields():
    net = upgrade_net(
        parse_net(
            'layers {\n type: DATA\n data_param {\n source: "a"\n mirror: true\n }\n transform_param {\n scale: 2 } }'
        )
    )
    assert net.message.layer[0].transform_param.mirror and net.message.layer[0].transform_param.scale == 2
    assert net.at("layer[0].transform_param.mirror").line == 5 and net.at("layer[0].transform_param.scale").line == 8


# Every field of V0LayerParameter: type that takes it, what is written, what becomes of it.
V0_FIELDS = [
    ("conv", "num_output: 3", "convolution_param { num_output: 3 }"),
    ("innerproduct", "num_output: 3", "inner_product_param { num_output: 3 }"),
    ("conv", "biasterm: false", "convolution_param { bias_term: false }"),
    ("innerproduct", "biasterm: false", "inner_product_param { bias_term: false }"),
    ("conv", "weight_filler { std: 2 }", "convolution_param { weight_filler { std: 2 } }"),
    ("innerproduct", "weight_filler { std: 2 }", "inner_product_param { weight_filler { std: 2 } }"),
    ("conv", "bias_filler { value: 2 }", "convolution_param { bias_filler { value: 2 } }"),
    ("innerproduct", "bias_filler { value: 2 }", "inner_product_param { bias_filler { value: 2 } }"),
    ("conv", "pad: 2", "convolution_param { pad: 2 }"),
    ("pool", "pad: 2", "pooling_param { pad: 2 }"),
    ("conv", "kernelsize: 5", "convolution_param { kernel_size: 5 }"),
    ("pool", "kernelsize: 5", "pooling_param { kernel_size: 5 }"),
    ("conv", "group: 2", "convolution_param { group: 2 }"),
    ("conv", "stride: 4", "convolution_param { stride: 4 }"),
    ("pool", "stride: 4", "pooling_param { stride: 4 }"),
    ("pool", "pool: STOCHASTIC", "pooling_param { pool: STOCHASTIC }"),
    ("dropout", "dropout_ratio: 0.3", "dropout_param { dropout_ratio: 0.3 }"),
    ("lrn", "local_size: 7", "lrn_param { local_size: 7 }"),
    ("lrn", "alpha: 0.1", "lrn_param { alpha: 0.1 }"),
    ("lrn", "beta: 0.6", "lrn_param { beta: 0.6 }"),
    ("lrn", "k: 2", "lrn_param { k: 2 }"),
    ("data", 'source: "a"', 'data_param { source: "a" }'),
    ("hdf5_data", 'source: "a"', 'hdf5_data_param { source: "a" }'),
    ("images", 'source: "a"', 'image_data_param { source: "a" }'),
    ("window_data", 'source: "a"', 'window_data_param { source: "a" }'),
    ("infogain_loss", 'source: "a"', 'infogain_loss_param { source: "a" }'),
    ("relu", "scale: 0.3", "transform_param { scale: 0.3 }"),
    ("hdf5_data", 'meanfile: "m"', 'transform_param { mean_file: "m" }'),
    ("data", "cropsize: 27", "data_param { } transform_param { crop_size: 27 }"),
    ("data", "mirror: true", "data_param { } transform_param { mirror: true }"),
    ("data", "batchsize: 9", "data_param { batch_size: 9 }"),
    ("hdf5_data", "batchsize: 9", "hdf5_data_param { batch_size: 9 }"),
    ("images", "batchsize: 9", "image_data_param { batch_size: 9 }"),
    ("window_data", "batchsize: 9", "window_data_param { batch_size: 9 }"),
    ("data", "rand_skip: 3", "data_param { rand_skip: 3 }"),
    ("images", "rand_skip: 3", "image_data_param { rand_skip: 3 }"),
    ("images", "shuffle_images: true", "image_data_param { shuffle: true }"),
    ("images", "new_height: 3", "image_data_param { new_height: 3 }"),
    ("images", "new_width: 3", "image_data_param { new_width: 3 }"),
    ("concat", "concat_dim: 0", "concat_param { concat_dim: 0 }"),
    ("window_data", "det_fg_threshold: 0.6", "window_data_param { fg_threshold: 0.6 }"),
    ("window_data", "det_bg_threshold: 0.4", "window_data_param { bg_threshold: 0.4 }"),
    ("window_data", "det_fg_fraction: 0.3", "window_data_param { fg_fraction: 0.3 }"),
    ("window_data", "det_context_pad: 3", "window_data_param { context_pad: 3 }"),
    ("window_data", 'det_crop_mode: "square"', 'window_data_param { crop_mode: "square" }'),
    ("hdf5_output", 'hdf5_output_param { file_name: "o" }', 'hdf5_output_param { file_name: "o" }'),
    ("conv", "blobs_lr: 1 blobs_lr: 2", "param { lr_mult: 1 } param { lr_mult: 2 }"),
    ("conv", "weight_decay: 1 weight_decay: 0", "param { decay_mult: 1 } param { decay_mult: 0 }"),
    ("conv", "blobs { num: 2 data: [1, 2] }", "blobs { num: 2 data: [1, 2] }"),
]


@pytest.mark.parametrize("kind, old, new", V0_FIELDS)
def test_v0_field(kind, old, new):
    got = upgraded(f'layers {{ layer {{ name: "a" type: "{kind}" {old} }} top: "a" }}').layer[0]
    want = parse_net(f'layer {{ name: "a" type: "{got.type}" top: "a" {new} }}').message.layer[0]
    if (
        kind == "data" and "transform" in new
    ):  # a V0 net gets these straight into transform_param: data_param stays unset
        want.ClearField("data_param")
    assert got == want


def test_every_v0_field_is_tested_or_refused():
    tested = {old.split(" {")[0].split(":")[0] for _, old, _ in V0_FIELDS}
    fields = {field.name for field in caffe_pb2.V0LayerParameter.DESCRIPTOR.fields}
    assert fields - tested == {"name", "type", "new_num", "new_channels"}


@pytest.mark.parametrize(
    "text, said",
    [
        (
            'layer { name: "relu" type: "relu" num_output: 3 }',
            'net:1: layer "relu" .relu.: field num_output has no meaning',
        ),
        ('layer { type: "images" new_num: 3 }', "field new_num has no meaning"),
        ('layer { type: "convolution" }', 'unknown layer type "convolution"'),
        ('layer { type: "relu" } include { phase: TEST }', "include is not part of the form of 2013"),
        ('layer { type: "relu" } bottom: "x"', 'unknown bottom "x"'),
        ('layer { type: "relu" } } layers { type: RELU', "a layer of 2014 among layers of 2013"),
        ('layer { type: "relu" } } state { level: 1', "state is not part of the form of 2013"),
        ('layer { type: "padding" name: "p" } } layers { layer { type: "relu" } bottom: "p"', 'unknown bottom "p"'),
        (
            'layer { type: "data" } top: "d" } layers { layer { name: "p" type: "padding" } bottom: "d" top: "p" } '
            'layers { layer { type: "relu" } bottom: "p"',
            'reads the padding layer "p", got relu, want conv or pool',
        ),
        (
            'layer { type: "data" } top: "d" } layers { layer { name: "p" type: "padding" } bottom: "d" top: "p" } '
            'layers { layer { type: "conv" } bottom: "p" bottom: "d"',
            "padding takes one bottom, got 2",
        ),
    ],
)
def test_v0_refusals(text, said):
    with pytest.raises(PrototxtError, match=said):
        upgraded(f"layers {{ {text} }}")


def test_v0_padding_before_pooling():
    net = upgraded(
        'layers { layer { type: "data" } top: "d" } layers { layer { type: "padding" pad: 3 } bottom: "d" top: "p" } '
        'layers { layer { type: "pool" pad: 1 } bottom: "p" top: "q" }'
    )
    assert net.layer[1].pooling_param.pad == 3 and list(net.layer[1].bottom) == ["d"] and len(net.layer) == 2


def test_every_v1_type_and_field_is_carried():
    for value in caffe_pb2.V1LayerParameter.LayerType.values():
        old = caffe_pb2.NetParameter()
        old.layers.add(type=value)
        new = upgrade_net(old).layer[0].type
        name = caffe_pb2.V1LayerParameter.LayerType.Name(value)
        special = {"NONE": "", "SOFTMAX_LOSS": "softmaxwithloss"}
        assert new.lower() == special.get(name, name.replace("_", "").lower())
    for field in caffe_pb2.V1LayerParameter.DESCRIPTOR.fields:
        if field.name in ("layer", "param", "blob_share_mode", "blobs_lr", "weight_decay", "type"):
            continue
        old = caffe_pb2.NetParameter()
        layer = old.layers.add()
        if field.message_type:
            getattr(layer, field.name).add() if field.is_repeated else getattr(layer, field.name).SetInParent()
        elif field.is_repeated:
            getattr(layer, field.name).append(1.5 if field.name == "loss_weight" else "x")
        else:
            setattr(layer, field.name, "x")
        new = upgrade_net(old).layer[0]
        assert [f.name for f, _ in new.ListFields()] == [field.name]
        assert getattr(new, field.name) == getattr(layer, field.name)


def test_one_old_transform_field_gives_all_data_layers_the_message():
    net = upgraded(
        "layers { type: DATA } layers { type: IMAGE_DATA image_data_param { crop_size: 3 } } "
        "layers { type: WINDOW_DATA } layers { type: RELU }"
    )
    assert [layer.HasField("transform_param") for layer in net.layer] == [True, True, True, False]
    assert net.layer[1].transform_param.crop_size == 3 and not net.layer[1].image_data_param.HasField("crop_size")
    assert [layer.HasField("transform_param") for layer in upgraded("layers { type: DATA }").layer] == [False]


def test_layer_and_layers():
    with pytest.raises(PrototxtError, match='net:2: has both "layer" and "layers"'):
        upgraded('layer { name: "a" }\nlayers { name: "b" }')


def test_input_forms():
    four = "input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4 "
    shapes = [
        list(shape.dim)
        for shape in upgraded(
            f'input: "a" input: "b" {four} input_dim: 5 input_dim: 6 input_dim: 7 input_dim: 8 layer {{ name: "r" }}'
        )
        .layer[0]
        .input_param.shape
    ]
    assert shapes == [[1, 2, 3, 4], [5, 6, 7, 8]]
    net = upgraded('input: "a" input_shape { dim: 3 dim: 5 } layer { name: "r" } layer { name: "s" }')
    assert [layer.name for layer in net.layer] == ["input", "r", "s"] and list(net.layer[0].top) == ["a"]
    assert not net.input and not net.input_shape
    assert upgraded(f'input: "a" {four} input_shape {{ dim: [1, 2, 3, 4] }}').layer[0].type == "Input"
    assert upgraded('input: "a" layer { name: "r" }') == parse_net('layer { name: "r" }').message  # a .caffemodel's
    for text, said in [
        (f'input: "a" {four} input_dim: 5', "wrong number of input_dim, got 5, want 4"),
        ('input: "a" input: "b" input_shape { dim: 1 }', "wrong number of input_shape, got 1, want 2"),
        (f'input: "a" {four} input_shape {{ dim: 1 }}', "input_shape and input_dim differ"),
    ]:
        with pytest.raises(PrototxtError, match=said):
            upgraded(text)


def test_batch_norm_with_other_than_three_params_is_left():
    two = parse_net('layer { type: "BatchNorm" param { lr_mult: 1 } param { lr_mult: 1 } }')
    assert not net_needs_upgrade(two) and upgrade_net(two) is two


def test_solver_types():
    for old, new in [("NESTEROV", "Nesterov"), ("RMSPROP", "RMSProp"), ("ADADELTA", "AdaDelta"), ("ADAM", "Adam")]:
        solver = upgrade_solver(parse_solver(f"base_lr: 1\nsolver_type: {old}"))
        assert solver.message.type == new and not solver.message.HasField("solver_type")
        assert solver.at("type").line == 2
    with pytest.raises(SolverError, match='s:1: has both "solver_type" and "type"'):
        upgrade_solver(parse_solver('solver_type: SGD type: "Adam"', "s"))


def test_snapshot_prefix(tmp_path):
    path = tmp_path / "my.solver.prototxt"
    unset, given = parse_solver("base_lr: 1"), parse_solver('snapshot_prefix: "run/a"')
    folder = parse_solver(f'snapshot_prefix: "{tmp_path}"')
    assert default_snapshot_prefix(unset, path).message.snapshot_prefix == str(tmp_path / "my.solver")
    assert default_snapshot_prefix(given, path) is given
    assert default_snapshot_prefix(folder.message, path).snapshot_prefix == str(tmp_path / "my.solver")
    assert not unset.message.HasField("snapshot_prefix")
