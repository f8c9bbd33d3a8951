"""What a run's numbers follow from, as short texts by name: to tell whether two runs, or two processes, are alike.

A part is called what people would call it: ``solver base_lr``, ``training net: layer "conv1"``, ``training net: data
of layer "mnist"``, ``weights a.caffemodel``. Its text is a value or a digest. Where a file lies does not count: data
that has moved is the same data.
"""

import importlib.machinery
import os
import pathlib
import platform

import numpy as np

from zoo.errors import WeightsError
from zoo.formats.atomic import sha256
from zoo.formats.digest import DIGITS, digest
from zoo.training import checkpoint_files

_SOLVER = "solver "
# Solver fields that say how long a run goes on, how often it is tested, and what it says and saves on the way: what is
# learned from an iteration to the next is the same with other values.
MAY_CHANGE = frozenset(_SOLVER + name for name in (
    "average_loss", "debug_info", "device_id", "display", "layer_wise_reduce", "max_iter", "snapshot",
    "snapshot_after_train", "snapshot_diff", "snapshot_format", "solver_mode", "test_compute_loss",
    "test_initialization", "test_interval", "test_iter",
))  # fmt: skip
# Which devices there are differs from machine to machine, in processes that train one net.
OF_A_MACHINE = frozenset((f"{_SOLVER}device_id", f"{_SOLVER}solver_mode"))
FILES = ("weights ", "snapshot ")  # how the names of parts begin that `of_files` gives
# Said by other parts, or paths.
_NOT_SOLVERS = {"weights", "snapshot_prefix", "type", "solver_type", "net", "train_net", "test_net"}
# Fields of a layer that say where data lies and how it is fetched; what lies there is a part of its own.
_PLACES = {
    "data_param": ("source", "backend", "prefetch"),
    "dense_image_data_param": ("source", "root_folder"),
    "hdf5_data_param": ("source",),
    "image_data_param": ("source", "root_folder"),
    "transform_param": ("mean_file",),
    "window_data_param": ("source", "root_folder", "cache_images"),
}


def fingerprint(solver, train, tests=(), weights=()):
    """Returns {part: text} of all that a run's numbers follow from, in the order in which a person would look.

    Args:
        solver: the `SolverDef`. Each of its fields is a part, whether the file sets it or not.
        train: the `Feeds` of the training net.
        tests: those of the test nets.
        weights: paths of the weights files to start from.

    Raises:
        ZooError: data or weights cannot be read.
    """
    found = _of_solver(solver) | _of_net("training net", train)
    for index, feeds in enumerate(tests):
        found |= _of_net(f"test net {index}", feeds)
    return found | of_files("weights", weights)


def of_net(feeds, weights=()):
    """Returns what the blobs of a net over its data follow from: {part: text}.

    Args:
        feeds: the `Feeds` of the net.
        weights: paths of weights files.
    """
    return {**_of_net("net", feeds), **of_files("weights", weights)}


def of_files(what, paths):
    """Returns {"`what` NAME": digest} of the files at `paths`, of which the last part of the path is the name.

    Raises:
        WeightsError: one cannot be read.
    """
    found = {}
    for path in paths:
        try:
            _add(found, f"{what} {pathlib.PurePath(path).name}", sha256(path)[:DIGITS])
        except OSError as e:
            raise WeightsError(f"cannot read {path}", got=e.strerror) from e
    return found


def of_software():
    """Returns {name: version} of what computes; our own package's is a digest of its source."""
    import google.protobuf
    import keras
    import tensorflow as tf

    package = pathlib.Path(__file__).parents[1]
    sources = [(str(p.relative_to(package)), p.read_bytes()) for p in sorted(package.rglob("*.py"))]
    return {
        "zoo": digest(*sources),
        "TensorFlow": tf.__version__,
        "Keras": keras.__version__,
        "protobuf": google.protobuf.__version__,
        "NumPy": np.__version__,
        "Python": ".".join(platform.python_version_tuple()[:2]),
    }


def of_process(weights=(), snapshot=None):
    """Returns what processes that train together have in common besides solver, nets and data: versions and files.

    A file that this process cannot read is left out: one of them alone reads it, and says what is wrong with it.

    Args:
        weights: paths of weights files.
        snapshot: a .solverstate or a checkpoint; None without one.
    """
    own = snapshot and checkpoint_files.at(snapshot)
    snapshots = [f"{own}.index" if own else snapshot] if snapshot else []
    found = of_software()
    for what, paths in (("weights", weights), ("snapshot", snapshots)):
        found |= of_files(what, [path for path in paths if os.path.isfile(path) and os.access(path, os.R_OK)])
    return found


def differences(old, new, but=()):
    """Returns {part: (its text in `old`, in `new`)} where two fingerprints differ; None for a part that is not there.

    Args:
        but: names of parts that may differ, such as `MAY_CHANGE`.
    """
    names = [name for name in dict.fromkeys([*old, *new]) if name not in but]
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}


def listed(found, old, new, most=6):
    """Returns `found`, which `differences` gave, as people read it: ``solver base_lr (0.01 OLD, 0.011 NEW); ...``.

    Args:
        old, new: words for whose texts they are, such as "then" and "now".
        most: how many are named; the rest is counted.
    """
    parts = [f"{name} ({a or 'none'} {old}, {b or 'none'} {new})" for name, (a, b) in found.items()]
    more = [f"{len(parts) - most} more"] if len(parts) > most else []
    return "; ".join(parts[:most] + more)


def _add(found, name, text):
    """Puts `text` into `found` as `name`, or as the next that is free where several things are called that."""
    names = (name if number == 1 else f"{name} ({number})" for number in range(1, len(found) + 2))
    found[next(free for free in names if free not in found)] = text


def _of_solver(solver):
    message, found = solver.message, {f"{_SOLVER}type": solver.type}
    for field in message.DESCRIPTOR.fields:
        if field.name in _NOT_SOLVERS or field.message_type:  # nets and their states: the nets themselves are parts
            continue
        values = getattr(message, field.name)
        values = [_text(field, value) for value in (values if field.is_repeated else [values])]
        found[_SOLVER + field.name] = ", ".join(values)
    return found


def _text(field, value):
    if field.enum_type:
        return field.enum_type.values_by_number[value].name
    return str(np.float32(value)) if isinstance(value, float) else str(value)


def _of_net(name, feeds):
    definition, found = feeds.definition, {}
    whole = type(definition.message)()
    whole.CopyFrom(definition.message)
    for field in ("layer", "name", "state"):
        whole.ClearField(field)
    for layer in definition.layers:
        _add(found, f'{name}: layer "{layer.name}"', digest(_bare(layer), _code(layer)))
    for layer, text in feeds.fingerprints():
        _add(found, f'{name}: data of layer "{layer.name}"', text)
    order = [layer.name for layer in definition.layers]
    return {**found, f"{name}: order of layers": digest(whole.SerializeToString(deterministic=True), order)}


def _bare(layer):
    """Returns the bytes of a layer's message without what is decided by now, or says where data lies."""
    message = type(layer.message)()
    message.CopyFrom(layer.message)
    message.ClearField("include")
    message.ClearField("exclude")
    for part, fields in _PLACES.items():
        if message.HasField(part):
            for field in fields:
                getattr(message, part).ClearField(field)
    return message.SerializeToString(deterministic=True)


def _code(layer):
    """Returns the source of a Python layer's module where that is a plain file; looks for it, and runs nothing."""
    if layer.type != "Python" or "." in layer.message.python_param.module:
        return b""
    spec = importlib.machinery.PathFinder.find_spec(layer.message.python_param.module)
    path = pathlib.Path(spec.origin) if spec and spec.has_location else None
    return path.read_bytes() if path and path.suffix == ".py" else b""
