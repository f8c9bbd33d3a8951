"""The deploy net: inputs, predictions, and what goes."""

import pathlib

import pytest

from zoo.errors import NetError
from zoo.formats.prototxt import parse_net
from zoo.netdef.config import open_config
from zoo.netdef.deploy import deploy
from zoo.netdef.net import net_def

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs"
HEAD = 'name: "n" layer { name: "data" type: "Data" top: "data" top: "label" }\n'
SHAPES = {"data": (1, 3, 5, 7)}
INPUT = 'name: "n" layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 3, 5, 7] } } }\n'
IP = (
    'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" param { name: "w" lr_mult: 2 } '
    "inner_product_param { num_output: 4 } }\n"
)


def check(text, want, shapes=SHAPES):
    parsed = parse_net(text)
    before = parsed.message.SerializeToString()
    assert deploy(parsed, shapes) == parse_net(want).message
    assert parsed.message.SerializeToString() == before


def test_softmax_loss_accuracy_and_labels():
    check(
        HEAD
        + 'layer { name: "train" type: "Dropout" bottom: "data" top: "data" include { phase: TRAIN } }\n'
        + IP.replace("param {", 'exclude { stage: "x" } param {', 1)
        + 'layer { name: "l2" type: "Reshape" bottom: "label" top: "l2" }\n'
        + 'layer { name: "l3" type: "Flatten" bottom: "l2" top: "l3" }\n'
        + 'layer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "l2" top: "acc" }\n'
        + 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "l2" top: "loss" '
        + "softmax_param { axis: 2 } loss_param { ignore_label: 3 } loss_weight: 2 }\n"
        + 'layer { name: "seen" type: "Silence" bottom: "loss" }',
        INPUT + IP + 'layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" softmax_param { axis: 2 } }',
    )


def test_the_result_is_a_net_of_its_own():
    net = net_def(
        deploy(parse_net(HEAD + IP + 'layer { name: "l" type: "HingeLoss" bottom: "ip" bottom: "label" }'), SHAPES),
        "TEST",
    )
    assert net.output_names == ("ip",)
    assert (
        deploy(net)
        == deploy(net.message)
        == net_def(net.message, "TEST").message.__class__.FromString(deploy(net.message).SerializeToString())
    )


def test_sigmoid_and_infogain():
    check(
        HEAD + IP + 'layer { name: "l" type: "SigmoidCrossEntropyLoss" bottom: "ip" bottom: "label" top: "l" }',
        INPUT + IP + 'layer { name: "prob" type: "Sigmoid" bottom: "ip" top: "prob" }',
    )
    check(
        HEAD + IP + 'layer { name: "l" type: "InfogainLoss" bottom: "ip" bottom: "label" top: "l" }',
        INPUT + IP + 'layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }',
    )


def test_autoencoder_whose_target_is_its_input():
    flat = 'layer { name: "flat" type: "Flatten" bottom: "data" top: "flat" }\n'
    code = IP.replace('bottom: "data"', 'bottom: "flat"')
    neuron = 'layer { name: "neuron" type: "Sigmoid" bottom: "ip" top: "neuron" }\n'
    check(
        'name: "n" layer { name: "data" type: "Data" top: "data" }\n'
        + flat
        + code
        + 'layer { name: "cross" type: "SigmoidCrossEntropyLoss" bottom: "ip" bottom: "flat" top: "cross" }\n'
        + neuron
        + 'layer { name: "l2" type: "EuclideanLoss" bottom: "neuron" bottom: "flat" top: "l2" loss_weight: 0 }',
        INPUT + flat + code + neuron,  # it has its Sigmoid already
    )


def test_several_losses():
    second = IP.replace('"ip"', '"ip2"').replace('bottom: "data"', 'bottom: "ip"').replace('name: "w"', 'name: "v"')
    loss = 'layer {{ name: "{0}" type: "SoftmaxWithLoss" bottom: "{1}" bottom: "label" top: "{0}" loss_weight: {2} }}\n'
    prob = 'layer {{ name: "{0}" type: "Softmax" bottom: "{1}" top: "{0}" }}\n'
    for weights, names in (((0.3, 1), ("prob_a", "prob")), ((1, 1), ("prob_a", "prob")), ((2, 1), ("prob", "prob_b"))):
        check(
            HEAD + IP + loss.format("a", "ip", weights[0]) + second + loss.format("b", "ip2", weights[1]),
            INPUT + IP + prob.format(names[0], "ip") + second + prob.format(names[1], "ip2"),
        )
    check(  # two losses on one value: one prediction
        HEAD + IP + loss.format("a", "ip", 1) + loss.format("b", "ip", 1), INPUT + IP + prob.format("prob", "ip")
    )


def test_second_top_of_a_loss_keeps_its_readers():
    arg = 'layer { name: "best" type: "ArgMax" bottom: "p" top: "best" }\n'
    check(
        HEAD
        + IP
        + 'layer { name: "l" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "l" top: "p" }\n'
        + arg,
        INPUT + IP + 'layer { name: "prob" type: "Softmax" bottom: "ip" top: "p" }' + arg,
    )


def test_a_taken_name_is_left_alone():
    relu = 'layer { name: "prob" type: "ReLU" bottom: "ip" top: "prob" }\n'
    check(
        HEAD + IP + relu + 'layer { name: "l" type: "SoftmaxWithLoss" bottom: "prob" bottom: "label" top: "l" }',
        INPUT + IP + relu + 'layer { name: "prob_" type: "Softmax" bottom: "prob" top: "prob_" }',
    )


def test_siamese_and_other_outputs():
    slice_ = 'layer { name: "s" type: "Slice" bottom: "data" top: "x" top: "y" }\n'
    relu = 'layer { name: "r" type: "ReLU" bottom: "x" top: "r" }\n'
    check(
        HEAD
        + slice_
        + relu
        + 'layer { name: "l" type: "ContrastiveLoss" bottom: "x" bottom: "y" bottom: "label" top: "l" }',
        INPUT + slice_ + relu,
    )


def test_an_objective_of_plain_layers_goes_where_there_is_another_output():
    size = 'layer { name: "size" type: "Reduction" bottom: "ip" top: "size" loss_weight: 0.1 }\n'
    relu = 'layer { name: "r" type: "ReLU" bottom: "ip" top: "r" }\n'
    check(HEAD + IP + size + relu, INPUT + IP + relu)
    check(HEAD + IP + size, INPUT + IP + size.replace("loss_weight: 0.1", ""))


def test_shapes_that_layers_state():
    for layer, dims in (
        ('type: "MemoryData" memory_data_param { batch_size: 2 channels: 3 height: 5 width: 7 }', "[2, 3, 5, 7]"),
        ('type: "DummyData" dummy_data_param { shape { dim: [2, 9] } }', "[2, 9]"),
        (
            'type: "DummyData" dummy_data_param { num: 2 num: 2 channels: 3 height: 5 width: 7 width: 1 }',
            "[2, 3, 5, 7]",
        ),
        ('type: "Input" input_param { shape { dim: [4, 6] } shape { dim: 4 } }', "[4, 6]"),
    ):
        text = f'layer {{ name: "data" {layer} top: "data" top: "label" }}\n' + IP
        loss = 'layer { name: "l" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "l" }'
        net = deploy(parse_net(text + loss))
        assert (
            net.layer[0]
            == parse_net(
                f'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: {dims} }} }} }}'
            ).message.layer[0]
        )
        assert list(deploy(parse_net(text + loss), SHAPES).layer[0].input_param.shape[0].dim) == [1, 3, 5, 7]


def test_what_is_missing():
    loss = 'layer { name: "l" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "l" }'
    with pytest.raises(NetError, match='layer "data" .Data.: the shape of "data" is for the data to say'):
        deploy(parse_net(HEAD + IP + loss))
    with pytest.raises(NetError, match='"dta", which is no input .did you mean "data"'):
        deploy(parse_net(HEAD + IP + loss), {**SHAPES, "dta": (1,)})
    assert deploy(parse_net(HEAD + IP + loss), {**SHAPES, "label": (1,)}).layer[0].top == ["data"]
    with pytest.raises(NetError, match="nothing to deploy"):
        deploy(parse_net(HEAD), SHAPES)


def test_caffes_own_training_net(shared):
    text = (shared / "golden/lenet/lenet_train_test.prototxt").read_text()
    net = net_def(deploy(parse_net(text), {"data": (1, 1, 28, 28)}), "TEST")
    own = [layer.name for layer in net_def(parse_net(text), "TEST").layers]
    assert net.output_names == ("prob",) and net.layers[0].type == "Input"
    assert [layer.name for layer in net.layers[1:-1]] == [name for name in own if name[:2] in ("co", "po", "ip", "re")]


def test_detections_are_what_an_ssd_net_gives():
    """DetectionEvaluate and its labels go; the rows that it judges stay."""
    config = open_config(CONFIGS / "ssd_digits.prototxt")
    net = net_def(deploy(config.definition("TEST"), {"data": (1, 3, 96, 96)}), "TEST")
    assert [ref.name for ref in net.outputs] == ["detections"]
    assert not {"DetectionEvaluate", "AnnotatedData"} & {layer.type for layer in net.layers}
