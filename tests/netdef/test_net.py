"""NetState rules, single assignment, sharing, outputs; the cases that Caffe's own test_net.cpp holds FilterNet to."""

import numpy as np
import pytest

from zoo.errors import NetError, ZooError
from zoo.formats import caffe_pb2
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import AUTOMATIC, net_def, net_def_for_state
from zoo.netdef.netdef import BlobRef, ParamKey
from zoo.netdef.shape_inference import multipliers

DATA = 'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 2 dim: 3 dim: 5 dim: 4 } } }\n'


def wire(text, phase="TRAIN", **kwargs):
    return net_def(parse_net(text, "net"), phase, **kwargs)


def error_of(text, phase="TRAIN", **kwargs):
    with pytest.raises(ZooError) as caught:
        wire(text, phase, **kwargs)
    return str(caught.value)


def relu(bottom, top, more="", name=None):
    return f'layer {{ name: "{name or "r_" + top}" type: "ReLU" bottom: "{bottom}" top: "{top}" {more} }}\n'


# ---- rules: (rule of the layer "r_x", states that keep it, states that do not); a state is phase, level, stages ----

TRAIN, TEST = ("TRAIN", None, ()), ("TEST", None, ())


def on(*stages, level=None, phase="TEST"):
    return (phase, level, stages)


RULES = [
    ("", [TRAIN, TEST, on("a", level=3)], []),
    ("include { phase: TRAIN }", [TRAIN], [TEST]),
    ("exclude { phase: TRAIN }", [TEST], [TRAIN]),
    ("include { }", [TRAIN, TEST], []),
    ("exclude { }", [], [TRAIN, TEST]),
    ('include { stage: "a" }', [on("a"), on("a", "b")], [on(), on("b")]),
    ('exclude { stage: "a" }', [on(), on("b")], [on("a"), on("a", "b")]),
    ('include { stage: "a" stage: "b" }', [on("a", "b"), on("c", "b", "a")], [on(), on("a"), on("b")]),
    ('exclude { stage: "a" stage: "b" }', [on(), on("a"), on("b")], [on("b", "a")]),
    ('include { not_stage: "a" }', [on(), on("b")], [on("a"), on("a", "b")]),
    ('exclude { not_stage: "a" }', [on("a"), on("a", "b")], [on(), on("b")]),
    ('include { not_stage: "a" not_stage: "b" }', [on(), on("c")], [on("a"), on("b"), on("a", "b")]),
    ('include { stage: "a" not_stage: "b" }', [on("a")], [on(), on("b"), on("a", "b")]),
    ("include { min_level: 3 }", [on(level=3), on(level=4)], [on(), on(level=2), on(level=-1)]),
    ("exclude { min_level: 3 }", [on(), on(level=2)], [on(level=3), on(level=4)]),
    ("include { max_level: -3 }", [on(level=-3), on(level=-4)], [on(), on(level=-2)]),
    ("exclude { max_level: -3 }", [on(), on(level=-2)], [on(level=-3), on(level=-4)]),
    ("include { min_level: 2 max_level: 3 }", [on(level=2), on(level=3)], [on(level=1), on(level=4)]),
    ("include { min_level: 0 }", [on(), on(level=0)], [on(level=-1)]),
    ('include { phase: TEST stage: "a" }', [on("a")], [on("a", phase="TRAIN"), on()]),
    ('include { phase: TRAIN } include { phase: TEST stage: "a" }', [TRAIN, on("a")], [TEST, on("b")]),
    ('exclude { phase: TRAIN } exclude { phase: TEST stage: "a" }', [TEST, on("b")], [TRAIN, on("a")]),
    ('include { min_level: 2 stage: "a" }', [on("a", level=2)], [on("a"), on("a", level=1), on(level=2)]),
]


@pytest.mark.parametrize("rule, kept, gone", RULES)
def test_rules(rule, kept, gone):
    text = DATA + relu("d", "x", rule)
    for states, names in ((kept, ["d", "r_x"]), (gone, ["d"])):
        for phase, level, stages in states:
            net = wire(text, phase, level=level, stages=stages)
            assert [layer.name for layer in net.layers] == names
            assert [layer.name for layer in net.message.layer] == names


def test_train_test_net_keeps_layers_whole():
    text = (
        'name: "n" '
        'layer { name: "d" type: "Data" top: "x" top: "l" include { phase: TRAIN } data_param { batch_size: 7 } }\n'
        'layer { name: "d" type: "Data" top: "x" top: "l" include { phase: TEST } data_param { batch_size: 3 } }\n'
        'layer { name: "a" type: "Accuracy" bottom: "x" bottom: "l" top: "a" include { phase: TEST } }\n'
        'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "x" bottom: "l" top: "loss" }\n'
    )
    train, test = wire(text, "TRAIN"), wire(text, "TEST")
    assert [layer.name for layer in train.layers] == ["d", "loss"]
    assert [layer.name for layer in test.layers] == ["d", "a", "loss"]
    assert train.layers[0].message == parse_net(text).message.layer[0]
    assert test.layers[0].message.data_param.batch_size == 3 and test.layers[0].place.line == 2
    assert (train.name, train.phase, test.phase) == ("n", "TRAIN", "TEST")
    assert train.outputs == (BlobRef("loss"),) and test.outputs == (BlobRef("a"), BlobRef("loss"))


def test_include_and_exclude():
    said = error_of(DATA + relu("d", "x", "include { phase: TEST } exclude { phase: TEST }"))
    assert said.startswith('net:2: layer "r_x" (ReLU): has both include and exclude')


def test_state_of_the_file():
    text = 'state { phase: TEST level: 2 stage: "a" }' + DATA + relu("d", "x", 'include { min_level: 2 stage: "a" }')
    net = wire(text, "TRAIN", stages=("b",))
    assert (net.phase, net.level, net.stages, len(net.layers)) == ("TRAIN", 2, ("a", "b"), 2)
    assert len(wire(text, level=0).layers) == 1
    state = caffe_pb2.NetState(phase="TRAIN", level=0, stage=["a", "c"])
    net = net_def_for_state(parse_net(text), state)
    assert (net.phase, net.level, net.stages, len(net.layers)) == ("TRAIN", 0, ("a", "c"), 1)
    assert net.message.state == state


def test_phase_of_a_layer():
    net = wire(DATA + relu("d", "x", "phase: TEST") + relu("x", "y"), "TRAIN")
    assert [layer.phase for layer in net.layers] == ["TRAIN", "TEST", "TRAIN"]


# ---- values ----


def test_in_place_gives_versions():
    net = wire(DATA + relu("d", "d", name="a") + relu("d", "x") + relu("d", "y") + relu("x", "x", name="b"))
    a, x, y, b = net.layers[1:]
    assert a.bottoms == (BlobRef("d", 0),) and a.tops == (BlobRef("d", 1),)
    assert x.bottoms == y.bottoms == (BlobRef("d", 1),)
    assert b.bottoms == (BlobRef("x", 0),) and b.tops == (BlobRef("x", 1),)
    assert net.outputs == (BlobRef("x", 1), BlobRef("y", 0))


def test_in_place_at_the_second_index():
    data = 'layer { name: "d" type: "Data" top: "d" top: "l" data_param { source: "s" batch_size: 2 } }\n'
    net = wire(data + 'layer { name: "f" type: "Filter" bottom: "d" bottom: "l" top: "x" top: "l" }')
    assert net.layers[1].tops == (BlobRef("x"), BlobRef("l", 1))
    said = error_of(data + 'layer { name: "f" type: "Filter" bottom: "d" bottom: "l" top: "l" top: "x" }')
    assert said.startswith('net:2: layer "f" (Filter): top "l" is produced twice, first by layer "d" (line 1)')


def test_a_name_given_twice():
    said = error_of(DATA + relu("d", "x", name="a") + relu("d", "x", name="b"))
    assert said.startswith('net:3: layer "b" (ReLU): top "x" is produced twice, first by layer "a" (line 2)')
    said = error_of('layer { name: "d" type: "Data"\n top: "x"\n top: "x" data_param { source: "s" batch_size: 2 } }')
    assert said == 'net:3: layer "d" (Data): top "x" is produced twice, first by this layer itself'


@pytest.mark.parametrize(
    "text, said",
    [
        # Caffe puts a Split after x, renames the bottom, and then finds the top given twice.
        (DATA + relu("d", "x") + relu("x", "y") + relu("x", "x", name="b"), 'layer "r_y" (line 3) reads too'),
        ('layer { name: "e" type: "Eltwise" bottom: "d" bottom: "d" top: "d" }', "which it reads twice"),
        (relu("d", "x", "loss_weight: 1") + relu("x", "x", name="b"), "which the loss reads too"),
    ],
)
def test_overwritten_values_that_others_read(text, said):
    text = text if text.startswith(DATA) else DATA + text
    assert "works in place on" in error_of(text) and said in error_of(text)


def test_unknown_bottom():
    assert error_of(DATA + relu("dd", "x")) == ('net:2: layer "r_x" (ReLU): unknown bottom "dd" (did you mean "d"?)')
    said = error_of(DATA + relu("y", "x") + relu("x", "y"))
    assert 'layer "r_x" (ReLU): bottom "y" is produced only later, by layer "r_y" (line 3)' in said
    assert "problems" not in said  # the second reads what the first would have given
    assert 'bottom "x" is its own top, and no earlier layer produces it' in error_of(relu("x", "x"))
    said = error_of(DATA + relu("d", "x", "include { phase: TEST }") + relu("x", "y"), "TRAIN", stages=["s"])
    assert 'layer "r_x" (line 2) produces it, but its rules exclude it for phase TRAIN, stage s' in said


def test_an_input_without_a_shape():
    said = error_of('name: "n"\ninput: "data"\n' + relu("data", "x"))
    assert 'net:3: layer "r_x" (ReLU): bottom "data" is an input on line 2 without a shape (give it one: ' in said


@pytest.mark.parametrize(
    "text",
    [
        relu("x", "x") + relu("x", "x", name="b") + relu("x", "x", name="c"),
        'layer { name: "a" type: "Flatten" bottom: "x" top: "y" }'
        'layer { name: "b" type: "Flatten" bottom: "y" top: "x" }'
        + relu("x", "x", name="c")
        + relu("x", "x", name="d"),
    ],
)
def test_values_that_nothing_gives_come_from_no_later_one(text):
    assert 'bottom "x" is' in error_of(text)  # and the reading ends


def test_all_errors_come_together():
    said = error_of(DATA + relu("u", "x") + relu("v", "y") + relu("d", "x", name="b") + 'layer { name: "t" }')
    for part in (
        "4 problems",
        'net:2: layer "r_x"',
        'net:3: layer "r_y"',
        'net:4: layer "b"',
        'net:5: layer "t": has no',
    ):
        assert part in said


def test_input_shape_without_input():
    assert error_of("input_dim: 3\n" + DATA) == "net:1: input_dim without an input that it belongs to"


# ---- outputs ----


def test_outputs_in_order_of_bytes():
    net = wire(DATA + "".join(relu("d", top) for top in ("b", "a", "é", "Z", "_", "a1")))
    assert net.output_names == ("Z", "_", "a", "a1", "b", "é")
    assert tuple(ref.name for ref in net.outputs) == net.output_names


def test_a_weighted_top_that_is_read_is_an_output_of_its_split():
    text = DATA + 'layer { name: "l" type: "Reduction" bottom: "d" top: "s" loss_weight: 2 }\n'
    assert wire(text).output_names == ("s",)
    net = wire(text + relu("s", "x"))
    assert net.output_names == ("s_l_0_split_0", "x") and net.outputs == (BlobRef("s"), BlobRef("x"))
    assert wire(text.replace("loss_weight: 2", "loss_weight: 0") + relu("s", "x")).output_names == ("x",)


def test_a_loss_without_a_top():
    text = DATA + 2 * 'layer { name: "l" type: "EuclideanLoss" bottom: "d" bottom: "d" }\n'
    net = wire(text)
    assert [layer.tops for layer in net.layers[1:]] == [(BlobRef(AUTOMATIC, 0),), (BlobRef(AUTOMATIC, 1),)]
    assert net.outputs == ()


# ---- parameters ----


def conv(name, params):
    own = "convolution_param { num_output: 2 kernel_size: 3 }"
    return f'layer {{ name: "{name}" type: "Convolution" bottom: "d" top: "{name}" {own} {params} }}\n'


def test_owners():
    net = wire(
        DATA
        + conv("a", 'param { name: "w" } param { lr_mult: 2 }')
        + conv("b", 'param { name: "v" } param { name: "w" lr_mult: 3 }')
        + conv("c", 'param { name: "w" lr_mult: 3 decay_mult: 0 } param { name: "v" }')
    )
    assert net.owners == {
        ParamKey("a", 0): ParamKey("a", 0),
        ParamKey("b", 0): ParamKey("b", 0),
        ParamKey("b", 1): ParamKey("a", 0),
        ParamKey("c", 0): ParamKey("a", 0),
        ParamKey("c", 1): ParamKey("b", 0),
    }


@pytest.mark.parametrize("field", ["lr_mult", "decay_mult"])
def test_stated_multipliers_must_agree(field):
    same = f'param {{ name: "w" {field}: 1 }}'
    none = 'param { name: "w" }'
    other = f'param {{ name: "w" {field}: 0.5 }}'
    wire(DATA + conv("a", none) + conv("b", same) + conv("c", none) + conv("d2", same))
    said = error_of(DATA + conv("a", none) + conv("b", same) + conv("c", other))
    want = f'net:4: layer "c" (Convolution): shares the parameter "w" with another {field}, got 0.5, want 1'
    assert said == f'{want} (stated by layer "b" (line 3))'


def test_one_name_for_two_layers():
    assert len(wire(DATA + relu("d", "x", name="r") + relu("x", "y", name="r")).layers) == 3
    text = (
        DATA
        + conv("c", 'param { name: "w" }')
        + conv("c", 'param { name: "w" } param { lr_mult: 3 }').replace('top: "c"', 'top: "x"')
    )
    for name, given in (("c", text), ("", text.replace('name: "c"', ""))):
        net = wire(given)
        assert [layer.name for layer in net.layers] == ["d", name, name]
        assert [layer.key for layer in net.layers] == ["d", name, f"{name}#2"]
        assert net.owners == {ParamKey(name, 0): ParamKey(name, 0), ParamKey(f"{name}#2", 0): ParamKey(name, 0)}
        assert multipliers(net)[ParamKey(f"{name}#2", 1)] == (3, 1)
    apart = DATA + conv("c", "include { phase: TEST }") + conv("c", "include { phase: TRAIN }")
    assert [layer.place.line for layer in wire(apart).layers] == [1, 3]


# ---- whole files ----


def test_places_and_lines_reach_the_layers():
    layer = wire(
        DATA + 'layer {\n name: "c"\n type: "Convolution" bottom: "d"\n convolution_param {\n pad: 1 } }'
    ).layers[1]
    assert str(layer.at()) == 'net:2: layer "c" (Convolution)'
    assert layer.at("convolution_param.pad").line == 6 and layer.at("convolution_param.stride").line == 2


def test_the_input_is_never_changed_and_a_bare_message_will_do(shared):
    for path in sorted((shared / "golden/upgrade").glob("*.prototxt")):
        if "solver" in path.name:
            continue
        parsed = parse_net(path.read_text(), str(path))
        before = parsed.message.SerializeToString()
        with_lines, without = net_def(parsed, "TEST", stages=("s",)), net_def(parsed.message, "TEST", stages=("s",))
        assert parsed.message.SerializeToString() == before
        assert with_lines.message == without.message and with_lines.outputs == without.outputs
        assert [layer.tops for layer in with_lines.layers] == [layer.tops for layer in without.layers]


def test_golden_nets_have_caffes_outputs(shared):
    """Caffe fed a gradient in at each output that is no loss: those must be outputs here, and others losses alone."""
    for path in sorted((shared / "golden/layers").glob("*-00.npz")):
        with np.load(path) as case:
            net = net_def(parse_net(str(case["prototxt"])), str(case["phase"]))
            fed = {key.removeprefix("top_diff/") for key in case.files if key.startswith("top_diff/")}
            blobs = {key.removeprefix("out/") for key in case.files if key.startswith("out/")}
        assert fed <= set(net.output_names)
        assert {top.name for layer in net.layers for top in layer.tops if top.name != AUTOMATIC} >= blobs - {AUTOMATIC}


def test_unknown_phase_is_the_callers_mistake():
    with pytest.raises(ValueError):
        wire(DATA, "TRIAN")


def test_net_error_is_the_kind():
    with pytest.raises(NetError):
        wire(relu("x", "y"))
