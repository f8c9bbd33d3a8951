"""Solver state: `.solverstate` and `.solverstate.h5`, which with the weights of the same iteration resume a training.

Caffe keeps neither the place in the data nor the random numbers (sgd_solver.cpp SnapshotSolverStateTo...).
"""

from dataclasses import dataclass

import h5py
import numpy as np

from zoo.errors import Place, WeightsError
from zoo.formats import atomic, blobproto, hdf5, weightsfile, wire

_ITER, _LEARNED_NET, _HISTORY, _CURRENT_STEP, _MINIMUM_LOSS, _ITER_LAST_EVENT = 1, 2, 3, 4, 5, 6
_NO_LOSS = 1e38
_MOST = 2**31 - 1


@dataclass(frozen=True, eq=False)
class SolverState:
    """What a solver remembers besides the weights.

    Attributes:
        iteration: number of iterations done.
        learned_net: path of the weights of that iteration, as written; None where there is none.
        history: float32 arrays, one a learnable parameter in the net's order; AdaDelta and Adam have a second set
            of as many behind the first. Old files give them rank 4.
        current_step: how often the policies "step", "multistep" and "plateau" have lowered the rate.
        minimum_loss, iter_last_event: of the policy "plateau" (weiliu89/caffe@ssd): the least loss so far, and when it
            was found or the rate lowered. Written where there is such a loss.
    """

    iteration: int
    learned_net: str | None
    history: tuple[np.ndarray, ...]
    current_step: int = 0
    minimum_loss: float = _NO_LOSS
    iter_last_event: int = 0


def read(path):
    """Returns the `SolverState` in the file at `path`, binary or HDF5, told apart by content.

    Raises:
        WeightsError: no such file, or one that is damaged or something else.
    """
    weightsfile.check(path, WeightsError)
    if hdf5.is_hdf5(path):
        with hdf5.reading(path, WeightsError) as file:
            return _checked(*_from_hdf5(file))
    data = weightsfile.load(path, WeightsError)
    try:
        return _checked(*_decode(data))
    except wire.WireError as cause:
        hint = weightsfile.what_is(data, weightsfile.STATE)
        if hint:
            raise WeightsError("not a Caffe solver state", at=Place(str(path)), hint=hint) from cause
        raise cause.to(WeightsError, path) from cause


def write(path, state):
    """Writes `state` as Caffe does: HDF5 where `path` ends in ".h5", else binary; replaces what was there at the end.

    Raises:
        WeightsError: the file cannot be written.
    """
    if str(path).endswith(".h5"):
        with hdf5.writing(path, WeightsError) as file:
            _to_hdf5(file, state)
        return
    with atomic.replacing(path, WeightsError) as file:
        file.write(wire.put_tag(_ITER, wire.VARINT) + wire.put_varint(state.iteration))
        if state.learned_net is not None:
            name = state.learned_net.encode("utf-8")
            file.write(wire.put_tag(_LEARNED_NET, wire.LEN) + wire.put_varint(len(name)) + name)
        for values in state.history:
            blob = blobproto.encode(values)
            file.write(wire.put_tag(_HISTORY, wire.LEN) + wire.put_varint(sum(map(len, blob))))
            file.writelines(blob)
        file.write(wire.put_tag(_CURRENT_STEP, wire.VARINT) + wire.put_varint(state.current_step))
        if state.minimum_loss < _NO_LOSS:
            file.write(wire.put_tag(_MINIMUM_LOSS, wire.FIXED32) + np.float32(state.minimum_loss).tobytes())
            file.write(wire.put_tag(_ITER_LAST_EVENT, wire.VARINT) + wire.put_varint(state.iter_last_event))


def _checked(iteration, learned_net, history, current_step, minimum_loss=_NO_LOSS, event=0):
    for name, value in (("iter", iteration), ("current_step", current_step), ("iter_last_event", event)):
        if not 0 <= value <= _MOST:
            raise wire.WireError(f"{name} out of range", got=value, want=f"0 to {_MOST}")
    return SolverState(iteration, learned_net, tuple(history), current_step, float(minimum_loss), event)


def _decode(data):
    iteration, learned_net, history, current_step, events = None, None, [], 0, [_NO_LOSS, 0]
    for field in wire.scan(data):
        if field.number == _ITER and field.wire == wire.VARINT:
            iteration = wire.signed(field.value)
        elif field.number == _LEARNED_NET and field.wire == wire.LEN:
            learned_net = wire.text(data, field, "learned_net")
        elif field.number == _HISTORY and field.wire == wire.LEN:
            history.append(blobproto.decode(data, field.start, field.end).array)
        elif field.number == _CURRENT_STEP and field.wire == wire.VARINT:
            current_step = wire.signed(field.value)
        elif field.number == _MINIMUM_LOSS and field.wire == wire.FIXED32:
            events[0] = np.frombuffer(data, "<f4", 1, field.start)[0]
        elif field.number == _ITER_LAST_EVENT and field.wire == wire.VARINT:
            events[1] = wire.signed(field.value)
    if iteration is None:
        raise wire.WireError("no iteration in it")
    return iteration, learned_net, history, current_step, *events


def _from_hdf5(file):
    hint = f"this looks like {weightsfile.WEIGHTS}.h5" if "data" in file else None
    group = hdf5.group(file, "history", hint=hint)
    learned_net = None
    if "learned_net" in file:
        raw = file["learned_net"][()]
        if not isinstance(raw, bytes):
            raise wire.WireError("learned_net is no string", got=str(file["learned_net"].dtype))
        try:
            learned_net = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise wire.WireError("learned_net is not UTF-8", got=repr(raw[:40])) from None
    found = {hdf5.index(key): hdf5.array(group[key], f"/history/{key}") for key in group}
    if set(found) != set(range(len(group))):
        raise wire.WireError("/history is not numbered", got=hdf5.listed(group), want='"0", "1", ... without a gap')
    history = [found[index] for index in range(len(found))]
    events = []
    if "minimum_loss" in file and "iter_last_event" in file:
        least = hdf5.array(file["minimum_loss"], "/minimum_loss")
        if least.size != 1:
            raise wire.WireError("no minimum_loss in it", got=str(file["minimum_loss"]), want="one number")
        events = [least.ravel()[0], _integer(file, "iter_last_event")]
    return _integer(file, "iter"), learned_net, history, _integer(file, "current_step"), *events


def _integer(file, name):
    item = file.get(name)
    if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "iu" or item.size != 1:
        raise wire.WireError(f"no {name} in it", got=str(item), want="one whole number")
    return int(np.reshape(item[()], ()))


def _to_hdf5(file, state):
    file["iter"] = np.array([state.iteration], np.int32)
    if state.learned_net is not None:
        hdf5.put_text(file, "learned_net", state.learned_net)
    file["current_step"] = np.array([state.current_step], np.int32)
    if state.minimum_loss < _NO_LOSS:
        file["minimum_loss"] = np.array([state.minimum_loss], np.float32)
        file["iter_last_event"] = np.array([state.iter_last_event], np.int32)
    history = file.create_group("history")
    for index, values in enumerate(state.history):
        hdf5.put(history, str(index), values)
