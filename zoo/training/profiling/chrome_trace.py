"""A trace in the form of chrome://tracing and ui.perfetto.dev: a row a thread, a bar an operation. No TensorFlow."""

import gzip
import json

from zoo.converters.scopes import layer_index


def compressed(events, layers):
    """Returns the gzipped JSON of a trace, which both viewers open as it is; the same bytes for the same events.

    Args:
        events: `xplane.Event`s.
        layers: [(name, type)] of the net's layers; an operation of one is called by it, in a category by its layer.
    """
    rows, found = {}, []
    for event in events:
        device = rows.setdefault(event.device, (len(rows) + 1, {}))
        thread = device[1].setdefault(event.thread, len(device[1]) + 1)
        found.append(_bar(event, layers, device[0], thread))
    named = []
    for device, (pid, threads) in rows.items():
        named.append({"ph": "M", "pid": pid, "name": "process_name", "args": {"name": device}})
        for thread, tid in threads.items():
            named.append({"ph": "M", "pid": pid, "tid": tid, "name": "thread_name", "args": {"name": thread}})
    whole = {"displayTimeUnit": "ms", "traceEvents": named + found}
    return gzip.compress(json.dumps(whole, separators=(",", ":")).encode(), mtime=0)


def _bar(event, layers, pid, tid):
    index = layer_index(event.name)
    bar = {
        "ph": "X",
        "pid": pid,
        "tid": tid,
        "ts": round(event.start / 1000, 3),
        "dur": round(event.duration / 1000, 3),
    }
    if not event.kind:
        return {**bar, "name": event.name, "cat": "runtime"}
    if index is None:
        return {**bar, "name": event.kind, "cat": "operation", "args": {"operation": event.name}}
    name, kind = layers[index]
    backward = " backward" if "gradient_tape/" in event.name else ""
    args = {"operation": event.name, "layer": name, "type": kind}
    return {**bar, "name": f"{name}{backward}: {event.kind}", "cat": "layer", "args": args}
