"""Scores a net with given weights on its TEST data, as `caffe test` does (tools/caffe.cpp:261-325)."""

import time

from absl import logging

from zoo.converters import weights
from zoo.converters.build import build
from zoo.progress import Progress
from zoo.training import caffe_log
from zoo.training.feeds import Feeds
from zoo.training.gathering import gathered, means
from zoo.training.scoring import next_call
from zoo.training.step import TestStep, acting
from zoo.training.wrong_labels import check_scores


def evaluate(definition, weights_files, iterations, data_dir=None, shards=None, ap_version="Integral"):
    """Returns ({output: mean over batches}, mean loss) of `iterations` batches.

    Args:
        definition: the TEST `NetDef`, with data layers.
        weights_files: weights files, copied by layer name in order.
        iterations: number of batches.
        data_dir: where data sources are looked for first.
        shards: the `ShardCheck` of what is read, or None.
        ap_version: how an average precision is computed; see `average_precision`.

    Raises:
        ZooError: what is wrong with the net, its data or the weights.
    """
    feeds = Feeds(definition, data_dir, shards=shards)
    net = build(definition, feeds.shapes, held=0)
    for path in weights_files:
        logging.info("Weights of %s: %s", path, weights.load(net, path))
    logging.info("Running for %d iterations.", iterations)
    step, batches = TestStep(net), feeds.batches(0)
    with feeds.reading(), acting(net):
        loss, values = _scored(step, batches, iterations)
        if shards:
            shards.settle("the scores were said")
        plain = [value for ref, value in values.items() if ref not in gathered(net)]
        check_scores(net, [*plain, loss], lambda: feeds.batches(0), iterations)
    loss = float(loss) / iterations
    logging.info("Loss: %s", caffe_log.number(loss))
    return caffe_log.outputs("Test", net, means(net, values, iterations, ap_version)), loss


def _scored(step, batches, iterations):
    """Returns what the `TestStep` gives for so many batches, in calls short enough to say how far it is."""
    found, done, per_call = None, 0, 1
    with Progress(iterations, unit="batch") as progress:
        while done < iterations:
            count, began = min(per_call, iterations - done), time.monotonic()
            found = step(batches, count, found)
            done, per_call = done + count, next_call(per_call, count, time.monotonic() - began)
            progress.to(done)
    return found
