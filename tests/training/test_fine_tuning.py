"""Training that begins with another net's weights: what is copied, what is not, from which files, and what is said."""

import shutil

import numpy as np
import pytest

import zoo.pycaffe as caffe
from tests.training import runs
from zoo.errors import WeightsError
from zoo.export import keras_file
from zoo.export.conversion import convert
from zoo.export.keras_model import keras_model
from zoo.formats import caffemodel

TUNED = runs.SOLVER.replace('name: "ip" type', 'name: "ip_new" type').replace(
    "num_output: 4 weight_filler", "num_output: 7 weight_filler"
)


@pytest.fixture(scope="module")
def first(small_data, tmp_path_factory):
    """(run directory, Result) of a run, next to whose .caffemodel lies a .keras that was made of it."""
    run_dir = tmp_path_factory.mktemp("first") / "run"
    result = runs.train(run_dir, small_data, changes="max_iter: 5")
    config = run_dir / "small.prototxt"
    config.write_text(runs.SOLVER)
    conversion = convert(config, [model(run_dir)], shapes={"data": (1, 1, 10, 10)})
    keras_file.write(keras_model(conversion), conversion, run_dir / "small.keras")
    return run_dir, result


def model(run_dir):
    return run_dir / "snapshots" / "small_iter_5.caffemodel"


def log(run_dir):
    """The log's lines without their time and place."""
    return [line.split("] ", 1)[-1] for line in (run_dir / "train.log").read_text().splitlines()]


@pytest.mark.parametrize("kind", ["caffemodel", "keras"])
def test_layers_are_copied_by_name_and_the_log_says_which(kind, first, small_data, tmp_path):
    source = model(first[0]) if kind == "caffemodel" else first[0] / "small.keras"
    tuned = runs.train(tmp_path / "tuned", small_data, TUNED, changes="max_iter: 0", weights=[source])
    for key in ("conv/0", "conv/1"):
        assert np.array_equal(runs.weights(tuned)[key], runs.weights(first[1])[key])
    fresh = runs.train(tmp_path / "fresh", small_data, TUNED, changes="max_iter: 0")
    assert not np.array_equal(runs.weights(fresh)["conv/0"], runs.weights(tuned)["conv/0"])
    for key in ("ip_new/0", "ip_new/1"):
        assert np.array_equal(runs.weights(tuned)[key], runs.weights(fresh)[key])
    said = log(tmp_path / "tuned")
    begin = said.index(f"Finetuning from {source}")
    assert said[begin + 1 : begin + 4] == [
        "Copied: conv",
        "Ignoring source layer ip",
        "Layer ip_new gets nothing from it and keeps what its fillers gave",
    ]


@pytest.mark.parametrize("kind", ["caffemodel", "keras"])
def test_another_shape_under_the_same_name_is_refused(kind, first, small_data, tmp_path):
    source = model(first[0]) if kind == "caffemodel" else first[0] / "small.keras"
    says = (
        r'small.prototxt:15: layer "ip" \(InnerProduct\): blob 0 in .*'
        rf"{source.name} does not fit, got \(4, 96\), want \(7, 96\) \(rename the layer to train it"
    )
    with pytest.raises(WeightsError, match=says) as caught:
        runs.train(tmp_path / "tuned", small_data, TUNED.replace("ip_new", "ip"), weights=[source])
    assert "got (4,), want (7,)" in str(caught.value)


def test_of_several_files_each_gives_its_layers_and_the_last_wins(first, small_data, tmp_path):
    """--weights=A.caffemodel,B.keras: conv is in both, ip in the second alone."""
    rng = np.random.default_rng(3)
    conv = [rng.normal(size=array.shape) for array in caffemodel.read(model(first[0]))["conv"]]
    mine = tmp_path / "mine.caffemodel.h5"
    caffemodel.write(mine, {"conv": conv, "gone": [np.ones(2)]})
    keras = first[0] / "small.keras"
    runs.train(tmp_path / "a", small_data, changes="max_iter: 0", weights=[mine, keras])
    result = runs.train(tmp_path / "b", small_data, changes="max_iter: 0", weights=[keras, mine])
    ends = [runs.weights(result), runs.weights(first[1])]
    np.testing.assert_array_equal(ends[0]["conv/0"], conv[0].astype(np.float32))
    np.testing.assert_array_equal(ends[0]["ip/0"], ends[1]["ip/0"])
    said = "\n".join(log(tmp_path / "a"))
    assert f"Finetuning from {mine}\nCopied: conv\nIgnoring source layer gone\nLayer ip gets nothing from it" in said
    assert f"Finetuning from {keras}\nCopied: conv, ip\n" in said


def test_weights_in_the_solver_come_before_those_of_the_command_line(first, small_data, tmp_path):
    other = runs.train(tmp_path / "other", small_data, changes="max_iter: 5 random_seed: 6")
    changes = f'max_iter: 0 weights: "{first[0] / "small.keras"}, {model(first[0])}"'
    alone = runs.train(tmp_path / "c", small_data, changes=changes)
    both = runs.train(tmp_path / "d", small_data, changes=changes, weights=[model(tmp_path / "other")])
    for result, source in ((alone, first[1]), (both, other)):
        for key, array in runs.weights(source).items():
            assert np.array_equal(runs.weights(result)[key], array), key


def test_all_commands_and_pycaffe_take_a_keras_file(commands, first, small_data, tmp_path):
    config = tmp_path / "small.prototxt"
    config.write_text(runs.SOLVER)
    keras, data = first[0] / "small.keras", f"--data_dir={small_data}"
    scores = []
    for source in (model(first[0]), keras):
        process = commands.run(f"--config={config}", f"--weights={source}", data, module="zoo.evaluate")
        assert process.returncode == 0, process.stderr
        scores.append(process.stdout.partition("  convert: ")[0])
    assert scores[0] == scores[1] and "acc = " in scores[0]
    args = (f"--config={config}", data, f"--run_dir={tmp_path / 'run'}", f"--weights={model(first[0])},{keras}")
    process = commands.run(*args, "--set=max_iter: 2")
    assert process.returncode == 0, process.stderr
    assert process.stderr.count("Copied: conv, ip") == 2
    net = tmp_path / "net.prototxt"
    net.write_text(
        'input: "data" input_shape { dim: 2 dim: 1 dim: 10 dim: 10 } layer { name: "conv" type: "Convolution"'
        ' bottom: "data" top: "c" convolution_param { num_output: 6 kernel_size: 3 stride: 2 } }'
    )
    got = caffe.Net(str(net), caffe.TEST, weights=str(keras)).params["conv"][0].data
    np.testing.assert_array_equal(got, runs.weights(first[1])["conv/0"])


BAD = {
    "missing": (None, "no such file"),
    "text": (runs.SOLVER.encode(), "not a Caffe weights file (this is text, such as a prototxt)"),
    "empty": (b"", "is empty"),
    "zip": (b"PK\x03\x04 and no more", "damaged zip archive, such as a .keras file"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_weights_file_is_one_error(kind, commands, small_data, tmp_path):
    content, says = BAD[kind]
    config, path = tmp_path / "small.prototxt", tmp_path / "w.keras"
    config.write_text(runs.SOLVER)
    if content is not None:
        path.write_bytes(content)
    args = (f"--config={config}", f"--data_dir={small_data}", f"--run_dir={tmp_path / 'run'}", f"--weights={path}")
    process = commands.run(*args)
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1].startswith(f"error: {path}: {says}")
    assert "Traceback" not in process.stderr
    assert (tmp_path / "run").exists() == (kind in ("text", "zip"))  # what is not there is said before all else
    shutil.rmtree(tmp_path / "run", ignore_errors=True)


def test_a_net_that_has_none_of_the_layers_is_refused(first, small_data, tmp_path):
    text = runs.SOLVER.replace('name: "ip"', 'name: "ip_b"').replace('name: "conv"', 'name: "conv_b"')
    with pytest.raises(
        WeightsError, match=r"has no weights for any layer of this net, got conv, ip, want conv_b, ip_b"
    ):
        runs.train(tmp_path / "run", small_data, text, weights=[model(first[0])])
