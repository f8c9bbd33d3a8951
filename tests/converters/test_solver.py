import dataclasses

import keras
import numpy as np
import pytest

from zoo.converters.parameters import Parameter
from zoo.converters.solver import optimizer, solver_def
from zoo.errors import SolverError
from zoo.formats import caffe_pb2, prototxt
from zoo.layers.base.blobs import BlobSpec
from zoo.netdef.netdef import ParamKey
from zoo.solvers import optimizers, schedules

LEAST = {"net": '"net.prototxt"', "base_lr": "0.05", "lr_policy": '"fixed"', "max_iter": "30"}


def text(without=(), **fields):
    """A valid solver, a field a line in the order of LEAST, with some left out and others put in."""
    fields = {**{name: value for name, value in LEAST.items() if name not in without}, **fields}
    lines = [f"{name}: {v}" for name, value in fields.items() for v in (value if isinstance(value, list) else [value])]
    return "\n".join(lines)


def read(*, file="s/lenet.solver.prototxt", without=(), **fields):
    return solver_def(prototxt.parse_solver(text(without, **fields), file))


def test_every_field_reaches_the_definition_or_the_optimizer():
    solver = read(
        type='"Adam"',
        momentum="0.8",
        momentum2="0.95",
        delta="0.25",
        weight_decay="0.0625",
        regularization_type='"L1"',
        clip_gradients="3.5",
        iter_size="4",
        display="7",
        average_loss="5",
        test_iter="11",
        test_interval="13",
        test_initialization="false",
        test_compute_loss="true",
        snapshot="17",
        snapshot_prefix='"out/here"',
        snapshot_format="HDF5",
        snapshot_diff="true",
        snapshot_after_train="false",
        random_seed="19",
        solver_mode="CPU",
        device_id="2",
        debug_info="true",
        layer_wise_reduce="false",
        weights=['"a.caffemodel, b.caffemodel"', '"c.caffemodel.h5"'],
    )
    got = {
        name: getattr(solver, name)
        for name in ("type", "lr_policy", "max_iter", "display", "average_loss", "iter_size")
    }
    assert got == {
        "type": "Adam",
        "lr_policy": "fixed",
        "max_iter": 30,
        "display": 7,
        "average_loss": 5,
        "iter_size": 4,
    }
    assert (solver.test_iter, solver.test_interval) == ((11,), 13)
    assert (solver.test_initialization, solver.test_compute_loss) == (False, True)
    assert (solver.snapshot, solver.snapshot_prefix, solver.snapshot_format) == (17, "out/here", "HDF5")
    assert (solver.snapshot_diff, solver.snapshot_after_train) == (True, False)
    assert (solver.random_seed, solver.solver_mode, solver.device_id) == (19, "CPU", 2)
    assert (solver.debug_info, solver.layer_wise_reduce) == (True, False)
    assert solver.weights == ("a.caffemodel", "b.caffemodel", "c.caffemodel.h5")
    variable = keras.Variable(np.zeros(3, np.float32), name="v")
    made = optimizer(solver, [Parameter(ParamKey("ip", 0), BlobSpec((3,), "v"), variable, 2.0, 0.0)])
    config = made.get_config()
    assert isinstance(made, optimizers.Adam)
    assert isinstance(solver.schedule, schedules.Fixed)
    assert config["multipliers"] == {"v": [2.0, 0.0]} and made.built
    assert {name: config[name] for name in solver.rule} == {
        "momentum": pytest.approx(0.8),
        "momentum2": pytest.approx(0.95),
        "delta": 0.25,
        "weight_decay": 0.0625,
        "regularization_type": "L1",
        "clip_gradients": 3.5,
        "iter_size": 4,
    }


def test_caffes_defaults():
    solver = read()
    assert (solver.type, solver.iter_size, solver.average_loss, solver.display) == ("SGD", 1, 1, 0)
    assert (solver.test_iter, solver.tests, solver.test_interval, solver.test_initialization) == ((), (), 0, True)
    assert (solver.snapshot, solver.snapshot_format, solver.snapshot_after_train) == (0, "BINARYPROTO", True)
    assert (solver.random_seed, solver.solver_mode, solver.weights) == (None, None, ())
    assert solver.rule == {
        "momentum": 0.0,
        "weight_decay": 0.0,
        "regularization_type": "L2",
        "clip_gradients": -1.0,
        "iter_size": 1,
    }
    adam = read(type='"Adam"').rule
    assert (adam["momentum"], adam["momentum2"], adam["delta"]) == (0.0, pytest.approx(0.999), pytest.approx(1e-8))
    assert read(type='"RMSProp"').rule["rms_decay"] == pytest.approx(0.99)


def test_is_frozen_and_leaves_the_message_alone():
    message = prototxt.parse_solver(text()).message
    before = message.SerializeToString()
    solver = solver_def(message)
    with pytest.raises(dataclasses.FrozenInstanceError):
        solver.max_iter = 3
    assert message.SerializeToString() == before


@pytest.mark.parametrize("kind", ["SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam"])
def test_the_old_enum_names_the_same_types(kind):
    assert read(type=f'"{kind}"').type == read(solver_type=kind.upper()).type == kind


def test_policies_take_their_fields():
    multistep = read(lr_policy='"multistep"', gamma="0.5", stepvalue=["5", "9"]).schedule
    assert [float(multistep(i)) for i in (4, 5, 9)] == pytest.approx([0.05, 0.025, 0.0125])
    poly = read(lr_policy='"poly"', power="2").schedule
    assert float(poly(15)) == pytest.approx(0.05 / 4)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"without": ["base_lr"]}, "s:2: base_lr, got none"),
        ({"without": ["lr_policy"]}, "s: lr_policy, got none, want one of fixed, step"),
        ({"without": ["max_iter"], "lr_policy": '"poly"', "power": "1"}, "s: max_iter, got none, want a value"),
        ({"max_iter": "-1"}, "s:4: max_iter, got -1, want 0 or more"),
        ({"lr_policy": '"stpe"'}, "s:3: lr_policy, got 'stpe', .*did you mean \"step\""),
        ({"lr_policy": '"step"', "gamma": "0.1"}, "s:3: stepsize, got none"),
        ({"lr_policy": '"step"', "gamma": "0.1", "stepsize": "0"}, "s:6: stepsize, got 0, want 1 or more"),
        ({"lr_policy": '"exp"'}, "s:3: gamma, got none, .*write gamma: 0"),
        ({"lr_policy": '"exp"', "gamma": "-0.5"}, "s:5: gamma, got -0.5, want 0 or more"),
        ({"lr_policy": '"inv"', "gamma": "0.5"}, "s:3: power, got none"),
        ({"lr_policy": '"multistep"', "gamma": "0.5"}, "s:3: stepvalue, got none"),
        ({"lr_policy": '"sigmoid"', "gamma": "0.5", "stepsize": "-2"}, "s:6: stepsize, got -2"),
        ({"base_lr": "-0.1"}, "s:2: base_lr, got -0.1, want 0 or more"),
        ({"type": '"Adagrad"'}, "s:5: type, got 'Adagrad', .*did you mean \"AdaGrad\""),
        ({"type": '"SGD"', "solver_type": "SGD"}, "s:6: solver_type, got type as well"),
        ({"type": '"AdaGrad"', "momentum": "0.9"}, "s:6: momentum, got 0.9, want none with type AdaGrad"),
        ({"type": '"RMSProp"', "momentum": "0.9"}, "s:6: momentum, got 0.9, want none with type RMSProp"),
        ({"type": '"RMSProp"', "rms_decay": "1"}, "s:6: rms_decay, got 1, want 0 or more and below 1"),
        ({"momentum": "1"}, "s:5: momentum, got 1, want 0 or more and below 1"),
        ({"momentum": "-0.5"}, "s:5: momentum, got -0.5"),
        ({"type": '"Adam"', "momentum2": "1.5"}, "s:6: momentum2, got 1.5"),
        ({"type": '"Adam"', "delta": "-1"}, "s:6: delta, got -1"),
        ({"weight_decay": "-0.5"}, "s:5: weight_decay, got -0.5"),
        ({"regularization_type": '"l2"'}, "s:5: regularization_type, got 'l2', .*did you mean \"L2\""),
        ({"iter_size": "0"}, "s:5: iter_size, got 0, want 1 or more"),
        ({"average_loss": "0"}, "s:5: average_loss, got 0, want 1 or more"),
        ({"display": "-1"}, "s:5: display, got -1"),
        ({"snapshot": "-1"}, "s:5: snapshot, got -1"),
        ({"device_id": "-1"}, "s:5: device_id, got -1"),
        ({"test_interval": "-5"}, "s:5: test_interval, got -5"),
        ({"weights": '"a.caffemodel,"'}, "s:5: weights, got an empty name"),
        ({"without": ["net"]}, "s: the solver names no training net, want exactly one of net, net_param"),
        ({"train_net": '"t"'}, "s:5: the solver names several training nets, got train_net and net, want exactly one"),
        ({"without": ["net"], "train_net": "'t'", "test_iter": "5", "test_interval": "1"}, ".*5: test_iter, .* 0"),
        ({"test_net": ['"a"', '"b"'], "test_iter": "5", "test_interval": "1"}, "s:7: test_iter, got 1, want .* 2"),
        ({"test_net": '"a"', "test_interval": "1"}, "s:5: test_iter, got 0, want one for each of 1"),
        ({"test_iter": "5"}, "s:5: test_interval, got none, want 1 or more"),
        ({"test_iter": "5", "test_interval": "0"}, "s:6: test_interval, got 0, want 1 or more"),
        ({"test_iter": ["5", "-2"], "test_interval": "1"}, "s:6: test_iter, got -2"),
        ({"test_iter": ["5", "6"], "test_interval": "1", "test_state": "{}"}, ".*8: test_state, got 1, .* 2"),
    ],
)  # fmt: skip
def test_refuses_with_the_line(fields, said):
    with pytest.raises(SolverError, match=f"^{said}"):
        read(file="s", **fields)


def test_says_everything_at_once():
    with pytest.raises(SolverError) as caught:
        read(without=["net"], momentum="2", lr_policy='"nope"', display="-3")
    said = str(caught.value)
    assert said.startswith("4 problems:")
    assert all(word in said for word in ("training net", "momentum", "lr_policy", "display"))


def test_a_message_alone_has_errors_without_lines():
    with pytest.raises(SolverError, match="^momentum, got 3, want"):
        solver_def(prototxt.parse_solver(text(momentum="3")).message)


def test_fields_that_caffe_does_not_look_at_are_not_looked_at():
    solver = read(gamma="-3", stepsize="-1", rms_decay="7", momentum2="5", delta="-1", test_interval="500")
    assert float(solver.schedule(9)) == pytest.approx(0.05)


def test_snapshot_prefix_follows_caffes_rule(tmp_path):
    assert read().snapshot_prefix == "s/lenet.solver"
    assert read(snapshot_prefix='"a/b"').snapshot_prefix == "a/b"
    assert read(snapshot_prefix=f'"{tmp_path}"').snapshot_prefix == str(tmp_path / "lenet.solver")
    assert read(file=None).snapshot_prefix is None
    with pytest.raises(SolverError, match="snapshot_prefix, got none"):
        read(file=None, snapshot="5")


# ---- nets ---------------------------------------------------------------------------------------------------------

INLINE = 'net_param { name: "inline" state { level: 2 stage: "own" } layer { name: "x" type: "Input" } }'


def solver_of(nets, rest=""):
    head = 'base_lr: 0.1 lr_policy: "fixed" max_iter: 3 test_interval: 1\n'
    return solver_def(prototxt.parse_solver(head + nets + "\n" + rest, "s"))


def where(source):
    return source.field, source.phase, source.net.message.name if source.net else source.file


def test_a_generic_net_is_trained_and_tested_once_for_each_test_iter():
    solver = solver_of('net: "n"', "test_iter: 4 test_iter: 5")
    assert where(solver.train) == ("net", "TRAIN", "n")
    assert [where(source) for source in solver.tests] == [("net", "TEST", "n")] * 2


def test_test_nets_come_in_caffes_order():
    solver = solver_of(
        'test_net: "f1"\ntest_net: "f2"\n' + INLINE + '\ntest_net_param { name: "p1" }',
        "test_iter: 1 test_iter: 2 test_iter: 3 test_iter: 4 test_iter: 5",
    )
    assert where(solver.train) == ("net_param", "TRAIN", "inline")
    assert [where(source) for source in solver.tests] == [
        ("test_net_param", "TEST", "p1"),
        ("test_net", "TEST", "f1"),
        ("test_net", "TEST", "f2"),
        ("net_param", "TEST", "inline"),
        ("net_param", "TEST", "inline"),
    ]
    assert solver.test_iter == (1, 2, 3, 4, 5)
    assert str(solver.tests[2].at) == "s:3"


def test_a_net_inside_keeps_its_lines():
    solver = solver_of("train_net_param {\n  layer {\n    name: 'x'\n  }\n}")
    assert str(solver.train.net.at("layer[0].name")) == "s:4"
    assert solver.tests == ()


def test_zero_test_iterations_are_allowed():
    assert solver_of('net: "n"', "test_iter: 0").test_iter == (0,)


def test_states_win_in_caffes_order():
    solver = solver_of(
        INLINE,
        'train_state { stage: "t" } test_iter: 1 test_iter: 1 '
        'test_state { level: 7 } test_state { phase: TRAIN stage: "b" }',
    )
    train = solver.train.state(solver.train.net.message)
    assert (train.phase, train.level, list(train.stage)) == (caffe_pb2.TRAIN, 2, ["own", "t"])
    first, second = (source.state(source.net.message) for source in solver.tests)
    assert (first.phase, first.level, list(first.stage)) == (caffe_pb2.TEST, 7, ["own"])
    assert (second.phase, second.level, list(second.stage)) == (caffe_pb2.TRAIN, 2, ["own", "b"])
    bare = solver_of('net: "n"', "test_iter: 1").tests[0].state(caffe_pb2.NetParameter())
    assert (bare.phase, bare.level, list(bare.stage)) == (caffe_pb2.TEST, 0, [])


def test_a_net_may_state_another_phase_than_the_solver():
    net = prototxt.parse_net('state { phase: TEST } layer { name: "x" }').message
    assert solver_of('net: "n"').train.state(net).phase == caffe_pb2.TEST


def test_all_recorded_solvers_are_read(shared):
    for path in sorted((shared / "golden" / "solvers").glob("*.npz")):
        solver = solver_def(prototxt.parse_solver(str(np.load(path)["solver"]), str(path)))
        assert solver.type.lower() == path.stem.split("-")[0]
        assert where(solver.train) == ("net", "TRAIN", "net.prototxt")


def test_without_max_iter_a_program_drives_the_steps():
    assert read(without=["max_iter"]).max_iter == 0
