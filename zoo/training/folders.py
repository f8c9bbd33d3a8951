"""What a run directory is called where nobody says it."""

import pathlib
import re

from absl import logging

from zoo.training import checkpoint_files

ROOT = pathlib.Path("runs")
# Words that files of many models are called by; a name made of these alone tells nothing.
_COMMON = frozenset((
    "adadelta", "adagrad", "adam", "base", "big", "caffe", "config", "default", "deep", "deploy", "fast",
    "final", "finetune", "full", "lr", "main", "mix", "model", "multistep", "my", "nesterov", "net", "network",
    "new", "old", "poly", "proto", "prototxt", "quick", "rmsprop", "sgd", "small", "solver", "solvers", "stage",
    "step", "test", "train", "trainval", "val",
))  # fmt: skip


def default(config):
    """Returns the run directory of the solver file `config`: runs/NAME, or runs/FOLDER_NAME where NAME does not tell.

    configs/lenet.prototxt gives runs/lenet, models/vgg/solver.prototxt gives runs/vgg_solver.
    """
    path = pathlib.Path(config)
    words = [word.rstrip("0123456789") for word in re.split(r"[\W_]+", path.stem.lower())]
    if not all(word in _COMMON or len(word) < 2 for word in words):
        return ROOT / path.stem
    old, folder = ROOT / path.stem, path.resolve().parent.name
    run_dir = ROOT / f"{folder}_{path.stem}" if folder else old
    if old != run_dir and checkpoint_files.whole(old / "checkpoints") and not run_dir.exists():
        logging.warning("%s is what an earlier version would have gone on with: --run_dir=%s does so", old, old)
    return run_dir
