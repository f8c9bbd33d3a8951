"""Half precision in training, and the flag that makes runs on a GPU equal; all on the CPU, as no GPU is at hand."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training import runs
from zoo.formats import caffemodel
from zoo.solvers.optimizers import SGD
from zoo.training.precision import LossScale, policy

HALF = ("mixed_bfloat16", "mixed_float16")

LENET = """
base_lr: 0.02 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005 max_iter: 60 average_loss: 10 test_iter: 5
test_interval: 60 test_initialization: false snapshot: 20 random_seed: 5
net_param {
  name: "small_lenet"
  layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TRAIN }
    transform_param { scale: 0.01 } data_param { source: "small/train" batch_size: 10 } }
  layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TEST }
    transform_param { scale: 0.01 } data_param { source: "small/test" batch_size: 4 } }
  layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
    convolution_param { num_output: 6 kernel_size: 3 weight_filler { type: "xavier" } } }
  layer { name: "norm" type: "BatchNorm" bottom: "conv" top: "norm" batch_norm_param { moving_average_fraction: 0.9 } }
  layer { name: "scale" type: "Scale" bottom: "norm" top: "norm" scale_param { bias_term: true } }
  layer { name: "pool" type: "Pooling" bottom: "norm" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
  layer { name: "ip1" type: "InnerProduct" bottom: "pool" top: "ip1"
    inner_product_param { num_output: 12 weight_filler { type: "xavier" } } }
  layer { name: "relu" type: "ReLU" bottom: "ip1" top: "ip1" }
  layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
    inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
  layer { name: "acc" type: "Accuracy" bottom: "ip2" bottom: "label" top: "acc" include { phase: TEST } }
  layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
}
"""


def first_loss(run_dir, data, name):
    return runs.train(run_dir, data, LENET, "max_iter: 1", precision=name, summaries=False).session.state.smoothed_loss


@pytest.mark.parametrize("name", HALF)
def test_loss_falls_and_checkpoints_are_float32(name, small_data, tmp_path):
    before = keras.config.dtype_policy().name
    result = runs.train(tmp_path, small_data, LENET, precision=name, summaries=False)
    assert keras.config.dtype_policy().name == before == "float32"
    assert result.session.state.smoothed_loss < 0.25 < 1 < first_loss(tmp_path / "first", small_data, name)
    assert result.scores["acc"].value >= 0.9
    for key, value in runs.saved(tmp_path, 60).items():
        if "/parameters" in key or "/optimizer" in key:
            assert value.dtype in (np.float32, np.int32, np.int64), key
            assert np.isfinite(value).all(), key


def test_layers_do_compute_in_half_precision(small_data, tmp_path):
    exact = first_loss(tmp_path / "f32", small_data, "float32")
    for name, low, high in (("mixed_bfloat16", 1e-5, 0.05), ("mixed_float16", 1e-7, 0.005)):
        assert low < abs(first_loss(tmp_path / name, small_data, name) - exact) < high


@pytest.mark.parametrize("name", HALF)
def test_a_continued_run_ends_in_the_same_bits(name, small_data, tmp_path):
    runs.train(tmp_path / "whole", small_data, LENET, precision=name, summaries=False)
    runs.train(tmp_path / "parts", small_data, LENET, "max_iter: 40", precision=name, summaries=False)
    runs.train(tmp_path / "parts", small_data, LENET, precision=name, summaries=False)
    runs.same(runs.saved(tmp_path / "whole", 60), runs.saved(tmp_path / "parts", 60))


@pytest.mark.parametrize("path", [("float32", "mixed_float16", "mixed_bfloat16"), ("mixed_float16", "float32")])
def test_a_run_goes_on_in_another_precision(path, small_data, tmp_path):
    for part, name in enumerate(path, 1):
        changes = f"max_iter: {60 * part // len(path)} base_lr: 0.02"
        result = runs.train(tmp_path, small_data, LENET, changes, precision=name, summaries=False)
    said = (tmp_path / "train.log").read_text()
    assert all(f"at iteration {60 * part // len(path)}\n" in said for part in range(1, len(path)))
    assert result.session.state.iteration == 60
    assert result.session.state.smoothed_loss < 0.25


def test_a_loss_scale_outlives_parts_that_do_not_need_it(small_data, tmp_path):
    def scale(iteration):
        return float(runs.saved(tmp_path, iteration)["state/loss_scale/.ATTRIBUTES/VARIABLE_VALUE"])

    text = LENET.replace('top: "loss" }', 'top: "loss" loss_weight: 1e4 }')  # overflows until the scale has come down
    runs.train(tmp_path, small_data, text, "max_iter: 20 base_lr: 2e-6", precision="mixed_float16", summaries=False)
    lowered = scale(20)
    assert lowered < 2**15
    runs.train(tmp_path, small_data, text, "max_iter: 25 base_lr: 2e-6", summaries=False)
    assert scale(25) == lowered


@pytest.mark.parametrize("name", HALF)
def test_a_caffemodel_holds_float32_that_float32_goes_on_from(name, small_data, tmp_path):
    first = runs.train(tmp_path / "a", small_data, LENET, "max_iter: 20", precision=name, summaries=False)
    stem = tmp_path / "a" / "snapshots" / "small_iter_20"
    blobs = {f"{layer}/{i}": array for layer, arrays in caffemodel.read(f"{stem}.caffemodel").items()
             for i, array in enumerate(arrays)}  # fmt: skip
    for key, array in runs.weights(first).items():
        assert blobs[key].dtype == np.float32
        np.testing.assert_array_equal(blobs[key], array)
    half = np.float16 if name == "mixed_float16" else tf.bfloat16.as_numpy_dtype
    kernel = blobs["ip1/0"]
    assert (kernel.astype(half).astype(np.float32) != kernel).mean() > 0.9  # not rounded on the way
    second = runs.train(tmp_path / "b", small_data, LENET, snapshot=f"{stem}.solverstate", summaries=False)
    assert second.session.state.iteration == 60 and second.session.state.smoothed_loss < 0.25
    third = runs.train(tmp_path / "c", small_data, LENET, "max_iter: 0", weights=[f"{stem}.caffemodel"])
    for key, array in runs.weights(third).items():
        np.testing.assert_array_equal(blobs[key], array)


def test_loss_scale_saves_gradients_that_float16_has_no_numbers_for(small_data, tmp_path, monkeypatch):
    text = LENET.replace('top: "loss" }', 'top: "loss" loss_weight: 1e-7 }')

    def moved(name, precision):
        """How far three steps take the lower InnerProduct, whose gradients are some 1e-8."""
        ends = []
        for rate in ("1e5", "0"):
            changes = f"max_iter: 3 base_lr: {rate} momentum: 0 weight_decay: 0"
            result = runs.train(
                tmp_path / f"{name}{rate}", small_data, text, changes, precision=precision, summaries=False
            )
            ends.append(runs.weights(result)["ip1/0"])
        return ends[0] - ends[1]

    exact = moved("exact", "float32")
    largest = np.abs(exact).max()
    assert largest > 1e-4
    np.testing.assert_allclose(moved("scaled", "mixed_float16"), exact, rtol=0, atol=0.02 * largest)
    monkeypatch.setattr("zoo.training.run_nets.needs_loss_scale", lambda: False)
    assert np.abs(moved("unscaled", "mixed_float16") - exact).max() > 0.5 * largest


def test_an_overflow_halves_the_scale_and_changes_nothing_else():
    variable = keras.Variable(np.ones(3, np.float32), name="w")
    inner = SGD(0.5, momentum=0.9, weight_decay=0.1)
    inner.build([variable])
    scaled = LossScale(inner, initial_scale=8.0, dynamic_growth_steps=2)
    scaled.build([variable])
    assert float(scaled.scale_loss(tf.constant(3.0))) == 24
    step = tf.function(lambda g: scaled.apply([g], [variable]))
    step(tf.constant([8.0, np.inf, 0.0]))
    assert variable.numpy().tolist() == [1, 1, 1]
    assert [float(scaled.dynamic_scale), int(inner.iterations)] == [4, 1]
    step(tf.constant([8.0, 4.0, 0.0]))
    np.testing.assert_allclose(variable.numpy(), 1 - 0.5 * (np.array([2, 1, 0]) + 0.1), rtol=1e-6)
    assert [float(scaled.dynamic_scale), int(inner.iterations)] == [4, 2]
    step(tf.zeros(3))
    assert [float(scaled.dynamic_scale), int(inner.iterations)] == [8, 3]
    assert [float(g) for g in scaled.unscaled([tf.constant(24.0)])] == [3]


def test_an_overflow_on_one_device_is_one_on_all():
    said = runs.in_python("from tests.training import overflow; overflow.main()")
    # The second step: scale 4, sums 4 and 6 over the devices, rate 0.5.
    assert said.splitlines() == ["[[1.0, 1.0], [1.0, 1.0]] 4.0 1", "[[0.5, 0.25], [0.5, 0.25]] 4.0 2"]


def test_policy_is_put_back_after_an_error():
    with pytest.raises(RuntimeError), policy("mixed_float16"):
        raise RuntimeError
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("name", [pytest.param("mixed_bfloat16", marks=pytest.mark.slow), "mixed_float16"])
def test_two_devices_in_each_precision(name, commands, small_data, tmp_path):
    config = tmp_path / "lenet.prototxt"
    config.write_text(LENET)
    args = (f"--config={config}", f"--data_dir={small_data}", f"--run_dir={tmp_path / 'run'}", f"--precision={name}")
    devices = (json.dumps({"cpus": 2}), *args, "--strategy=mirrored", "--global_batch")
    process = commands.run(*devices, module="tests.training.devices")
    assert process.returncode == 0, process.stderr
    saved = runs.saved(tmp_path / "run", 60)
    assert saved["state/loss_scale/.ATTRIBUTES/VARIABLE_VALUE"] <= 2**15
    accuracy = float(process.stdout.split("test acc = ")[1].split()[0])
    assert accuracy >= 0.9


def test_deterministic_runs_are_equal_and_the_flag_reaches_tensorflow(commands, small_data, tmp_path):
    config = tmp_path / "lenet.prototxt"
    config.write_text(LENET)
    for name in ("a", "b"):
        args = (f"--config={config}", f"--data_dir={small_data}", f"--run_dir={tmp_path / name}", "--deterministic")
        process = commands.run(*args, "--set=max_iter: 20", "--nosummaries")
        assert process.returncode == 0, process.stderr
    runs.same(runs.saved(tmp_path / "a", 20), runs.saved(tmp_path / "b", 20))
    said = runs.in_python(
        "import tensorflow as tf\n"
        "from zoo.training.precision import be_deterministic\n"
        "be_deterministic()\n"
        "try:\n    tf.random.uniform([2])\n"
        "except RuntimeError as e:\n    print(e)"
    )
    assert "determinism is enabled" in said
