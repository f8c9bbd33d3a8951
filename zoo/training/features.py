"""The values of any blobs of a net, batch by batch over its own data layers."""

import numpy as np

from zoo.converters import weights
from zoo.converters.build import build
from zoo.errors import NetError, Place, did_you_mean
from zoo.layers.ops.layout import to_caffe
from zoo.training.feeds import Feeds
from zoo.training.fingerprint import of_net
from zoo.training.step import ForwardPass, acting


def refs_of(definition, blobs):
    """Returns {name: `BlobRef`} of the last value of each blob; raises NetError for one that the net does not have."""
    last = {top.name: top for layer in definition.layers for top in layer.tops}
    for name in blobs:
        if name not in last:
            hint = did_you_mean(name, last) or f"it has {', '.join(last)}"
            raise NetError(f'no blob "{name}" in the net', at=Place(definition.file), hint=hint)
    return {name: last[name] for name in blobs}


def features(definition, weights_files, blobs, iterations=None, data_dir=None, shards=None, begin=None):
    """Returns (number of items, generator of {blob: float32 (N, ...) in Caffe's order} batch by batch).

    Args:
        definition: the `NetDef`, with data layers.
        weights_files: weights files, copied by layer name in order.
        blobs: names of blobs; each has the items on its first axis.
        iterations: how many batches. None is one pass over the data, the last batch cut where the data end.
        data_dir: where data sources are looked for first.
        shards: the `ShardCheck` of what is read, or None.
        begin: called with what the values follow from, {part: text}; returns how many items, of whole batches, are
            there already and are left out. It is called with None for a net whose layers carry something from batch
            to batch, which has to begin with the first.

    Raises:
        ZooError: what is wrong with the net, its data or the weights; no such blob, or one without items.
    """
    import tensorflow as tf

    refs = refs_of(definition, blobs)
    feeds = Feeds(definition, data_dir, shards=shards)
    net = build(definition, feeds.shapes, held=0)
    for path in weights_files:
        weights.load(net, path)
    size = net.shapes[net.inputs[0]][0]
    for name, ref in refs.items():
        if not net.shapes[ref] or net.shapes[ref][0] != size:
            got = f"{name} {' x '.join(map(str, net.shapes[ref])) or 'one value'}"
            want = f"{size} items on the first axis, as the batch has"
            raise NetError("a blob without a row for each item", at=Place(definition.file), got=got, want=want)
    total = iterations * size if iterations else feeds.count
    if total is None:
        hint = "say how many batches: --iterations=N"
        raise NetError("the data do not say how many there are", at=Place(definition.file), hint=hint)
    start = begin(None if net.state else of_net(feeds, weights_files)) if begin else 0
    return total, _batches(net, feeds, refs, range(start, total), tf.function(ForwardPass(net, list(refs.values()))))


def _batches(net, feeds, refs, items, run):
    done, total = items.start, items.stop
    if done >= total:
        return
    with feeds.reading(), acting(net):
        batches = feeds.batches(done // net.shapes[net.inputs[0]][0])
        while done < total:
            values = run(next(batches), training=False)
            rows = {name: np.asarray(to_caffe(values[ref]), np.float32) for name, ref in refs.items()}
            first = next(iter(rows.values()))
            yield {name: array[: total - done] for name, array in rows.items()}
            done += len(first)
