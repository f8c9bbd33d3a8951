"""A run's event files as TensorBoard serves them, and that writing them changes nothing of the run."""

import gzip
import json
import urllib.parse
import urllib.request

import numpy as np
import pytest

from tests.training import runs
from tests.training.board.tensorboard_pages import served
from zoo.formats import image_file


@pytest.fixture(scope="module")
def seen(small_data, tmp_path_factory):
    """(folder of a run with all that TensorBoard shows, its `Result`)."""
    folder = tmp_path_factory.mktemp("seen") / "run"
    return folder, runs.train(folder, small_data, log_nets=False, profile=(7, 14))


@pytest.fixture(scope="module")
def board(seen):
    """What asks TensorBoard over the run: from a path and its query to the JSON or bytes."""
    with served(seen[0].parent) as url:

        def ask(path, plain=False, **query):
            with urllib.request.urlopen(f"{url}data/plugin/{path}?{urllib.parse.urlencode(query)}") as answer:
                return answer.read() if plain else json.load(answer)

        yield ask


def test_train_and_test_curves_have_the_same_tags(board):
    tags = board("scalars/tags")
    assert set(tags["run/train"]) == {
        "scores/loss", "scores/smoothed_loss", "solver/lr", "solver/iterations_per_second"
    }  # fmt: skip
    assert set(tags["run/test"]) == {"scores/loss", "scores/acc"}
    assert set(tags["run/classes"]) == {f"classes/{name}" for name in "abcd"}
    assert [point[1] for point in board("scalars/scalars", run="run/test", tag="scores/acc")] == [0, 6, 12, 18, 24]
    layout = board("custom_scalars/layout")
    charts = {chart["title"]: chart["multiline"]["tag"] for part in layout["category"] for chart in part["chart"]}
    assert charts["acc"] == ["^scores/acc$"]
    assert charts["loss, and the mean of the last average_loss"] == ["^scores/loss$", "^scores/smoothed_loss$"]


def test_images_of_inputs_predictions_mistakes_filters_and_activations(board, seen):
    tags = board("images/tags")
    assert set(tags["run/test"]) >= {"examples/predictions", "examples/confusion", "layers/activations 1 conv"}
    assert set(tags["run/train"]) == {"examples/training inputs", "layers/filters conv/kernel"}
    points = board("images/images", run="run/test", tag="examples/predictions", sample=0)
    assert (points[0]["step"], points[-1]["step"]) == (0, 24)
    key = points[0]["query"].split("blob_key=")[-1]
    data = board("images/individualImage", plain=True, blob_key=key)
    height, width, _ = image_file.decode(data, image_file.opencv().IMREAD_COLOR).shape
    assert width > 8 * 80 and height > 84


def test_accuracies_by_class_are_those_of_the_test(board, seen):
    """27 items of the last test, of which the table says how many each class has."""
    html = board("text/text", run="run/test", tag="classes")[-1]["text"]
    cells = [row.split("</td>") for row in html.split("<tr>")[2:]]
    items = [int(row[1].rpartition(">")[2]) for row in cells]
    found = [float(row[2].rpartition(">")[2]) for row in cells]
    assert sum(items) == 27
    assert np.dot(items, found) / 27 == pytest.approx(seen[1].scores["acc"].value, abs=1e-3)


def test_the_net_itself_is_the_graph(board):
    assert b'name: "ip"' in board("graphs/graph", plain=True, run="run/train", conceptual="false")
    graph = board("graphs/graph", plain=True, run="run/test", conceptual="false").decode()
    assert 'op: "Accuracy"' in graph and "while" not in graph


def test_hyper_parameters_with_the_test_scores_as_metrics(board):
    request = urllib.parse.quote(json.dumps({"experimentName": ""}))
    found = board("hparams/experiment", request=urllib.parse.unquote(request))
    assert {info["name"] for info in found["hparamInfos"]} == {
        "type", "base_lr", "lr_policy", "gamma", "power", "momentum", "weight_decay", "max_iter", "random_seed",
        "batch_size",
    }  # fmt: skip
    assert {info["name"]["tag"] for info in found["metricInfos"]} == {"scores/acc", "scores/loss"}


def test_a_profile_by_layer_without_the_test_that_lies_in_it(seen, board):
    """The test at iteration 12 and the display line of 8 divide what is profiled."""
    folder, _ = seen
    assert "Profile of iterations 7 to 13, ms of one:" in (folder / "train.log").read_text()
    table = (folder / "profile" / "iterations-7-14.txt").read_text()
    rows = {line.split()[0]: line.split() for line in table.split("layer  part")[0].splitlines() if line}
    assert rows["conv"][1] == "Convolution" and float(rows["conv"][2]) > 0 and float(rows["conv"][3]) > 0
    assert {"ip", "loss", "(the"} <= rows.keys() and "acc" not in rows
    trace = json.loads(gzip.decompress((folder / "profile" / "iterations-7-14.trace.json.gz").read_bytes()))
    bars = [bar for bar in trace["traceEvents"] if bar.get("cat") == "layer" and bar["args"]["layer"] == "conv"]
    assert len([bar for bar in bars if "BackpropFilter" in bar["args"]["operation"]]) == 7
    times = board("graphs/run_metadata", plain=True, run="run/train", tag="iterations 7 to 13").decode()
    assert 'node_name: "conv"' in times
    drawn = board("graphs/graph", plain=True, run="run/train", tag="iterations 7 to 13", conceptual="false").decode()
    assert 'name: "conv"' in drawn


def test_what_is_written_changes_nothing_of_the_run(seen, small_data, tmp_path):
    """A run of which nothing is written up to iteration 8, resumed as one of which all is, ends in the same bits."""
    folder, result = seen
    runs.train(tmp_path / "parts", small_data, changes="max_iter: 8", summaries=False, log_nets=False)
    parts = runs.train(tmp_path / "parts", small_data, log_nets=False)
    runs.same(runs.weights(result), runs.weights(parts))
    runs.same(runs.saved(folder, 24), runs.saved(tmp_path / "parts", 24))
    assert {k: v.value for k, v in result.scores.items()} == {k: v.value for k, v in parts.scores.items()}
