"""pycaffe's solvers: Caffe's loop over nets that can be run and changed by hand between steps (solver.cpp:193-415)."""

import dataclasses
import os
import time
import weakref
from collections import deque

import numpy as np
import tensorflow as tf
from absl import logging

from zoo.converters import solver as solvers
from zoo.errors import SolverError
from zoo.formats import caffe_pb2, prototxt
from zoo.layers.base import user_classes
from zoo.netdef.config import open_net
from zoo.pycaffe import modes
from zoo.pycaffe.errors import raised_as
from zoo.pycaffe.graph import Compiled
from zoo.pycaffe.net import Net
from zoo.training import caffe_log, snapshots


class Solver:
    """A solver from a prototxt file.

    Args:
        solver_file: path of the solver; paths of nets in it are looked for in the working directory, then next to it.

    Attributes:
        net: the training `Net`.
        test_nets: list of the test `Net`s, which share its parameters.
        param: the SolverParameter; a change, such as ``param.base_lr = 0.01``, holds from the next step on.
        iter: number of updates made.

    Raises:
        ZooError: a file is missing, or the solver or a net is not as it should be.
    """

    type = None  # of the file, whatever it is; a subclass names its own

    @raised_as(RuntimeError)
    def __init__(self, solver_file):
        self._open(prototxt.read_solver(os.fspath(solver_file)))

    def _open(self, parsed):
        self._file = parsed.file
        self.param = caffe_pb2.SolverParameter()
        self.param.CopyFrom(parsed.message)
        if self.type is not None:
            self.param.ClearField("solver_type")
            self.param.type = self.type
        self.iteration, self._callbacks, self._losses, self._restored = 0, [], deque(), (0, 0)
        self._seen = self.param.SerializeToString()
        self.solver = solvers.solver_def(prototxt.Parsed(self.param, parsed.file, parsed.source))
        if self.solver.random_seed is not None:
            modes.set_random_seed(self.solver.random_seed)
        self.net = self._open_net(self.solver.train)
        if not self.net._engine.net.losses:
            want = "a layer such as SoftmaxWithLoss"
            raise SolverError("the training net has no loss", at=self.solver.train.at, want=want)
        self.test_nets = [self._open_net(source) for source in self.solver.tests]
        for net in self.test_nets:
            net.debug_info = self.solver.debug_info
            net.share_with(self.net)
        self.optimizer = self._new_optimizer()
        for path in self.solver.weights:
            self.net.copy_from(path)

    def _open_net(self, source):
        with user_classes.hosting({}):
            definition = open_net(source, solver_file=self._file)
        return Net._of(definition)

    def _as_restored(self, solver):
        return dataclasses.replace(solver, schedule=solver.schedule.restored(*self._restored))

    # ---- the optimizer ----

    def _held(self):
        """Returns (parameter, blob) of what the optimizer holds, in its order."""
        blobs = {p.key: (p, blob) for p, blob in self.net._engine.learnable()}
        learned, still = solvers.held(self.solver, [p for p, _ in blobs.values()])
        return [blobs[p.key] for p in (*learned, *still)]

    def _new_optimizer(self):
        with tf.device(modes.device()):
            optimizer = solvers.optimizer(self.solver, [p for p, _ in self.net._engine.learnable()], keep_updates=True)
        self._update = self._compiled_update()
        return optimizer

    def _compiled_update(self):
        solver = weakref.proxy(self)  # so that a solver goes, and its nets with it, when nobody holds it
        return Compiled(lambda *gradients: solver._apply(*gradients))

    def _follow_param(self):
        """Takes over what has been changed in `param`; the history stays."""
        if self.param.SerializeToString() == self._seen:
            return
        before, kind, schedule = self.optimizer, self.solver.type, self.solver.schedule
        self.solver = self._as_restored(solvers.solver_def(prototxt.Parsed(self.param, self._file)))
        if self.solver.type != kind:
            raise SolverError("the type of a solver cannot change", got=self.solver.type, want=kind)
        self.solver.schedule.go_on_from(schedule)
        self._seen = self.param.SerializeToString()
        variables = [p.variable for p, _ in self._held()]
        self.optimizer = self._new_optimizer()
        self.optimizer.load_history(variables, before.history(variables))
        self.optimizer.iterations.assign(self.iteration)

    def _apply(self, *gradients):
        self.optimizer.apply(list(gradients), [p.variable for p, _ in self._held()])
        return [0.0 - update.value for update in self.optimizer.updates]

    @raised_as(RuntimeError)
    def apply_update(self):
        """Updates the parameters by the gradients in their diffs, each of which becomes what was subtracted."""
        self._follow_param()
        if self.solver.display_due(self.iteration):
            caffe_log.learning_rate(self.iteration, self.lr)
        engine, held = self.net._engine, self._held()
        engine.flush()
        if held:
            with tf.device(modes.device()):
                updates = self._update([blob._diff.device() for _, blob in held])
            for (_, blob), update in zip(held, updates):
                blob._diff.put(update)
                blob._data.changed()
        self.iteration += 1

    # ---- the loop ----

    @property
    def iter(self):
        """Number of updates made."""
        return self.iteration

    @property
    def lr(self):
        """The rate of the next update."""
        self._follow_param()
        return float(self.solver.schedule(self.iteration))

    def add_callback(self, on_start, on_gradients_ready):
        """Has functions without arguments called before each iteration, and before each update."""
        self._callbacks.append((on_start, on_gradients_ready))

    @raised_as(RuntimeError)
    def step(self, iterations):
        """Makes `iterations` updates, with the tests, displays and snapshots that fall due."""
        self._follow_param()
        self._losses = deque(maxlen=self.solver.average_loss)
        self.solver.schedule.forget_losses()
        self._timer, self._timed = time.monotonic(), self.iteration
        for _ in range(iterations):
            self.net.clear_param_diffs()
            if self.solver.test_due(self.iteration):
                self.test_all()
            for on_start, _ in self._callbacks:
                on_start()
            display = self.solver.display_due(self.iteration)
            self.net.debug_info = bool(display and self.solver.debug_info)
            losses = [self._forward_backward() for _ in range(self.solver.iter_size)]
            self._losses.append(sum(losses) / len(losses))
            self.solver.schedule.watch(self._losses[-1], self.iteration)
            if display:
                self._display()
            for _, on_gradients_ready in self._callbacks:
                on_gradients_ready()
            self.apply_update()
            if self.solver.snapshot_due(self.iteration):
                self.snapshot()

    def _forward_backward(self):
        last = len(self.net.layers) - 1
        loss = self.net._forward(0, last)
        self.net._backward(last, 0)
        return loss

    @property
    def _smoothed(self):
        return sum(self._losses) / max(len(self._losses), 1)

    def _display(self):
        seconds = time.monotonic() - self._timer
        rate = (self.iteration - self._timed) / (seconds or 1)
        caffe_log.displayed(self.iteration, rate, seconds, self.solver.display, self._smoothed)
        caffe_log.outputs("Train", self.net._engine.net, _outputs(self.net))
        self._timer, self._timed = time.monotonic(), self.iteration

    @raised_as(RuntimeError)
    def solve(self, resume_file=None):
        """Trains to `max_iter`, from the .solverstate `resume_file` on if one is given."""
        self._follow_param()
        caffe_log.solving(self.net.definition.name, self.solver.lr_policy)
        if resume_file is not None:
            self.restore(resume_file)
        self.step(self.solver.max_iter - self.iteration)
        if self.solver.snapshot_after_train and not self.solver.snapshot_due(self.iteration):
            self.snapshot()
        if self.solver.display_due(self.iteration):
            self._losses.append(self.net._forward(0, len(self.net.layers) - 1))
            logging.info("Iteration %d, loss = %s", self.iteration, caffe_log.number(self._smoothed))
        if self.solver.test_due(self.iteration, last=True):
            self.test_all()
        logging.info("Optimization Done.")

    @raised_as(RuntimeError)
    def test_all(self):
        """Runs every test net over its test_iter batches; returns a list of {output name: mean}."""
        return [self._test(index) for index in range(len(self.test_nets))]

    def _test(self, index):
        net, batches = self.test_nets[index], self.solver.test_iter[index]
        logging.info("Iteration %d, Testing net (#%d)", self.iteration, index)
        loss, sums = 0.0, {}
        for _ in range(batches):
            loss += net._forward(0, len(net.layers) - 1)
            sums = {ref: sums.get(ref, 0) + value for ref, value in _outputs(net).items()}
        if self.solver.test_compute_loss and batches:
            logging.info("Test loss: %s", caffe_log.number(loss / batches))
        return caffe_log.outputs("Test", net._engine.net, sums, 1 / batches) if batches else {}

    # ---- snapshots ----

    @raised_as(RuntimeError)
    def snapshot(self):
        """Writes the pair .caffemodel and .solverstate at snapshot_prefix; raises SolverError where none is known."""
        self._follow_param()
        prefix = self.solver.snapshot_prefix
        if prefix is None:
            raise SolverError("snapshot_prefix", got="none", want="where snapshots go")
        self.net._engine.flush()
        diffs = None
        if self.solver.snapshot_diff:
            diffs = {name: [blob.diff for blob in blobs] for name, blobs in self.net.params.items()}
        net = self.net._engine.net
        paths = snapshots.write(self.solver, net, self.optimizer, self.iteration, prefix, diffs)
        logging.info("Snapshotting to %s and %s", *paths)

    @raised_as(RuntimeError)
    def restore(self, state_file):
        """Resumes from a .solverstate of Caffe's or ours: weights, history and iteration.

        Raises:
            CheckpointError, WeightsError: it is damaged or not of this solver and net.
        """
        net = self.net._engine.net
        state = snapshots.restore(os.fspath(state_file), net, self.optimizer, self.net.copy_from)
        self._restored = state.iteration, state.current_step
        self.solver = self._as_restored(self.solver)
        self.solver.schedule.resume(state)
        self.optimizer.learning_rate = self.solver.schedule
        self._update = self._compiled_update()
        self.iteration = state.iteration
        self.optimizer.iterations.assign(self.iteration)
        self.net._engine.set_clock(self.iteration * self.solver.iter_size)

    def share_weights(self, net):
        """Makes `net` use the parameters of the training net."""
        net.share_with(self.net)


def _outputs(net):
    """Returns {BlobRef: array, channels-last where rank 4} of a net's outputs."""
    return {ref: np.array(net._engine.blob(ref)._data.device()) for ref in net.definition.outputs}


class SGDSolver(Solver):
    """SGD, whatever the file's `type` says."""

    type = "SGD"


class NesterovSolver(Solver):
    """Nesterov."""

    type = "Nesterov"


class AdaGradSolver(Solver):
    """AdaGrad."""

    type = "AdaGrad"


class RMSPropSolver(Solver):
    """RMSProp."""

    type = "RMSProp"


class AdaDeltaSolver(Solver):
    """AdaDelta."""

    type = "AdaDelta"


class AdamSolver(Solver):
    """Adam."""

    type = "Adam"


_CLASSES = (SGDSolver, NesterovSolver, AdaGradSolver, RMSPropSolver, AdaDeltaSolver, AdamSolver)


@raised_as(RuntimeError)
def get_solver(solver_file):
    """Returns a solver of the class that the file's `type`, or its older `solver_type`, names.

    Example:
        >>> with open("tiny_solver.prototxt", "w") as file:
        ...     _ = file.write('''base_lr: 0.1 lr_policy: "fixed" net_param {
        ...     layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param {
        ...         shape { dim: 4 dim: 3 } shape { dim: 4 dim: 1 } data_filler { type: "constant" value: 1 } } }
        ...     layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 1 } }
        ...     layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" } }''')
        >>> solver = get_solver("tiny_solver.prototxt")
        >>> solver.step(2)
        >>> solver.iter
        2
    """
    parsed = prototxt.read_solver(os.fspath(solver_file))
    kind = solvers.solver_def(parsed).type
    cls = next(cls for cls in _CLASSES if cls.type == kind)
    solver = cls.__new__(cls)
    solver._open(parsed)
    return solver
