"""Writes a split of `zoo.formats.records` so that it is there whole or not at all, and has TFDS know of it."""

import contextlib
import glob
import pathlib

from zoo import command
from zoo.errors import DataError, Place
from zoo.formats import tfds_writer
from zoo.formats.atomic import sha256, sync
from zoo.formats.records import DESCRIPTION, Card, Shard, card_path, shard_name

PARTIAL = ".partial"


class SplitWriter:
    """Writes the shards of one split, then its card, then the folder's description; use it in a ``with``.

    Every file is written under a temporary name in place and flushed to the disk. Only `finish` gives the files
    their names, the card last. Leaving the ``with`` before that, by an error or otherwise, removes what was written; a
    split that was there before stays as it was. Shards are independent of each other and may be written in any order.

    Args:
        folder: where to write; made if need be.
        split: the split's name, such as "train".
        shards: how many files, at least 1.
        keep: whether shards that were written stay under their temporary names, for a later run to `adopt`.

    Raises:
        DataError: where the disk is full, or a file cannot be written, or a shard would be empty, or `split` would give
            the card a name that is taken.
    """

    def __init__(self, folder, split, shards, keep=False):
        self.folder, self.split, self.shards = pathlib.Path(folder), split, shards
        self.prefix = self.folder / split
        self._keep = keep
        self._written, self._named, self._finished = {}, [], False
        command.quiet_tensorflow()
        if shards < 1:
            raise DataError("a split needs shards", at=Place(str(self.prefix)), got=shards, want="1 or more")
        if card_path(self.prefix).name in DESCRIPTION:
            at, want = Place(str(self.prefix)), "one whose card is not called as a file of TensorFlow Datasets"
            raise DataError("no name for a split", at=at, got=split, want=want)

    def __enter__(self):
        with self._disk(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self._keep:
                self._remove_partial()
        return self

    def __exit__(self, *exc):
        if not self._finished:
            with contextlib.suppress(OSError):
                for path in self._named:
                    path.unlink(missing_ok=True)
                if not self._keep:
                    self._remove_partial()

    def shard(self, index, examples):
        """Writes shard `index` from `examples`, an iterable of serialised records; returns its `Shard`."""
        tf = command.quiet_tensorflow()
        partial = self.partial(index)
        name = partial.name.removesuffix(PARTIAL)
        count = 0
        with self._disk(partial), tf.io.TFRecordWriter(str(partial)) as writer:
            for example in examples:
                writer.write(example)
                count += 1
        if not count:
            raise DataError("a shard without records", at=Place(str(self.folder / name)), hint="ask for fewer shards")
        with self._disk(partial):
            sync(partial)
            self._written[index] = Shard(name, count, partial.stat().st_size, sha256(partial))
        return self._written[index]

    def partial(self, index):
        """Returns the path of shard `index` before `finish`."""
        return self._partial(shard_name(self.split, index, self.shards))

    def adopt(self, index, shard):
        """Takes a `Shard` that another writer, in another process or an earlier run, left under its temporary name."""
        self._written[index] = shard

    def finish(self, **fields):
        """Gives the shards their names and writes the card; `fields` are those of `Card` but `split` and `shards`.

        The description for TensorFlow Datasets follows. Should the disk refuse it, the split is whole all the same.
        """
        missing = sorted(set(range(self.shards)) - set(self._written))
        if missing:
            raise DataError("shards were not written", at=Place(str(self.prefix)), got=f"none of number {missing}")
        shards = tuple(self._written[index] for index in range(self.shards))
        card = Card(split=self.split, shards=shards, **fields)
        final_card = card_path(self.prefix)
        with self._disk(self.prefix):
            partial_card = self._partial(final_card.name)
            partial_card.write_text(card.to_json(), encoding="utf-8")
            sync(partial_card)
            final_card.unlink(missing_ok=True)  # from here on the old split is gone: no card speaks for mixed shards
            tfds_writer.describe(self.folder)
            for old in self.folder.glob(f"{glob.escape(self.split)}-?????-of-?????.tfrecord"):
                old.unlink()
            for name in [shard.name for shard in shards] + [final_card.name]:
                self._named.append(self.folder / name)
                self._partial(name).rename(self.folder / name)
            sync(self.folder)
        self._finished = True
        tfds_writer.describe(self.folder)
        return card

    def _partial(self, name):
        return self.folder / (name + PARTIAL)

    def _remove_partial(self):
        name = glob.escape(self.split)
        for pattern in (f"{name}-?????-of-?????.tfrecord{PARTIAL}", f"{name}.json{PARTIAL}"):
            for path in self.folder.glob(pattern):
                path.unlink()

    @contextlib.contextmanager
    def _disk(self, path):
        """Says what the disk refused as one of our errors."""
        tf = command.quiet_tensorflow()
        try:
            yield
        except (OSError, tf.errors.OpError) as e:
            hint = "free some space or choose another --output_dir, then run the same command again"
            raise DataError("cannot write", at=Place(str(path)), got=str(e), hint=hint) from e
