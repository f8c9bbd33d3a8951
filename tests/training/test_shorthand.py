import pytest

from tests.training.runs import SOLVER, make_data
from zoo.errors import NetError, PrototxtError, SolverError, ZooError
from zoo.formats import prototxt
from zoo.netdef.config import Config
from zoo.training.shorthand import Shorthand


def config(text=SOLVER):
    return Config("small.prototxt", prototxt.parse_solver(text, "small.prototxt"))


def sizes(config):
    return {p: config.definition(p).layers[0].message.data_param.batch_size for p in ("TRAIN", "TEST")}


def test_short_names_become_fields():
    changed = Shorthand(lr=0.5, momentum=0.25, gamma=0.125, seed=7, log_interval=9).applied(config()).parsed
    message = changed.message
    assert (message.base_lr, message.momentum, message.gamma) == (0.5, 0.25, 0.125)
    assert (message.random_seed, message.display, message.max_iter) == (7, 9, 24)
    assert changed.at("base_lr").file == "--lr" and changed.at("power").file == "small.prototxt"


def test_batch_sizes_of_one_phase():
    assert sizes(Shorthand(batch_size=3).applied(config())) == {"TRAIN": 3, "TEST": 9}
    assert sizes(Shorthand(test_batch_size=4).applied(config())) == {"TRAIN": 7, "TEST": 4}
    assert sizes(Shorthand(batch_size=3, test_batch_size=4).applied(config())) == {"TRAIN": 3, "TEST": 4}


def test_batch_sizes_of_nets_in_files_of_their_own(tmp_path):
    net = SOLVER[SOLVER.index("net_param {") + len("net_param {") : SOLVER.rindex("}")].replace(
        "include { phase: TRAIN }", ""
    )
    head = SOLVER[: SOLVER.index("net_param")]
    train = (
        net[: net.index('  layer { name: "in" type: "Data" top: "data" top: "label" include')]
        + net[net.index('  layer { name: "conv"') :]
    )
    (tmp_path / "a.prototxt").write_text(train)
    (tmp_path / "s.prototxt").write_text(f'{head} train_net: "a.prototxt" test_net: "a.prototxt"')
    whole = Config(str(tmp_path / "s.prototxt"), prototxt.read_solver(tmp_path / "s.prototxt"))
    assert sizes(Shorthand(batch_size=3).applied(whole)) == {"TRAIN": 3, "TEST": 7}
    assert sizes(Shorthand(test_batch_size=3).applied(whole)) == {"TRAIN": 7, "TEST": 3}


def test_a_layer_of_both_phases_is_not_changed_for_one():
    text = SOLVER.replace("include { phase: TRAIN }", "", 1)
    text = (
        text[: text.index('  layer { name: "in" type: "Data" top: "data" top: "label" include')]
        + text[text.index('  layer { name: "conv"') :]
    )
    with pytest.raises(
        SolverError, match=r'layer "in" \(Data\): --batch_size is of one phase, and this layer feeds both'
    ):
        Shorthand(batch_size=3).applied(config(text))


def test_dummy_data_states_its_batch_in_its_shapes():
    text = """base_lr: 1 lr_policy: "fixed" max_iter: 1 net_param {
        layer { name: "x" type: "DummyData" top: "x" dummy_data_param { shape { dim: 4 dim: 3 } } }
        layer { name: "loss" type: "Reduction" bottom: "x" top: "loss" loss_weight: 1 } }"""
    changed = Shorthand(batch_size=9).applied(config(text))
    assert list(changed.definition("TRAIN").layers[0].message.dummy_data_param.shape[0].dim) == [9, 3]


@pytest.mark.parametrize(
    "given, devices, max_iter",
    [
        ({"epochs": 2}, 1, 15),
        ({"epochs": 2}, 2, 8),
        ({"epochs": 0.5, "batch_size": 5}, 1, 5),
        ({"epochs": 0}, 1, 0),
        ({"epochs": 1.1, "batch_size": 5}, 1, 11),
    ],
)
def test_epochs_become_iterations(tmp_path, given, devices, max_iter):
    make_data(tmp_path)  # 50 records, of which an iteration takes 7
    short = Shorthand(**given)
    ended = short.ended(short.applied(config(), tmp_path), tmp_path, devices)
    assert ended.parsed.message.max_iter == max_iter
    assert ended.parsed.message.test_interval == 6
    assert ended.parsed.at("max_iter").file == "--epochs"


def test_iter_size_counts(tmp_path):
    make_data(tmp_path)
    short = Shorthand(epochs=2, set="iter_size: 3")
    assert short.ended(short.applied(config(), tmp_path), tmp_path).parsed.message.max_iter == 5


def test_a_dry_run_is_one_iteration():
    message = Shorthand(dry_run=True).ended(config()).parsed.message
    assert (message.max_iter, list(message.test_iter), message.snapshot) == (1, [1], 0)


@pytest.mark.parametrize(
    "given, says",
    [
        ({"lr": 1.0, "set": "base_lr: 2"}, "base_lr is given twice, got --set and --lr, want one of them"),
        ({"batch_size": 3, "set": 'layer { name: "in" data_param { batch_size: 2 } }'}, "batch_size is given twice"),
        ({"epochs": 1, "set": "max_iter: 2"}, "max_iter is given twice, got --set and --epochs"),
        ({"set": "lr: 1"}, '--set:1: SolverParameter has no field "lr"'),
    ],
)
def test_contradictions(tmp_path, given, says):
    make_data(tmp_path)
    short = Shorthand(**given)
    with pytest.raises((SolverError, PrototxtError), match=says):
        short.ended(short.applied(config(), tmp_path), tmp_path)


@pytest.mark.parametrize("epochs", [float("nan"), float("inf"), -1, "2"])
def test_epochs_that_are_no_number(epochs):
    with pytest.raises(SolverError, match=f"--epochs: not a number of passes, got {epochs}, want 0 or more"):
        Shorthand(epochs=epochs).ended(config())


@pytest.mark.parametrize("size", [0, -1, 2**31, 99999999999, 1.5, "3"])
def test_batch_sizes_that_are_none(size):
    says = rf'layer "in" \(Data\): not a batch size, got {size}, want a whole number from 1 to 2147483647'
    with pytest.raises(NetError, match=says):
        Shorthand(batch_size=size).applied(config())


def test_epochs_need_data_whose_size_is_known(tmp_path):
    with pytest.raises(ZooError, match='source "small/train" is not there'):
        Shorthand(epochs=1).ended(config(), tmp_path)
    text = """base_lr: 1 lr_policy: "fixed" net_param {
        layer { name: "x" type: "DummyData" top: "x" dummy_data_param { shape { dim: 4 dim: 3 } } }
        layer { name: "loss" type: "Reduction" bottom: "x" top: "loss" loss_weight: 1 } }"""
    with pytest.raises(SolverError, match="--epochs: how many records the data has is not known"):
        Shorthand(epochs=1).ended(config(text))
