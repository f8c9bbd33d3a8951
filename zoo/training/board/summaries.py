"""The event files of a run: one writer for training and one for each test net, all steps being iterations."""

import math
import pathlib

import tensorflow as tf
from tensorboard.compat.proto.summary_pb2 import Summary

from zoo.formats import prototxt
from zoo.training.board import hyper_parameters, layout, looks, sheets, values
from zoo.training.board.budget import Budget
from zoo.training.board.classified import first_image
from zoo.training.board.graph import graph
from zoo.training.gathering import gathered


class Summaries:
    """Writes the event files of a run directory.

    Curves are written whenever a line of the log says their numbers. What takes longer - histograms and filters at
    display iterations, images after a test - is written at most so often that each is a hundredth of the time.

    Args:
        folder: the run directory; event files go to `train/`, `test/` (`test1/`, ... for further test nets) and
            `classes/`.
        histograms: whether weights and gradients are written at display iterations.
        images: whether images, activations, mistakes and the confusion matrix are.
    """

    def __init__(self, folder, histograms=True, images=True):
        self._folder, self.histograms, self.images = pathlib.Path(folder), histograms, images
        self._writers, self._weights, self._looks, self._begun = {}, Budget(), Budget(), False
        self._order = "BGR"

    def write(self, run, iteration, found):
        """Writes values of a summary, as one record of the event file of `run`, at `iteration`."""
        with self._writer(run).as_default():
            tf.summary.experimental.write_raw_pb(values.record(found), step=iteration)

    def _writer(self, run):
        if run not in self._writers:
            self._writers[run] = tf.summary.create_file_writer(str(self._folder / run))
        return self._writers[run]

    def begin(self, session):
        """Writes once what is said once: the solver, the nets as graphs, hyper-parameters, layout, inputs."""
        if self._begun:
            return
        self._begun = True
        image = first_image(session.nets.train)
        self._order = session.data.train.channel_order(image) if image is not None else "BGR"
        nets, solver, iteration = session.nets, session.solver.message, session.state.iteration
        text = "\n".join(f"    {line}" for line in prototxt.to_text(solver).splitlines())
        train, tests = _outputs(nets.train), [name for net in nets.tests for name in _outputs(net)]
        weighted, named = dict(nets.train.losses), nets.train.definition
        losses = {name for ref, name in zip(named.outputs, named.output_names) if ref in weighted}
        found = [values.text("config", text), layout.value(train, tests, losses)]
        self.write("train", iteration, found + (looks.training_inputs(session) if self.images else []))
        for run, net in (("train", nets.train), *((_run(k), net) for k, net in enumerate(nets.tests))):
            with self._writer(run).as_default(step=iteration):
                tf.summary.graph(tf.compat.v1.GraphDef.FromString(graph(net.layers).SerializeToString()))
        scored = _run(0) if nets.tests else "train"  # HParams takes for scores what the run that holds them has
        given = hyper_parameters.hyper_parameters(solver, [nets.train.shapes[ref] for ref in nets.train.inputs])
        start = hyper_parameters.start(given, self._folder.resolve().name)
        self.write(scored, iteration, Summary.FromString(start.SerializeToString()).value)

    def displayed(self, iteration, outputs, solver, debug=()):
        """Writes the curves of a display iteration: {name: number} of outputs, of the solver, and of debug_info."""
        named = {f"scores/{name}": value for name, value in outputs.items()}
        named |= {f"solver/{name}": value for name, value in solver.items()} | dict(debug)
        self.write("train", iteration, [values.scalar(tag, value) for tag, value in named.items()])

    def tested(self, index, iteration, outputs):
        """Writes the scores, {name: number}, of test net `index`."""
        self.write(_run(index), iteration, [values.scalar(f"scores/{name}", value) for name, value in outputs.items()])

    def looked(self, iteration, write, last=False):
        """Writes what `write()` gives, {run: values} of a look after a test, where it is due or the `last`."""
        if last or self._looks.due:
            with self._looks.spent():
                for run, found in write().items():
                    self.write(run, iteration, found)

    def weights(self, iteration, parameters, gradients):
        """Writes, where due, histograms of parameters and `gradients` ({name: tensor}), and the first filters."""
        if not self._weights.due:
            return
        with self._weights.spent():
            arrays = {parameter.variable.path: parameter.variable.value.numpy() for parameter in parameters}
            found = [values.histogram(f"weights/{name}", array) for name, array in arrays.items()]
            found += [values.histogram(f"gradients/{name}", gradient.numpy()) for name, gradient in gradients.items()]
            first = next((p for p in parameters if len(p.spec.shape) == 4), None)
            if self.images and first is not None:
                found.append(
                    values.image(f"layers/filters {first.variable.path}", sheets.filters(first.array(), self._order))
                )
            self.write("train", iteration, found)

    def flush(self):
        """Hands everything to the disk."""
        for writer in self._writers.values():
            writer.flush()

    def close(self):
        """Flushes and closes the event files."""
        for writer in self._writers.values():
            writer.close()


def _run(index):
    return "test" if index == 0 else f"test{index}"


def _outputs(net):
    """Returns the names under which the log says a net's outputs; of one of many numbers the first, "NAME/0"."""
    rows, pairs = gathered(net), zip(net.definition.outputs, net.definition.output_names)
    return [f"{name}/0" if math.prod(net.shapes[ref]) > 1 and ref not in rows else name for ref, name in pairs]
