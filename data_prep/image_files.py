"""Which images a command's --source names, whatever holds them: an archive, a directory of either, or a list."""

import pathlib

from data_prep import archives, image_lists, images, tar_members, validation
from zoo import terminal
from zoo.errors import DataError, Place

COMPRESSED = (".gz", ".tgz", ".bz2", ".xz", ".zst", ".zip")


def collect(source, root_folder="", classes=None, class_file=None):
    """Returns (`images.File` list, the classes' names in the order of their labels).

    Args:
        source: a tar archive, a directory of images or of archives, or a list of Caffe's.
        root_folder: what is put before the names of a list.
        classes: the classes that there are; None: those of the images, sorted.
        class_file: what tells the classes of the images, see `validation.classified`; None: their names or directories.

    Raises:
        DataError: nothing of these, images of unknown class, or classes that are not among `classes`.
    """
    path, at, left_out = pathlib.Path(source), Place(str(source)), []
    if not (path.is_file() or path.is_dir()):
        got = "a device or pipe" if path.exists() else "no such file or directory"
        raise DataError("nothing that holds images", at=at, got=got, want="an archive, a directory or a list")
    if path.suffix.lower() in COMPRESSED:
        raise DataError(
            "a compressed archive", at=at, want="a .tar, which is read in place", hint="uncompress it first"
        )
    if path.is_file() and not archives.is_archive(path):
        if class_file:
            raise DataError("a list has its labels already", at=at, hint="leave --val_labels out")
        return image_lists.listing(path, root_folder, classes)
    if root_folder:
        raise DataError("only a list has a root_folder", at=at, hint="leave --root_folder out")
    inner = sorted(path.glob("*.tar")) if path.is_dir() else []
    if path.is_file():
        files = archives.listing(path, left_out)
    elif inner:  # what lies in a directory of archives after the outer one was unpacked: an archive a class
        files = [file._replace(class_name=one.stem) for one in inner for file in _in_archive(one, left_out)]
        left_out += [entry.name for entry in path.iterdir() if entry not in inner and not entry.name.startswith(".")]
    else:
        files = images.listing(path, named=not class_file, left_out=left_out)
    if left_out:
        some = ", ".join(map(tar_members.text, left_out[:3]))
        terminal.warning(f"left out of {source}, being no images by name: {len(left_out)}, such as {some}", "NOTE")
    if class_file:
        files = validation.classified(files, class_file, classes)
    return _checked(files, classes, at)


def paths(source, root_folder="", class_file=None):
    """Returns {name: paths of its files} of what `collect` reads with the same arguments; raises DataError."""
    path = pathlib.Path(source)
    more = {str(class_file): [pathlib.Path(class_file)]} if class_file else {}
    if archives.is_archive(path):
        return {str(source): [path], **more}
    if path.is_file():
        files, _ = image_lists.listing(path, root_folder)
        return {str(source): [path], f"images of {source}": [file.path for file in files]}
    inner = sorted(path.glob("*.tar"))
    return {str(source): inner or [file.path for file in images.listing(path, named=not class_file)], **more}


def _in_archive(path, left_out):
    if not archives.is_archive(path):
        raise DataError("an archive that is not a file", at=Place(str(path)))
    return archives.listing(path, left_out)


def _checked(files, classes, at):
    unknown = next((file.name for file in files if not file.class_name), None)
    if unknown:
        hint = "--val_labels names the file that tells the classes of ImageNet's validation images"
        raise DataError("an image of unknown class", at=at, got=unknown, hint=hint)
    found = {file.class_name for file in files}
    unreadable = next((name for name in sorted(found) if tar_members.text(name) != name), None)
    if unreadable:
        got = tar_members.text(unreadable)
        raise DataError("a class whose name is not UTF-8", at=at, got=got, hint="rename its directory or archive")
    strangers = sorted(found - set(classes)) if classes is not None else []
    if strangers:
        raise DataError("classes that training does not have", at=at, got=", ".join(strangers[:5]))
    return files, tuple(classes if classes is not None else sorted(found))
