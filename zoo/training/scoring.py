"""The test nets of a run: tested when Caffe tests, in its words, and once more where that leaves the end unscored."""

import time
from typing import NamedTuple

from absl import logging

from zoo.progress import Progress
from zoo.training import caffe_log
from zoo.training.board.looks import Looks
from zoo.training.debug_info import DebugTest
from zoo.training.gathering import gathered, means, precisions_said
from zoo.training.step import TestStep

MAX_CALL = 0.25  # seconds that one call into the graph may take, so that signals and the bar are not kept waiting


def next_call(per_call, count, seconds):
    """Returns how many batches the next call takes, after one of `per_call` that took `count` in `seconds`."""
    return max(1, min(per_call * 2, int(count * MAX_CALL / max(seconds, 1e-9))))


class Score(NamedTuple):
    """What a test net gave.

    Attributes:
        value: mean over the batches of a test.
        iteration: after how many iterations.
    """

    value: float
    iteration: int


class Scoring:
    """The tests of a session.

    Args:
        session: the `Session`.
        asked: called between calls into the graph with a number of batches; does what signals ask for, and returns
            (whether to stop, the number that all processes take).
        summaries: where curves go, or None.
        lines: the `EpochLines` that follow Caffe's lines, or None.

    Attributes:
        before: where the test nets stood before the round of tests that is under way, as `Session.test_state` gives
            it; None between rounds. A run resumed from a snapshot taken meanwhile makes that round again.
    """

    def __init__(self, session, asked, summaries=None, lines=None):
        self._session, self._asked, self._summaries, self._lines = session, asked, summaries, lines
        self._looks = Looks(session) if summaries is not None and summaries.images else None
        self._watches = [self._looks and self._looks.watch, *(None for _ in session.nets.tests[1:])]
        self._steps = [
            DebugTest(net) if session.solver.debug_info else TestStep(net, watch)
            for net, watch in zip(session.nets.tests, self._watches)
        ]
        self._batches = [session.test_batches(k) for k in range(len(session.nets.tests))]
        self._scores = [{} for _ in session.nets.tests]
        self.before = None

    def close(self):
        """Lets go of the test data, as `Loop.close` does."""
        self._batches = []

    @property
    def scores(self):
        """{output: `Score`} of each net's last test; outputs of a further test net are called "NAME (test net K)"."""
        first, *others = self._scores or [{}]
        return first | {f"{name} (test net {k})": s for k, said in enumerate(others, 1) for name, s in said.items()}

    def run(self):
        """Makes the tests that are due, as Caffe does; returns False where a stop was asked for meanwhile."""
        self.before, whole = self._session.test_state(), True
        for index, step in enumerate(self._steps):
            logging.info("Iteration %d, Testing net (#%d)", self._session.state.iteration, index)
            found = self._test(index, step)
            if found is None:
                logging.info("Test interrupted.")
                self._session.set_test_state(self.before)  # a resumed run makes these tests again
                whole = False
                break
            self._say(index, *found)
        self.before = None
        return whole

    def score_end(self):
        """Tests once more the nets whose last test is of an earlier iteration, in a line that Caffe does not have.

        Afterwards the test nets stand where they stood, so that a resumed run is as if it had not been. A stop
        ends it without a score.
        """
        session, solver = self._session, self._session.solver
        todo = [index for index in range(len(session.nets.tests)) if self._is_old(index)]
        if not todo:
            return
        logging.info("No test was due after the last iteration: testing once more, apart from Caffe's log")
        self.before = session.test_state()
        for index in todo:
            net, step = session.nets.tests[index], self._steps[index]
            if solver.debug_info:  # that step says what it does
                step = TestStep(net, self._watches[index])
            found = self._test(index, step)
            if found is None:
                logging.info("Stopped: the end has no score")
                break
            _, sums = found
            values = caffe_log.elements(net, means(net, sums, solver.test_iter[index], solver.ap_version))
            self._keep(index, values)
            said = ", ".join(f"{name} = {caffe_log.number(value)}" for name, value in values.items())
            logging.info("After %d iterations, test net %d: %s", session.state.iteration, index, said)
            if self._lines is not None:
                self._lines.test(index, values)
            self._write(index, values)
        session.set_test_state(self.before)
        self.before = None

    def _is_old(self, index):
        """Whether a test of net `index` would give scores, and its last one was of an earlier iteration."""
        gives = self._session.solver.test_iter[index] and self._session.nets.tests[index].definition.outputs
        return gives and all(score.iteration != self._session.state.iteration for score in self._scores[index].values())

    def _test(self, index, step):
        """Runs test net `index`; returns (loss, {BlobRef: array}) summed over its batches, or None if stopped."""
        session, batches = self._session, self._session.solver.test_iter[index]
        found, done, per_call = None, 0, 1
        if self._watches[index] is not None:
            self._watches[index].reset()
        with Progress(batches, "testing", "batch") as progress:
            while done < batches:
                count, began = min(per_call, batches - done), time.monotonic()
                with session.reading(index):
                    found = step(self._batches[index], count, found)
                done, per_call = done + count, next_call(per_call, count, time.monotonic() - began)
                progress.to(done)
                session.state.test_position[index] += count
                stop, per_call = self._asked(per_call)
                if stop:
                    return None
        if not batches:
            return 0.0, None
        loss, sums = found
        rows = gathered(session.nets.tests[index])
        session.check_scores(index, [value for ref, value in sums.items() if ref not in rows], batches)
        return float(loss), sums

    def _say(self, index, loss, sums):
        batches = self._session.solver.test_iter[index]
        if not batches:
            return
        if self._session.solver.test_compute_loss:
            logging.info("Test loss: %s", caffe_log.number(loss / batches))
        net, solver = self._session.nets.tests[index], self._session.solver
        said = caffe_log.outputs("Test", net, means(net, sums, batches, solver.ap_version))
        if solver.show_per_class_result:
            precisions_said(net, sums, solver.ap_version)
        if self._lines is not None:
            self._lines.test(index, said)
        self._keep(index, said)
        self._write(index, said)

    def _write(self, index, scores):
        """Writes what TensorBoard shows of the test of net `index` that has just been made."""
        if self._summaries is None:
            return
        iteration = self._session.state.iteration
        self._summaries.tested(index, iteration, scores)
        if index == 0 and self._looks is not None:
            self._summaries.looked(iteration, self._looks.write, last=iteration >= self._session.solver.max_iter)

    def _keep(self, index, values):
        self._scores[index] = {name: Score(value, self._session.state.iteration) for name, value in values.items()}
