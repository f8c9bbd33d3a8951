"""The flag --config: a file, or the name of a config that comes with the package."""

import pathlib

from absl import flags

from zoo.errors import PrototxtError, ZooError, did_you_mean

flags.disclaim_key_flags()  # --help of the command that defines the flag lists it
_HERE = pathlib.Path(__file__).resolve().parent
FOLDERS = (_HERE / "configs", _HERE.parent / "configs")  # in an installed package; in a checkout


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
        PrototxtError: there is neither a file nor a packaged config of that name.
    """
    path = pathlib.Path(config)
    if path.exists() or path.suffix or len(path.parts) > 1:
        return config
    known = packaged()
    if config not in known:
        hint = did_you_mean(config, known) or f"the package has {', '.join(known)}"
        raise PrototxtError("no such config", got=repr(config), want="a file or the name of a packaged one", hint=hint)
    return str(known[config])


class _Parser(flags.ArgumentParser):
    """Turns a name into its file when the flags are parsed."""

    syntactic_help = "a file, or the name of a packaged config such as lenet"

    def parse(self, argument):
        """Returns the path."""
        try:
            return find(argument)
        except PrototxtError as error:
            raise ValueError(str(error)) from None


def define(text, required=True):
    """Defines --config and returns its holder, whose value is a path."""
    return flags.DEFINE(_Parser(), "config", None, text, required=required)
