"""StableHLO files in JAX: a training step next to TensorFlow's own, a net to deploy next to the reference."""

import json
import pathlib

import numpy as np
import pytest

from zoo import config_flag, reference
from zoo.errors import UnsupportedError, ZooError
from zoo.export.conversion import convert
from zoo.export.metadata import sources
from zoo.formats import prototxt

pytest.importorskip("jax", reason="needs JAX (requirements-stablehlo.txt)")

# Parts of an array's largest value by which the two may be apart after three steps of LeNet. Where TensorFlow's oneDNN
# sums the gradient of a convolution over a batch and its pixels, 64 * 24 * 24 of them for conv1, it is up to 1.1e-6
# from what float64 gives after a single step; the StableHLO step in JAX stays within FROM_EXACT of that everywhere.
LENET_BOUNDS = {"conv1/0": 4e-6, "conv1/1": 4e-6, "conv2/0": 2e-6, "conv2/1": 2e-6}
BOUND, FROM_EXACT = 1e-6, 6e-7
SMALL_SOLVER = """
base_lr: 0.01 lr_policy: "step" gamma: 0.5 stepsize: 2 momentum: 0.9 weight_decay: 0.001 max_iter: 4 random_seed: 3
iter_size: 2 clip_gradients: 5 type: "%s" net_param {
  name: "small"
  layer { name: "data" type: "Data" top: "data" top: "label" data_param { source: "nowhere" batch_size: 4 } }
  layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 6 kernel_size: 3
    bias_term: false weight_filler { type: "xavier" } } }
  layer { name: "norm" type: "BatchNorm" bottom: "conv" top: "conv" }
  layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
  layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
  layer { name: "drop" type: "Dropout" bottom: "conv" top: "conv" }
  layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip" inner_product_param { num_output: 5
    weight_filler { type: "xavier" } } }
  layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
}
"""


def open_pure(solver, shapes):
    """Returns the `PureStep` of a solver's `Parsed`."""
    from zoo.converters.solver import solver_def
    from zoo.training.pure_step import open_step

    return open_step(solver_def(solver), shapes)


def in_jax(step, path):
    """Writes a pure step and returns it as JAX runs it."""
    from zoo.export.stablehlo import in_jax
    from zoo.export.stablehlo.program import write
    from zoo.export.stablehlo.step import step_program

    write(step_program(step), path)
    return in_jax.load(path)


def own_step(step, batches, iterations):
    """Trains the same net in TensorFlow; returns (losses, {name: array} of what a step keeps)."""
    import tensorflow as tf

    from zoo.training.step import TrainStep

    still = [p.variable for p in step._still]
    train = TrainStep(step.net, step.optimizer, step.iter_size, still=still)
    data = iter(tf.data.Dataset.from_tensor_slices(tuple(batches)))
    losses, _, _ = train(data, iterations)
    return losses.numpy(), {k.name: np.asarray(k.variable.value) for k in step.kept}


def apart(found, wanted):
    """Returns {name: part of its largest value by which an array differs}."""
    found = {name: np.asarray(found[name], np.float64) for name in wanted}
    return {
        name: np.abs(found[name] - x).max(initial=0) / (np.abs(x).max(initial=0) or 1) for name, x in wanted.items()
    }


def exact_gradients(parameters, images, labels):
    """Returns {LAYER/INDEX: gradient} of LeNet's loss, written by hand in JAX and computed in float64."""
    import jax
    import jax.numpy as jnp

    def convolved(x, w, b):
        x = jax.lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")) + b
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def loss(p):
        x = convolved(images, p["conv1/0"], p["conv1/1"])
        x = convolved(x, p["conv2/0"], p["conv2/1"]).reshape(len(images), -1)
        x = jax.nn.relu(x @ p["ip1/0"] + p["ip1/1"]) @ p["ip2/0"] + p["ip2/1"]
        return -jnp.mean(jax.nn.log_softmax(x)[jnp.arange(len(x)), labels.astype(int)])

    with jax.enable_x64(True):
        images = jnp.asarray(images, jnp.float64)
        found = jax.jit(jax.grad(loss))({name: jnp.asarray(x, jnp.float64) for name, x in parameters.items()})
        return {name: np.asarray(x) for name, x in found.items()}


def lenet_in_jax(path):
    """Returns (LeNet's pure step, its `in_jax.Program`, images, labels): three batches of 64."""
    step = open_pure(prototxt.read_solver(config_flag.find("lenet")), {"data": (64, 1, 28, 28)})
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 1, (3, 64, 28, 28, 1)).astype(np.float32)
    labels = rng.integers(0, 10, (3, 64)).astype(np.float32)
    return step, in_jax(step, path), images, labels


def test_lenets_step_is_tensorflows_own(tmp_path):
    step, program, images, labels = lenet_in_jax(tmp_path / "lenet.step.stablehlo")
    state, losses = program.start(), []
    for x, y in zip(images, labels):
        state, loss, outputs = program.step(state, {"data": x, "label": y})
        losses.append(float(loss))
        assert float(outputs["loss"]) == losses[-1]
    wanted, after = own_step(step, (images, labels), 3)
    np.testing.assert_allclose(losses, wanted, rtol=2e-6)
    for name, difference in apart(state, after).items():
        assert difference < LENET_BOUNDS.get("/".join(name.split("/")[-2:]), BOUND), name
    assert int(state["iteration"]) == int(state["clock"]) == 3
    # Caffe's blobs: as the .caffemodel has them.
    blobs = program.caffe_blobs(state)
    assert blobs["parameters/conv1/0"].shape == (20, 1, 5, 5)
    assert blobs["parameters/ip1/0"].shape == (500, 800)


@pytest.mark.slow
def test_lenets_first_step_is_what_float64_gives(tmp_path):
    step, program, images, labels = lenet_in_jax(tmp_path / "lenet.step.stablehlo")
    start = {name[11:]: np.array(x) for name, x in program.start().items() if name.startswith("parameters/")}
    state, _, _ = program.step(program.start(), {"data": images[0], "label": labels[0]})
    exact = {}
    for name, gradient in exact_gradients(start, images[0], labels[0]).items():
        rate = 0.01 * (1 + int(name[-1])) * step.optimizer.history_sign  # twice that for a bias
        exact[f"history/history/{name}"] = rate * (gradient + 0.0005 * start[name].astype(np.float64))
    assert len(exact) == 8 and max(apart(state, exact).values()) < FROM_EXACT


@pytest.mark.parametrize("kind", ["SGD", pytest.param("Adam", marks=pytest.mark.slow)])
def test_a_step_with_dropout_batchnorm_and_two_batches_an_update(kind, tmp_path):
    step = open_pure(prototxt.parse_solver(SMALL_SOLVER % kind), {"data": (4, 3, 9, 9)})
    program = in_jax(step, tmp_path / "small.step.stablehlo")
    rng = np.random.default_rng(1)
    images = rng.normal(0, 1, (4, 2, 4, 9, 9, 3)).astype(np.float32)
    labels = rng.integers(0, 5, (4, 2, 4)).astype(np.float32)
    state, losses = program.start(), []
    for x, y in zip(images, labels):
        state, loss, _ = program.step(state, {"data": x, "label": y})
        losses.append(float(loss))
    flat = images.reshape(8, *images.shape[2:]), labels.reshape(8, -1)
    wanted, after = own_step(step, flat, 4)
    np.testing.assert_allclose(losses, wanted, rtol=1e-5)  # other masks of Dropout would differ by parts of 1
    assert max(apart(state, after).values()) < 1e-4
    assert int(state["clock"]) == 8


def test_a_net_to_deploy_gives_what_the_reference_gives(small, tmp_path):
    from zoo.export.stablehlo import in_jax
    from zoo.export.stablehlo.deploy import deploy_program
    from zoo.export.stablehlo.program import write

    config, weights, arrays = small
    conversion = convert(config, [weights], batch=2)
    notes = {"sources": sources(config, [weights])}
    path = tmp_path / "small.stablehlo"
    written = write(deploy_program(conversion, notes), path)
    program = in_jax.load(path)
    image = np.random.default_rng(2).uniform(-1, 1, (2, 3, 19, 17)).astype(np.float32)
    found = program.run(program.start(), {"data": image.transpose(0, 2, 3, 1)})
    values = reference.run(conversion.message, arrays, {"data": image})
    np.testing.assert_allclose(found["prob"], values["prob"], rtol=0, atol=1e-6)
    # Nothing in the files says where they were made.
    text = json.dumps(program.said)
    assert '"small.caffemodel"' in text
    for file in written:
        content = pathlib.Path(file).read_bytes()
        assert str(tmp_path).encode() not in content and b".py" not in content and b"/zoo/" not in content


def ran(monkeypatch, *words):
    """Returns the exit code of in_jax as a program."""
    from zoo.export.stablehlo import in_jax

    monkeypatch.setattr("sys.argv", ["in_jax.py", *map(str, words)])
    try:
        return in_jax.main() or 0
    except SystemExit as stop:
        return stop.code


def test_the_program_says_what_does_not_fit(small, tmp_path, monkeypatch, capsys):
    from zoo.export.stablehlo.deploy import deploy_program
    from zoo.export.stablehlo.program import write

    path, batches, saved = tmp_path / "small.stablehlo", tmp_path / "batches.npz", tmp_path / "prob.npz"
    assert ran(monkeypatch, path, f"--batches={batches}") == 2
    assert "small.stablehlo, or the .json and .npz next to it, cannot be read: FileNotFound" in capsys.readouterr().err
    write(deploy_program(convert(small[0], [small[1]], batch=2)), path)
    image = np.zeros((3, 2, 19, 17, 3), np.float32)
    for arrays, said in (
        ({"data": image[:0]}, "input data has shape (0, 2, 19, 17, 3), want ('batches', 2, 19, 17, 3)"),
        ({"data": image[0]}, "input data has shape (2, 19, 17, 3), want"),
        ({"image": image}, "no array for the inputs data"),
    ):
        np.savez(batches, **arrays)
        assert ran(monkeypatch, path, f"--batches={batches}") == 2
        assert f"batches.npz: {said}" in capsys.readouterr().err
    batches.write_bytes(b"no archive")
    assert ran(monkeypatch, path, f"--batches={batches}") == 2
    np.savez(batches, data=image)
    assert ran(monkeypatch, path, f"--batches={batches}", "--steps=0") == 2
    assert ran(monkeypatch, path, f"--batches={batches}", f"--save={tmp_path}/no/prob.npz") == 2
    assert ran(monkeypatch, path, f"--batches={batches}", "--steps=2", f"--save={saved}") == 0
    with np.load(saved) as found:
        assert found["prob"].shape == (2, 2, 5)
    assert sorted(file.name for file in tmp_path.glob("*.npz*")) == ["batches.npz", "prob.npz", "small.stablehlo.npz"]


def test_what_xla_has_no_form_of_is_said(tmp_path):
    import tensorflow as tf

    from zoo.export.stablehlo.lower import lower

    with pytest.raises(UnsupportedError, match="XLA cannot take this net"):
        lower(lambda x: tf.py_function(lambda y: y, [x], tf.float32), [tf.TensorSpec((2,))])
    variable = tf.Variable(1.0)
    with pytest.raises(UnsupportedError, match="holds no variables"):
        lower(lambda x: x * variable, [tf.TensorSpec((2,))])


def test_shapes_that_nothing_says_are_asked_for(tmp_path):
    solver = prototxt.parse_solver(SMALL_SOLVER % "SGD")
    with pytest.raises(ZooError, match="input_shape"):
        open_pure(solver, {})
    with pytest.raises(ZooError, match="no data layer's top.*'dada'"):
        open_pure(solver, {"data": (4, 3, 9, 9), "dada": (1,)})
