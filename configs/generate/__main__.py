"""Writes the generated configs: ``python -m configs.generate [NAME ...]``, all of them by default."""

import pathlib

from configs.generate.catalogue import CONFIGS
from zoo import command
from zoo.errors import ZooError, did_you_mean
from zoo.formats import atomic

FOLDER = pathlib.Path(__file__).resolve().parents[1]


def main(*names):
    """Writes the files of `names`; raises ZooError for a name that is none of the generated configs."""
    for name in names:
        if name not in CONFIGS:
            raise ZooError("not a generated config", got=name, hint=did_you_mean(name, CONFIGS) or ", ".join(CONFIGS))
    for name in names or CONFIGS:
        with atomic.replacing(FOLDER / f"{name}.prototxt", ZooError) as file:
            file.write(CONFIGS[name]().encode())
        print(f"wrote configs/{name}.prototxt")


if __name__ == "__main__":
    command.run(main, arguments=len(CONFIGS))
