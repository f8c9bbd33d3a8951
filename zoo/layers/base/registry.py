"""The dict from Caffe's type string to its class: a duplicate raises, an unknown raises, the set can be listed."""

from zoo.errors import UnsupportedError, did_you_mean
from zoo.layers.base.layer_type import LayerType

_TYPES = {}


def layer_type(name, source):
    """Class decorator: registers a `LayerType` under Caffe's type string.

    Args:
        name: Caffe's type string, such as "Pooling".
        source: where Caffe computes it, as "file.cpp:first-last" at BVLC/caffe 9b8915401.

    Raises:
        ValueError: the name is taken, or the class is not a `LayerType`.
    """

    def register(cls):
        if not (isinstance(cls, type) and issubclass(cls, LayerType)):
            raise ValueError(f"{cls!r} is not a LayerType")
        if name in _TYPES:
            raise ValueError(f'layer type "{name}" is registered twice: {_TYPES[name].__module__} and {cls.__module__}')
        cls.type, cls.source = name, source
        _TYPES[name] = cls
        return cls

    return register


def lookup(layer):
    """Returns the class for a `LayerDef`.

    Raises:
        UnsupportedError: no such type is registered; the message says the nearest that is.
    """
    if layer.type not in _TYPES:
        raise UnsupportedError(
            f'unknown layer type "{layer.type}"', at=layer.at("type"), hint=did_you_mean(layer.type, _TYPES)
        )
    return _TYPES[layer.type]


def layer_types():
    """Returns all registered type strings, sorted."""
    return sorted(_TYPES)
