"""Where the files that a config names are looked for."""

import pathlib

from zoo.errors import DataError


def candidates(name, data_dir=None, file=None):
    """Returns the paths that `name` may mean, in order: under `data_dir`, the working directory, beside `file`."""
    folders = [pathlib.Path(data_dir)] if data_dir else []
    folders.append(pathlib.Path())
    if file:
        folders.append(pathlib.Path(file).parent)
    paths = [folder / name for folder in folders]  # an absolute name stays itself
    return list(dict.fromkeys(paths))


def find_file(name, what, *, at=None, data_dir=None, file=None, hint=None):
    """Returns the path of the file `name`; raises DataError saying every place tried. `what` says what it is."""
    tried = candidates(name, data_dir, file)
    for path in tried:
        if path.is_file():
            return path
    raise DataError(f'{what} "{name}" is not there', at=at, got="tried " + ", ".join(map(str, tried)), hint=hint)
