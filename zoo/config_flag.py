"""The flag --config: a file, or the name of a config that comes with the package."""

from absl import flags

from zoo.errors import PrototxtError
from zoo.formats import text_files
from zoo.formats.packaged import checkout, find, next_to_configs, packaged

__all__ = ["check", "checkout", "define", "find", "next_to_configs", "packaged"]

flags.disclaim_key_flags()  # --help of the command that defines the flag lists it


def check(config):
    """Raises PrototxtError unless a text lies at the path `config`, for before TensorFlow is loaded for seconds."""
    text_files.read_text(config)


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
