"""What was timed, said: lines in the form of `caffe time` (caffe.cpp:331-387), tables, and which side is slower."""

from absl import logging

from zoo.export.tables import shape_text, table
from zoo.timing.clock import mean
from zoo.training.caffe_log import number


def _ms(seconds):
    return number(seconds * 1000)


def _text(seconds):
    return "" if seconds is None else f"{seconds * 1000:.3f}"


def caffe_lines(layers, feeds, whole):
    """Logs what Caffe logs, in its words.

    Args:
        layers: the `LayerTime`s.
        feeds: the `FeedTime`s; a data layer's forward is how long its pipeline, alone, takes for a batch.
        whole: the `WholeTime`.
    """
    rows = [(feed.name, feed.batch_seconds, 0.0) for feed in feeds]
    rows += [(layer.name, layer.forward, layer.backward or 0.0) for layer in layers]
    logging.info("Average time per layer: ")
    for name, forward, backward in rows:
        logging.info("%10s\tforward: %s ms.", name, _ms(forward))
        logging.info("%10s\tbackward: %s ms.", name, _ms(backward))
    logging.info("Average Forward pass: %s ms.", _ms(mean(whole.forward)))
    logging.info("Average Backward pass: %s ms.", _ms(mean(whole.both) - mean(whole.forward)))
    logging.info("Average Forward-Backward: %s ms.", _ms(mean(whole.both)))
    logging.info("Total Time: %s ms.", _ms(sum(whole.both)))
    logging.info("*** Benchmark ends ***")


def layer_lines(layers):
    """Returns the lines of the table of layers; a multiply-add is two operations (FLOP), of one forward pass."""
    rows = []
    for layer in layers:
        flop = 2 * layer.multiply_adds
        rate = f"{flop / layer.forward / 1e9:.1f}" if flop and layer.forward else ""
        tops = ", ".join(shape_text(shape) for shape in layer.tops)
        work = f"{flop / 1e6:,.1f}" if flop else ""
        rows.append([layer.name, layer.type, tops, _text(layer.forward), _text(layer.backward), work, rate])
    forward, backward = sum(layer.forward for layer in layers), sum(layer.backward or 0 for layer in layers)
    work = 2 * sum(layer.multiply_adds for layer in layers)
    rows.append(["sum of layers", "", "", _text(forward), _text(backward), f"{work / 1e6:,.1f}" if work else "", ""])
    head = ["layer", "type", "output", "forward ms", "backward ms", "MFLOP", "forward GFLOP/s"]
    return table(head, rows, right=(3, 4, 5, 6))


def whole_lines(whole, items):
    """Returns the lines of the table of the whole net: each part's mean, fastest, and items a second of the mean."""
    parts = [("forward", whole.forward), ("forward and backward", whole.both)]
    if whole.step is not None:
        parts.append(("and update: a training iteration", whole.step))
    rows = [
        [name, _text(mean(seconds)), _text(min(seconds)), f"{items / mean(seconds):.1f}"] for name, seconds in parts
    ]
    return table(["the whole net, one graph", "mean ms", "fastest ms", "items/s"], rows, right=(1, 2, 3))


def feed_lines(feeds):
    """Returns the lines of the table of data layers."""
    rows = [
        [
            feed.name,
            feed.type,
            ", ".join(shape_text(shape) for shape in feed.tops),
            f"{feed.items_per_second:.1f}",
            f"{feed.bytes / feed.seconds / 1e6:.1f}",
            _text(feed.batch_seconds),
        ]
        for feed in feeds
    ]
    return table(["data layer", "type", "output", "items/s", "MB/s", "ms a batch"], rows, right=(3, 4, 5))


def verdict(feeds, whole, items):
    """Returns a sentence that says which is slower, the data or the net; "" without data layers.

    Several data layers take the sum of their times, as they share the processor.
    """
    if not feeds:
        return ""
    data = items / sum(feed.batch_seconds for feed in feeds)
    seconds, what = (whole.both, "forward and backward") if whole.step is None else (whole.step, "training")
    net = items / mean(seconds)
    slower = "the input pipeline" if data < net else "the net"
    return (
        f"Bottleneck: {slower}. The input pipeline gives {data:.1f} items/s, the net takes {net:.1f} ({what}), each "
        "measured alone; where both run on the same processor they share it."
    )
