"""configs/README.md, made from the headers of the configs and from results.csv."""

import pathlib

from zoo.formats import config_header

NAME = "README.md"
_HEAD = """# Configs

This page is made by `python -m zoo.results --readme` from the headers of the configs and results.csv, so edit those.

One file is one model: the solver on top, its net inside as `net_param`, in Caffe's own language.
`python -m zoo.train --config=configs/FILE` trains it; each file's header says what prepares its data, where its net and
recipe come from, and in what it differs from them.

Parameters are all learned or fixed weights, shared ones counted once. BatchNorm's running sums (two a channel and one
factor a layer) are no parameters and stand behind a +. A score under "published" is its authors' own; it was not
measured here. What was measured here stands in the last column, from [results.csv](results.csv), which says on what, at
which commit and how long; `python -m zoo.results NAME` measures a model and writes both. A recipe that was changed or
shortened stands with its change. A score that names a page of docs was measured as that page tells.

Long files are generated: `python -m configs.generate NAME` writes one, from the module of its family in
[generate](generate), and `tests/configs` holds file and module together. Whoever changes such a file changes the
module.

| file | net | parameters | input | recipe | published | measured here |
|---|---|---|---|---|---|---|
"""


def text(configs, rows=()):
    """Returns the page for the configs at these paths, in their order, with the `Measured` rows of results.csv.

    Raises:
        PrototxtError: a header that is not whole.
    """
    return _HEAD + "".join(_row(pathlib.Path(path), rows) for path in configs)


def _row(path, rows):
    header = config_header.read(path)
    published = f"{header.published} ({header.published_in})" if header.published_in else header.published
    elsewhere = [header.measured] if header.measured else []
    measured = "; ".join(elsewhere + [_measured(row) for row in rows if row.config == path.stem])
    cells = (f"[{path.stem}]({path.name})", header.net, header.parameters, header.input, header.recipe)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in (*cells, published, measured))} |\n"


def _measured(row):
    changes = f" with `{row.changes}`" if row.changes else ""
    data = f" on {row.data}" if row.data else ""
    return f"{row.output} {row.score} after {int(row.iterations):,} iterations{data}{changes}"
