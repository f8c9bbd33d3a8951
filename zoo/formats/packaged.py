"""The configs that come with the package, by name: in an installed package, or in a checkout."""

import os
import pathlib

from zoo.errors import Place, PrototxtError, ZooError, did_you_mean

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]
FOLDERS = (_PACKAGE / "configs", _PACKAGE.parent / "configs")


def packaged():
    """Returns {name: path} of the configs that come with the package."""
    return {path.stem: path for folder in FOLDERS for path in sorted(folder.glob("*.prototxt"))}


def next_to_configs(name):
    """Returns the path of the file `name` that lies with the configs of the package."""
    return next(path for folder in FOLDERS if (path := folder / name).is_file())


def checkout():
    """Returns the path of configs/ in the checkout that this package lies in.

    Raises:
        ZooError: it lies in none, but is installed.
    """
    folder = FOLDERS[1]
    if not folder.is_dir():
        raise ZooError("this is for a checkout of the repository", got="an installed package")
    return folder


def find(config):
    """Returns the path of a config: `config` itself where it is a path, else the packaged file of that name.

    Raises:
        PrototxtError: there is neither a file nor a packaged config of that name, or a path leads to no file while the
            package has a config of its name.
    """
    path, known = pathlib.Path(config), packaged()
    if config and path.exists():
        return config
    if path.suffix or len(path.parts) > 1:
        if path.suffix == ".prototxt" and path.stem in known and not os.path.lexists(path):
            hint = f'the config of this name that comes with the package is called "{path.stem}"'
            raise PrototxtError("no such file", at=Place(file=str(path)), hint=hint)
        return config
    if config not in known:
        hint = did_you_mean(config, known) or f"the package has {', '.join(known)}"
        raise PrototxtError("no such config", got=repr(config), want="a file or the name of a packaged one", hint=hint)
    return str(known[config])
