"""Writers of images: databases, files with a list, TFRecord shards."""

import pathlib
import re
import shutil

import numpy as np

from data_prep import sources
from data_prep.image_transforms import encode, kind_of
from zoo.errors import DataError, Place
from zoo.formats import atomic, datum, records
from zoo.formats.database_writer import DatabaseWriter

MAX_CLASSES = 100_000  # a larger label is no class
MAX_KEY = 511  # bytes, of LMDB


def to_database(path, backend, stream, made=None):
    """Writes `stream`, (number, `Record`, shape) triples, as an LMDB or LevelDB with convert_imageset's keys.

    What `made` says of how it was made lies in it as `sources.FILE`.
    """
    with DatabaseWriter(path, backend, {sources.FILE: sources.text(made or {})}) as writer:
        for number, record, _ in stream:
            value = (datum.encoded if record.encoded else datum.raw)(record.data, record.label)
            writer.put(key(number, record.name), value)


def key(number, name):
    """Returns ``00000012_cat/1.jpg``; a number that `name` begins with already is taken off."""
    name = re.sub(r"^\d{8}(_|$)", "", name)
    return (f"{number:08d}_{name}" if name else f"{number:08d}").encode()[:MAX_KEY]


def to_list(folder, stream, made=None):
    """Writes `stream` as image files in the new folder `folder`, with list.txt, which has their labels, in it.

    What `made` says of how it was made lies in it as `sources.FILE`.
    Pixels become PNG files that OpenCV, and so Caffe, reads as the same numbers, whatever the order of their channels.
    """
    folder = pathlib.Path(folder)
    if folder.exists():
        raise DataError("already there", at=Place(str(folder)), hint="remove it, or name another output")
    try:
        folder.mkdir(parents=True)
        lines = []
        for number, record, _ in stream:
            data = record.data if record.encoded else encode(_bytes(record), "png", record.place)
            name = f"{number:08d}.{(kind_of(data) or 'png').replace('jpeg', 'jpg')}"
            (folder / name).write_bytes(data)
            lines.append(f"{name} {record.label}\n")
        (folder / sources.FILE).write_bytes(sources.text(made or {}))
        with atomic.replacing(folder / "list.txt", DataError) as file:
            file.write("".join(lines).encode())
    except BaseException as e:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(e, OSError):
            raise DataError("cannot write images", at=Place(str(folder)), got=e.strerror or str(e)) from e
        raise


def to_records(prefix, stream, items, source, *, shards=10, prepare="", made=None, names="tfds"):
    """Writes `stream` as a split of TFRecord shards; returns its `Card`.

    Args:
        prefix: folder and split.
        stream: the triples of `items`.
        items: the `TransformedImages` that they come from.
        source: the `ImageSource` that those come from.
        shards: files at most; no more than images.
        prepare, made: see `zoo.formats.records.Card`.
        names: of the features; see `zoo.formats.records.features`.

    Raises:
        DataError: images that shards cannot hold.
    """
    from zoo.formats.records_writer import SplitWriter

    prefix, stream, kinds, done = pathlib.Path(prefix), iter(stream), set(), 0
    shards = min(shards, source.count)

    def until(end):
        nonlocal done
        while done < end:
            number, record, shape = next(stream, (None, None, None))
            if number is None:
                return
            done = number + 1
            yield _example(record, shape, kinds, names)

    with SplitWriter(prefix.parent, prefix.name, shards) as writer:
        for index in range(shards):
            writer.shard(index, until(source.count * (index + 1) // shards))
        next(stream, None)  # so that whoever gives the stream ends, too
        _check(items, kinds, prefix)
        gray = items.channels == {1}
        encoding = kinds.pop() if len(kinds) == 1 else "jpeg"  # the reader of which takes both
        return writer.finish(
            encoding=encoding,
            features=records.features(names, encoding, ["file_name"]),
            channels=next(iter(items.channels)),
            channel_order="gray" if gray else source.channel_order or "BGR",
            image_shape=next(iter(items.sizes)) if len(items.sizes) == 1 else None,
            min_size=tuple(min(side) for side in zip(*items.sizes)),
            classes=source.classes or _classes(*items.labels),
            prepare=prepare,
            made={**(made or {}), "skipped": items.skipped},
        )


def _classes(least, most):
    return tuple(map(str, range(most + 1))) if least >= 0 and most < MAX_CLASSES else ()


def _bytes(record):
    """Returns the pixels of a record that are to become a PNG file or a raw record."""
    if record.data.dtype != np.uint8:
        raise DataError("floats fit in a database only", at=record.place, got=str(record.data.dtype), want="uint8")
    return record.data


def _example(record, shape, kinds, names):
    more = {"names": names, "file_name": record.name}
    if not record.encoded:
        kinds.add("raw")
        return records.raw_example(_bytes(record), record.label, order="RGB" if record.rgb else "BGR", **more)
    kind = kind_of(record.data)
    if kind is None:
        got, hint = f"bytes {bytes(record.data[:4])!r}...", "--encode_type=png re-encodes it"
        raise DataError("shards hold JPEG and PNG files", at=record.place, got=got, hint=hint)
    kinds.add(kind)
    return records.encoded_example(record.data, kind, shape, record.label, **more)


def _check(items, kinds, prefix):
    at = Place(str(prefix))
    if "raw" in kinds and len(kinds) > 1:
        raise DataError("shards hold either pixels or files", at=at, got="both", hint="--encode_type=png")
    if items.channels not in ({1}, {3}):
        hint = "--gray makes all gray" if items.channels == {1, 3} else "such data stays a database"
        raise DataError("shards hold gray or colour", at=at, got=f"{sorted(items.channels)} channels", hint=hint)
    if "raw" in kinds and len(items.sizes) > 1:
        hint = "--encode_type=png, or --resize_height and --resize_width"
        raise DataError("pixels of several sizes make no shards", at=at, got=sorted(items.sizes)[:3], hint=hint)
