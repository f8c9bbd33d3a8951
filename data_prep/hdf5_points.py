"""Writes points of two classes as HDF5 files, for configs/logreg_hdf5.prototxt.

    python -m data_prep.hdf5_points [--output_dir=data/points]

As Caffe's notebook examples/brewing-logreg.ipynb makes them: 10,000 points with four numbers each, two of which tell
the class, by scikit-learn's make_classification; a quarter is for tests. `train.h5` and `test.h5` have the datasets
`data` (N, 4) and `label` (N); `train.txt` and `test.txt` list them, which is what an HDF5Data layer reads, the training
file twice, as there. The notebook does not say how it draws the quarter; here --seed does.
"""

import pathlib

import h5py
import numpy as np
from absl import flags

from data_prep import common, sources
from zoo.errors import DataError
from zoo.formats import atomic
from zoo.report import Report

POINTS = 10000
TIMES = {"train": 2, "test": 1}  # how often a file stands in its list


def points(seed):
    """Returns {split: (float32 (N, 4) numbers, float32 (N,) labels)}; `seed` decides which points are for tests."""
    import sklearn.datasets
    import sklearn.model_selection

    numbers, labels = sklearn.datasets.make_classification(
        n_samples=POINTS,
        n_features=4,
        n_redundant=0,
        n_informative=2,
        n_clusters_per_class=2,
        hypercube=False,
        random_state=0,
    )
    cut = sklearn.model_selection.train_test_split(numbers, labels, random_state=seed)
    train, test, train_labels, test_labels = (part.astype(np.float32) for part in cut)
    return {"train": (train, train_labels), "test": (test, test_labels)}


def prepare(output_dir, *, seed=0, force=False):
    """Writes the files of both splits under `output_dir` unless they are there; returns {split: points} made.

    Raises:
        DataError: they are there of another seed, another command writes there, or the disk refuses.
    """
    folder, made = pathlib.Path(output_dir), {}
    if not force and (folder / sources.FILE).is_file():
        hint = "add --force to make them again, or name another --output_dir"
        common.check_folder(folder, {"seed": seed}, dict, False, hint)
        return made
    with common.noted_last(folder, {"seed": seed}):
        for split, (numbers, labels) in points(seed).items():
            path = folder.resolve() / f"{split}.h5"
            with atomic.replacing(path, DataError) as file, h5py.File(file, "w") as tree:
                tree.create_dataset("data", data=numbers, compression="gzip", compression_opts=1)
                tree.create_dataset("label", data=labels, compression="gzip", compression_opts=1)
            with atomic.replacing(folder / f"{split}.txt", DataError) as file:
                file.write(f"{path}\n".encode() * TIMES[split])
            made[split] = len(labels)
    return made


def main(_):
    """Reads the flags, prepares, and says the numbers."""
    f = flags.FLAGS
    made = prepare(f.output_dir, seed=f.seed, force=f.force)
    if not made:
        print(f"Nothing to do: {f.output_dir} is complete (--force prepares it again).")
    report = Report()
    for split, count in made.items():
        text = f'{split}: {count} points of 4 numbers, 2 classes\n  in a prototxt: source: "{f.output_dir}/{split}.txt"'
        report.text(text).note_made(split, f"{f.output_dir}/{split}.txt")
    return common.train_next(report, f.output_dir, "points", "logreg_hdf5")


if __name__ == "__main__":
    flags.DEFINE_string("output_dir", "data/points", "Where to write the HDF5 files and their lists.")
    flags.DEFINE_integer("seed", 0, "Decides which points are for tests.", lower_bound=0)
    flags.DEFINE_bool("force", False, "Write again what is there.")
    common.run(main)
