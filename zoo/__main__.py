"""All commands under one name: `caffe-zoo COMMAND FLAGS`, or `python -m zoo COMMAND FLAGS`."""

import ast
import pathlib
import runpy
import sys

from zoo import __version__, command, terminal
from zoo.errors import did_you_mean

COMMANDS = {
    "list": "zoo.list",
    "train": "zoo.train",
    "sweep": "zoo.sweep",
    "evaluate": "zoo.evaluate",
    "convert": "zoo.convert",
    "benchmark": "zoo.benchmark",
    "classify": "zoo.classify",
    "extract_features": "zoo.extract_features",
    "detect": "zoo.detect",
    "doctor": "zoo.doctor",
    "upgrade": "zoo.upgrade",
    "devices": "zoo.devices",
    "gallery": "zoo.gallery",
    "filters": "zoo.filters",
    "activations": "zoo.activations",
    "saliency": "zoo.saliency",
    "patches": "zoo.patches",
    "deep_dream": "zoo.deep_dream",
    "embedding": "zoo.embedding",
    "plot": "zoo.plot",
    "draw": "zoo.draw",
    "parse_log": "zoo.parse_log",
    "plot_log": "zoo.plot_log",
    "fetch_weights": "zoo.fetch_weights",
    "results": "zoo.results",
    "mnist": "data_prep.mnist",
    "cifar10": "data_prep.cifar10",
    "imagenet": "data_prep.imagenet",
    "siamese_mnist": "data_prep.siamese_mnist",
    "hdf5_points": "data_prep.hdf5_points",
    "super_resolution": "data_prep.super_resolution",
    "databases": "data_prep.databases",
    "detection": "data_prep.detection",
    "pasted_digits": "data_prep.pasted_digits",
    "mean_image": "data_prep.mean_image",
}
_ROOT = pathlib.Path(__file__).resolve().parents[1]


def first_line(module):
    """Returns the first line of a module's docstring, without importing it."""
    tree = ast.parse(_ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").split("\n")[0]


def listing():
    """Returns the page that says what there is."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name.ljust(width)}  {first_line(module)}" for name, module in COMMANDS.items()]
    usage = "usage: caffe-zoo COMMAND [--flag=value ...]      caffe-zoo COMMAND --help shows its flags"
    return "\n".join([f"caffe-zoo {__version__}", usage, "", *lines])


def main():
    """Runs the command that the first argument names; lists them all without one."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("--help", "-h", "help"):
        return command.printed(listing())
    if name == "--version":
        return command.printed(__version__)
    if name not in COMMANDS:
        hint = did_you_mean(name, COMMANDS)
        terminal.error(f"no command {name!r}" + (f" ({hint})" if hint else ""))
        print(listing(), file=sys.stderr)
        return 1
    sys.argv[:2] = [f"caffe-zoo {name}"]
    runpy.run_module(COMMANDS[name], run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
