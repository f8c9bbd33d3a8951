"""The page of a run, RUN/net.html: its nets with the weights that it ended with, and its curves."""

import pathlib

from zoo.errors import DataError
from zoo.formats import training_log
from zoo.pages import page
from zoo.pages.net_page import net_page
from zoo.pages.net_view import NetView
from zoo.pages.run_curves import curves
from zoo.pages.weight_facts import weight_facts

NAME = "net.html"


def write(session, run_dir):
    """Writes the page of a run in its directory, whole or not at all; returns its path.

    Args:
        session: the run's `Session`.
        run_dir: its directory, with its `train.log`.

    Raises:
        OutputError: it cannot be written.
    """
    path, iteration = pathlib.Path(run_dir, NAME), session.state.iteration
    views = [_view("TRAIN", session.data.train), *(_view("TEST", feeds) for feeds in session.data.tests[:1])]
    weights = weight_facts(session.nets.train.layers, f"after {iteration} iterations")
    name = views[0].definition.name or "the net"
    run = {"title": f"{name}, {iteration} iterations", "lines": session.data.titles(), "charts": _charts(run_dir)}
    page.write(path, net_page(views, weights=weights, run=run))
    return path


def _view(title, feeds):
    known = {
        ref: shape
        for layer in feeds.definition.layers
        if layer.tops and layer.tops[0] in feeds.shapes
        for ref, shape in zip(layer.tops, feeds.shapes[layer.tops[0]])
    }
    return NetView.of(title, feeds.definition, known)[0]


def _charts(run_dir):
    try:
        return curves(training_log.read(pathlib.Path(run_dir, "train.log")))
    except DataError:  # it has said nothing yet
        return []
