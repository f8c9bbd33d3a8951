"""What TensorBoard shows of a run: one writer for training and one for each test net, all steps being iterations."""

import pathlib

import numpy as np
import tensorflow as tf
from tensorboard.plugins.histogram import metadata

from zoo.formats import prototxt
from zoo.images.filters import filter_sheet

HISTOGRAM_VALUES = 100_000
BUCKETS = 30  # as in tf.summary.histogram


class Summaries:
    """Writes the event files of a run directory.

    Args:
        folder: the run directory; event files go to `train/` and `test/` (`test1/`, ... for further test nets).
        histograms: whether weights and gradients are written at display iterations.
    """

    def __init__(self, folder, histograms=True):
        self._folder, self.histograms = pathlib.Path(folder), histograms
        self._writers = {}

    def _writer(self, name):
        if name not in self._writers:
            self._writers[name] = tf.summary.create_file_writer(str(self._folder / name))
        return self._writers[name]

    def begin(self, solver, graph):
        """Writes what is said once: the solver as text and as hyper-parameters, and the graph of an iteration.

        Args:
            solver: the SolverParameter, its nets inside where they stood inside.
            graph: the `tf.Graph`.
        """
        from tensorboard.plugins.hparams import api as hp

        with self._writer("train").as_default(step=0):
            tf.summary.text("config", "\n".join(f"    {line}" for line in prototxt.to_text(solver).splitlines()))
            tf.summary.graph(graph)
            hp.hparams(_hparams(solver))

    def scalars(self, writer, iteration, values):
        """Writes {tag: number} at `iteration`."""
        with self._writer(writer).as_default(step=iteration):
            for tag, value in values.items():
                tf.summary.scalar(tag, value)

    def weights(self, iteration, parameters, gradients):
        """Writes histograms of parameters, and of `gradients` ({name: tensor}), and the first filters as an image."""
        with self._writer("train").as_default(step=iteration):
            for parameter in parameters:
                _histogram(f"weights/{parameter.variable.path}", parameter.variable.value)
            for name, gradient in gradients.items():
                _histogram(f"gradients/{name}", gradient)
            first = next((p for p in parameters if len(p.spec.shape) == 4), None)
            if first is not None:
                tf.summary.image(f"filters/{first.variable.path}", filter_sheet(first.array())[None])

    def flush(self):
        """Hands everything to the disk."""
        for writer in self._writers.values():
            writer.flush()

    def close(self):
        """Flushes and closes the event files."""
        for writer in self._writers.values():
            writer.close()


def _hparams(solver):
    """Returns {name: value} of the solver's scalar fields, as TensorBoard's hyper-parameters."""
    fields = {}
    for descriptor, value in solver.ListFields():
        if isinstance(value, bool | int | float | str):
            enum = descriptor.enum_type
            fields[descriptor.name] = enum.values_by_number[value].name if enum else value
    return fields


def _histogram(tag, tensor):
    """Writes the histogram of `tensor`, counted by NumPy: tf.summary.histogram takes many times as long."""
    edges, counts = _buckets(tf.reshape(tensor, [-1]))
    table = np.stack([edges[:-1], edges[1:], counts], axis=1)
    tf.summary.write(tag, table, metadata=metadata.create_summary_metadata(None, None))


def _buckets(flat):
    """Returns (edges, counts) of at most `HISTOGRAM_VALUES` of the finite values of `flat`, evenly spread in it.

    All of AlexNet's took half a minute a display.
    """
    values = flat[:: -(-flat.shape[0] // HISTOGRAM_VALUES)].numpy().astype(np.float64)
    counts, edges = np.histogram(values[np.isfinite(values)], BUCKETS)
    return edges, counts
