"""The outer loop of a solver: when to test, display, snapshot and stop, exactly as Caffe does (solver.cpp:193-334)."""

import contextlib
import math
import time

import numpy as np
from absl import logging

from zoo.errors import CheckpointError, WeightsError
from zoo.training import caffe_log
from zoo.training.debug_info import DebugStep
from zoo.training.non_finite import not_finite
from zoo.training.scoring import Scoring, next_call
from zoo.training.signals import SNAPSHOT, STOP


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
        final_test: whether the end is scored where no test is due there.
        lines: the `EpochLines` that follow Caffe's lines, or None.
        profiler: the `Profiler` of some iterations, or None.
    """

    def __init__(
        self,
        session,
        checkpoints,
        pairs,
        summaries,
        signals,
        progress,
        rewind,
        final_test=True,
        lines=None,
        profiler=None,
    ):
        self._rewind, self._final_test = rewind, final_test
        self.session, self.solver = session, session.solver
        self.pairs = pairs
        self.checkpoints, self.summaries = checkpoints, summaries
        self.signals, self.progress = signals, progress
        histograms = summaries is not None and summaries.histograms
        self.step = session.nets.train_step(histograms, scoped=profiler is not None)
        self._profiler = profiler
        self._debug = DebugStep(session, self.step) if self.solver.debug_info and self.solver.display else None
        self._scoring = Scoring(session, self._asked, summaries, lines)
        self._batches = session.train_batches()
        self._per_call = 1
        self._begun = self._stopped = False
        self._saved_at = session.state.iteration if checkpoints.latest else None
        self._epoch, self._lines = session.data.epoch, lines

    @property
    def scores(self):
        """{test output: `Score`} of the last tests."""
        return self._scoring.scores

    def run(self):
        """Trains until `max_iter` or a request to stop.

        Returns:
            True where max_iter was reached.

        Raises:
            SolverError: the loss is no longer finite.
            CheckpointError, DataError: as the parts raise them.
        """
        session, solver = self.session, self.solver
        caffe_log.solving(session.nets.train.definition.name, solver.lr_policy)
        if self._epoch:
            logging.info("An epoch is %s iterations", caffe_log.number(self._epoch))
        if self.summaries is not None:
            self.summaries.begin(session)
        self._timer, self._timer_iteration = time.monotonic(), session.state.iteration
        while session.state.iteration < solver.max_iter:
            if solver.test_due(session.state.iteration) and not self._scoring.run():
                break
            self._train(self._next_stop())
            stop, self._per_call = self._asked(self._per_call)
            if solver.snapshot_due(session.state.iteration):
                self._snapshot()
            if stop:
                break
        return self._finish()

    def close(self):
        """Lets go of the data: the threads of an open iterator stay until Python next searches for cycles."""
        self._batches = None
        self._scoring.close()

    def _asked(self, number):
        """Does what signals ask for; returns (whether to stop, the `number` that all processes take)."""
        request, number = self.session.replicas.agree(self.signals.poll(), number)
        if request == SNAPSHOT:
            self._snapshot()
        self._stopped |= request == STOP
        return request == STOP, number

    def _next_stop(self):
        """First iteration, after the present one, before which something else is to be done."""
        now, solver = self.session.state.iteration, self.solver
        stops = [solver.max_iter, now + self._per_call]
        stops += [(now // period + 1) * period for period in (solver.test_interval, solver.snapshot) if period]
        if self._profiler is not None:
            stops += self._profiler.stops(now)
            if self._profiler.covers(now):
                stops[1] = self._profiler.last  # in one stretch where nothing else is to be done
        if solver.display:  # a displayed iteration is the last of its call, which gives its outputs
            displayed = math.ceil(now / solver.display) * solver.display
            alone = self._debug is not None and displayed > now  # with debug_info it has a call of its own
            stops.append(displayed if alone else displayed + 1)
        return min(stops)

    def _train(self, until):
        session, start, began = self.session, self.session.state.iteration, time.monotonic()
        step = self._debug if self._debug is not None and start % self.solver.display == 0 else self.step
        with session.reading(), self._profiled(start, until):
            losses, outputs, gradients = step(self._batches, until - start)
            losses = losses.numpy()
        self._check_finite(start, losses, time.monotonic() - began)
        for loss in losses:
            session.state.smooth(loss)
        last = until - 1
        if self.solver.display and last % self.solver.display == 0:
            self._display(last, outputs, gradients)
        session.state.iteration = until
        self._say_epoch(start, until)
        epoch = f", epoch {float(until / self._epoch):.2f}" if self._epoch else ""
        self.progress.to(until, f"loss {session.state.smoothed_loss:.4g}{epoch}")
        took = time.monotonic() - began
        if self._begun:  # the first call also traces the graph
            self._per_call = next_call(self._per_call, until - start, took)
        self._begun = True

    def _profiled(self, start, until):
        """Context around training the iterations from `start` to before `until`."""
        return contextlib.nullcontext() if self._profiler is None else self._profiler.around(start, until)

    def _say_epoch(self, start, until):
        """Says the last epoch that ended in the iterations from `start` to `until`."""
        if self._epoch and (done := int(until / self._epoch)) > int(start / self._epoch):
            logging.info("Epoch %d done, before iteration %d", done, math.ceil(done * self._epoch))

    def _check_finite(self, start, losses, took):
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size:
            self.session.data.settle("the loss was no longer finite")  # of which an exchanged shard may be the cause
            iteration, loss, latest = start + int(bad[0]), losses[bad[0]], self.checkpoints.latest
            seconds = took / len(losses)
            with self.session.reading():
                raise not_finite(self.session, self.step, self._rewind, iteration, loss, seconds, latest)

    def _display(self, iteration, outputs, gradients):
        session, seconds = self.session, time.monotonic() - self._timer
        rate = (iteration - self._timer_iteration) / (seconds or 1)
        caffe_log.displayed(iteration, rate, seconds, self.solver.display, session.state.smoothed_loss)
        said = caffe_log.outputs("Train", session.nets.train, dict(zip(self.step.outputs, outputs)))
        learning_rate = session.learning_rate(iteration)
        caffe_log.learning_rate(iteration, learning_rate)
        if self._lines is not None:
            self._lines.train(iteration, session.state.smoothed_loss)
        if self.summaries is not None:
            curves = {"lr": learning_rate, "iterations_per_second": rate}
            debug = self._debug.said if self._debug is not None else {}
            said["smoothed_loss"] = session.state.smoothed_loss
            self.summaries.displayed(iteration, said, curves, debug)
            if self.summaries.histograms:
                names = [variable.path for variable in self.step.variables]
                self.summaries.weights(iteration, session.nets.train.learnable(), dict(zip(names, gradients)))
        self._timer, self._timer_iteration = time.monotonic(), iteration

    def _snapshot(self):
        session = self.session
        if self._saved_at == session.state.iteration or not session.replicas.chief:
            return
        session.data.settle("a snapshot was taken")
        before = self._scoring.before
        if before is not None:  # asked for during a test, which a run resumed from here makes again
            now = session.test_state()
            session.set_test_state(before)
        session.state.pack()
        logging.info("Snapshotting to %s", self.checkpoints.save(session.state.iteration))
        self._save_pair()
        self._saved_at = session.state.iteration
        if before is not None:
            session.set_test_state(now)
        if self.summaries is not None:
            self.summaries.flush()

    def snapshot_start(self):
        """Takes a snapshot of a run that has not begun."""
        if self.session.state.iteration == 0:
            self._snapshot()

    def _save_pair(self):
        try:
            self.pairs.save(self.session)
        except WeightsError as error:
            hint = f"the same command resumes from {self.checkpoints.latest}"
            raise CheckpointError(error.what, at=error.at, got=error.got, hint=error.hint or hint) from error

    def _finish(self):
        session, solver = self.session, self.solver
        if self._profiler is not None:
            self._profiler.finish()
        if self._stopped:
            self._snapshot()  # whatever snapshot_after_train says: a stop must lose nothing
            logging.info("Optimization stopped early.")
            return False
        if solver.snapshot_after_train:
            self._snapshot()
        if solver.display_due(session.state.iteration):
            with session.reading():
                loss, _ = self.step.forward(self._batches)
            session.state.smooth(float(loss))
            logging.info(
                "Iteration %d, loss = %s", session.state.iteration, caffe_log.number(session.state.smoothed_loss)
            )
        if solver.test_due(session.state.iteration, last=True):
            self._scoring.run()
        logging.info("Optimization Done.")
        if self._final_test and not self._stopped:
            self._scoring.score_end()
        return True
