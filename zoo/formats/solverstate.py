"""Solver state: `.solverstate` and `.solverstate.h5`, which with the weights of the same iteration resume a training.

Caffe keeps neither the place in the data nor the random numbers (sgd_solver.cpp SnapshotSolverStateTo...).
"""

from dataclasses import dataclass

import h5py
import numpy as np

from zoo.errors import Place, WeightsError
from zoo.formats import atomic, blobproto, hdf5, weightsfile, wire

_ITER, _LEARNED_NET, _HISTORY, _CURRENT_STEP = 1, 2, 3, 4
_MOST = 2**31 - 1


@dataclass(frozen=True, eq=False)
class SolverState:
    """What a solver remembers besides the weights.

    Attributes:
        iteration: number of iterations done.
        learned_net: path of the weights of that iteration, as written; None where there is none.
        history: float32 arrays, one a learnable parameter in the net's order; AdaDelta and Adam have a second set
            of as many behind the first. Old files give them rank 4.
        current_step: how often the policies "step" and "multistep" have lowered the rate.
    """

    iteration: int
    learned_net: str | None
    history: tuple[np.ndarray, ...]
    current_step: int = 0


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


def _checked(iteration, learned_net, history, current_step):
    for name, value in (("iter", iteration), ("current_step", current_step)):
        if not 0 <= value <= _MOST:
            raise wire.WireError(f"{name} out of range", got=value, want=f"0 to {_MOST}")
    return SolverState(iteration, learned_net, tuple(history), current_step)


def _decode(data):
    iteration, learned_net, history, current_step = None, None, [], 0
    for field in wire.scan(data):
        if field.number == _ITER and field.wire == wire.VARINT:
            iteration = wire.signed(field.value)
        elif field.number == _LEARNED_NET and field.wire == wire.LEN:
            learned_net = wire.text(data, field, "learned_net")
        elif field.number == _HISTORY and field.wire == wire.LEN:
            history.append(blobproto.decode(data, field.start, field.end).array)
        elif field.number == _CURRENT_STEP and field.wire == wire.VARINT:
            current_step = wire.signed(field.value)
    if iteration is None:
        raise wire.WireError("no iteration in it")
    return iteration, learned_net, history, current_step


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
    return _integer(file, "iter"), learned_net, history, _integer(file, "current_step")


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
    history = file.create_group("history")
    for index, values in enumerate(state.history):
        hdf5.put(history, str(index), values)
