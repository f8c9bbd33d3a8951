"""Caffe prototxt and solver files as living configs on TensorFlow and Keras 3.

    import zoo

    zoo.list_models("res*")                     names of the models that come with the package
    zoo.describe("alexnet")                     what one is, costs and reaches
    zoo.read("any.prototxt")                    a net that shows itself as a table
    zoo.load("alexnet", "alexnet.caffemodel")   a Keras model with .preprocess and .decode
    zoo.fit("lenet", batch_size=32, epochs=2)   trains, and says how it went
    zoo.dataset("mnist/train", 64)              tf.data

TensorFlow and Keras are loaded by the first call that needs them: the first three never do.
"""

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.api.datasets import dataset
    from zoo.api.fitting import fit
    from zoo.api.loaded import load
    from zoo.api.models import describe, list_models
    from zoo.api.reading import read
    from zoo.errors import ZooError

__version__ = "0.2.0"
__all__ = ["ZooError", "__version__", "dataset", "describe", "fit", "list_models", "load", "read"]

_HOME = {
    "ZooError": "zoo.errors",
    "dataset": "zoo.api.datasets",
    "describe": "zoo.api.models",
    "fit": "zoo.api.fitting",
    "list_models": "zoo.api.models",
    "load": "zoo.api.loaded",
    "read": "zoo.api.reading",
}


def __getattr__(name):
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message, name=name, obj=sys.modules[__name__])  # by these Python says "Did you mean"
    if name in ("dataset", "fit", "load"):
        importlib.import_module("zoo.command").quiet_tensorflow()
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__():
    return sorted([*globals(), *_HOME])
