"""Images in tar archives, such as ImageNet's, found where they stand: nothing is unpacked."""

import os
import pathlib

from data_prep import tar_members
from data_prep.images import SUFFIXES, File, class_in
from zoo.errors import DataError, Place


def is_archive(path):
    """Whether `path` is an archive by its name."""
    return pathlib.Path(path).suffix == ".tar" and pathlib.Path(path).is_file()


def listing(path, left_out=None):
    """Returns the `File` list of the images in the archive at `path`, in the order of their names.

    Archives within the archive are read in place: of ILSVRC2012_img_train.tar the 1000 inner ones, each named after its
    class. An image's class is the name of the inner archive, or of its directory, or the synset that its name begins
    with; else "".

    Args:
        path: the archive.
        left_out: list, to which the names of files are added that are no images by their names; or None.

    Raises:
        DataError: no archive, a compressed or damaged one, one without images, or images that cannot be read in
            place: links, sparse ones, two of one name.
    """
    path, files, left_out = pathlib.Path(path), [], [] if left_out is None else left_out
    try:
        with open(path, "rb") as stream:
            for member in tar_members.members(stream, 0, os.fstat(stream.fileno()).st_size, str(path)):
                if member.isreg() and member.name.endswith(".tar"):
                    files += _inner(stream, member, path, left_out)
                elif _is_image(member, path, left_out):
                    files.append(File(path, _class_name(member.name), member.name, member.offset_data, member.size))
    except OSError as e:
        raise DataError("cannot read an archive", at=Place(str(path)), got=e.strerror or str(e)) from e
    if not files:
        raise _without_images(path)
    files.sort(key=lambda file: (file.class_name, file.member))
    twice = next((b for a, b in zip(files, files[1:]) if a[:3] == b[:3]), None)
    if twice:
        raise DataError("two images of one name in the archive", at=Place(str(twice)))
    return files


def _inner(stream, outer, path, left_out):
    """Returns the images of the archive `outer` that lies within the one in `stream`."""
    class_name = pathlib.PurePosixPath(outer.name).stem
    name = f"{path}: {tar_members.text(outer.name)}"
    _check_stored(outer, name)
    files = [
        File(path, class_name, f"{class_name}/{m.name}", outer.offset_data + m.offset_data, m.size)
        for m in tar_members.members(stream, outer.offset_data, outer.size, name)
        if _is_image(m, name, left_out)
    ]
    if not files:
        raise _without_images(name)
    return files


def _is_image(member, archive, left_out):
    """Whether `member` is an image by its name; raises DataError for one that is none by its kind."""
    name = pathlib.PurePosixPath(member.name)
    if member.isdir() or name.name.startswith("."):
        return False
    if name.suffix.lower() not in SUFFIXES:
        left_out.append(tar_members.text(member.name))
        return False
    _check_stored(member, f"{archive}: {tar_members.text(member.name)}")
    return True


def _check_stored(member, name):
    if not member.isreg() or member.issparse():
        kind = "a link" if member.issym() or member.islnk() else "a sparse file" if member.isreg() else "no file"
        raise DataError("a member that is not stored as a plain file", at=Place(name), got=kind)


def _without_images(path):
    want = f"files ending in {', '.join(sorted(SUFFIXES))}"
    return DataError("no images in the archive", at=Place(str(path)), want=want)


def _class_name(name):
    *folders, name = pathlib.PurePosixPath(name).parts
    return class_in(name) or (folders[-1] if folders else "")
