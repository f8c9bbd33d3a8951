"""Which pictures a command's --source names, whatever holds them: an archive, a folder of either, or a list."""

import pathlib

from data_prep import archives, images, listed, validation
from zoo.errors import DataError, Place


def collect(source, root_folder="", classes=None, class_file=None):
    """Returns (`images.File` list, the classes' names in the order of their labels).

    Args:
        source: a tar archive, a folder of pictures or of archives, or a list of Caffe's.
        root_folder: what is put before the names of a list.
        classes: the classes that there are; None: those of the pictures, sorted.
        class_file: what tells the classes of the pictures, see `validation.classified`; None: their names or folders.

    Raises:
        DataError: nothing of these, pictures of unknown class, or classes that are not among `classes`.
    """
    path, at = pathlib.Path(source), Place(str(source))
    if path.is_file() and not archives.is_archive(path):
        if class_file:
            raise DataError("a list has its labels already", at=at, hint="leave --val_labels out")
        return listed.listing(path, root_folder, classes)
    if root_folder:
        raise DataError("only a list has a root folder", at=at, hint="leave --root_folder out")
    inner = sorted(path.glob("*.tar")) if path.is_dir() else [path] if path.is_file() else []
    if not inner:
        files = images.listing(path, named=not class_file)
    elif path.is_file():
        files = archives.listing(path)
    else:  # what lies in a folder of archives after the outer one was unpacked: an archive a class
        files = [file._replace(class_name=file.path.stem) for archive in inner for file in archives.listing(archive)]
    if class_file:
        files = validation.classified(files, class_file, classes)
    return _checked(files, classes, at)


def _checked(files, classes, at):
    unknown = next((file.name for file in files if not file.class_name), None)
    if unknown:
        hint = "--val_labels names the file that tells the classes of ImageNet's validation pictures"
        raise DataError("a picture of unknown class", at=at, got=unknown, hint=hint)
    found = {file.class_name for file in files}
    strangers = sorted(found - set(classes)) if classes is not None else []
    if strangers:
        raise DataError("classes that training does not have", at=at, got=", ".join(strangers[:5]))
    return files, tuple(classes if classes is not None else sorted(found))
