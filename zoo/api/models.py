"""The models that come with the package: which there are, what they cost, and how well they do."""

import fnmatch
import math
import numbers
import os
import pathlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

from zoo.catalogue import results_file
from zoo.errors import ZooError, did_you_mean
from zoo.formats import config_header
from zoo.formats.packaged import find, packaged

_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?%")
_NUMBER = re.compile(r"\d+\.\d+")
_LESS_IS_BETTER = re.compile(r"(loss|error)\d*$")  # outputs that are no share of anything


@dataclass(frozen=True)
class Model:
    """One config, in words and numbers; `print` shows it all.

    Attributes:
        name: what it is called here, such as "alexnet".
        path: its file.
        title: the first line of the file.
        net: its architecture, in a few words.
        parameters: numbers that are learned or fixed, shared ones once, of all that the file trains.
        statistics: BatchNorm's running sums, which are no parameters.
        flops: multiply-adds of the deploy net for one item, by convolutions, inner products and recurrent layers; None
            where they depend on the size of the item.
        input: what one item is, "3 x 224 x 224" as C x H x W, or in words.
        recipe: whose solver it is.
        published: the score of its authors in their words; None where there is none.
        published_in: where that score stands.
        score: the first number of `published`, in percent; None without one.
        measured: what a run of ours of the whole recipe gave, in percent; None where none was made, or what it gave is
            a loss or an error.
        commands: what prepares its data and trains it.
    """

    name: str
    path: str
    title: str
    net: str
    parameters: int
    statistics: int
    flops: int | None
    input: str
    recipe: str
    published: str | None
    published_in: str
    score: float | None
    measured: float | None
    commands: tuple[str, ...] = field(default=())

    def rows(self) -> list[tuple[str, str]]:
        """Returns (what, value) of all that is known, for people."""
        published = f"{self.published} ({self.published_in})" if self.published else "none"
        return [
            ("name", self.name),
            ("net", self.net),
            ("parameters", f"{self.parameters:,}" + (f" + {self.statistics:,} sums" if self.statistics else "")),
            ("multiply-adds", f"{self.flops:,}" if self.flops is not None else "by the size of an item"),
            ("input", self.input),
            ("recipe", self.recipe),
            ("published", published),
            ("measured here", "no score" if self.measured is None else f"{self.measured:g} %"),
            ("file", self.path),
            *(("command", command) for command in self.commands),
        ]

    def __str__(self):
        rows = self.rows()
        width = max(len(what) for what, _ in rows)
        return "\n".join([self.title, *(f"  {what.ljust(width)}  {value}" for what, value in rows)])

    def _repr_html_(self):
        cells = "".join(f"<tr><th>{escape(what)}</th><td>{escape(value)}</td></tr>" for what, value in self.rows())
        return f"<p>{escape(self.title)}</p><table>{cells}</table>"


SORTS: dict[str, Callable[[Model], tuple]] = {
    "name": lambda model: (model.name,),
    "params": lambda model: (model.parameters,),
    "flops": lambda model: (model.flops is None, model.flops or 0),
    "score": lambda model: (-_or_least(_best(model)),),
}


def list_models(
    pattern: str = "*",
    *,
    max_params: float | None = None,
    max_flops: float | None = None,
    min_score: float | None = None,
    sort: str = "name",
) -> list[str]:
    """Returns the names of the models that come with the package.

    Args:
        pattern: what their names match: "res*", "*net*"; a name itself is one.
        max_params: most parameters that they have.
        max_flops: most multiply-adds for one item; a net for which they are not known is left out.
        min_score: least percent that they reach, as measured here, or where that is not known as published.
        sort: "name", "params", "flops" or "score", of which the best is first.

    Raises:
        ZooError: an unknown `sort`, a bound that is no number, or a `min_score` that is a share of 1.

    Example:
        >>> list_models("squeeze*")
        ['squeezenet1_0', 'squeezenet1_1']
        >>> list_models("resnet1*", max_flops=8e9, sort="flops")
        ['resnet18', 'resnet101']
    """
    found = models(pattern, max_params=max_params, max_flops=max_flops, min_score=min_score, sort=sort)
    return [model.name for model in found]


def models(
    pattern: str = "*",
    *,
    max_params: float | None = None,
    max_flops: float | None = None,
    min_score: float | None = None,
    sort: str = "name",
) -> list[Model]:
    """Returns the `Model`s that `list_models` names, with the same arguments."""
    if sort not in SORTS:
        hint = did_you_mean(sort, SORTS)
        raise ZooError("no such order", got=repr(sort), want=f"one of {', '.join(SORTS)}", hint=hint)
    for name, value in (("max_params", max_params), ("max_flops", max_flops), ("min_score", min_score)):
        if value is not None and not isinstance(value, numbers.Real):
            raise ZooError(f"{name} is no number", got=repr(value), want="one such as 5e9")
    if min_score is not None and 0 < min_score < 1:
        raise ZooError("min_score is in percent", got=f"{min_score:g}", want=f"{100 * min_score:g} for that share")
    chosen = {name: path for name, path in packaged().items() if fnmatch.fnmatchcase(name, pattern)}
    found = _models(chosen)
    if max_params is not None:
        found = [model for model in found if model.parameters <= max_params]
    if max_flops is not None:
        found = [model for model in found if model.flops is not None and model.flops <= max_flops]
    if min_score is not None:
        found = [model for model in found if (best := _best(model)) is not None and best >= min_score]
    return sorted(found, key=SORTS[sort])


def describe(config: str | os.PathLike[str]) -> Model:
    """Returns the `Model` of a packaged config's name, or of any config's path: what it is, costs and reaches.

    Raises:
        ZooError: there is no such config, or what is wrong with it.

    Example:
        >>> print(describe("lenet"))  # doctest: +ELLIPSIS
        LeNet on MNIST: the net and the recipe of Caffe's tutorial (examples/mnist), in one file.
          name           lenet
          net            LeNet, Caffe's form
          parameters     431,080
          multiply-adds  2,293,000
          input          1 x 28 x 28
          ...
    """
    path = pathlib.Path(find(os.fspath(config)))
    return _models({path.stem: path})[0]


def _models(paths):
    """Returns a `Model` for each of {name: path}."""
    headers = {name: config_header.of(path) for name, path in paths.items()}
    costs = {name: _cost(path, headers[name]) for name, path in paths.items()}
    measured = {folder: _measured(folder) for folder in {path.parent for path in paths.values()}}
    return [_model(name, path, headers[name], costs[name], measured[path.parent]) for name, path in paths.items()]


def _cost(path, header):
    """Returns the `Cost` of the net of a config whose header does not say it, else None."""
    if header and header.multiply_adds:
        return None
    from zoo.api import costs  # with every layer type: a second that lists of packaged models do not need

    return costs.of(path, header)


def _model(name, path, header, cost, measured):
    if header is None:
        counts = (cost.parameters, cost.statistics) if cost else (0, 0)
        words = dict.fromkeys(("title", "net", "recipe", "published_in"), "")
        flops, size = (cost.flops if cost else None), "as its data are"
        return Model(
            name, str(path), parameters=counts[0], statistics=counts[1], flops=flops, input=size, published=None,
            score=None, measured=None, **words,
        )  # fmt: skip
    learned, _, sums = header.parameters.replace(",", "").partition(" + ")
    return Model(
        name=name,
        path=str(path),
        title=header.title,
        net=header.net,
        parameters=int(learned),
        statistics=int(sums or 0),
        flops=cost.flops if cost else header.flops,
        input=header.input,
        recipe=header.recipe,
        published=header.published if header.has_published else None,
        published_in=header.published_in,
        score=score_of(header.published) if header.has_published else None,
        measured=measured.get(name, score_of(header.measured)),
        commands=header.commands,
    )


def score_of(text: str) -> float | None:
    """Returns the first score in a text, in percent: 57.1 of "top-1 57.1 %, top-5 80.2 %"; None without one.

    A top-5 alone is none: it does not compare with the others.
    """
    if text.startswith("top-5"):
        return None
    match = _PERCENT.search(text)
    if match:
        return float(match[1])
    match = _NUMBER.search(text)
    return None if not match else round(100 * float(match[0]), 4) if float(match[0]) < 1 else float(match[0])


def _best(model):
    return model.score if model.measured is None else model.measured


def _or_least(score):
    return -math.inf if score is None else score


def _measured(folder):
    """Returns {config: percent} of the runs of whole recipes that are noted next to the configs, losses left out."""
    rows = results_file.read(pathlib.Path(folder, results_file.NAME))
    shares = [row for row in rows if not row.changes and not _LESS_IS_BETTER.search(row.output)]
    return {row.config: round(100 * float(row.score), 2) for row in shares if float(row.score) <= 1}
