"""Nets in which layers have one name, trained and tested: as Caffe has them, by position, and by name where it does."""

import numpy as np
import pytest

from tests.training import runs
from zoo import reference
from zoo.converters import weights
from zoo.errors import NetError, SolverError
from zoo.formats import caffe_pb2, solverstate

SOLVER = """
base_lr: 0.1 lr_policy: "step" stepsize: 3 gamma: 0.5 momentum: 0.9 weight_decay: 0.01 max_iter: 6 random_seed: 4
display: 1 {solver}
net_param {{
  layer {{ name: "in" type: "Data" top: "data" top: "label" transform_param {{ scale: 0.01 crop_size: 10 }}
    data_param {{ source: "small/train" batch_size: 7 }} {data} }}
  {test}
  layer {{ {one} type: "InnerProduct" bottom: "data" top: "x" param {{ lr_mult: 0.5 }} param {{ decay_mult: 0 }}
    inner_product_param {{ num_output: 5 weight_filler {{ type: "constant" value: 0.02 }} }} }}
  layer {{ {two} type: "InnerProduct" bottom: "data" top: "y" param {{ lr_mult: 3 }} param {{ lr_mult: 0 }}
    inner_product_param {{ num_output: {size} weight_filler {{ type: "constant" value: 0.01 }} }} }}
  layer {{ name: "cat" type: "Concat" bottom: "x" bottom: "y" top: "z" }}
  layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "z" bottom: "label" top: "loss" }}
}}
"""
TESTED = {
    "solver": "test_iter: 1 test_interval: 3",
    "data": "include { phase: TRAIN }",
    "test": """layer { name: "in" type: "DummyData" top: "data" top: "label" include { phase: TEST }
      dummy_data_param { shape { dim: 2 dim: 1 dim: 10 dim: 10 } shape { dim: 2 }
        data_filler { type: "constant" value: 0.5 } data_filler { type: "constant" value: 3 } } }""",
}
NAMES = {"ip": 'name: "ip"', "": ""}


def text(one, two, size=5, **more):
    return SOLVER.format(one=one, two=two, size=size, **{"solver": "", "data": "", "test": "", **more})


def arrays(result):
    return list(runs.weights(result).values())


def pair(run_dir):
    """The paths of a run's last .caffemodel and .solverstate."""
    return tuple(run_dir / "snapshots" / f"small_iter_6.{kind}" for kind in ("caffemodel", "solverstate"))


def same(one, two):
    return len(one) == len(two) and all(map(np.array_equal, one, two))


@pytest.fixture(scope="module")
def plain(small_data, tmp_path_factory):
    """Directory and result of the run whose layers have names of their own."""
    folder = tmp_path_factory.mktemp("plain")
    return folder, runs.train(folder, small_data, text('name: "a"', 'name: "b"'))


@pytest.mark.parametrize("name", NAMES)
def test_they_train_by_position(name, plain, small_data, tmp_path):
    """Multipliers, decay, history, snapshots and resuming are those of the same net whose layers have names."""
    given = text(NAMES[name], NAMES[name])
    runs.train(tmp_path, small_data, given, changes="max_iter: 4")
    result = runs.train(tmp_path, small_data, given)
    assert list(runs.weights(result)) == [f"{name}/0", f"{name}/1", f"{name}#2/0", f"{name}#2/1"]
    assert same(arrays(result), arrays(plain[1])) and not np.array_equal(arrays(result)[0], arrays(result)[2])
    ours, theirs = (caffe_pb2.NetParameter.FromString(pair(d)[0].read_bytes()) for d in (tmp_path, plain[0]))
    assert [layer.name for layer in ours.layer] == ["in", name, name, "cat", "loss"]
    assert [list(layer.blobs) for layer in ours.layer] == [list(layer.blobs) for layer in theirs.layer]
    assert same(*(solverstate.read(pair(d)[1]).history for d in (tmp_path, plain[0])))


def test_a_snapshot_begins_as_caffe_begins(small_data, tmp_path, caplog):
    """Its weights go by name: the first layer gets the last one's, and the last keeps what its filler gives."""
    given = text(NAMES["ip"], NAMES["ip"])
    one = runs.train(tmp_path / "one", small_data, given)
    again = runs.train(tmp_path / "again", small_data, given, snapshot=str(pair(tmp_path / "one")[1]))
    assert again.session.state.iteration == 6
    says = 'small.prototxt:10: layer "ip" (InnerProduct): no .caffemodel gives back what it learns'
    assert any(says in record.message for record in caplog.records)
    got, want = arrays(again), arrays(one)
    assert np.array_equal(got[0], want[2]) and np.all(got[2] == np.float32(0.01))


def test_a_test_net_is_given_what_caffe_gives_it(small_data, tmp_path):
    """The first of a name has the parameters of the training net's last, live; the other those of its filler."""
    result = runs.train(tmp_path / "one", small_data, text(NAMES["ip"], NAMES["ip"], **TESTED))
    session = result.session
    (test,), learned = session.nets.tests, weights.arrays(session.nets.train)
    given = dict(zip(("in", "ip", "ip#2", "cat", "loss"), weights.arrays(test).values()))
    assert same(given["ip"], learned["ip#2"]) and not same(learned["ip#2"], learned["ip"])
    assert np.all(given["ip#2"][0] == np.float32(0.01)) and np.all(given["ip#2"][1] == 0)
    data = {"data": np.full((2, 1, 10, 10), 0.5), "label": np.full(2, 3)}
    want = reference.run(test.definition.message, given, data)["loss"]
    assert result.scores["loss"].value == pytest.approx(float(want), rel=1e-5)
    # A file is copied by name into both nets, and does not reach the training net by way of the test net.
    loaded = session.nets.load_weights(pair(tmp_path / "one")[0])
    assert loaded.copied == ("ip",) and loaded.kept == ("ip#2",)
    after = weights.arrays(session.nets.train)
    assert same(after["ip"], learned["ip#2"]) and same(after["ip#2"], learned["ip#2"])


def test_a_test_net_that_cannot_be_given_it_is_refused(small_data, tmp_path):
    with pytest.raises(NetError, match=r'layer "ip" \(InnerProduct\): blob 0 does not fit ip#2/0'):
        runs.train(tmp_path / "a", small_data, text(NAMES["ip"], NAMES["ip"], size=4, **TESTED))
    relu = 'layer { name: "ip" type: "ReLU" bottom: "data" top: "r" } layer { name: "q" type: "Silence" bottom: "r" }'
    with pytest.raises(NetError, match=r'layer "ip" \(ReLU\): cannot be tested with the parameters of layer "ip"'):
        runs.train(
            tmp_path / "b", small_data, text(NAMES["ip"], NAMES["ip"], **{**TESTED, "test": TESTED["test"] + relu})
        )
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()


@pytest.mark.parametrize("name", NAMES)
def test_hdf5_snapshots_are_refused_before_training(name, small_data, tmp_path):
    given = text(NAMES[name], NAMES[name])
    with pytest.raises(
        SolverError, match=rf'small.prototxt:\d+: layer "{name}" .*: snapshots cannot be HDF5'
    ) as caught:
        runs.train(tmp_path / "one", small_data, given, changes="snapshot_format: HDF5")
    assert "give each layer a name of its own, or say snapshot_format: BINARYPROTO" in str(caught.value)
    assert not (tmp_path / "one").exists()
    runs.train(tmp_path / "two", small_data, given, changes="snapshot_format: HDF5 snapshot_after_train: false")
