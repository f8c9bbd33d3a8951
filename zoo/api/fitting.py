"""Training by one call: a config, what is changed of it, and what came out."""

import json
import os
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from zoo.converters.solver import solver_def
from zoo.errors import SolverError, did_you_mean
from zoo.formats import caffe_pb2, training_log
from zoo.formats.packaged import find
from zoo.netdef.config import open_config
from zoo.training import folders
from zoo.training.run_options import RunOptions
from zoo.training.scoring import Score
from zoo.training.shorthand import Shorthand
from zoo.training.trainer import train

_SHORT = tuple(each.name for each in fields(Shorthand) if each.name not in ("set", "dry_run"))
Curve = list[tuple[int, float]]


@dataclass(frozen=True)
class Fit:
    """How a training run ended.

    Attributes:
        scores: {output of the first test net: its mean over the last test}.
        iteration: how many iterations the net has behind it.
        done: whether that is all of them; the same call goes on where not.
        history: {curve: [(iteration, value)]}: "loss", "lr", and "test NAME" for each output of a test net.
        run_dir, weights, log: paths of the run directory, of the .caffemodel of the last iteration (None where none was
            written), and of the log.
    """

    scores: Mapping[str, float]
    iteration: int
    done: bool
    history: Mapping[str, Curve] = field(repr=False)
    run_dir: str
    weights: str | None
    log: str

    @property
    def score(self) -> float | None:
        """The accuracy of the last test, or its first output where none is called so; None without a test."""
        for name, value in self.scores.items():
            if name.startswith("acc"):
                return value
        return next(iter(self.scores.values()), None)


def fit(
    config: str | os.PathLike[str],
    run_dir: str | os.PathLike[str] | None = None,
    *,
    data_dir: str | os.PathLike[str] | None = "data",
    options: RunOptions | None = None,
    set: str = "",
    **changes: Any,
) -> Fit:
    """Trains a config in a run directory, as `python -m zoo.train` does; the same call again continues.

    Args:
        config: the path of a solver, or the name of a packaged config.
        run_dir: where checkpoints, log and curves go; None takes runs/NAME.
        data_dir: where data sources are looked for first.
        options: a `RunOptions` of weights to start from, precision and so on; its data_dir gives way to `data_dir`.
        set: changes of solver and layers as prototxt, as --set.
        changes: by short names, batch_size, test_batch_size, epochs, lr, momentum, gamma, seed, log_interval; or any
            field of the solver, such as max_iter=500 or stepvalue=[100, 200].

    Raises:
        SolverError: a change that is no field of the solver.
        ZooError: what is wrong with config, data, weights or directory.

    Example:
        >>> net = '''net_param {
        ...     layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param {
        ...         shape { dim: 4 dim: 3 } shape { dim: 4 dim: 1 } data_filler { type: "constant" value: 1 } } }
        ...     layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 1 } }
        ...     layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" } }'''
        >>> _ = pathlib.Path("tiny.prototxt").write_text(f'base_lr: 0.1 lr_policy: "fixed" display: 1 {net}')
        >>> result = fit("tiny.prototxt", max_iter=3, seed=1, lr=0.05, options=RunOptions(summaries=False))
        >>> result.iteration, result.done, result.run_dir
        (3, True, 'runs/tiny')
        >>> [iteration for iteration, loss in result.history["loss"]]
        [0, 1, 2, 3]
    """
    path = find(os.fspath(config))
    shorthand, text = _changes(changes)
    shorthand = Shorthand(**shorthand, set=f"{set} {text}".strip())
    options = replace(options or RunOptions(), data_dir=data_dir)
    where: dict[str, Any] = {"data_dir": data_dir, "level": options.level, "stages": options.stages, "prefix": ""}
    opened = shorthand.applied(open_config(path), **where)
    solver = solver_def(shorthand.ended(opened, **where).solver())
    if not solver.message.HasField("max_iter"):
        hint = "max_iter=10000, for instance, or epochs=5"
        raise SolverError("the solver does not say how long to train: max_iter", got="none", hint=hint)
    folder = pathlib.Path(run_dir or folders.default(path))
    result = train(solver, folder, options)
    return fitted(result, folder)


def fitted(result, folder) -> Fit:
    """Returns the `Fit` of a trainer's `Result` in a run directory."""
    log = pathlib.Path(folder, "train.log")
    scores = {name: score.value for name, score in result.scores.items() if isinstance(score, Score)}
    iteration = result.session.state.iteration
    return Fit(scores, iteration, result.done, _history(log), str(folder), result.weights, str(log))


def _history(log):
    try:
        found = training_log.read(log)
    except training_log.DataError:  # a run that displays and tests nothing
        return {}
    curves = {"loss": found.loss, "lr": found.rate, **{f"test {name}": curve for name, curve in found.test.items()}}
    return {name: list(curve) for name, curve in curves.items() if curve}


def _changes(given):
    """Returns ({short name: value}, prototxt of the other fields) of what `fit` was given."""
    short, text = {}, []
    known = caffe_pb2.SolverParameter.DESCRIPTOR.fields_by_name
    for name, value in given.items():
        if name in _SHORT:
            short[name] = value
        elif name in known and not known[name].message_type:
            values = value if isinstance(value, list | tuple) else [value]
            text += [f"{name}: {_text(known[name], each)}" for each in values]
        else:
            hint = (
                did_you_mean(name, [*_SHORT, *(each for each in known if not known[each].message_type)])
                or f"short names are {', '.join(_SHORT)}; layers by set='...'"
            )
            raise SolverError("no such change", got=name, want="a short name, or a field of the solver", hint=hint)
    return short, " ".join(text)


def _text(descriptor, value):
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, str) and not descriptor.enum_type else str(value)
