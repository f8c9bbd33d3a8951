"""Images on disk: which there are, of which class, and how each becomes a record."""

import concurrent.futures
import functools
import itertools
import os
import pathlib
import random
import re
from typing import NamedTuple

from data_prep import tar_members
from zoo import command
from zoo.errors import DataError, Place
from zoo.formats import image_file, limits, records, weightsfile

SUFFIXES = {".jpeg", ".jpg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
FILE, FOLDER = "a file", "a directory"
FLAT = re.compile(r"(?P<class_name>n\d{8})_.+")


class File(NamedTuple):
    """Where an image lies, and the name of its class.

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
        """The name without directories."""
        return self.path.name if self.member is None else self.member.rsplit("/", 1)[-1]

    def __str__(self):
        return tar_members.text(str(self.path) if self.member is None else f"{self.path}: {self.member}")

    def bytes(self):
        """Returns the bytes of the image file; raises DataError, also for a pipe or device."""
        if self.member is None:
            return read_file(self.path)
        limits.IMAGE_BYTES.check(self.size, DataError, "an image file that is too large", at=Place(str(self)))
        try:
            # pread of a handle that all threads share: opening an archive again for each of a million images is slow.
            data = os.pread(_handle(str(self.path)), self.size, self.offset)
        except OSError as e:
            raise DataError("cannot read an image", at=Place(str(self)), got=e.strerror) from e
        if len(data) != self.size:
            raise DataError("the archive ends within an image", at=Place(str(self)), got=f"{len(data)} bytes")
        return data


@functools.lru_cache(maxsize=64)
def _handle(path):
    """Returns an open archive; it stays open as long as the process, for there are few."""
    return os.open(path, os.O_RDONLY)


def read_file(path):
    """Returns the bytes of the image file at `path`; raises DataError: missing, no file, unreadable or too large."""
    weightsfile.check(path, DataError)
    at = Place(tar_members.text(str(path)))
    try:
        return image_file.read(path, at)
    except OSError as e:
        raise DataError("cannot be read", at=at, got=e.strerror) from e


class Image(NamedTuple):
    """An image ready to be written.

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
        name = file.name.encode("utf-8", "surrogateescape")  # its bytes, whether they are UTF-8 or not
        more = {"names": names, "file_name": name, "synset": file.class_name}
        if self.encoding == "raw":
            return records.raw_example(self.data, label, **more)
        return records.encoded_example(self.data, self.encoding, self.shape, label, **more)


def listing(folder, named=True, left_out=None):
    """Returns the `File` list of `folder` in the order of their names; raises DataError where its layout is not known.

    Either each class has a directory, or the files are named ``<synset>_<name>``; unless `named`, loose files of any
    name will do, their class "". Names that begin with a dot do not count.

    Args:
        folder: of the images.
        named: see above.
        left_out: list, to which names are added that are none of images; or None.

    Raises:
        DataError: another layout, or an image's name on what is no file: a pipe, a device, a link to nothing.
    """
    folder = pathlib.Path(folder)
    at, left_out = Place(str(folder)), [] if left_out is None else left_out
    try:
        entries = _entries(folder)
        classes = [entry for entry in entries if _kind(entry) == FOLDER]
        loose = _images((entry for entry in entries if _kind(entry) != FOLDER), left_out)
        inside = {entry.name: _images(_entries(entry.path), left_out) for entry in classes}
        nested = [File(path, name) for name, paths in inside.items() for path in paths]
        if loose:
            _images((entry for entry in classes if _is_image(entry.name)), left_out)
        left_out += [f"{name}/ (without images)" for name, paths in inside.items() if not paths]
    except OSError as e:
        where = tar_members.text(str(e.filename or folder))
        raise DataError("cannot list the images", at=Place(where), got=e.strerror) from e
    if loose and nested:
        got = f"{len(loose)} files next to {len(classes)} directories"
        raise DataError("images both in directories and next to them", at=at, got=got, want="one or the other")
    unnamed = [p.name for p in loose if not FLAT.fullmatch(p.name)]
    if unnamed and named:
        want = "one directory a class, or files named <synset>_<name>.JPEG such as n01440764_tench.JPEG"
        raise DataError("an image of unknown class", at=at, got=unnamed[0], want=want)
    if not loose and not nested:
        raise DataError("no images", at=at, want=f"files ending in {', '.join(sorted(SUFFIXES))}")
    return nested or [File(p, class_in(p.name)) for p in loose]


def _entries(folder):
    """Returns the `os.DirEntry` list of `folder` by name; raises OSError."""
    with os.scandir(folder) as found:
        return sorted((e for e in found if not e.name.startswith(".")), key=lambda entry: entry.name)


def _kind(entry):
    """Returns FILE, FOLDER or, as a clause, what else the `os.DirEntry` is."""
    try:
        if entry.is_file():
            return FILE
        if entry.is_dir():
            return FOLDER
        return "a link to nothing, or to a device" if entry.is_symlink() else "a pipe, socket or device"
    except OSError as e:
        return e.strerror  # of a link to itself


def _is_image(name):
    return pathlib.PurePath(name).suffix.lower() in SUFFIXES


def _images(entries, left_out):
    """Returns the paths of those of `entries` that are images by their names; raises DataError for no files."""
    found = []
    for entry in entries:
        kind, is_image = _kind(entry), _is_image(entry.name)
        if kind != FILE and (is_image or entry.is_symlink()):
            raise DataError("not an image file", at=Place(tar_members.text(entry.path)), got=kind)
        if is_image:
            found.append(pathlib.Path(entry.path))
        else:
            left_out.append(entry.name)
    return found


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
    """Yields (`File`, `Image` or DataError) for each of `files` in order, made by `workers` threads; see `made`."""
    workers = workers or os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        pending, files = [], iter(files)
        try:
            # Only so many at a time: a shard's worth of images need not lie in memory.
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
    """Returns the `Image` of the file at `path`; see `made`."""
    return made(File(pathlib.Path(path), ""), resize, encoding, quality)


def made(file, resize=None, encoding="jpeg", quality=95):
    """Returns the `Image` of a `File`; raises DataError where it cannot be decoded.

    Args:
        file: the `File`.
        resize: (H, W) to bring it to, its aspect lost; the length of its shorter side, its aspect kept; or None to keep
            a JPEG as it is. Bilinear.
        encoding: "jpeg", or with `resize` "png" or "raw".
        quality: of a re-encoded JPEG.
    """
    at, data = Place(str(file)), file.bytes()
    if not data:
        raise DataError("an empty image file", at=at)
    is_jpeg = data[:2] == b"\xff\xd8"
    shape = _check_jpeg(data, at) if is_jpeg else None
    if shape and shape[2] != 4 and not resize:
        return Image(data, "jpeg", (shape[0], shape[1], 3))
    note = None if is_jpeg and shape[2] != 4 else "CMYK" if is_jpeg else f"not a JPEG inside ({data[:4]!r}...)"
    return _encoded_again(_pixels(data, at), resize, encoding, quality, note)


def shorter_side(size, side):
    """Returns the (H, W) that `size` has once its shorter side is `side` long; the other is rounded to the nearest."""
    shorter = min(size)
    return tuple((2 * length * side + shorter) // (2 * shorter) for length in size)


def _check_jpeg(data, at):
    """Returns (H, W, channels) of JPEG bytes after decoding them as strictly as a reader of the records will."""
    tf = command.quiet_tensorflow()
    image_file.check_size(data, at)
    try:
        shape = tuple(tf.io.extract_jpeg_shape(data).numpy().tolist())
        if shape[2] != 4:  # CMYK is decoded by OpenCV
            tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
    except tf.errors.InvalidArgumentError as e:
        said = re.sub(r"\{\{.*?\}\} ?| ?\[Op:.*", "", str(e.message).splitlines()[0])  # less the names of nodes
        raise DataError("a damaged image", at=at, got=said) from e
    return shape


def _pixels(data, at):
    """Returns BGR uint8 (H, W, 3) pixels of any image; orientation marks are ignored, as in Caffe's day."""
    cv2 = image_file.opencv()
    return image_file.decode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION, at)


def _encoded_again(pixels, resize, encoding, quality, note):
    import cv2

    if resize:
        height, width = resize if isinstance(resize, tuple) else shorter_side(pixels.shape[:2], resize)
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    if encoding == "raw":
        return Image(pixels, "raw", pixels.shape, note)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if encoding == "jpeg" else []
    _, data = cv2.imencode(".jpg" if encoding == "jpeg" else ".png", pixels, options)
    return Image(data.tobytes(), encoding, pixels.shape, note)
