"""Draws the curves of a training run as a picture: loss and learning rate, and what the test net said.

python -m zoo.plot --run_dir=runs/lenet
python -m zoo.plot --log=caffe.log,ours.log --output=both.png     any log in Caffe's form, several to compare
"""

import os
import pathlib

from absl import flags

from zoo import command
from zoo.errors import DataError
from zoo.formats import training_log

RUN_DIR = flags.DEFINE_string("run_dir", None, "Run folder of zoo.train; its train.log is drawn.")
LOG = flags.DEFINE_list("log", [], "Log files to draw in one picture, Caffe's or ours, gzipped or not.")
OUTPUT = flags.DEFINE_string(
    "output", None, "Picture to write (.png, .svg, .pdf). Default: curves.png in the run folder."
)


def draw(logs, path):
    """Draws {name: TrainingLog} into the picture file `path`, written whole or not at all."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    scores = list(dict.fromkeys(name for log in logs.values() for name in log.test if "loss" not in name.lower()))
    figure, axes = pyplot.subplots(1, 2 if scores else 1, figsize=(11 if scores else 6, 4), squeeze=False)
    left, *right = axes[0]
    for name, log in logs.items():
        if log.loss:
            left.plot(*zip(*log.loss), linewidth=1, label=f"{name}: train loss")
        for output, curve in log.test.items():
            if "loss" in output.lower():
                left.plot(*zip(*curve), marker="o", markersize=3, label=f"{name}: test {output}")
            elif right:
                right[0].plot(*zip(*curve), marker="o", markersize=3, label=f"{name}: test {output}")
    left.set(xlabel="iteration", ylabel="loss", yscale="log", title="loss")
    for axis in right:
        axis.set(xlabel="iteration", title="test net")
    for axis in axes[0]:
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    figure.tight_layout()
    part = pathlib.Path(path).with_name(f".part-{os.getpid()}-{pathlib.Path(path).name}")
    try:
        figure.savefig(part, dpi=110)
        os.replace(part, path)
    except (OSError, ValueError) as error:
        part.unlink(missing_ok=True)
        raise DataError(f"cannot write picture {path}", got=str(error)) from error
    finally:
        pyplot.close(figure)


def main():
    """Reads the logs and draws them."""
    paths = [pathlib.Path(path) for path in LOG.value]
    if RUN_DIR.value:
        paths.insert(0, pathlib.Path(RUN_DIR.value) / "train.log")
    if not paths:
        raise DataError("nothing to draw", want="--run_dir=FOLDER or --log=FILE[,FILE...]")
    logs = {(path.parent.name if path.name == "train.log" else path.stem): training_log.read(path) for path in paths}
    output = OUTPUT.value or str(pathlib.Path(RUN_DIR.value or ".") / "curves.png")
    draw(logs, output)
    print(f"curves: {output}")


if __name__ == "__main__":
    command.run(main)
