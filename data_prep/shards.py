"""Shards of images, made by several processes, each of them once: what a killed run finished stays finished.

A shard is written as a draft in a directory of its own, read back and counted, and gets a temporary name next to shards
to be; then a note next to it says what it holds and what it was made from. A later run with the same images and
options finds the note and keeps the shard. Who makes a shard that another makes, too, does no harm: its bytes are the
same, and renaming is all at once.
"""

import collections
import concurrent.futures
import contextlib
import functools
import hashlib
import json
import multiprocessing
import os
import pathlib
import shutil
import signal
import tempfile
import threading
from dataclasses import asdict
from typing import NamedTuple

from data_prep import images, leftovers
from zoo import command
from zoo.errors import DataError, Place
from zoo.formats import records, regular
from zoo.formats.records_writer import SplitWriter

QUALITY = 95  # of JPEG files that are re-encoded
VERSION = 2  # of how a shard is made: another one makes finished shards again


class Job(NamedTuple):
    """One shard to be made.

    Attributes:
        folder, split, shards: see `SplitWriter`.
        index: its number.
        files: its `images.File` list, in order.
        labels: {class name: label} of these.
        resize, encoding: see `images.made`.
        skip_corrupt: whether damaged images are left out.
        threads: how many decode.
        names: of the features; see `zoo.formats.records.features`.
    """

    folder: str
    split: str
    shards: int
    index: int
    files: list
    labels: dict
    resize: object
    encoding: str
    skip_corrupt: bool
    threads: int
    names: str = "tfds"

    def features(self):
        """Returns the features of its records, as the card has them."""
        return records.features(self.names, self.encoding, records.OPTIONAL)

    def key(self):
        """Returns a digest of all that the shard's bytes hang on."""
        head = [VERSION, records.VERSION, QUALITY, self.resize, self.encoding, self.labels, self.names]
        digest = hashlib.sha256(repr(head).encode())
        for file in self.files:
            digest.update(repr((os.path.abspath(file.path), *file[1:], *_stamp(file))).encode())
        return digest.hexdigest()

    def to_json(self):
        """Returns the job as text."""
        return json.dumps({**self._asdict(), "files": [[str(file.path), *file[1:]] for file in self.files]})

    @classmethod
    def from_json(cls, text):
        """Returns the job in `text`; raises ValueError, KeyError or TypeError for anything else."""
        values = regular.parse_json(text)
        values["files"] = [images.File(pathlib.Path(path), *rest) for path, *rest in values["files"]]
        values["resize"] = tuple(values["resize"]) if isinstance(values["resize"], list) else values["resize"]
        return cls(**values)


class Note(NamedTuple):
    """What a finished shard holds.

    Attributes:
        key: `Job.key`.
        shard: its `records.Shard`.
        min_size: the least height and the least width.
        image_shape: (H, W) where all images share one size, else None.
        counts: {label: how many}.
        rewritten, skipped: lines of text on images.
        resumed: whether it was found finished.
    """

    key: str
    shard: records.Shard
    min_size: tuple
    image_shape: tuple | None
    counts: dict
    rewritten: list
    skipped: list
    resumed: bool = False

    def to_json(self):
        """Returns the note as text."""
        return json.dumps({**self._asdict(), "shard": asdict(self.shard)})

    @classmethod
    def from_json(cls, text):
        """Returns the note in `text`; raises ValueError, KeyError or TypeError for anything else."""
        values = regular.parse_json(text)
        values["shard"] = records.Shard(**values["shard"])
        for name in ("min_size", "image_shape"):
            values[name] = values[name] and tuple(values[name])
        values["counts"] = {int(label): count for label, count in values["counts"].items()}
        return cls(**values)


def _stamp(file):
    stat = _archive_stat if file.member is not None else os.stat
    with contextlib.suppress(OSError):  # who reads it will say so
        found = stat(file.path)
        return found.st_size, found.st_mtime_ns
    return ()


_archive_stat = functools.lru_cache(maxsize=64)(os.stat)


def make(job):
    """Makes the shard of a `Job` unless it lies there finished; returns its `Note`; raises DataError."""
    path, key = SplitWriter(job.folder, job.split, job.shards).partial(job.index), job.key()
    note = _finished(path, key)
    if note and (job.skip_corrupt or not note.skipped):
        return note
    rewritten, skipped, sizes, counts = [], [], set(), collections.Counter()

    def examples():
        for file, made in images.prepared(job.files, job.resize, job.encoding, QUALITY, job.threads):
            if isinstance(made, DataError):
                if not job.skip_corrupt:
                    raise made
                skipped.append(str(file))
                continue
            if made.note:
                rewritten.append(f"{file}: {made.note}")
            sizes.add(made.shape[:2])
            label = job.labels[file.class_name]
            counts[label] += 1
            yield made.example(label, file, job.names)

    with _draft(job.folder) as folder:
        writer = SplitWriter(folder, job.split, job.shards, keep=True)
        shard, draft = writer.shard(job.index, examples()), writer.partial(job.index)
        _check(draft, job.features()["label"], counts)
        least = min(h for h, _ in sizes), min(w for _, w in sizes)
        note = Note(key, shard, least, least if len(sizes) == 1 else None, dict(counts), rewritten, skipped)
        _note_path(draft).write_text(note.to_json(), encoding="utf-8")
        draft.replace(path)  # an older note next to it does not fit it, and is not believed
        _note_path(draft).replace(_note_path(path))
    return note


@contextlib.contextmanager
def _draft(folder):
    """Gives a new directory within `folder`, and removes it; raises DataError where the disk refuses."""
    draft = None
    try:
        draft = tempfile.mkdtemp(prefix=leftovers.DRAFTS, dir=folder)
        yield pathlib.Path(draft)
    except OSError as e:
        raise DataError("cannot write", at=Place(str(folder)), got=e.strerror or str(e)) from e
    finally:
        if draft:
            shutil.rmtree(draft, ignore_errors=True)


def key_of_all(jobs):
    """Returns a digest of what the bytes of all `jobs` hang on."""
    return hashlib.sha256("".join(job.key() for job in jobs).encode()).hexdigest()


def make_all(jobs, processes):
    """Yields (index, `Note`) for each of `jobs` as it is finished, by so many `processes`; raises DataError.

    Shards are the same for any number of processes. An error ends it once the shards in the making are done; they stay.
    """
    if processes == 1:
        for job in jobs:
            yield job.index, make(job)
        return
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    pool = concurrent.futures.ProcessPoolExecutor(processes, context, initializer=_begin)
    try:
        futures = {pool.submit(make, job): job.index for job in jobs}
        for future in concurrent.futures.as_completed(futures):
            yield futures[future], future.result()
    except concurrent.futures.process.BrokenProcessPool as e:
        hint = "the machine may be out of memory: use fewer --processes; rerun the command to resume"
        raise DataError("a process that makes shards was killed", hint=hint) from e
    finally:
        pool.shutdown(cancel_futures=True)


def _begin():
    """Makes a process end with the one that started it, even if that one was killed, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def follow():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _note_path(path):
    return path.with_name(path.name + ".json")


def _finished(path, key):
    """Returns the `Note` of the shard at `path` if it is whole and made from the same, else None."""
    try:
        note = Note.from_json(_note_path(path).read_text(encoding="utf-8"))
        shard = note.shard
        if note.key != key or path.stat().st_size != shard.bytes or records.sha256(path) != shard.sha256:
            return None
        return note._replace(resumed=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _check(path, label, counts):
    """Reads a shard back; raises DataError where the labels in it are not those that were written."""
    tf = command.quiet_tensorflow()
    found = collections.Counter()
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            feature = tf.train.Example.FromString(record).features.feature
            found[feature[label].int64_list.value[0]] += 1
    except tf.errors.OpError as e:
        raise DataError("a shard cannot be read back", at=Place(str(path)), got=str(e).splitlines()[0]) from e
    if found != counts:
        got = f"{found.total()} records"
        raise DataError("a shard does not hold what was written", at=Place(str(path)), got=got, want=counts.total())
