"""Pictures in tar archives, such as ImageNet's, found where they stand: nothing is unpacked."""

import pathlib
import tarfile

from data_prep.images import SUFFIXES, File, class_in
from zoo.errors import DataError, Place


def is_archive(path):
    """Whether `path` is an archive by its name."""
    return pathlib.Path(path).suffix == ".tar" and pathlib.Path(path).is_file()


def listing(path):
    """Returns the `File` list of the pictures in the archive at `path`, in the order of their names.

    Archives within the archive are read in place: of ILSVRC2012_img_train.tar the 1000 inner ones, each named after its
    class. A picture's class is the name of the inner archive, or of its folder, or the synset that its name begins
    with; else "".

    Raises:
        DataError: no archive, a compressed or damaged one, or one without pictures.
    """
    path, files = pathlib.Path(path), []
    try:
        with open(path, "rb") as stream:
            for archive, member in _members(stream, path):
                if member.name.endswith(".tar"):
                    files += _inner(archive, member, path)
                elif _is_picture(member):
                    files.append(File(path, _class_name(member.name), member.name, member.offset_data, member.size))
            end = stream.seek(0, 2)
    except OSError as e:
        raise DataError("cannot read an archive", at=Place(str(path)), got=e.strerror or str(e)) from e
    cut = [file for file in files if file.offset + file.size > end]
    if cut:
        got = f"{end} bytes, {len(cut)} pictures beyond"
        raise DataError("the archive is cut short", at=Place(str(path)), got=got, hint="copy or download it again")
    if not files:
        want = f"files ending in {', '.join(sorted(SUFFIXES))}"
        raise DataError("no pictures in the archive", at=Place(str(path)), want=want)
    return sorted(files, key=lambda file: (file.class_name, file.member))


def _members(stream, path):
    """Yields (the TarFile, a member that is a file) of the archive in `stream`."""
    try:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            for member in archive:
                if member.isfile():
                    yield archive, member
                archive.members = []  # else all headers of a million pictures stay in memory
    except tarfile.TarError as e:
        hint = "copy or download it again; a compressed one has to be uncompressed first"
        raise DataError("not a whole tar archive", at=Place(str(path)), got=str(e), hint=hint) from e


def _inner(archive, outer, path):
    """Returns the pictures of the archive `outer` that lies within `archive`."""
    class_name = pathlib.PurePosixPath(outer.name).stem
    with archive.extractfile(outer) as window:  # its offsets count from its start: a picture's place in all is a sum
        return [
            File(path, class_name, f"{class_name}/{m.name}", outer.offset_data + m.offset_data, m.size)
            for _, m in _members(window, f"{path}: {outer.name}")
            if _is_picture(m)
        ]


def _is_picture(member):
    name = pathlib.PurePosixPath(member.name)
    return name.suffix.lower() in SUFFIXES and not name.name.startswith(".")


def _class_name(name):
    *folders, name = pathlib.PurePosixPath(name).parts
    return class_in(name) or (folders[-1] if folders else "")
