"""The dict from Caffe's type string to its class: a duplicate raises, an unknown raises, the set can be listed."""

from collections.abc import Callable
from typing import Any, TypeVar

from zoo.errors import UnsupportedError
from zoo.formats import extra_fields, layer_names
from zoo.formats.layer_names import about_type
from zoo.layers.base.layer_type import LayerType

T = TypeVar("T", bound=LayerType)
_TYPES: dict[str, type[LayerType]] = {}
STATED = ("reads_bottom_in_backward", "aliases_bottom", "mixes_batch", "no_gradient_bottoms", "pixel_map")


def layer_type(name: str, source: str) -> Callable[[type[T]], type[T]]:
    """Class decorator: registers a `LayerType` under Caffe's type string.

    Args:
        name: Caffe's type string, such as "Pooling".
        source: where Caffe computes it, as "file.cpp:first-last" at BVLC/caffe 9b8915401; of a fork's type with the
            fork before it, as "weiliu89/caffe@ssd prior_box_layer.cpp:10-160".

    Raises:
        ValueError: the name is taken, the class is not a `LayerType`, or it leaves one of `STATED` open.
    """

    def register(cls: type[T]) -> type[T]:
        if not (isinstance(cls, type) and issubclass(cls, LayerType)):
            raise ValueError(f"{cls!r} is not a LayerType")
        if name in _TYPES:
            raise ValueError(f'layer type "{name}" is registered twice: {_TYPES[name].__module__} and {cls.__module__}')
        for fact in STATED:
            if not hasattr(cls, fact):
                raise ValueError(f'layer type "{name}" does not state {fact}: see LayerType')
        for param, schema in cls.parameters.items():
            extra_fields.declare(param, schema)
        layer_names.KNOWN.add(name)
        cls.type, cls.source = name, source
        cls.fork = source.split()[0] if "@" in source.split()[0] else None
        _TYPES[name] = cls
        return cls

    return register


def find(name: str) -> type[LayerType] | None:
    """Returns the class registered under Caffe's type string, or None."""
    return _TYPES.get(name)


def lookup(layer: Any) -> type[LayerType]:
    """Returns the class for a `LayerDef`.

    Raises:
        UnsupportedError: no such type is registered; the message says the nearest that is.
    """
    if layer.type not in _TYPES:
        raise UnsupportedError(
            f'unknown layer type "{layer.type}"', at=layer.at("type"), hint=about_type(layer.type, _TYPES)
        )
    return _TYPES[layer.type]


def layer_types() -> list[str]:
    """Returns all registered type strings, sorted."""
    return sorted(_TYPES)
