"""The flag --config: a file, or the name of a config that comes with the package."""

from absl import flags

from zoo.errors import PrototxtError
from zoo.formats import text_files
from zoo.formats.packaged import checkout, find, next_to_configs, packaged

__all__ = ["check", "checkout", "define", "find", "next_to_configs", "packaged", "typed"]

flags.disclaim_key_flags()  # --help of the command that defines the flag lists it


def check(config):
    """Raises PrototxtError unless a text lies at the path `config`, for before TensorFlow is loaded for seconds."""
    text_files.read_text(config)


class _Named(str):
    """The path of a packaged config, with what was `typed` for it."""

    typed: str


def typed(config):
    """Returns what was typed for --config, given its value: a packaged config's name, or the path itself."""
    return getattr(config, "typed", config)


class _Parser(flags.ArgumentParser):
    """Turns a name into its file when the flags are parsed."""

    syntactic_help = "a file, or the name of a packaged config such as lenet"

    def parse(self, argument):
        """Returns the path."""
        try:
            path = find(argument)
        except PrototxtError as error:
            raise ValueError(str(error)) from None
        if path == argument:
            return path
        named = _Named(path)
        named.typed = argument
        return named


def define(text, required=True):
    """Defines --config and returns its holder, whose value is a path."""
    return flags.DEFINE(_Parser(), "config", None, text, required=required)
