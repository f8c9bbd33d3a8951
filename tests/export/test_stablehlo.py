"""StableHLO files in JAX: a training step next to TensorFlow's own, a net to deploy next to the reference."""

import json
import pathlib

import numpy as np
import pytest

from tests.export import small_net
from zoo import config_flag, reference
from zoo.errors import UnsupportedError, ZooError
from zoo.export.conversion import convert
from zoo.export.metadata import sources
from zoo.formats import prototxt

pytest.importorskip("jax", reason="needs JAX (requirements-dev.txt)")

# A sum over a batch and all pixels is added up in another order by each compiler. Of LeNet's arrays after three steps
# the bias of conv1, whose gradient sums 64 * 24 * 24 pixels, is furthest apart: 2.8e-6 of its largest value.
LENET_BOUND = 5e-6
SMALL_SOLVER = """
base_lr: 0.01 lr_policy: "step" gamma: 0.5 stepsize: 2 momentum: 0.9 weight_decay: 0.001 max_iter: 4 random_seed: 3
iter_size: 2 clip_gradients: 5 type: "%s" net_param { %s }
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
    import keras
    import tensorflow as tf

    from zoo.training.step import TrainStep

    still = [p.variable for p in step._still]
    train = TrainStep(step.net, step.optimizer, step.iter_size, still=still)
    data = iter(tf.data.Dataset.from_tensor_slices(tuple(batches)))
    losses, _, _ = train(data, iterations)
    return losses.numpy(), {k.name: keras.ops.convert_to_numpy(k.variable) for k in step.kept}


def apart(found, wanted):
    """Returns (part of its largest value, name) of the array that differs most."""
    rows = []
    for name, want in wanted.items():
        largest = np.abs(want).max(initial=0) or 1.0
        rows.append((float(np.abs(np.asarray(found[name]) - want).max(initial=0) / largest), name))
    return max(rows)


def test_lenets_step_is_tensorflows_own(tmp_path):
    step = open_pure(prototxt.read_solver(config_flag.find("lenet")), {"data": (64, 1, 28, 28)})
    program = in_jax(step, tmp_path / "lenet.step.stablehlo")
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 1, (3, 64, 28, 28, 1)).astype(np.float32)
    labels = rng.integers(0, 10, (3, 64)).astype(np.float32)
    state, losses = program.start(), []
    for x, y in zip(images, labels):
        state, loss, outputs = program.step(state, {"data": x, "label": y})
        losses.append(float(loss))
        assert float(outputs["loss"]) == losses[-1]
    wanted, after = own_step(step, (images, labels), 3)
    np.testing.assert_allclose(losses, wanted, rtol=2e-6)
    worst, name = apart(state, after)
    assert worst < LENET_BOUND, name
    assert int(state["iteration"]) == int(state["clock"]) == 3
    # Caffe's blobs: as the .caffemodel has them.
    blobs = program.caffe_blobs(state)
    assert blobs["parameters/conv1/0"].shape == (20, 1, 5, 5)
    assert blobs["parameters/ip1/0"].shape == (500, 800)


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_a_step_with_dropout_batchnorm_and_two_batches_an_update(kind, tmp_path):
    step = open_pure(prototxt.parse_solver(SMALL_SOLVER % (kind, small_net.TRAIN_VAL)), {"data": (4, 3, 17, 17)})
    program = in_jax(step, tmp_path / "small.step.stablehlo")
    rng = np.random.default_rng(1)
    images = rng.normal(0, 1, (4, 2, 4, 17, 17, 3)).astype(np.float32)
    labels = rng.integers(0, 5, (4, 2, 4)).astype(np.float32)
    state, losses = program.start(), []
    for x, y in zip(images, labels):
        state, loss, _ = program.step(state, {"data": x, "label": y})
        losses.append(float(loss))
    flat = images.reshape(8, *images.shape[2:]), labels.reshape(8, -1)
    wanted, after = own_step(step, flat, 4)
    np.testing.assert_allclose(losses, wanted, rtol=1e-4)  # other masks of Dropout would differ by parts of 1
    worst, name = apart(state, after)
    assert worst < 1e-3, name
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


def test_what_xla_has_no_form_of_is_said(tmp_path):
    import tensorflow as tf

    from zoo.export.stablehlo.lower import lower

    with pytest.raises(UnsupportedError, match="XLA cannot take this net"):
        lower(lambda x: tf.py_function(lambda y: y, [x], tf.float32), [tf.TensorSpec((2,))])
    variable = tf.Variable(1.0)
    with pytest.raises(UnsupportedError, match="holds no variables"):
        lower(lambda x: x * variable, [tf.TensorSpec((2,))])


def test_shapes_that_nothing_says_are_asked_for(tmp_path):
    solver = prototxt.parse_solver(SMALL_SOLVER % ("SGD", small_net.TRAIN_VAL))
    with pytest.raises(ZooError, match="input_shape"):
        open_pure(solver, {})
    with pytest.raises(ZooError, match="no data layer's top.*'dada'"):
        open_pure(solver, {"data": (4, 3, 17, 17), "dada": (1,)})
