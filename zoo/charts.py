"""What the commands that draw charts share: figures without a screen, files written whole or not at all, and labels."""

import contextlib
import pathlib

from zoo.errors import DataError
from zoo.formats.atomic import replacing


@contextlib.contextmanager
def chart(path, columns=1, size=(6, 4), rows=1):
    """Gives (figure, its axes row by row) to draw on; the image is written to `path` when the block ends well.

    Args:
        path: the file; its ending says the format: .png, .svg, .pdf and what else Matplotlib knows.
        columns, rows: how many charts stand side by side, and below each other.
        size: of the whole, in inches.

    Raises:
        DataError: the file cannot be written, or its ending is of no format that Matplotlib knows.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False)
    try:
        yield figure, list(axes.flat)
        figure.tight_layout()
        with replacing(path, DataError) as file:
            figure.savefig(file, dpi=110, format=pathlib.Path(path).suffix[1:] or "png")
    except ValueError as error:
        raise DataError(f"cannot draw {path}", got=str(error)) from error
    finally:
        pyplot.close(figure)


def width(index, count):
    """Returns the width of curve `index` of `count`, in points: later ones are thinner, so that equal curves show."""
    return min(1 + 2 * (count - 1 - index), 7)


def labels(paths):
    """Returns a label for each path of a log, table or weights file: short, and no two the same.

    The log of a run directory is called by the directory's name, any other file by its name up to the first dot.
    """
    short = [
        path.resolve().parent.name if path.name.startswith("train.log") else path.name.partition(".")[0]
        for path in paths
    ]
    return [name if short.count(name) == 1 else str(path) for name, path in zip(short, paths)]
