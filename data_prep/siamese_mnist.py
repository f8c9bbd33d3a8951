"""Writes pairs of MNIST digits as databases, for configs/siamese_mnist.prototxt.

    python -m data_prep.siamese_mnist [--output_dir=data/mnist_siamese]

As convert_mnist_siamese_data.cpp does it, each split gets as many records as it has digits; each record is two digits
drawn at random, one a channel, labelled 1 where both are the same digit, else 0. Two channels fit in a database only:
`train` and `test` are an LMDB each, or with --backend=leveldb a LevelDB. The digits are found as by data_prep.mnist.
"""

import pathlib
import shutil

import numpy as np
from absl import flags

from data_prep import common, mnist, sources
from zoo.errors import DataError, Place
from zoo.formats import datum
from zoo.formats.database_writer import BACKENDS, DatabaseWriter
from zoo.formats.databases import database_kind
from zoo.progress import Progress
from zoo.report import Report


def pairs(split, seed):
    """Yields (uint8 (28, 28, 2), label) for as many pairs as the `mnist.Split` has digits; `seed` decides which."""
    drawn = np.random.default_rng(seed).integers(0, len(split.labels), (len(split.labels), 2))
    for i, j in drawn:
        yield np.concatenate([split.images[i], split.images[j]], 2), int(split.labels[i] == split.labels[j])


def prepare(output_dir, *, source="auto", idx_dir=None, backend="lmdb", seed=0, force=False, verify_sources=False):
    """Writes the databases "train" and "test" under `output_dir` unless they are there; returns {split: records} made.

    Args:
        output_dir: the folder of the databases.
        source, idx_dir: as for `mnist.load`.
        backend: "lmdb" or "leveldb".
        seed: of the drawing.
        force: write again what is there.
        verify_sources: whether the IDX files are held against what the databases say of them, where these are there.

    Raises:
        DataError: the digits cannot be had, a database of another kind, seed or source is there, or the disk refuses.
    """
    paths = {split: pathlib.Path(output_dir, split) for split in mnist.FILES}
    for path in paths.values():
        kind = database_kind(path)
        if kind and not force and kind != BACKENDS[backend]:
            raise DataError("already there", at=Place(str(path)), got=kind, want=BACKENDS[backend], hint="add --force")
    if not force:
        wanted = {"source": None if source == "auto" else source, "seed": seed}
        for path in filter(database_kind, paths.values()):
            common.check_folder(path, wanted, dict, verify_sources, "add --force, or name another --output_dir")
        if all(database_kind(path) for path in paths.values()):
            return {}
    used, where, splits = mnist.load(source, idx_dir)
    files = (mnist.find_idx(pathlib.Path(where)) if used == "idx" else None) or dict.fromkeys(splits, ())
    made = {}
    with common.alone(output_dir):
        for number, (split, path) in enumerate(paths.items()):
            if database_kind(path):
                if not force:
                    continue
                shutil.rmtree(path)
            made[split] = len(splits[split].labels)
            noted = sources.noted({str(each): [each] for each in files[split]}, verify_sources)
            note = {"source": used, "from": where, "seed": seed, sources.KEY: noted}
            writer = DatabaseWriter(path, backend, {sources.FILE: sources.text(note)})
            with writer, Progress(made[split], split, "pair") as progress:
                for key, (image, label) in enumerate(progress.over(pairs(splits[split], (seed, number)))):
                    writer.put(b"%08d" % key, datum.raw(image, label))
    return made


def main(_):
    """Reads the flags, prepares, and says the numbers."""
    f = flags.FLAGS
    names = ("source", "idx_dir", "backend", "seed", "force", "verify_sources")
    made = prepare(f.output_dir, **{name: f[name].value for name in names})
    if not made:
        print(f"Nothing to do: {f.output_dir} is complete (--force prepares it again).")
    report = Report()
    for split in mnist.FILES:
        path = pathlib.Path(f.output_dir, split)
        report.note_made(split, path)
        if split in made:
            report.text(f'{split}: {made[split]} pairs, 2 x 28 x 28\n  in a prototxt: source: "{path}"')
    return common.train_next(report, f.output_dir, "mnist_siamese", "siamese_mnist")


if __name__ == "__main__":
    flags.DEFINE_string("output_dir", "data/mnist_siamese", "Where to write the databases.")
    flags.DEFINE_string("idx_dir", None, "Where the four IDX files are, gzipped or not.")
    flags.DEFINE_enum("source", "auto", ["auto", "idx", "tfds", "digits"], "Where the digits come from.")
    flags.DEFINE_enum("backend", "lmdb", list(BACKENDS), "The kind of database.")
    flags.DEFINE_integer("seed", 0, "Seed of the random draws.", lower_bound=0)
    flags.DEFINE_bool("force", False, "Prepare again even if it is already there.")
    sources.define_flag()
    common.run(main)
