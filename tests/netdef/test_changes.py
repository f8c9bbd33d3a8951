import pathlib
import re

import pytest

from zoo.errors import Place, PrototxtError, ZooError
from zoo.formats import prototxt
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.registry import layer_type
from zoo.netdef.changes import Change
from zoo.netdef.config import open_config
from zoo.netdef.shape_inference import infer_shapes

LENET = "configs/lenet.prototxt"
NET = """name: "n"
layer { name: "in" type: "DummyData" top: "data" top: "label" include { phase: TRAIN }
  dummy_data_param { shape { dim: 4 dim: 3 dim: 6 dim: 6 } shape { dim: 4 } } }
layer { name: "in" type: "DummyData" top: "data" top: "label" exclude { phase: TRAIN }
  dummy_data_param { shape { dim: 5 dim: 3 dim: 6 dim: 6 } shape { dim: 5 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 1 } param { lr_mult: 2 }
  convolution_param { num_output: 2 kernel_size: 3 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "conv" bottom: "label" top: "loss" }
"""
SOLVER = 'base_lr: 0.1\nlr_policy: "fixed"\ntest_iter: 1 test_interval: 2\n'
GAIN = {"factor": 1.0, "offset": 0.0}


def line_of(pattern):
    """Returns the number of the first line of LeNet's config that holds the pattern."""
    lines = pathlib.Path(LENET).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if re.search(pattern, line))


def layers(config, phase, name, data_dir=None):
    return [layer for layer in config.definition(phase, data_dir=data_dir).layers if layer.name == name]


def changed(config, text, **kwargs):
    return open_config(config).changed([Change(text)], **kwargs)


def sizes(config):
    return {phase: layers(config, phase, "mnist")[0].message.data_param.batch_size for phase in ("TRAIN", "TEST")}


def test_a_layer_of_every_phase_that_has_it():
    config = changed(LENET, 'layer { name: "mnist" data_param { batch_size: 32 } }')
    assert sizes(config) == {"TRAIN": 32, "TEST": 32}
    (train,) = layers(config, "TRAIN", "mnist")
    assert train.message.data_param.source == "mnist/train" and train.message.transform_param.scale > 0
    assert sizes(open_config(LENET)) == {"TRAIN": 64, "TEST": 100}


def test_include_chooses_and_the_solver_changes_too():
    text = (
        'base_lr: 0.5\nlayer {\n  name: "mnist" include { phase: TRAIN } data_param { batch_size: 32 } }\nmax_iter: 3'
    )
    config = changed(LENET, text)
    assert sizes(config) == {"TRAIN": 32, "TEST": 100}
    assert (config.parsed.message.base_lr, config.parsed.message.max_iter) == (0.5, 3)
    (train,) = layers(config, "TRAIN", "mnist")
    assert train.at("data_param.batch_size") == Place("--set", 3, "mnist", "Data")
    assert train.at("data_param.source") == Place(LENET, line_of("mnist/train"), "mnist", "Data")
    assert config.parsed.at("max_iter") == Place("--set", 4)
    assert config.parsed.at("momentum") == Place(LENET, line_of("^momentum"))


def test_a_scalar_replaces_a_message_merges_a_repeated_field_replaces(tmp_path):
    (tmp_path / "n.prototxt").write_text(NET)
    text = (
        'layer { name: "conv" type: "Deconvolution" param { lr_mult: 0 } convolution_param { num_output: 7 pad: 1 } }'
    )
    (conv,) = layers(changed(tmp_path / "n.prototxt", text), "TRAIN", "conv")
    assert conv.type == "Deconvolution" and [param.lr_mult for param in conv.message.param] == [0]
    assert conv.message.convolution_param.num_output == 7
    assert (list(conv.message.convolution_param.kernel_size), list(conv.message.convolution_param.pad)) == ([3], [1])


def test_exclude_is_a_rule_too(tmp_path):
    (tmp_path / "n.prototxt").write_text(NET)
    text = 'layer { name: "in" include { phase: TEST } dummy_data_param { num: 9 } }'
    config = changed(tmp_path / "n.prototxt", text)
    assert [list(layers(config, p, "in")[0].message.dummy_data_param.num) for p in ("TRAIN", "TEST")] == [[], [9]]


@pytest.mark.parametrize("fields", ['net: "n.prototxt"', 'train_net: "n.prototxt" test_net: "n.prototxt"'])
def test_the_net_in_a_file_of_its_own(tmp_path, fields):
    (tmp_path / "n.prototxt").write_text(NET)
    (tmp_path / "s.prototxt").write_text(SOLVER + fields)
    config = changed(tmp_path / "s.prototxt", 'layer { name: "conv" convolution_param { num_output: 7 } } base_lr: 2')
    for phase in ("TRAIN", "TEST"):
        (conv,) = layers(config, phase, "conv")
        assert conv.message.convolution_param.num_output == 7
        assert conv.at("convolution_param.kernel_size") == Place(str(tmp_path / "n.prototxt"), 7, "conv", "Convolution")
    assert (tmp_path / "n.prototxt").read_text() == NET


def test_nets_of_two_files_with_layers_of_their_own(tmp_path):
    (tmp_path / "a.prototxt").write_text(NET)
    (tmp_path / "b.prototxt").write_text(NET.replace('"loss"', '"only"'))
    (tmp_path / "s.prototxt").write_text(SOLVER + 'train_net: "a.prototxt"\ntest_net: "b.prototxt"')
    config = changed(tmp_path / "s.prototxt", 'layer { name: "only" loss_weight: 3 }')
    assert list(layers(config, "TEST", "only")[0].message.loss_weight) == [3]
    train_only = open_config(tmp_path / "s.prototxt").changed(
        [Change('layer { name: "conv" convolution_param { num_output: 7 } }', "--x", ("TRAIN",))]
    )
    outputs = {p: layers(train_only, p, "conv")[0].message.convolution_param.num_output for p in ("TRAIN", "TEST")}
    assert outputs == {"TRAIN": 7, "TEST": 2}


def test_a_net_of_2014_is_brought_up_first(tmp_path):
    (tmp_path / "old.prototxt").write_text(
        'input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8\n'
        'layers { name: "c" type: CONVOLUTION bottom: "data" top: "c" blobs_lr: 1 blobs_lr: 2\n'
        "  convolution_param { num_output: 2 kernel_size: 3 } }"
    )
    config = changed(tmp_path / "old.prototxt", 'layer { name: "c" convolution_param { num_output: 5 } }')
    assert infer_shapes(config.definition("TEST"))[1].tops == ((1, 5, 6, 6),)
    assert layers(config, "TEST", "c")[0].at("convolution_param.kernel_size").line == 3


def test_messages_of_own_layer_types(tmp_path):
    if "TestChangesGain" not in prototxt.unknown_names.__globals__["KNOWN"]:

        @layer_type("TestChangesGain", source="here")
        class Gain(LayerType):
            fields = ("test_changes_gain_param",)
            parameters = {"test_changes_gain_param": GAIN}
            reads_bottom_in_backward, aliases_bottom, mixes_batch = False, None, False
            no_gradient_bottoms, pixel_map = (), "same"

            def read(self, p):
                self.values = p.factor, p.offset

            def top_shapes(self, bottoms):
                return bottoms

    (tmp_path / "g.prototxt").write_text(
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } }\n'
        'layer { name: "g" type: "TestChangesGain" bottom: "x" top: "y" '
        "test_changes_gain_param { factor: 2 offset: 3 } }"
    )
    config = changed(tmp_path / "g.prototxt", 'layer { name: "g" test_changes_gain_param { factor: 5 } }')
    assert infer_shapes(config.definition("TEST"))[1].type.values == (5, 3)


def test_what_a_layer_refuses_is_said_of_the_change(tmp_path):
    (tmp_path / "n.prototxt").write_text(NET)
    config = changed(tmp_path / "n.prototxt", '\nlayer { name: "conv" convolution_param { num_output: 0 } }')
    with pytest.raises(ZooError, match=r'--set:2: layer "conv" \(Convolution\): .*num_output.*got 0'):
        infer_shapes(config.definition("TRAIN"))


@pytest.mark.parametrize(
    "text, says",
    [
        (
            'layer { name: "mnsit" data_param { batch_size: 1 } }',
            '--set:1: layer "mnsit": no net of the config has a layer of this name .did you mean "mnist"',
        ),
        (
            'layer { name: "accuracy" include { phase: TRAIN } }',
            f'no layer "accuracy" for this phase or rule, got one on line {line_of("top: .accuracy") - 1} of configs/',
        ),
        (
            'layer { name: "conv1" include { phase: TRAIN } type: "TanH" }',
            f"include chooses a part of a layer, got the layer on line {line_of('top: .conv1') - 1}, which has no rule",
        ),
        (
            'base_lr: 1\nlayer { name: "mnist"\n  data_param { batch_sice: 1 } }',
            '--set:3: layer "mnist": DataParameter',
        ),
        ("base_rl: 1 layer { name: 'mnist' }", '--set:1: SolverParameter has no field "base_rl"'),
        ('layer { type: "ReLU" }', "--set:1: a layer to change has no name"),
        ('layers { name: "mnist" }', '--set:1: "layers" is the form of 2014, want layer'),
        ('net_param { layer { name: "mnist" } }', "--set:1: layers to change stand in net_param, want layer"),
        ('layer: [{ name: "conv1" }, { name: "conv2" }]', "--set:1: a layer to change is not a message"),
        ('layer { name: "mnist"', '"layer {" opened here is never closed'),
        ("# nothing", "--set: no solver: the text is empty"),
    ],
)
def test_one_clear_error(text, says):
    with pytest.raises(PrototxtError, match=says):
        changed(LENET, text)


def test_two_of_one_name_in_one_phase(tmp_path):
    (tmp_path / "n.prototxt").write_text(NET.replace('"loss"', '"conv"'))
    with pytest.raises(PrototxtError, match=r'"conv": several layers have this name in one phase, got lines 6, 8 of'):
        changed(tmp_path / "n.prototxt", 'layer { name: "conv" type: "ReLU" }')
