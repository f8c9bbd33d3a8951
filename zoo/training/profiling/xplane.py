"""What TensorFlow's profiler writes (XSpace, `.xplane.pb`) -> the operations that ran, with the time of each."""

from typing import NamedTuple

from zoo.errors import DataError


class Event(NamedTuple):
    """Something that ran.

    Attributes:
        name: an operation's name with its scopes, or what TensorFlow's runtime calls it.
        kind: the type of the operation, such as "Conv2D"; "" for what is no operation.
        device, thread: where it ran.
        start, duration: nanoseconds; the start since the first event of the trace.
        own: nanoseconds of it that no other event on its thread lies in.
    """

    name: str
    kind: str
    device: str
    thread: str
    start: float
    duration: float
    own: float


def events(data):
    """Returns the `Event`s of the bytes of an XSpace, by their start.

    Raises:
        DataError: the bytes are none.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    try:
        space = xplane_pb2.XSpace.FromString(data)
    except DecodeError as error:
        raise DataError("no trace of TensorFlow's profiler", got=error) from None
    found = []
    for plane in space.planes:
        if plane.name.startswith(("/host:CPU", "/device:")):
            for line in plane.lines:
                found += _of_line(plane, line)
    found.sort(key=lambda event: (event.start, -event.duration))
    first = found[0].start if found else 0
    return [event._replace(start=event.start - first) for event in found]


def _of_line(plane, line):
    """Returns the events of a thread, with the time that each spends itself."""
    thread = line.display_name or line.name or str(line.id)
    order = sorted(line.events, key=lambda event: (event.offset_ps, -event.duration_ps))
    own, under = [event.duration_ps for event in order], []
    for index, event in enumerate(order):
        while under and _end(order[under[-1]]) <= event.offset_ps:
            under.pop()
        if under:
            own[under[-1]] -= event.duration_ps
        under.append(index)
    found = []
    for event, spent in zip(order, own):
        name, kind = _named(plane, event)
        start = line.timestamp_ns + event.offset_ps / 1000
        found.append(Event(name, kind, plane.name, thread, start, event.duration_ps / 1000, max(spent, 0) / 1000))
    return found


def _end(event):
    return event.offset_ps + event.duration_ps


def _named(plane, event):
    """Returns (name, type of operation or "") of an event.

    On the host an operation is called NAME:TYPE. On a GPU an event is a kernel, whose statistics name the operation.
    """
    metadata = plane.event_metadata[event.metadata_id]
    name, kind = metadata.name, metadata.display_name
    if kind and name.endswith(f":{kind}"):
        return name[: -len(kind) - 1], kind
    if plane.name.startswith("/device:"):
        for stat in (*event.stats, *metadata.stats):
            if plane.stat_metadata[stat.metadata_id].name in ("tf_op", "name"):
                text = stat.str_value or plane.stat_metadata[stat.ref_value].name
                path, _, of = text.rpartition(":")
                if of:
                    return path, of
    return name, ""
