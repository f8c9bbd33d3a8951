"""Keras, imported when it is first used: layer types can be read and their shapes inferred without it."""

import importlib
import types


class _Lazy(types.ModuleType):
    """Stands for a module until something is asked of it."""

    def __getattr__(self, name):
        value = getattr(importlib.import_module(self.__name__), name)
        setattr(self, name, value)  # found directly from now on
        return value


keras = _Lazy("keras")
ops = _Lazy("keras.ops")
