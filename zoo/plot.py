"""Draws the curves of a training run as a chart: loss and learning rate, and what the test net said.

python -m zoo.plot --run_dir=runs/lenet
python -m zoo.plot --log=caffe.log,ours.log --output=both.png     any log in Caffe's form, several to compare
python -m zoo.plot --kernels=conv1,conv2 --weights=x_iter_0.caffemodel,x_iter_500.caffemodel --output=kernels.png

With --kernels it draws what `python -m zoo.filters --layers=...` does: kernels, a row for each layer and a column for
each weights file, such as those before training, which `python -m zoo.train --snapshot_start` keeps, and those after.
"""

import pathlib

from absl import flags

from zoo import charts, command
from zoo.errors import DataError
from zoo.formats import limits, run_card, training_log
from zoo.images import files
from zoo.progress import waiting
from zoo.report import Report
from zoo.visualization.sheets.kernels import kernel_sheet, labels

RUN_DIR = flags.DEFINE_string("run_dir", None, "Run directory of zoo.train; its train.log is drawn.")
LOG = flags.DEFINE_list("log", [], "Log files to draw in one image, Caffe's or ours, gzipped or not.")
KERNELS = flags.DEFINE_list(
    "kernels", [], "Layers whose kernels to draw, of each file in --weights; zoo.filters has more flags."
)
WEIGHTS = flags.DEFINE_list("weights", [], "With --kernels: weights files (.caffemodel, .caffemodel.h5, our .keras).")
OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Chart to write (.png, .svg, .pdf). Default: curves.png, or kernels.png, in the run directory.",
)
limits.define_flags()


def draw(logs, path, title=None):
    """Draws {name: TrainingLog} into the image file `path`, written whole or not at all, `title` above."""
    scores = list(dict.fromkeys(name for log in logs.values() for name in log.test if "loss" not in name.lower()))
    with charts.chart(path, columns=2 if scores else 1, size=(11 if scores else 6, 4)) as (figure, axes):
        left, *right = axes
        for index, (name, log) in enumerate(logs.items()):
            width = charts.width(index, len(logs))
            dots = {"linewidth": width, "marker": "o", "markersize": 2 + width}
            if log.loss:
                left.plot(*zip(*log.loss), linewidth=width, label=f"{name}: train loss")
            for output, curve in log.test.items():
                if "loss" in output.lower():
                    left.plot(*zip(*curve), **dots, label=f"{name}: test {output}")
                elif right:
                    right[0].plot(*zip(*curve), **dots, label=f"{name}: test {output}")
        left.set(xlabel="iteration", ylabel="loss", yscale="log", title="loss")
        for axis in right:
            axis.set(xlabel="iteration", title="test net")
        for axis in axes:
            axis.grid(alpha=0.3)
            axis.legend(fontsize=8)
        if title:
            figure.suptitle(title)


def curves(paths, output, title=None):
    """Reads log files and draws them into `output`; named by `charts.labels`."""
    draw({name: training_log.read(path) for name, path in zip(charts.labels(paths), paths)}, output, title)


def trained(run_dir):
    """Returns which net was trained in a run directory and on what, or None where nobody noted it."""
    card = run_card.read(run_dir) if run_dir else None
    return f"{card.net or 'a net'} trained on {', '.join(card.data)}" if card and card.data else None


def main():
    """Reads the flags, draws, and says where."""
    if KERNELS.value or WEIGHTS.value:
        if not (KERNELS.value and WEIGHTS.value):
            raise DataError("--kernels and --weights go together", want="--kernels=conv1 --weights=X.caffemodel")
        output = OUTPUT.value or str(pathlib.Path(RUN_DIR.value or ".") / "kernels.png")
        with waiting("Drawing"):
            files.write(output, kernel_sheet(labels(WEIGHTS.value), KERNELS.value))
        return Report().text(f"kernels of {', '.join(KERNELS.value)}: {output}").note_made("chart", output)
    paths = [pathlib.Path(path) for path in LOG.value]
    if RUN_DIR.value:
        paths.insert(0, pathlib.Path(RUN_DIR.value) / "train.log")
    if not paths:
        raise DataError("nothing to draw", want="--run_dir=DIRECTORY or --log=FILE[,FILE...]")
    output = OUTPUT.value or str(pathlib.Path(RUN_DIR.value or ".") / "curves.png")
    title = trained(RUN_DIR.value)
    with waiting("Drawing"):
        curves(paths, output, title)
    report = Report().text(f"curves{f' of {title}' if title else ''}: {output}").note_made("chart", output)
    report.more["logs"] = paths
    if RUN_DIR.value:
        report.then("watch", "tensorboard.main", "--logdir", RUN_DIR.value)
    return report.then("numbers", "zoo.parse_log", paths[0])


if __name__ == "__main__":
    command.run(main)
