"""Writes MNIST as TFRecord shards.

    python -m data_prep.mnist [--output_dir=data/mnist]

The digits are taken from the first of: the four original IDX files (in --idx_dir, else data/mnist, data,
$ZOO_SHARED/mnist or ../shared/mnist), TensorFlow Datasets, and, said loudly, the small digits that come with
scikit-learn. The order of the file is kept, since Caffe reads in it. Running it again checks what is there and does
nothing more.

  python -m data_prep.mnist --digits=5-9 --output_dir=data/digits_5-9/mnist

takes some digits only, for fine-tuning on the others. Classes count from 0, so the labels change: label 0 is then the
digit 5, label 4 the digit 9; the command says so, and the card names the classes. A config that reads "mnist/train"
reads these with --data_dir=data/digits_5-9.
"""

import os
import pathlib
import sys
from typing import NamedTuple

import numpy as np
from absl import flags

from data_prep import common, mnist_fallback, official, sources
from zoo.errors import DataError, Place
from zoo.formats import records
from zoo.formats.idx import read_idx_images, read_idx_labels

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
PER_CLASS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # MNIST's training digits
SHARDS = 10
ALL = "0-9"
ROOT = pathlib.Path(__file__).resolve().parents[1]


class Split(NamedTuple):
    """Digits: `images` uint8 (N, 28, 28, 1) and `labels` (N,)."""

    images: np.ndarray
    labels: np.ndarray


def idx_folders(idx_dir=None):
    """Returns the directories where IDX files are looked for, in order."""
    if idx_dir:
        return [pathlib.Path(idx_dir)]
    shared = pathlib.Path(os.environ.get("ZOO_SHARED", ROOT.parent / "shared"))
    return [pathlib.Path("data/mnist"), pathlib.Path("data"), shared / "mnist"]


def find_idx(folder):
    """Returns {split: (images path, labels path)} of the IDX files in `folder`, or None unless all four are there.

    Plain and gzipped files are taken, with the original names or with "." before "idx", as some mirrors have them.
    """
    found = {}
    for split, names in FILES.items():
        paths = []
        for name in names:
            options = [folder / (n + end) for n in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")]
            paths += [path for path in options if path.is_file()][:1]
        found[split] = tuple(paths)
    return found if all(len(paths) == 2 for paths in found.values()) else None


def read_split(images_path, labels_path):
    """Returns the `Split` of two IDX files; raises DataError where they are damaged or do not belong together."""
    images, labels = read_idx_images(images_path), read_idx_labels(labels_path)
    if len(images) != len(labels):
        got = f"{len(labels)} labels in {labels_path}"
        raise DataError("images without their labels", at=Place(str(images_path)), got=got, want=len(images))
    if images.shape[1:] != (28, 28):
        raise DataError("not MNIST digits", at=Place(str(images_path)), got=images.shape[1:], want=(28, 28))
    return Split(images[..., None], labels)


def load(source="auto", idx_dir=None, tfds_seconds=120):
    """Returns (source used, where from, {split: `Split`}); raises DataError where `source` cannot be had.

    Where from is a directory with the files that `find_idx` finds in it, or words.
    """
    tried = idx_folders(idx_dir)
    if source in ("auto", "idx"):
        for folder in tried:
            found = find_idx(folder)
            if found:
                return "idx", str(folder), {split: read_split(*paths) for split, paths in found.items()}
        if source == "idx" or idx_dir:
            wanted = ", ".join(name + "[.gz]" for names in FILES.values() for name in names)
            raise DataError("no MNIST files", got=f"tried {', '.join(map(str, tried))}", want=wanted)
        print(f"No IDX files in {', '.join(map(str, tried))}; trying TensorFlow Datasets.")
    if source in ("auto", "tfds"):
        try:
            arrays = mnist_fallback.from_tfds(tfds_seconds)
        except DataError as e:
            if source == "tfds":
                raise
            print(f"No MNIST from TensorFlow Datasets: {e.got}")
        else:
            print(
                "NOTE: TensorFlow Datasets has MNIST in an order of its own; losses will not equal Caffe's one by one."
            )
            return "tfds", "TensorFlow Datasets", {split: Split(*pair) for split, pair in arrays.items()}
    print(mnist_fallback.WARNING, file=sys.stderr)
    return "digits", "scikit-learn load_digits", {s: Split(*pair) for s, pair in mnist_fallback.from_digits().items()}


def chosen(text):
    """Returns the digits that `text` names, in ascending order: "5-9", "0,2,4" or "0-3,8"; raises DataError."""
    found = set()
    for part in text.split(","):
        ends = [end.strip() for end in part.split("-")]
        if len(ends) > 2 or not all(len(end) == 1 and end in "0123456789" for end in ends) or ends[0] > ends[-1]:
            raise DataError("--digits", got=text, want="digits from 0 to 9, such as 5-9 or 0,2,4")
        found.update(range(int(ends[0]), int(ends[-1]) + 1))
    return sorted(found)


def only(split, digits):
    """Returns the images of `digits` in a `Split`, in its order, each with its digit's place in `digits` as label."""
    places = np.full(10, -1)
    places[digits] = np.arange(len(digits))
    labels = places[split.labels]
    return Split(split.images[labels >= 0], labels[labels >= 0])


def _check_digits(output_dir, cards, digits):
    """Raises DataError where what is there are other digits than those asked for."""
    for split, card in cards.items():
        there = card.made.get("digits", ALL)  # a card without it is older than the choice
        if chosen(there) != digits:
            at = Place(str(records.card_path(pathlib.Path(output_dir, split))))
            hint = "add --force to prepare it again, or name another --output_dir"
            raise DataError("this split has other digits", at=at, got=there, want=",".join(map(str, digits)), hint=hint)


def prepare(
    output_dir,
    *,
    source="auto",
    idx_dir=None,
    digits=ALL,
    shards=None,
    force=False,
    tfds_seconds=120,
    feature_names="tfds",
    verify_sources=False,
):
    """Writes the splits "train" and "test" under `output_dir` unless they are there; returns {split: `Card`}.

    Args:
        output_dir: the directory of the splits.
        source, idx_dir, tfds_seconds: as for `load`.
        digits: which ones, as `chosen` reads it; label k is the k-th of them.
        shards: files a split.
        force: write again what is there.
        feature_names: see `zoo.formats.records.features`.
        verify_sources: whether the IDX files are held against what the cards say of them, where these are there.

    Raises:
        DataError: the source cannot be had or is damaged, or what is there was made otherwise.
    """
    classes = chosen(digits)
    if not force:
        wanted = {"source": None if source == "auto" else source, "shards": shards, "feature_names": feature_names}
        cards = common.finished(output_dir, FILES, wanted, dict, verify_sources)
        if cards:
            _check_digits(output_dir, cards, classes)
            print(f"Nothing to do: {output_dir} is complete (--force prepares it again).")
            if any(card.made["source"] == "digits" for card in cards.values()):
                print(mnist_fallback.WARNING, file=sys.stderr)
            return cards
    used, where, splits = load(source, idx_dir, tfds_seconds)
    shards = SHARDS if shards is None else shards
    where_from = f" --idx_dir={idx_dir}" if idx_dir else ""
    which = ("" if len(classes) == 10 else f" --digits={digits}") + f" --feature_names={feature_names}"
    command = f"python -m data_prep.mnist --output_dir={output_dir} --source={used}{where_from}{which} --force"
    made = {
        "title": _title(used, where, splits, digits),
        "source": used,
        "from": where,
        "shards": shards,
        "order": "as in the source",
        "digits": digits,
    }
    made["feature_names"] = feature_names
    files = (find_idx(pathlib.Path(where)) if used == "idx" else None) or dict.fromkeys(splits, ())
    names, cards = [str(digit) for digit in classes], {}
    with common.alone(output_dir):
        for split, arrays in splits.items():
            note = {} if used == "digits" else official.noted("MNIST", split, len(arrays.labels))
            note[sources.KEY] = sources.noted({str(path): [path] for path in files[split]}, verify_sources)
            how = (shards, names, command, made | note, feature_names)
            cards[split] = common.write_arrays(output_dir, split, *only(arrays, classes), *how)
    return cards


def _title(used, where, splits, digits):
    """Returns what these digits are, for people; MNIST only where there are as many of each class as in MNIST."""
    if used == "digits":
        name = "scikit-learn's small digits, NOT MNIST"
    else:
        is_it = np.bincount(splits["train"].labels, minlength=10).tolist() == PER_CLASS
        name = "MNIST" if is_it else f"IDX files of {where}, NOT MNIST"
    return name if digits == ALL else f"{name}, digits {digits}"


def main(_):
    """Reads the flags, prepares, and says the numbers."""
    f = flags.FLAGS
    names = ("source", "idx_dir", "digits", "shards", "force", "tfds_seconds", "feature_names", "verify_sources")
    cards = prepare(f.output_dir, **{name: f[name].value for name in names})
    made = cards["train"].made
    report = common.describe(f.output_dir, cards, f"{made.get('title', 'digits')}, made from {made['from']}")
    report.more |= {"title": made.get("title"), "source": made["source"]}
    if len(chosen(f.digits)) < 10:
        said = ", ".join(f"{label} is digit {digit}" for label, digit in enumerate(chosen(f.digits)))
        return report.text(f"labels: {said}")
    return common.train_next(report, f.output_dir, "mnist", "lenet")


if __name__ == "__main__":
    flags.DEFINE_string("output_dir", "data/mnist", "Where to write the shards.")
    flags.DEFINE_string("idx_dir", None, "Where the four IDX files are, gzipped or not.")
    flags.DEFINE_enum("source", "auto", ["auto", "idx", "tfds", "digits"], "Where the digits come from.")
    flags.DEFINE_string(
        "digits", ALL, "Which digits, such as 5-9 or 0,2,4. The k-th of them gets label k, counted from 0."
    )
    flags.DEFINE_integer("shards", None, f"Files per split; by default {SHARDS}.", lower_bound=1)
    common.define_feature_names()
    sources.define_flag()
    flags.DEFINE_bool("force", False, "Prepare again even if it is already there.")
    flags.DEFINE_integer("tfds_seconds", 120, "Seconds that TensorFlow Datasets may take at most.", lower_bound=1)
    common.run(main)
