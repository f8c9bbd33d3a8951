"""Some iterations of a run under TensorFlow's profiler, and the files that say where their time went."""

import contextlib
import importlib.util
import pathlib
import tempfile

import tensorflow as tf
from absl import logging

from zoo.errors import OutputError, SolverError
from zoo.formats import atomic
from zoo.training.board import run_metadata
from zoo.training.profiling import attribution, chrome_trace, table, xplane

PLUGINS = ("xprof", "tensorboard_plugin_profile")
_TOP = 12  # operations that the log says
_LEVELS = {"host_tracer_level": 2, "python_tracer_level": 0, "device_tracer_level": 1}


class Profiler:
    """Follows the iterations from `first` to before `last`.

    Each stretch of them that is trained at once is traced by itself, so that a test between two is not in it.

    Args:
        folder: the run directory; the files go to `profile/` in it.
        interval: (first, last).
        net: the TRAIN `Net`, whose step was made with `scoped`.
        optimizer: the name of its optimizer.
        summaries: the `Summaries`, whose graph gets the times of its layers, or None.
    """

    def __init__(self, folder, interval, net, optimizer, summaries=None):
        self.first, self.last = interval
        self._folder, self._net, self._optimizer = pathlib.Path(folder), net, optimizer
        self._summaries, self._traces, self._begun, self._ended = summaries, [], None, None

    def check(self, begin, end):
        """Looks whether a run from `begin` to before `end` makes them; warns where they are behind it, as on resuming.

        Raises:
            SolverError: no run makes any of them.
        """
        which = f"iterations {self.first} to {self.last - 1}"
        if self.first >= end:
            what = "none of the iterations to profile is made"
            raise SolverError(what, got=which, want=f"FIRST less than max_iter, {end}")
        if self.last <= begin:
            logging.warning("Nothing is profiled: %s have been made already", which)

    def stops(self, iteration):
        """Returns the iterations after `iteration` at which a stretch begins or ends."""
        return [stop for stop in (self.first, self.last) if stop > iteration]

    def covers(self, iteration):
        """Whether `iteration` is one of those that are followed."""
        return self.first <= iteration < self.last

    @contextlib.contextmanager
    def around(self, start, until):
        """Around training the iterations from `start` to before `until`, all of them followed or none."""
        if not self.covers(start):
            yield
            return
        with tempfile.TemporaryDirectory(prefix="zoo-profile-") as folder:
            tf.profiler.experimental.start(folder, tf.profiler.experimental.ProfilerOptions(**_LEVELS))
            try:
                yield
            finally:
                tf.profiler.experimental.stop()
            self._traces += [path.read_bytes() for path in sorted(pathlib.Path(folder).rglob("*.xplane.pb"))]
        self._begun, self._ended = start if self._begun is None else self._begun, until
        if until == self.last:
            self.finish()

    def finish(self):
        """Writes what has been followed so far, and says it."""
        if not self._traces:
            return
        layers = [(layer.definition.key, layer.definition.type) for layer in self._net.layers]
        traced, ended = [], 0.0
        for data in self._traces:
            events = xplane.events(data)
            traced += [event._replace(start=event.start + ended) for event in events]
            ended = max((event.start + event.duration for event in traced), default=0.0)
        found = attribution.spent(traced, self._optimizer)
        first, until = self._begun, self._ended
        iterations, name = until - first, f"iterations-{first}-{until}"
        stem = self._folder / "profile" / name
        files = {
            f"{stem}.txt": table.text(found, layers, first, until).encode(),
            f"{stem}.trace.json.gz": chrome_trace.compressed(traced, layers),
        }
        if any(importlib.util.find_spec(name) for name in PLUGINS):  # which reads this place
            for number, data in enumerate(self._traces):
                folder = self._folder / "train" / "plugins" / "profile" / (f"{name}.{number}" if number else name)
                files[str(folder / "host.xplane.pb")] = data
        for path, data in files.items():
            _write(pathlib.Path(path), data)
        logging.info("Profile of iterations %d to %d, ms of one:", first, until - 1)
        for line in (
            *table.layer_lines(found, layers, iterations),
            *table.operation_lines(found, layers, iterations, _TOP),
        ):
            logging.info("    %s", line)
        logging.info(
            "Profile written to %s (chrome://tracing and ui.perfetto.dev show the .trace.json.gz)", f"{stem}.txt"
        )
        if self._summaries is not None:
            value = run_metadata.value(f"iterations {first} to {until - 1}", found, self._net, iterations)
            self._summaries.write("train", until, [value])
        self._traces = []


def _write(path, data):
    atomic.make_directory(path.parent, OutputError)
    with atomic.replacing(path, OutputError) as file:
        file.write(data)
