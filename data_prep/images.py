"""Pictures on disk: which there are, of which class, and how each becomes a record."""

import concurrent.futures
import functools
import itertools
import os
import pathlib
import random
import re
from typing import NamedTuple

import numpy as np

from zoo.errors import DataError, Place
from zoo.formats import records

SUFFIXES = {".jpeg", ".jpg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
FLAT = re.compile(r"(?P<class_name>n\d{8})_.+")


class File(NamedTuple):
    """Where a picture lies, and the name of its class.

    Attributes:
        path: its file, or the archive that holds it.
        class_name: the name of its class.
        member: its name within the archive, or None for a file.
        offset, size: where its bytes stand in the archive.
    """

    path: pathlib.Path
    class_name: str
    member: str | None = None
    offset: int = 0
    size: int = 0

    @property
    def name(self):
        """The name without folders."""
        return self.path.name if self.member is None else self.member.rsplit("/", 1)[-1]

    def __str__(self):
        return str(self.path) if self.member is None else f"{self.path}: {self.member}"

    def bytes(self):
        """Returns the bytes of the picture file; raises DataError."""
        try:
            if self.member is None:
                return self.path.read_bytes()
            # pread of a handle that all threads share: opening an archive anew for each of a million pictures is slow.
            data = os.pread(_handle(str(self.path)), self.size, self.offset)
        except OSError as e:
            raise DataError("cannot read a picture", at=Place(str(self)), got=e.strerror) from e
        if len(data) != self.size:
            raise DataError("the archive ends within a picture", at=Place(str(self)), got=f"{len(data)} bytes")
        return data


@functools.lru_cache(maxsize=64)
def _handle(path):
    """Returns an open archive; it stays open as long as the process, for there are few."""
    return os.open(path, os.O_RDONLY)


class Picture(NamedTuple):
    """A picture ready to be written.

    Attributes:
        data: file bytes, or uint8 (H, W, 3) BGR pixels where `encoding` is "raw".
        encoding: "jpeg", "png" or "raw".
        shape: (H, W, 3).
        note: why it is not the file as it was, or None.
    """

    data: object
    encoding: str
    shape: tuple
    note: str | None = None

    def example(self, label, file, names):
        """Returns the record; `names` are those of `zoo.formats.records.features`."""
        more = {"names": names, "file_name": file.name, "synset": file.class_name}
        if self.encoding == "raw":
            return records.raw_example(self.data, label, **more)
        return records.encoded_example(self.data, self.encoding, self.shape, label, **more)


def listing(folder, named=True):
    """Returns the `File` list of `folder` in the order of their names; raises DataError where its layout is not known.

    Either each class has a folder, or the files are named ``<synset>_<name>``; unless `named`, loose files of any name
    will do, their class "".
    """
    folder = pathlib.Path(folder)
    at = Place(str(folder))
    try:
        entries = sorted(folder.iterdir())
        loose = [p for p in entries if p.suffix.lower() in SUFFIXES and p.is_file()]
        classes = [p for p in entries if p.is_dir() and not p.name.startswith(".")]
        nested = [File(p, d.name) for d in classes for p in sorted(d.iterdir()) if p.suffix.lower() in SUFFIXES]
    except OSError as e:
        raise DataError("cannot list the pictures", at=at, got=e.strerror) from e
    if loose and nested:
        got = f"{len(loose)} files beside {len(classes)} folders"
        raise DataError("pictures both in folders and beside them", at=at, got=got, want="one or the other")
    unnamed = [p.name for p in loose if not FLAT.fullmatch(p.name)]
    if unnamed and named:
        want = "one folder a class, or files named <synset>_<name>.JPEG such as n01440764_tench.JPEG"
        raise DataError("a picture of unknown class", at=at, got=unnamed[0], want=want)
    if not loose and not nested:
        raise DataError("no pictures", at=at, want=f"files ending in {', '.join(sorted(SUFFIXES))}")
    return nested or [File(p, class_in(p.name)) for p in loose]


def class_in(name):
    """Returns the synset that the file name `name` begins with, else ""."""
    found = FLAT.fullmatch(name)
    return found["class_name"] if found else ""


def shuffled(files, seed):
    """Returns `files` in an order that `seed` alone decides."""
    files = list(files)
    random.Random(seed).shuffle(files)
    return files


def prepared(files, resize, encoding, quality, workers=None):
    """Yields (`File`, `Picture` or DataError) for each of `files` in order, made by `workers` threads; see `made`."""
    workers = workers or os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        pending, files = [], iter(files)
        try:
            # Only so many at a time: a shard's worth of pictures need not lie in memory.
            for file in itertools.islice(files, 4 * workers):
                pending.append((file, pool.submit(_try_read, file, resize, encoding, quality)))
            while pending:
                file, future = pending.pop(0)
                yield file, future.result()
                for next_file in itertools.islice(files, 1):
                    pending.append((next_file, pool.submit(_try_read, next_file, resize, encoding, quality)))
        finally:
            for _, future in pending:
                future.cancel()


def _try_read(file, resize, encoding, quality):
    try:
        return made(file, resize, encoding, quality)
    except DataError as e:
        return e


def read(path, resize=None, encoding="jpeg", quality=95):
    """Returns the `Picture` of the file at `path`; see `made`."""
    return made(File(pathlib.Path(path), ""), resize, encoding, quality)


def made(file, resize=None, encoding="jpeg", quality=95):
    """Returns the `Picture` of a `File`; raises DataError where it cannot be decoded.

    Args:
        file: the `File`.
        resize: (H, W) to bring it to, its aspect lost; the length of its shorter side, its aspect kept; or None to keep
            a JPEG as it is. Bilinear.
        encoding: "jpeg", or with `resize` "png" or "raw".
        quality: of a JPEG that is written anew.
    """
    at, data = Place(str(file)), file.bytes()
    if not data:
        raise DataError("an empty picture file", at=at)
    is_jpeg = data[:2] == b"\xff\xd8"
    shape = _check_jpeg(data, at) if is_jpeg else None
    if shape and shape[2] != 4 and not resize:
        return Picture(data, "jpeg", (shape[0], shape[1], 3))
    note = None if is_jpeg and shape[2] != 4 else "CMYK" if is_jpeg else f"not a JPEG inside ({data[:4]!r}...)"
    return _written_anew(_pixels(data, at), resize, encoding, quality, note)


def shorter_side(size, side):
    """Returns the (H, W) that `size` has once its shorter side is `side` long; the other is rounded to the nearest."""
    shorter = min(size)
    return tuple((2 * length * side + shorter) // (2 * shorter) for length in size)


def _check_jpeg(data, at):
    """Returns (H, W, channels) of JPEG bytes after decoding them as strictly as a reader of the records will."""
    import tensorflow as tf

    try:
        shape = tuple(tf.io.extract_jpeg_shape(data).numpy().tolist())
        if shape[2] != 4:  # CMYK is decoded by OpenCV
            tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
    except tf.errors.InvalidArgumentError as e:
        said = re.sub(r"\{\{.*?\}\} ?| ?\[Op:.*", "", str(e.message).splitlines()[0])  # less the names of nodes
        raise DataError("a damaged picture", at=at, got=said) from e
    return shape


def _pixels(data, at):
    """Returns BGR uint8 (H, W, 3) pixels of any picture; orientation marks are ignored, as in Caffe's day."""
    import cv2

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise DataError("not a picture that can be decoded", at=at, got=f"bytes {data[:8]!r}...")
    return pixels


def _written_anew(pixels, resize, encoding, quality, note):
    import cv2

    if resize:
        height, width = resize if isinstance(resize, tuple) else shorter_side(pixels.shape[:2], resize)
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    if encoding == "raw":
        return Picture(pixels, "raw", pixels.shape, note)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if encoding == "jpeg" else []
    _, data = cv2.imencode(".jpg" if encoding == "jpeg" else ".png", pixels, options)
    return Picture(data.tobytes(), encoding, pixels.shape, note)
