"""Where the files that a config names are looked for."""

import os
import pathlib

from zoo.errors import DataError


def folders(data_dir=None, file=None):
    """Returns what a name may be relative to, in order: `data_dir`, the working directory, the directory of `file`."""
    found = [pathlib.Path(data_dir)] if data_dir else []
    found.append(pathlib.Path())
    if file:
        found.append(pathlib.Path(file).parent)
    return list(dict.fromkeys(found))


def candidates(name, data_dir=None, file=None):
    """Returns the paths that `name` may mean, in the order of `folders`; an absolute name stays itself, ~ is home."""
    name = os.path.expanduser(name)
    return list(dict.fromkeys(folder / name for folder in folders(data_dir, file)))


def find_file(name, what, *, at=None, data_dir=None, file=None, hint=None):
    """Returns the path of the file `name`; raises DataError saying every place tried. `what` says what it is."""
    tried = candidates(name, data_dir, file)
    for path in tried:
        if path.exists() and not path.is_dir():  # what is no file either is refused by who opens it
            return path
    raise DataError(f'{what} "{name}" is not there, tried {", ".join(map(str, tried))}', at=at, hint=hint)


def find_folder_of(name, what, *, at=None, data_dir=None, file=None):
    """Returns the directory of `folders` that holds the file `name`, for its many neighbours; raises as `find_file`."""
    path = find_file(name, what, at=at, data_dir=data_dir, file=file)
    return next(folder for folder in folders(data_dir, file) if folder / name == path)
