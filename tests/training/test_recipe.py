"""A run directory remembers what it was begun with: config, data and weights."""

import json
import shutil

import pytest

from tests.training import runs
from zoo.errors import CheckpointError
from zoo.formats import run_card


@pytest.fixture(scope="module")
def first(small_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    runs.train(folder / "run", small_data, changes="max_iter: 2", final_test=False)
    return folder / "run"


@pytest.fixture
def begun(first, tmp_path):
    """A run directory of 2 iterations, of the test's own."""
    return shutil.copytree(first, tmp_path / "run")


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "train.log"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("base_lr: 0.02", "base_lr: 0.03", r"solver base_lr \(0.02 then, 0.03 now\)"),
        ("scale: 0.01 crop_size: 10 }", "scale: 0.02 crop_size: 10 }", r'test net 0: layer "in" \(\w+ then, \w+ now\)'),
        ("num_output: 6", "num_output: 5", r'training net: layer "conv"'),
        ("dropout_ratio: 0.3", "dropout_ratio: 0.2", r'training net: layer "drop"'),
    ],
)
def test_another_recipe_is_refused(small_data, begun, old, new, said):
    """Most of these fit the checkpoint: nothing else would notice."""
    before = files(begun)
    with pytest.raises(
        CheckpointError, match=rf"run was started with something else: {said}.* \(.*--restart, .* another --run_dir;"
    ):
        runs.train(begun, small_data, runs.SOLVER.replace(old, new))
    assert files(begun) == before


def test_both_ways_on(small_data, begun, tmp_path):
    changes = "max_iter: 1 base_lr: 0.03"
    for run_dir, restart in ((begun, True), (tmp_path / "other", False)):
        assert runs.train(run_dir, small_data, changes=changes, restart=restart).session.state.iteration == 1


def test_other_data_is_refused(small_data, begun, tmp_path):
    runs.make_data(tmp_path / "data", (("train", 51), ("test", 20)))
    with pytest.raises(
        CheckpointError, match=r'training net: data of layer "in" \(50 records .* then, 51 records .* now'
    ):
        runs.train(begun, tmp_path / "data")
    runs.make_data(tmp_path / "moved")
    assert runs.train(begun, tmp_path / "moved", changes="max_iter: 3").session.state.iteration == 3


def test_what_may_change_is_said(small_data, begun):
    runs.train(begun, small_data, changes="max_iter: 4 display: 1")
    log = (begun / "train.log").read_text()
    assert "Changed since it was last run: solver display (4 then, 1 now); solver max_iter (2 then, 4 now)" in log
    assert run_card.read(begun).parts["solver max_iter"] == "4"


def test_one_without_a_card_goes_on_and_gets_one(small_data, begun):
    """A run of an older version."""
    (begun / run_card.NAME).unlink()
    runs.train(begun, small_data, changes="max_iter: 3 base_lr: 0.03")
    assert "did not note config and data" in (begun / "train.log").read_text()
    with pytest.raises(CheckpointError, match="base_lr"):
        runs.train(begun, small_data)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "zoo-run", "version": 1}', '{"parts": 3}', "\xff"])
def test_a_card_that_is_none(tmp_path, text):
    """A full disk may leave it empty."""
    (tmp_path / run_card.NAME).write_text(text, encoding="latin-1")
    assert run_card.read(tmp_path) is None


def test_fields_of_a_later_version_are_no_difference(small_data, begun):
    card = json.loads((begun / run_card.NAME).read_text())
    del card["parts"]["solver clip_gradients"]
    (begun / run_card.NAME).write_text(json.dumps(card))
    assert runs.train(begun, small_data, changes="max_iter: 3").session.state.iteration == 3


def test_the_same_weights_again_go_on_and_others_do_not(small_data, begun, tmp_path):
    """The same command continues, also where it named weights to start from."""
    model = str(begun / "snapshots" / "small_iter_2.caffemodel")
    tuned = tmp_path / "tuned"
    runs.train(tuned, small_data, changes="max_iter: 1", weights=[model])
    assert runs.train(tuned, small_data, changes="max_iter: 2", weights=[model]).session.state.iteration == 2
    assert runs.train(tuned, small_data, changes="max_iter: 3").session.state.iteration == 3
    other = str(tuned / "snapshots" / "small_iter_1.caffemodel")
    with pytest.raises(CheckpointError, match=r"weights small_iter_\d.caffemodel \("):
        runs.train(tuned, small_data, weights=[other])
    with pytest.raises(CheckpointError, match=r"weights small_iter_2.caffemodel \(none then, \w{16} now\)"):
        runs.train(begun, small_data, weights=[model])


def test_the_data_is_called_by_its_name(begun):
    card = run_card.read(begun)
    assert card.net == "small"
    assert len(card.data) == 1 and card.data[0].endswith("small/train (50 records)")
