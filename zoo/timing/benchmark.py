"""One benchmark from a config to the lines that say it."""

import dataclasses

from absl import logging

from zoo.converters.solver import optimizer, solver_def
from zoo.errors import NetError, Place, raise_together
from zoo.progress import Progress
from zoo.report import Report
from zoo.timing import report
from zoo.timing.clock import mean
from zoo.timing.feed_time import feed_time
from zoo.timing.layers import layer_times
from zoo.timing.timed_net import open_feeds, timed_net
from zoo.timing.whole_net import whole_times

LEAST_BATCHES = 10  # of a data layer, whose times differ more than a net's


def everything(source, iterations, data_dir=None, shapes=None):
    """Times layers, whole net and data layers; logs Caffe's lines and returns ours as a `Report`; seconds.

    Args:
        source: as `timed_net.open_source` gives it.
        iterations: how often each is timed.
        data_dir, shapes: as for `timed_net.timed_net`.

    Raises:
        ZooError: as the parts raise them.
    """
    timed = timed_net(source, data_dir, shapes)
    net = timed.net
    for name, why in timed.made.items():
        logging.info("%s: random numbers stand in for its data (%s)", name, why)
    for layer in timed.left_out:
        logging.info("%s: not timed, as it would act outside of the net", layer.at())
    logging.info("*** Benchmark begins ***")
    logging.info("Testing for %d iterations.", iterations)
    computing = sum(layer.call is not None for layer in net.layers)
    progress = Progress(computing + iterations + len(timed.feeds), unit="step")
    steps = iter(range(1, 1 + computing + iterations + len(timed.feeds)))

    def advance():
        progress.to(next(steps))

    try:
        layers = list(layer_times(net, timed.batch, iterations, advance))
        whole = whole_times(net, timed.batch, iterations, _optimizer(source, net), advance)
        feeds = [_timed_feed(feed, iterations, advance) for feed in timed.feeds]
    finally:
        progress.close()
    report.caffe_lines(layers, feeds, whole)
    parts = [report.layer_lines(layers), report.whole_lines(whole, timed.items)]
    if feeds:
        parts.append([*report.feed_lines(feeds), "", report.verdict(feeds, whole, timed.items)])
    found = Report().text("\n".join([line for part in parts for line in ("", *part)][1:]))
    found.more["layers"] = [dataclasses.asdict(layer) for layer in layers]
    for name, rounds in dataclasses.asdict(whole).items():
        if rounds:
            found.score(f"{name}_seconds", mean(rounds), hidden=True)
            found.score(f"{name}_items_per_second", timed.items / mean(rounds), hidden=True)
    return _with_feeds(found, feeds)


def _with_feeds(found, feeds):
    found.more["data_layers"] = [dataclasses.asdict(feed) for feed in feeds]
    for feed in feeds:
        found.score(f"{feed.name}_items_per_second", feed.items_per_second, hidden=True)
    return found


def data_only(source, iterations, data_dir=None):
    """Times the data layers of a net; returns the `Report`.

    Raises:
        DataError: data that are not there, or damaged.
        NetError: the net has no data layer.
    """
    feeds, missing = open_feeds(source.definition, data_dir)
    raise_together(list(missing.values()))
    if not feeds:
        raise NetError("there is no data layer to time", at=Place(source.file))
    progress = Progress(len(feeds), unit="data layer")
    try:
        found = [_timed_feed(feed, iterations, lambda k=k: progress.to(k + 1)) for k, feed in enumerate(feeds)]
    finally:
        progress.close()
    return _with_feeds(Report().text("\n".join(report.feed_lines(found))), found)


def _timed_feed(feed, iterations, after):
    found = feed_time(feed, max(iterations, LEAST_BATCHES))
    after()
    return found


def _optimizer(source, net):
    """Returns the optimizer of a solver over `net`'s parameters; None for a net's file and a TEST net."""
    config = source.config
    if net.clock is None or not config.is_solver:
        return None
    return optimizer(solver_def(config.parsed), net.learnable())
