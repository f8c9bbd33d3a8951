"""The generated configs are what their modules give, and the text of a net reads back as the net."""

import pathlib

import pytest

from configs.generate import sketch
from configs.generate.__main__ import main
from configs.generate.catalogue import CONFIGS
from configs.generate.single_file import WIDTH, text
from zoo.errors import ZooError
from zoo.formats import prototxt

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", CONFIGS)
def test_the_file_is_what_its_generator_writes(name):
    assert (ROOT / "configs" / f"{name}.prototxt").read_text(encoding="utf-8") == CONFIGS[name]()


def test_text():
    convolution = 'layer { name: "%s" type: "Convolution" bottom: "data" top: "%s" param { lr_mult: 1 decay_mult: 0.1 }'
    convolution += " convolution_param { weight_filler { type: 'gaussian' std: 1e-4 } pad: 3 group: 2 num_output: 64"
    convolution += " bias_term: false kernel_size: [7, 5] axis: -1 bias_filler {} } }\n"
    long = "a_name_that_is_so_long_that_the_layer_does_not_fit_on_a_line_of_the_file"
    net = 'name: "x" layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 4 } } }\n'
    layers = prototxt.parse_net(net + convolution % ("b", "b") + convolution % (long, long)).message.layer
    made = text("A header.", {"base_lr": (1e-4, "why"), "stepvalue": [1, 2]}, "x", layers, {"b": "A heading."})
    assert (
        made
        == f'''# A header.

base_lr: 0.0001  # why
stepvalue: 1
stepvalue: 2

net_param {{
  name: "x"
  layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 1 dim: 4 }} }} }}

  # A heading.
  layer {{
    name: "b" type: "Convolution" bottom: "data" top: "b"
    param {{ lr_mult: 1 decay_mult: 0.1 }}
    convolution_param {{
      num_output: 64 bias_term: false pad: 3 kernel_size: 7 kernel_size: 5 group: 2
      weight_filler {{ type: "gaussian" std: 0.0001 }}
      bias_filler {{ }}
      axis: -1
    }}
  }}
  layer {{
    name: "{long}" type: "Convolution" bottom: "data"
    top: "{long}"
    param {{ lr_mult: 1 decay_mult: 0.1 }}
    convolution_param {{
      num_output: 64 bias_term: false pad: 3 kernel_size: 7 kernel_size: 5 group: 2
      weight_filler {{ type: "gaussian" std: 0.0001 }}
      bias_filler {{ }}
      axis: -1
    }}
  }}
}}
'''
    )
    read = prototxt.parse_solver(made).message
    assert list(read.net_param.layer) == list(layers)
    assert list(read.stepvalue) == [1, 2]


def test_a_sketch_writes_the_data_of_both_phases():
    net = sketch.Sketch("x", {"data_param": {"source": "a"}}, {"data_param": {"source": "b"}})
    net.section("A heading.")
    top = net.add("ip", "InnerProduct", net.data, num_output=10)
    net.scores(net.add("relu", "ReLU", top, in_place=True), top5=True)
    long = "A paragraph of many words, " * 10
    made = net.text("y", f"{long}\n\n  a command\n", {"base_lr": 1})
    header = [line for line in made.splitlines() if line.startswith("#")]
    assert max(map(len, header)) <= WIDTH and len(header) == 5 and header[-2:] == ["#", "#   a command"]
    read = prototxt.parse_solver(made).message
    assert (read.snapshot_prefix, read.random_seed) == ("y", 1)
    train, test, *others = read.net_param.layer
    assert (train.name, train.include[0].phase, train.data_param.source) == ("data", 0, "a")
    assert (test.name, test.include[0].phase, test.data_param.source) == ("data", 1, "b")
    assert list(train.top) == list(test.top) == ["data", "label"]
    assert [(layer.name, list(layer.bottom), list(layer.top)) for layer in others] == [
        ("ip", ["data"], ["ip"]),
        ("relu", ["ip"], ["ip"]),
        ("accuracy", ["ip", "label"], ["accuracy"]),
        ("accuracy_top5", ["ip", "label"], ["accuracy_top5"]),
        ("loss", ["ip", "label"], ["loss"]),
    ]
    assert "\n  # A heading.\n" in made


def test_the_command_knows_its_configs():
    with pytest.raises(ZooError, match='config, got cifar10_resnet21 .did you mean "cifar10_resnet20"'):
        main("cifar10_resnet20", "cifar10_resnet21")


def test_the_command_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("configs.generate.__main__.FOLDER", tmp_path)
    main("cifar10_resnet20")
    assert capsys.readouterr().out == "wrote configs/cifar10_resnet20.prototxt\n"
    assert [path.name for path in tmp_path.iterdir()] == ["cifar10_resnet20.prototxt"]
