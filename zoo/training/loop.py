"""The outer loop of a solver: when to test, display, snapshot and stop, exactly as Caffe does (solver.cpp:193-334)."""

import math
import time

import numpy as np
import tensorflow as tf
from absl import logging

from zoo.errors import CheckpointError, WeightsError
from zoo.training import caffe_log
from zoo.training.debug_info import DebugStep, DebugTest
from zoo.training.diagnosis import not_finite
from zoo.training.signals import SNAPSHOT, STOP
from zoo.training.step import TestStep

MAX_CALL = 0.25  # seconds that one call into the graph may take, so that signals and the bar are not kept waiting


class Loop:
    """Runs a session from the iteration it stands at to `max_iter`.

    Args:
        session: a `Session`: nets, data, optimizer, solver.
        checkpoints: where our own snapshots go.
        pairs: where Caffe's pairs go, a `snapshots.Pairs`.
        summaries: where curves go, or None.
        signals: a `Signals`, polled between calls.
        progress: a `Progress`.
        rewind: brings the session back to its newest checkpoint, or its beginning.
    """

    def __init__(self, session, checkpoints, pairs, summaries, signals, progress, rewind):
        self._rewind = rewind
        self.session, self.solver = session, session.solver
        self.pairs = pairs
        self.checkpoints, self.summaries = checkpoints, summaries
        self.signals, self.progress = signals, progress
        histograms = summaries is not None and summaries.histograms
        self.step = session.train_step(histograms)
        self._debug = DebugStep(session, self.step) if self.solver.debug_info and self.solver.display else None
        self.tests = [(DebugTest if self.solver.debug_info else TestStep)(net) for net in session.tests]
        self._batches = session.train_batches()
        self._test_batches = [session.test_batches(k) for k in range(len(self.tests))]
        self._per_call = 1
        self._begun = self._stopped = self._said_once = False
        self._saved_at = session.iteration if checkpoints.latest else None
        self._before_test = None
        self.scores = {}

    def run(self):
        """Trains until `max_iter` or a request to stop.

        Returns:
            True where max_iter was reached.

        Raises:
            SolverError: the loss is no longer finite.
            CheckpointError, DataError: as the parts raise them.
        """
        session, solver = self.session, self.solver
        caffe_log.solving(session.train.definition.name, solver.lr_policy)
        self._timer, self._timer_iteration = time.monotonic(), session.iteration
        while session.iteration < solver.max_iter:
            if solver.test_due(session.iteration):
                self._test_all()
                if self._stopped:
                    break
            self._train(self._next_stop())
            request, self._per_call = session.replicas.agree(self.signals.poll(), self._per_call)
            if solver.snapshot_due(session.iteration) or request == SNAPSHOT:
                self._snapshot()
            if request == STOP:
                self._stopped = True
                break
        return self._finish()

    def _next_stop(self):
        """First iteration, after the present one, before which something else is to be done."""
        now, solver = self.session.iteration, self.solver
        stops = [solver.max_iter, now + self._per_call]
        stops += [(now // period + 1) * period for period in (solver.test_interval, solver.snapshot) if period]
        if solver.display:  # a displayed iteration is the last of its call, which gives its outputs
            displayed = math.ceil(now / solver.display) * solver.display
            alone = self._debug is not None and displayed > now  # with debug_info it has a call of its own
            stops.append(displayed if alone else displayed + 1)
        return min(stops)

    def _train(self, until):
        session, start, began = self.session, self.session.iteration, time.monotonic()
        step = self._debug if self._debug is not None and start % self.solver.display == 0 else self.step
        with session.reading():
            losses, outputs, gradients = step(self._batches, until - start)
            losses = losses.numpy()
        self._check_finite(start, losses, time.monotonic() - began)
        for loss in losses:
            session.smooth(loss)
        last = until - 1
        if self.solver.display and last % self.solver.display == 0:
            self._display(last, outputs, gradients)
        session.iteration = until
        self.progress.to(until, session.smoothed_loss)
        took = time.monotonic() - began
        if self._begun:  # the first call also traces the graph
            self._per_call = max(1, min(self._per_call * 2, int((until - start) * MAX_CALL / max(took, 1e-9))))
        self._begun = True

    def _check_finite(self, start, losses, took):
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size:
            iteration, loss, latest = start + int(bad[0]), losses[bad[0]], self.checkpoints.latest
            seconds = took / len(losses)
            with self.session.reading():
                raise not_finite(self.session, self.step, self._rewind, iteration, loss, seconds, latest)

    def _display(self, iteration, outputs, gradients):
        session, seconds = self.session, time.monotonic() - self._timer
        rate = (iteration - self._timer_iteration) / (seconds or 1)
        caffe_log.displayed(iteration, rate, seconds, self.solver.display, session.smoothed_loss)
        said = caffe_log.outputs("Train", session.train, dict(zip(self.step.outputs, outputs)))
        learning_rate = session.learning_rate(iteration)
        caffe_log.learning_rate(iteration, learning_rate)
        if self.summaries is not None:
            if not self._said_once:
                self._begin_summaries()
            curves = {"smoothed_loss": session.smoothed_loss, "lr": learning_rate, "iterations_per_second": rate}
            debug = self._debug.said if self._debug is not None else {}
            self.summaries.scalars("train", iteration, {**curves, **said, **debug})
            if self.summaries.histograms:
                names = [variable.path for variable in self.step.variables]
                self.summaries.weights(iteration, session.train.learnable(), dict(zip(names, gradients)))
        self._timer, self._timer_iteration = time.monotonic(), iteration

    def _begin_summaries(self):
        self._said_once = True
        graph = self.step.graph_function.get_concrete_function(self._batches, tf.constant(1, tf.int32)).graph
        self.summaries.begin(self.session.config_text(), graph, self.session.hparams())

    def _test_all(self):
        self._before_test = self.session.test_state()
        for index in range(len(self.tests)):
            self._test(index)
            if self._stopped:
                logging.info("Test interrupted.")
                self.session.set_test_state(self._before_test)  # whoever goes on makes these tests anew
                break
        self._before_test = None

    def _test(self, index):
        session, net = self.session, self.session.tests[index]
        batches = self.solver.test_iter[index]
        logging.info("Iteration %d, Testing net (#%d)", session.iteration, index)
        loss, sums, done, per_call = 0.0, None, 0, 1
        while done < batches:
            count, began = min(per_call, batches - done), time.monotonic()
            with session.reading(index):
                more, outputs = self.tests[index](self._test_batches[index], count)
                values = {ref: value.numpy() for ref, value in outputs.items()}
            loss += float(more)
            sums = values if sums is None else {ref: sums[ref] + value for ref, value in values.items()}
            took, done = time.monotonic() - began, done + count
            per_call = max(1, min(per_call * 2, int(count * MAX_CALL / max(took, 1e-9))))
            session.test_position[index] += count
            request, per_call = session.replicas.agree(self.signals.poll(), per_call)
            if request == SNAPSHOT:
                self._snapshot()
            if request == STOP:
                self._stopped = True
                return
        if not batches:
            return
        session.check_scores(index, sums.values(), batches)
        if self.solver.test_compute_loss:
            logging.info("Test loss: %s", caffe_log.number(loss / batches))
        said = caffe_log.outputs("Test", net, sums, 1 / batches)
        self.scores = (
            said if index == 0 else {**self.scores, **{f"{name} (test net {index})": v for name, v in said.items()}}
        )
        if self.summaries is not None:
            self.summaries.scalars("test" if index == 0 else f"test{index}", session.iteration, said)

    def _snapshot(self):
        session = self.session
        if self._saved_at == session.iteration or not session.replicas.chief:
            return
        if self._before_test is not None:  # asked for during a test, which whoever goes on from here makes anew
            now = session.test_state()
            session.set_test_state(self._before_test)
        session.pack()
        logging.info("Snapshotting to %s", self.checkpoints.save(session.iteration))
        self._save_pair()
        self._saved_at = session.iteration
        if self._before_test is not None:
            session.set_test_state(now)
        if self.summaries is not None:
            self.summaries.flush()

    def _save_pair(self):
        try:
            self.pairs.save(self.session)
        except WeightsError as error:
            hint = f"the same command resumes from {self.checkpoints.latest}"
            raise CheckpointError(error.what, at=error.at, got=error.got, hint=error.hint or hint) from error

    def _finish(self):
        session, solver = self.session, self.solver
        if self._stopped:
            self._snapshot()  # whatever snapshot_after_train says: a stop must lose nothing
            logging.info("Optimization stopped early.")
            return False
        if solver.snapshot_after_train:
            self._snapshot()
        if solver.display_due(session.iteration):
            with session.reading():
                loss, _ = self.step.forward(self._batches)
            session.smooth(float(loss))
            logging.info("Iteration %d, loss = %s", session.iteration, caffe_log.number(session.smoothed_loss))
        if solver.test_due(session.iteration, last=True):
            self._test_all()
        logging.info("Optimization Done.")
        return True
