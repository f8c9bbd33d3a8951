"""All recorded runs of real Caffe's solvers, on the net they were recorded with, written out by hand here."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import SHARED
from zoo.converters.parameters import Parameter
from zoo.converters.solver import optimizer, solver_def
from zoo.formats import prototxt, solverstate
from zoo.formats.caffemodel import read as read_weights
from zoo.layers.base.blobs import BlobSpec
from zoo.netdef.netdef import ParamKey

BATCH, KEPT = 8, (1, 2, 5, 10, 15, 30)
NAMES = ("conv/0", "conv/1", "ip/0", "ip/1")
RUNS = sorted(path.stem for path in (SHARED / "golden" / "solvers").glob("*.npz"))


class Run:
    """The net, its data and a solver; variables are kept in Caffe's own order of axes."""

    def __init__(self, path, start=None):
        self.golden = dict(np.load(path))
        self.solver = solver_def(prototxt.parse_solver(str(self.golden["solver"])))
        net = prototxt.parse_net(str(self.golden["net"])).message
        assert [layer.type for layer in net.layer] == [
            "MemoryData",
            "Convolution",
            "TanH",
            "InnerProduct",
            "SoftmaxWithLoss",
        ]
        arrays = start or [self.golden[f"init/{name}"] for name in NAMES]
        self.variables = [keras.Variable(array, name=name.replace("/", "_")) for name, array in zip(NAMES, arrays)]
        params = [param for layer in net.layer for param in layer.param]
        pairs = [(param.lr_mult, param.decay_mult) for param in params]
        assert len(pairs) == len(NAMES)
        parameters = [
            Parameter(ParamKey(v.path, 0), BlobSpec(tuple(v.shape), v.name), v, *pair)
            for v, pair in zip(self.variables, pairs)
        ]
        self.optimizer = optimizer(self.solver, parameters)
        self._graph = tf.function(self._iteration)

    def _loss(self, images, labels):
        conv, conv_bias, ip, ip_bias = (variable.value for variable in self.variables)
        images = tf.transpose(images, (0, 2, 3, 1))
        hidden = tf.nn.conv2d(images, tf.transpose(conv, (2, 3, 1, 0)), 1, "VALID") + conv_bias
        hidden = tf.reshape(tf.transpose(tf.tanh(hidden), (0, 3, 1, 2)), (BATCH, -1))
        scores = tf.matmul(hidden, ip, transpose_b=True) + ip_bias
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores))

    def _iteration(self, images, labels):
        """Returns the loss of the last of iter_size batches, which was recorded, and the rate."""
        with tf.GradientTape() as tape:
            losses = [self._loss(images[k], labels[k]) for k in range(self.solver.iter_size)]
            total = tf.add_n(losses)
        rate = tf.identity(self.optimizer.learning_rate)
        self.optimizer.apply(tape.gradient(total, [v.value for v in self.variables]), self.variables)
        return losses[-1], rate

    def iterate(self, iteration):
        """Does the iteration numbered `iteration`, from 0, on the batches that Caffe gave it."""
        size = self.solver.iter_size
        rows = (np.arange(size * BATCH) + iteration * size * BATCH) % len(self.golden["label"])
        images = self.golden["data"][rows].reshape(size, BATCH, 3, 6, 6)
        return [float(x) for x in self._graph(images, self.golden["label"][rows].reshape(size, BATCH).astype("int32"))]

    def check(self, after):
        for name, variable in zip(NAMES, self.variables):
            close(variable.numpy(), self.golden[f"weights@{after}/{name}"], 1e-4, f"{name} after {after}")

    def snapshot(self, path):
        """Caffe's files of iteration 15: the weights in the order of NAMES, and the state."""
        suffix = ".h5" if self.solver.snapshot_format == "HDF5" else ""
        base = path.with_name(f"{path.stem}_iter_15")
        weights = read_weights(pathlib.Path(f"{base}.caffemodel{suffix}"))
        state = solverstate.read(pathlib.Path(f"{base}.solverstate{suffix}"))
        return weights, state


def close(got, want, tolerance, what):
    assert got.shape == want.shape, what
    worst = np.abs(got - want).max()
    assert worst <= tolerance * np.abs(want).max(), f"{what}: differs by {worst}"


def arrays_of(weights):
    return [np.asarray(weights[name.split("/")[0]][int(name.split("/")[1])], "float32") for name in NAMES]


@pytest.fixture
def path(request, shared):
    return shared / "golden" / "solvers" / f"{request.param}.npz"


def test_all_runs_are_here(shared):
    assert len(RUNS) == 30


@pytest.mark.parametrize("path", RUNS, indirect=True)
def test_run_equals_caffes(path):
    run = Run(path)
    losses, rates = [], []
    for iteration in range(30):
        loss, rate = run.iterate(iteration)
        losses.append(loss)
        rates.append(rate)
        if iteration + 1 in KEPT:
            run.check(iteration + 1)
        if iteration + 1 == 15:
            _, state = run.snapshot(path)
            history = run.optimizer.history(run.variables)
            assert len(history) == len(state.history)
            for position, (got, want) in enumerate(zip(history, state.history)):
                close(got, want.reshape(got.shape), 1e-4, f"history {position}")
            assert run.solver.schedule.current_step(15) == state.current_step
            assert int(run.optimizer.iterations) == state.iteration
    np.testing.assert_allclose(rates, run.golden["lr"], rtol=1e-5)
    np.testing.assert_allclose(losses, run.golden["loss"], rtol=1e-4)


@pytest.mark.parametrize("path", RUNS, indirect=True)
def test_goes_on_from_caffes_files(path):
    probe = Run(path)
    weights, state = probe.snapshot(path)
    run = Run(path, arrays_of(weights))
    run.check(15)
    shaped = [array.reshape(v.shape) for array, v in zip(state.history, run.variables * len(run.optimizer.slots))]
    run.optimizer.load_history(run.variables, shaped)
    run.optimizer.iterations.assign(state.iteration)
    run.optimizer.learning_rate = run.solver.schedule.restored(state.iteration, state.current_step)
    for iteration in range(state.iteration, 30):
        loss, rate = run.iterate(iteration)
        np.testing.assert_allclose(rate, run.golden["lr"][iteration], rtol=1e-5)
        np.testing.assert_allclose(loss, run.golden["loss"][iteration], rtol=1e-4)
    run.check(30)
