"""The page of a run, RUN/net.html: its nets with the weights that it ended with, and its curves."""

import pathlib
import re

from zoo.errors import DataError
from zoo.formats import run_card, training_log
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
    try:
        charts = curves(_log(run_dir))
    except DataError:  # it has said nothing yet
        charts = []
    page.write(path, net_page(views, weights=weights, run=_run(name, iteration, session.data.titles(), charts)))
    return path


def of_files(run_dir):
    """Returns what `net_page` takes as `run`, from the files of a run directory, as one that was killed has left them.

    Raises:
        DataError: its log cannot be read, or says nothing yet.
    """
    log, card = _log(run_dir), run_card.read(run_dir)
    last = max(x for curve in (log.loss, *log.test.values()) for x, _ in curve)
    name, lines = (card.net, card.data) if card else ("", ())
    return _run(name or "the net", last, lines, curves(log))


def newest_weights(run_dir):
    """Returns the path of the .caffemodel of the last iteration in a run's snapshots, or None where there is none."""
    found = {
        int(match[1]): path
        for path in pathlib.Path(run_dir, "snapshots").glob("*.caffemodel*")
        if (match := re.search(r"_iter_(\d+)\.caffemodel(\.h5)?$", path.name))
    }
    return str(found[max(found)]) if found else None


def _run(name, iteration, lines, charts):
    return {"title": f"{name}, {iteration} iterations", "lines": list(lines), "charts": charts}


def _view(title, feeds):
    known = {
        ref: shape
        for layer in feeds.definition.layers
        if layer.tops and layer.tops[0] in feeds.shapes
        for ref, shape in zip(layer.tops, feeds.shapes[layer.tops[0]])
    }
    return NetView.of(title, feeds.definition, known)[0]


def _log(run_dir):
    return training_log.read(pathlib.Path(run_dir, "train.log"))
