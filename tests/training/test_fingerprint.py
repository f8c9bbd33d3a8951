"""Fingerprints: which changes of a solver, its nets, data and weights are seen, and how they are said."""

import pytest

from tests.training import runs
from zoo.converters.solver import solver_def
from zoo.errors import WeightsError
from zoo.formats import prototxt
from zoo.training import fingerprint as fp
from zoo.training.session import Session


def taken(data_dir, text=runs.SOLVER, changes=""):
    parsed = prototxt.parse_solver(text, "small.prototxt")
    return Session(solver_def(prototxt.merge(changes, parsed) if changes else parsed), data_dir).fingerprint


@pytest.fixture(scope="module")
def usual(small_data):
    return taken(small_data)


def test_parts_are_called_what_people_call_them(usual):
    assert usual["solver base_lr"] == "0.02"
    assert usual["solver type"] == "SGD"
    assert usual["solver test_iter"] == "3"
    assert usual['training net: data of layer "in"'].startswith("50 records in 3 shards, ")
    assert usual['test net 0: data of layer "in"'].startswith("20 records in 3 shards, ")
    assert {f'{net}: layer "conv"' for net in ("training net", "test net 0")} < usual.keys()
    assert list(usual)[0] == "solver type"
    assert usual.keys() > fp.MAY_CHANGE
    assert usual.keys() > fp.OF_A_MACHINE


def test_the_same_elsewhere(usual, tmp_path):
    runs.make_data(tmp_path / "moved")
    moved = runs.SOLVER.replace('"small/', f'"{tmp_path}/moved/small/')
    assert taken(tmp_path, moved) == usual


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ("base_lr: 0.03", ["solver base_lr"]),
        ('type: "Adam" delta: 1e-7', ["solver type", "solver delta"]),
        ("max_iter: 99 display: 1", ["solver display", "solver max_iter"]),
        ("clip_gradients: -1", []),  # what it is without being said
    ],
)
def test_changes_of_the_solver(changes, parts, usual, small_data):
    assert sorted(fp.differences(usual, taken(small_data, changes=changes))) == sorted(parts)


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("num_output: 6", "num_output: 5", ['training net: layer "conv"', 'test net 0: layer "conv"']),
        ("mirror: true", "mirror: false", ['training net: layer "in"']),
        ('"acc"', '"right"', ['test net 0: layer "acc"', 'test net 0: layer "right"', "test net 0: order of layers"]),
    ],
)
def test_changes_of_the_net(old, new, parts, usual, small_data):
    assert sorted(fp.differences(usual, taken(small_data, runs.SOLVER.replace(old, new)))) == sorted(parts)


def test_other_data(usual, tmp_path):
    runs.make_data(tmp_path, (("train", 51), ("test", 20)))
    assert 'training net: data of layer "in"' in fp.differences(usual, taken(tmp_path))


def test_weights_are_told_by_name_and_content(tmp_path):
    (tmp_path / "b").mkdir()
    for path, data in (("a.caffemodel", b"one"), ("b/a.caffemodel", b"two")):
        (tmp_path / path).write_bytes(data)
    both = fp.of_files("weights", [tmp_path / "a.caffemodel", tmp_path / "b/a.caffemodel"])
    assert list(both) == ["weights a.caffemodel", "weights a.caffemodel (2)"]
    assert len(set(both.values())) == 2
    with pytest.raises(WeightsError, match="cannot read"):
        fp.of_files("weights", [tmp_path / "none"])


def test_differences_as_people_read_them():
    old = {"solver base_lr": "0.01", "solver momentum": "0.9", "weights a": "12"}
    new = {"solver base_lr": "0.011", "solver momentum": "0.9", "data": "34"}
    found = fp.differences(old, new)
    assert list(found) == ["solver base_lr", "weights a", "data"]
    assert fp.listed(found, "then", "now") == (
        "solver base_lr (0.01 then, 0.011 now); weights a (12 then, none now); data (none then, 34 now)"
    )
    assert fp.listed(found, "then", "now", most=1) == "solver base_lr (0.01 then, 0.011 now); 2 more"
    assert fp.differences(old, new, but=old | new) == {}


def test_what_computes_has_versions():
    assert set(fp.of_software()) == {"zoo", "TensorFlow", "Keras", "protobuf", "NumPy", "Python"}


def test_a_python_layers_code_counts(tmp_path, monkeypatch):
    from tests.input.small_data import layer

    monkeypatch.syspath_prepend(tmp_path)
    definition, said = layer('name: "p" type: "Python" python_param { module: "some_rule" layer: "Rule" }'), [b""]
    assert fp._code(definition) == b""
    for text in (b"one = 1", b"two = 2"):
        (tmp_path / "some_rule.py").write_bytes(text)
        said.append(fp._code(definition))
    assert said == [b"", b"one = 1", b"two = 2"]
