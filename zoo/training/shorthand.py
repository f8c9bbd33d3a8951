"""What people change most often, by short names: each becomes a change of the config, as --set would say it."""

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from absl import logging

from zoo.errors import SolverError
from zoo.formats import caffe_pb2
from zoo.formats.image_list import read_list
from zoo.formats.paths import find_file
from zoo.formats.prototxt import to_text
from zoo.input.sources.locate import find_source
from zoo.layers import find
from zoo.netdef.batch import sized
from zoo.netdef.changes import Change
from zoo.netdef.config import Config
from zoo.netdef.netdef import LayerDef

FIELDS = {"lr": "base_lr", "momentum": "momentum", "gamma": "gamma", "seed": "random_seed", "log_interval": "display"}
_PERIODS = ("test_interval", "snapshot", "display")


@dataclass(frozen=True)
class Shorthand:
    """Changes by short names; None leaves a field as the config has it.

    Attributes:
        lr, momentum, gamma, seed, log_interval: base_lr, momentum, gamma, random_seed and display of the solver.
        batch_size, test_batch_size: of the data layers of the training net, and of the test nets.
        epochs: passes over the training data, which become max_iter.
        dry_run: one iteration and one batch of each test net.
        set: prototxt, as `zoo.netdef.changes.HELP` says.
    """

    lr: float | None = None
    momentum: float | None = None
    gamma: float | None = None
    seed: int | None = None
    log_interval: int | None = None
    batch_size: int | None = None
    test_batch_size: int | None = None
    epochs: float | None = None
    dry_run: bool = False
    set: str = ""

    def applied(
        self, config: Config, data_dir=None, level: int | None = None, stages: Sequence[str] = (), prefix: str = "--"
    ) -> Config:
        """Returns `config` with all changes but `epochs` and `dry_run` merged into it.

        Args:
            config: the `Config` of a solver.
            data_dir: where a net that the solver names is looked for first.
            level, stages: the rest of the training net's state.
            prefix: what stands before a short name where errors and --print_config name it.

        Raises:
            SolverError: a field is given twice, or a batch size where no data layer has one of its own.
            ZooError: what is wrong with the texts or the nets.
        """
        if self.set.strip():
            config = config.changed([Change(self.set, f"{prefix}set")], data_dir)
        solver = config.solver()
        for name, field in FIELDS.items():
            value, said = getattr(self, name), f"{prefix}{name}"
            if value is not None:
                _once(solver.at(field), field, said, f"{prefix}set")
                config = config.changed([Change(f"{field}: {value!r}", said)])
        for phase, value, name in (
            ("TRAIN", self.batch_size, "batch_size"),
            ("TEST", self.test_batch_size, "test_batch_size"),
        ):
            if value is not None:
                changes = batch_size(config, phase, value, f"{prefix}{name}", data_dir, level, stages, f"{prefix}set")
                config = config.changed(changes, data_dir)
        return config

    def ended(
        self, config: Config, data_dir=None, devices=1, level: int | None = None, stages=(), prefix="--"
    ) -> Config:
        """Returns `config`, to which `applied` has been, with `epochs` and `dry_run` merged into it.

        Args:
            devices: how many batches an iteration takes, one for each device.
            config, data_dir, level, stages, prefix: as for `applied`.

        Raises:
            SolverError: the size of the data is not known, or max_iter is given too.
        """
        if self.epochs is not None:
            _once(config.solver().at("max_iter"), "max_iter", f"{prefix}epochs", f"{prefix}set")
            iterations, how = iterations_of(config, self.epochs, data_dir, devices, level, stages, f"{prefix}epochs")
            config = config.changed([Change(f"max_iter: {iterations}", f"{prefix}epochs")])
            message = config.solver().message
            periods = ", ".join(f"{name}: {getattr(message, name)}" for name in _PERIODS if getattr(message, name))
            logging.info(
                "max_iter: %d, %s. %s", iterations, how, f"In iterations, as before: {periods}" * bool(periods)
            )
        if self.dry_run:
            tests = "".join("test_iter: 1 " for _ in config.solver().message.test_iter)
            text = f"max_iter: 1 display: 1 snapshot: 0 snapshot_after_train: false {tests}"
            config = config.changed([Change(text, f"{prefix}dry_run")])
        return config


def batch_size(config, phase, value, said, data_dir=None, level=None, stages=(), other="--set"):
    """Returns the `Change`s that give the data layers of a phase's nets batches of `value`.

    Args:
        config: a `Config`.
        phase: "TRAIN" or "TEST".
        value: items in a batch.
        said: what errors call this.
        data_dir, level, stages: as for `Config.definition`.
        other: what a change that gives the same field is called.

    Raises:
        SolverError: no data layer states a batch size, one feeds both phases, or `other` has given it.
        NetError: `value` is no size.
    """
    definition = config.definition(phase, level, tuple(stages), data_dir)
    elsewhere = _others(config, phase, data_dir)
    changes = []
    for layer in definition.layers:
        kind, message = find(layer.kind), sized(layer, value)
        if message is None or kind is None or kind.fed_by_program:
            continue
        if layer.place.line in elsewhere:
            hint = f"--set='layer {{ name: \"{layer.name}\" ... }}' changes both"
            raise SolverError(f"{said} is of one phase, and this layer feeds both", at=layer.at(), hint=hint)
        param = kind.batch_param or "dummy_data_param"
        if kind.batch_param:
            _once(layer.at(f"{param}.batch_size"), "batch_size", said, other)
        patch = caffe_pb2.LayerParameter(name=layer.name)
        _copy_size(message, patch, param)
        if layer.message.include or layer.message.exclude:
            patch.include.extend(layer.message.include or [caffe_pb2.NetStateRule(phase=caffe_pb2.Phase.Value(phase))])
        changes.append(Change(f"layer {{ {' '.join(to_text(patch).split())} }}", said, (phase,)))
    if not changes:
        raise SolverError(f"{said} changes nothing", got="no data layer with a batch size", want="one in the net")
    return changes


def iterations_of(config, epochs, data_dir=None, devices=1, level=None, stages=(), said="--epochs"):
    """Returns (how many iterations `epochs` passes over the training data take, how that is calculated).

    Of several data layers, the one that takes longest decides.

    Raises:
        SolverError: `epochs` is no number, or no data layer tells how many records it has.
    """
    if not isinstance(epochs, numbers.Real) or not math.isfinite(epochs) or epochs < 0:
        raise SolverError(f"{said}: not a number of passes", got=epochs, want="0 or more")
    definition = config.definition("TRAIN", level, tuple(stages), data_dir)
    found = [each for layer in definition.layers if (each := _records(layer, data_dir))]
    if not found:
        want = "a data layer over a database, shards, or a list of images"
        hint = "say max_iter instead"
        raise SolverError(f"{said}: how many records the data has is not known", want=want, hint=hint)
    count, batch = max(found, key=lambda pair: pair[0] / pair[1])
    size = config.solver().message.iter_size * devices
    per_iteration = batch * size
    batches = f"{batch}" + (f" x {size}" if size > 1 else "")
    how = f"{epochs:g} x {count} records, {batches} an iteration"
    return math.ceil(Fraction(str(epochs)) * count / per_iteration), how


def _records(layer: LayerDef, data_dir):
    """Returns (records, items in a batch) of a data layer; None of one that does not tell."""
    kind = find(layer.kind)
    if kind is None or layer.type not in ("Data", "AnnotatedData", "ImageData"):
        return None
    spec = kind(layer).spec
    where = {"at": layer.at(f"{kind.batch_param}.source"), "data_dir": data_dir, "file": layer.place.file}
    if layer.type == "ImageData":
        return len(read_list(find_file(spec.source, "list of images", **where))), spec.batch_size
    return find_source(spec.source, **where).count, spec.batch_size


def _others(config, phase, data_dir):
    """Lines of the layers that the net of the other phase has, where that is of the same text."""
    other = "TEST" if phase == "TRAIN" else "TRAIN"
    if config.source(other).phase == phase or config.source(other).field not in ("net", "net_param"):
        return set()
    return {layer.place.line for layer in config.definition(other, data_dir=data_dir).layers}


def _copy_size(message, patch, param):
    """Puts into `patch` what of `message` says the size of a batch."""
    old, new = getattr(message, param), getattr(patch, param)
    if param != "dummy_data_param":
        new.batch_size = old.batch_size
        return
    new.shape.extend(old.shape)
    new.num.extend(old.num)


def _once(at, field, said, other):
    """Raises SolverError where `other` has given a field that `said` gives: its place says so."""
    if at.file == other:
        raise SolverError(f"{field} is given twice", got=f"{other} and {said}", want="one of them")
