"""Lists the models that come with the package: what they cost, take and reach.

  python -m zoo.list                                          all of them
  python -m zoo.list 'res*'                                   those whose names match
  python -m zoo.list --max_params=30e6 --max_flops=2e9 --sort=score
  python -m zoo.list --csv > models.csv                       for programs

"parameters" are learned or fixed numbers, shared ones once. "multiply-adds" are those of convolutions, inner products
and recurrent layers of the deploy net, for one item; "-" where they depend on its size. A score is in
percent: what was measured here (configs/results.csv), and what its authors published, with where they did.
"""

import csv
import dataclasses
import io

from absl import flags

from zoo import command
from zoo.api.models import SORTS, models
from zoo.errors import ZooError, did_you_mean
from zoo.formats.packaged import packaged
from zoo.report import Report

MAX_PARAMS = flags.DEFINE_float("max_params", None, "Most parameters, such as 30e6.")
MAX_FLOPS = flags.DEFINE_float("max_flops", None, "Most multiply-adds for one item, such as 2e9.")
MIN_SCORE = flags.DEFINE_float("min_score", None, "Least score in percent, as measured here, or else as published.")
SORT = flags.DEFINE_enum("sort", "name", list(SORTS), "What comes first: the smallest, or the best score.")
CSV = flags.DEFINE_bool("csv", False, "Print CSV, with whole numbers and the sources of published scores.")

_COLUMNS = ("model", "parameters", "multiply-adds", "input", "measured", "published", "published in")


def main(pattern="*"):
    """Reads the flags, returns the table."""
    bounds = {"max_params": MAX_PARAMS.value, "max_flops": MAX_FLOPS.value, "min_score": MIN_SCORE.value}
    found = models(pattern, **bounds, sort=SORT.value)
    if not found:
        given = ", ".join(
            [repr(pattern), *(f"--{name}={value:g}" for name, value in bounds.items() if value is not None)]
        )
        raise ZooError("no model is like that", got=given, hint=_instead(pattern))
    if CSV.value:
        return Report().text(_csv(found))
    report = Report().text("\n".join(_table(found)))
    report.more["models"] = [dataclasses.asdict(model) for model in found]
    return report.text("").then("draw", "zoo.draw", found[0].name, f"{found[0].name}.svg")


def _instead(pattern):
    """Returns what may have been meant by a pattern that finds nothing."""
    names = list(packaged())
    if any(name.startswith(pattern) for name in names):
        return f"'{pattern}*' finds the names that begin so"
    return did_you_mean(pattern, names) or "python -m zoo.list shows them all"


def _table(found):
    rows = [_COLUMNS, *map(_row, found)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(_COLUMNS) - 1)]
    numbers = (1, 2, 4)
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if index in numbers else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return lines


def _row(model):
    return (
        model.name,
        _short(model.parameters),
        "-" if model.flops is None else _short(model.flops),
        model.input,
        "-" if model.measured is None else f"{model.measured:g}",
        model.published or "-",
        model.published_in,
    )


def _short(number):
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def _csv(found):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for model in found:
        cells = (model.name, model.parameters, model.flops, model.input, model.measured, model.published)
        writer.writerow(["" if cell is None else cell for cell in (*cells, model.published_in)])
    return text.getvalue().rstrip("\n")


if __name__ == "__main__":
    command.run(main, arguments=1)
