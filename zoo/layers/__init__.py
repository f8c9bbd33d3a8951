"""Caffe's layer types: one type, or one close family, a file. Importing this package registers them all, without Keras.

A type says how its fields are read, what shapes it gives, which parameter blobs it has and how it is built, and all
that other parts of the package have to know of it.
"""

import importlib
import pkgutil

from zoo.layers.base.registry import find, layer_types, lookup

__all__ = ["find", "layer_types", "lookup"]

for _package, _path in ((__name__, __path__[0]), (f"{__name__}.forks", f"{__path__[0]}/forks")):
    for _module in pkgutil.iter_modules([_path]):
        if not _module.ispkg:
            importlib.import_module(f"{_package}.{_module.name}")
