"""The classes of ImageNet's validation images, whose names do not tell them."""

import io
import pathlib
import re
import tarfile

from zoo.errors import DataError, Place

TRUTH, META = "ILSVRC2012_validation_ground_truth.txt", "meta.mat"
SYNSET = re.compile(r"n\d{8}")


def classified(files, path, classes):
    """Returns the `File` list `files` with the classes that the file at `path` gives them.

    Four forms are known: a synset a line, or ILSVRC2012_validation_ground_truth.txt with meta.mat of the devkit next to
    it, both in the order of the images' names; the devkit's own archive with both; and Caffe's val.txt,
    ``name label``. The devkit's numbers are not in the order of the synsets: only meta.mat tells which they are.

    Args:
        files: `File` list.
        path: the file with the classes.
        classes: the classes of training; Caffe's labels count them.

    Raises:
        DataError: a file of another form, or one that does not fit the images.
    """
    path = pathlib.Path(path)
    at = Place(str(path))
    try:
        text, meta = _devkit(path) if tarfile.is_tarfile(path) else (path.read_text(encoding="utf-8"), None)
    except (OSError, UnicodeDecodeError, tarfile.TarError, EOFError) as e:
        raise DataError("cannot read the classes of the images", at=at, got=str(e)) from e
    lines = text.split("\n")
    lines = [line.strip() for line in (lines if lines[-1].strip() else lines[:-1])]
    if any(" " in line for line in lines):
        return _by_name(files, path, classes)
    if len(lines) != len(files):
        raise DataError("one line per image is expected", at=at, got=f"{len(lines)} lines", want=len(files))
    if all(SYNSET.fullmatch(line) for line in lines):
        names = lines
    elif all(line.isdecimal() for line in lines):
        synsets = _synsets(meta, path)
        unknown = [(i, line) for i, line in enumerate(lines, 1) if int(line) not in synsets]
        if unknown:
            at = Place(str(path), unknown[0][0])
            raise DataError("a number that meta.mat does not know", at=at, got=unknown[0][1])
        names = [synsets[int(line)] for line in lines]
    else:
        bad = next(i for i, line in enumerate(lines, 1) if not SYNSET.fullmatch(line) and not line.isdecimal())
        want = 'lines such as "n01440764", "490" or "ILSVRC2012_val_00000001.JPEG 65", of one form'
        raise DataError("not the classes of images", at=Place(str(path), bad), got=repr(lines[bad - 1]), want=want)
    ordered = sorted(files, key=lambda file: file.name)
    return [file._replace(class_name=name) for file, name in zip(ordered, names)]


def by_label(label, classes, at):
    """Returns the class that Caffe's `label` counts; raises DataError where there is none."""
    if not 0 <= label < len(classes):
        raise DataError("a label without a class", at=at, got=label, want=f"0 to {len(classes) - 1}")
    return classes[label]


def one_class(first, entry, path):
    """Raises DataError where two entries of the list at `path`, of the same image, have other labels."""
    if first.label != entry.label:
        at, want = Place(str(path), entry.line), f"{first.label} as in line {first.line}"
        raise DataError(f"two classes for {entry.name}", at=at, got=entry.label, want=want)


def _by_name(files, path, classes):
    from zoo.formats.image_list import read_list

    entries = {}
    for entry in read_list(path):
        first = entries.setdefault(pathlib.PurePosixPath(entry.name).name, entry)
        one_class(first, entry, path)
    missing = [file.name for file in files if file.name not in entries]
    if missing:
        raise DataError("images that the list does not name", at=Place(str(path)), got=", ".join(missing[:3]))

    def class_of(file):
        entry = entries[file.name]
        return by_label(entry.label, classes, Place(str(path), entry.line))

    return [file._replace(class_name=class_of(file)) for file in files]


def _devkit(path):
    """Returns (text of the numbers, bytes of meta.mat) of the devkit's archive."""
    found = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name = pathlib.PurePosixPath(member.name).name
            if member.isfile() and name in (TRUTH, META):
                found[name] = archive.extractfile(member).read()
    if len(found) < 2:
        raise DataError("not the devkit of ImageNet", at=Place(str(path)), want=f"{TRUTH} and {META} in it")
    return found[TRUTH].decode(), found[META]


def _synsets(meta, path):
    """Returns {ILSVRC2012_ID: synset} of meta.mat; the ids of single classes stand before those of groups of them."""
    import scipy.io

    nearby = path.parent / META
    if meta is None and not nearby.is_file():
        hint = f"put {META} of the devkit next to it, or give ILSVRC2012_devkit_t12.tar.gz itself"
        raise DataError("numbers of the devkit, which are not labels", at=Place(str(path)), hint=hint)
    try:
        table = scipy.io.loadmat(io.BytesIO(meta or nearby.read_bytes()), squeeze_me=True)["synsets"]
        return {int(number): str(name) for number, name in zip(table["ILSVRC2012_ID"], table["WNID"])}
    except Exception as e:  # scipy raises of all kinds for damaged files
        raise DataError(f"{META} cannot be read", at=Place(str(path)), got=f"{type(e).__name__}: {e}") from e
