"""One function for each layer type, by family; importing this package registers them all."""

import importlib
import pkgutil

from zoo.export.onnx.writers import forks

for _package in (__name__, forks.__name__):
    for _found in pkgutil.iter_modules(importlib.import_module(_package).__path__):
        if not _found.ispkg:
            importlib.import_module(f"{_package}.{_found.name}")
