"""SolverParameter -> optimizer, schedule, cadence and the nets it names. Field names are Caffe's throughout."""

import os
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo.converters.parameters import Parameter
from zoo.errors import SolverError, raise_together
from zoo.formats import caffe_pb2
from zoo.formats.prototxt import Parsed
from zoo.netdef.solver_nets import NetSource, nets
from zoo.solvers import checks, schedules
from zoo.solvers.base import CaffeOptimizer
from zoo.solvers.optimizers import OPTIMIZERS
from zoo.solvers.recording import recording

# Smallest values that make sense. Caffe checks average_loss (solver.cpp:48) and divides or loops by the others.
_LEAST = {"max_iter": 0, "display": 0, "average_loss": 1, "test_interval": 0, "snapshot": 0, "device_id": 0}
_WITHOUT_MOMENTUM = ("AdaGrad", "RMSProp")  # sgd_solvers.hpp:71-97


@dataclass(frozen=True)
class SolverDef:
    """A solver, read and checked; nothing in it is yet opened or created but the schedule.

    Attributes:
        type: "SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta" or "Adam".
        max_iter: where training ends; 0, as in Caffe, where the file does not say, and a program drives the steps.
        lr_policy, schedule: the policy's name and its Keras schedule.
        rule: arguments of the optimizer's constructor besides rate and multipliers (momentum, clip_gradients, ...).
        train, tests: `NetSource` of the training net and of each test net, in Caffe's order.
        test_iter: batches to test with, one number a test net.
        snapshot_prefix: how snapshots' names begin, after Caffe's rule for where none or a directory is given;
            None only for a message without a file that takes no snapshots.
        snapshot_format: "BINARYPROTO" or "HDF5".
        random_seed: None where each run is to differ.
        solver_mode: "CPU" or "GPU"; None where the file does not set it.
        weights: files to start from, in order.
        message, file: what was read, never modified, and where it stands.
        others: the fields of SolverParameter by their names.
    """

    type: str
    lr_policy: str
    schedule: schedules.Schedule
    rule: Mapping[str, Any]
    train: NetSource
    tests: tuple[NetSource, ...]
    max_iter: int
    display: int
    average_loss: int
    iter_size: int
    test_iter: tuple[int, ...]
    test_interval: int
    test_initialization: bool
    test_compute_loss: bool
    snapshot: int
    snapshot_prefix: str | None
    snapshot_format: str
    snapshot_diff: bool
    snapshot_after_train: bool
    random_seed: int | None
    solver_mode: str | None
    device_id: int
    debug_info: bool
    layer_wise_reduce: bool
    weights: tuple[str, ...]
    ap_version: str
    show_per_class_result: bool
    message: caffe_pb2.SolverParameter = field(repr=False)
    file: str | None = None

    # Caffe's loop (solver.cpp:193-334): what is due before, in and after the iteration that comes next, counted from 0.

    def test_due(self, iteration: int, last: bool = False) -> bool:
        """Whether the test nets run before `iteration`; with `last`, after training has ended there."""
        return _due(self.test_interval, iteration) and (last or iteration > 0 or self.test_initialization)

    def display_due(self, iteration: int) -> bool:
        """Whether `iteration` is displayed."""
        return _due(self.display, iteration)

    def snapshot_due(self, iteration: int) -> bool:
        """Whether a snapshot is taken once `iteration` updates have been made."""
        return _due(self.snapshot, iteration)


def _due(period, iteration):
    return bool(period) and iteration % period == 0


def solver_def(solver: Parsed | caffe_pb2.SolverParameter) -> SolverDef:
    """Reads a solver.

    Args:
        solver: `Parsed` of a SolverParameter, or the message alone, whose errors then have no lines.

    Returns:
        A `SolverDef`.

    Raises:
        SolverError: one error with everything that is missing, out of range or contradictory.

    Example:
        >>> from zoo.netdef.config import open_config
        >>> solver = solver_def(open_config("configs/lenet.prototxt").solver())
        >>> solver.type, solver.max_iter, solver.test_due(500)
        ('SGD', 10000, True)
    """
    parsed = solver if isinstance(solver, Parsed) else Parsed(solver)
    message, errors = parsed.message, []

    def attempt(part) -> Any:
        try:
            return part(parsed)
        except SolverError as error:
            errors.append(_placed(error, parsed))
            return None

    kind = attempt(_type)
    rule: Any = attempt(lambda _: _rule(message, kind)) if kind else None
    schedule = attempt(lambda _: _schedule(message))
    sources = attempt(nets)
    weights = attempt(_weights)
    ap_version = attempt(_ap_version)
    prefix = attempt(snapshot_prefix)
    for name, least in _LEAST.items():
        attempt(lambda _, name=name, least=least: checks.at_least(least, **{name: getattr(message, name)}))
    raise_together(errors)
    return SolverDef(
        type=kind,
        lr_policy=message.lr_policy,
        schedule=schedule,
        rule=rule,
        train=sources[0],
        tests=sources[1],
        iter_size=message.iter_size,
        test_iter=tuple(message.test_iter),
        snapshot_prefix=prefix,
        snapshot_format=message.SnapshotFormat.Name(message.snapshot_format),
        random_seed=message.random_seed if message.random_seed >= 0 else None,
        solver_mode=message.SolverMode.Name(message.solver_mode) if message.HasField("solver_mode") else None,
        weights=weights,
        ap_version=ap_version,
        message=message,
        file=parsed.file,
        **{name: getattr(message, name) for name in (*_LEAST, *_SWITCHES)},
    )


AP_VERSIONS = ("Integral", "11point", "MaxIntegral")  # weiliu89/caffe@ssd bbox_util.cpp:1996-2080


def _ap_version(parsed):
    """Returns how an average precision is computed; what is tested follows from the test nets, not from eval_type."""
    message = parsed.message
    known = {"ap_version": AP_VERSIONS, "eval_type": ("classification", "detection")}
    for name, words in known.items():
        if getattr(message, name) not in words:
            got, want = f'"{getattr(message, name)}"', ", ".join(words)
            raise SolverError(f"unknown {name}", at=parsed.at(name), got=got, want=want)
    return message.ap_version


_SWITCHES = (
    "test_initialization",
    "test_compute_loss",
    "snapshot_diff",
    "snapshot_after_train",
    "debug_info",
    "layer_wise_reduce",
    "show_per_class_result",
)


def optimizer(solver: SolverDef, parameters: Sequence[Parameter], keep_updates: bool = False) -> CaffeOptimizer:
    """Returns a new Keras optimizer for a `SolverDef`, built over what `held` gives of `parameters`.

    Args:
        solver: the `SolverDef`.
        parameters: the learnable `Parameter`s of the training net.
        keep_updates: whether it keeps what each update subtracts, see `recording`.
    """
    cls = OPTIMIZERS[solver.type]
    learned, still = held(solver, parameters)
    multipliers = {p.variable.path: (p.lr_mult, p.decay_mult) for p in learned}
    multipliers |= {p.variable.path: (0.0, p.decay_mult) for p in still}
    made = (recording(cls) if keep_updates else cls)(solver.schedule, multipliers=multipliers, **solver.rule)
    made.build([p.variable for p in (*learned, *still)])
    return made


def held(solver: SolverDef, parameters: Sequence[Parameter]) -> tuple[list[Parameter], list[Parameter]]:
    """Returns those of `parameters` that a solver learns, and those that stay but whose decay goes into the history.

    Where lr_mult is 0, as it always is for BatchNorm's sums (batch_norm_layer.cpp:37-49), the rate is 0. But Caffe adds
    the decay to the gradient all the same, and all rules but those with a momentum of the rate keep it
    (sgd_solver.cpp:103-205). It is in the .solverstate, and counts when one goes on with the parameter learned.
    """
    learned = [p for p in parameters if p.variable.trainable]
    if solver.type in ("SGD", "Nesterov") or not solver.rule["weight_decay"]:
        return learned, []
    return learned, [p for p in parameters if not p.variable.trainable and p.decay_mult]


def snapshot_prefix(parsed):
    """Returns what snapshots' names begin with (upgrade_proto.cpp:1100-1116), or None where nothing says it.

    Without a prefix it is the solver's path without its extension; a directory gets the solver's name without one.

    Raises:
        SolverError: snapshots are asked for and nothing says where to.
    """
    message = parsed.message
    if not message.HasField("snapshot_prefix"):
        if parsed.file:
            return str(pathlib.Path(parsed.file).with_suffix(""))
        if message.snapshot:
            raise SolverError("snapshot_prefix", got="none", want="where snapshots go, as snapshot is set")
        return None
    if parsed.file and os.path.isdir(message.snapshot_prefix):
        return os.path.join(message.snapshot_prefix, pathlib.Path(parsed.file).stem)
    return message.snapshot_prefix


def _placed(error, parsed):
    """Returns `error` with the place of the field that its `what` names, if it has none."""
    if error.at is not None:
        return error
    at = parsed.at(error.what)
    if at.line is None:
        at = parsed.at(_INSTEAD.get(error.what))
    return SolverError(error.what, at=at, got=error.got, want=error.want, hint=error.hint)


def _type(parsed):
    message = parsed.message
    if not message.HasField("solver_type"):
        checks.one_of(OPTIMIZERS, type=message.type)
        return message.type
    if message.HasField("type"):
        raise SolverError("solver_type", got="type as well", want="one of them", hint="remove solver_type, the old one")
    old = message.SolverType.Name(message.solver_type)
    return next(name for name in OPTIMIZERS if name.upper() == old)


def _rule(message, kind):
    rule = {name: getattr(message, name) for name in OPTIMIZERS[kind].fields}
    OPTIMIZERS[kind].check(**rule)
    if kind in _WITHOUT_MOMENTUM and message.momentum:
        raise SolverError("momentum", got=f"{message.momentum:.7g}", want=f"none with type {kind}")
    return rule


def _schedule(message):
    if not message.HasField("lr_policy"):
        raise SolverError("lr_policy", got="none", want="one of " + ", ".join(schedules.POLICIES))
    fields = {name: getattr(message, name) if message.HasField(name) else None for name in _RATE_FIELDS}
    fields["stepvalue"] = list(message.stepvalue) or None
    fields["plateau_winsize"], fields["average_loss"] = list(message.plateau_winsize) or None, message.average_loss
    if message.HasField("max_iter"):
        fields["max_iter"] = max(message.max_iter, 0)  # that it is negative is said elsewhere
    return schedules.schedule(message.lr_policy, **fields)


_RATE_FIELDS = ("base_lr", "gamma", "power", "stepsize")

# Where a field that is missing is wanted from.
_INSTEAD = {
    **dict.fromkeys((*_RATE_FIELDS, "stepvalue", "plateau_winsize"), "lr_policy"),
    "test_iter": "test_net",
    "test_interval": "test_iter",
    "snapshot_prefix": "snapshot",
}


def _weights(parsed):
    """Files of `weights`, each of which may be several behind commas (solver.cpp:66-76)."""
    names = [name.strip() for given in parsed.message.weights for name in given.split(",")]
    if "" in names:
        raise SolverError("weights", got="an empty name", want="the path of a .caffemodel")
    return tuple(names)
