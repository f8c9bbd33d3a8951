"""The dict from Caffe's type string to its class: a duplicate raises, an unknown raises, the set can be listed."""

from collections.abc import Callable
from typing import Any, TypeVar

from zoo.errors import UnsupportedError
from zoo.formats import extra_fields, layer_names
from zoo.formats.layer_names import about_type
from zoo.layers.base.layer_type import LayerType

T = TypeVar("T", bound=LayerType)
_TYPES: dict[str, type[LayerType]] = {}
_VARIANTS: dict[str, dict[str, type[LayerType]]] = {}  # {type string: {variant: class}}
STATED = ("reads_bottom_in_backward", "aliases_bottom", "mixes_batch", "no_gradient_bottoms", "pixel_map")


def layer_type(name: str, source: str, variant: str = "") -> Callable[[type[T]], type[T]]:
    """Class decorator: registers a `LayerType` under Caffe's type string.

    Where forks mean different things by one type string, each meaning is a class with a `variant`, and `kind` is
    "BN (segnet)"; `zoo.netdef.forks` decides which is meant. A kind without variant is the type string itself.

    Args:
        name: Caffe's type string, such as "Pooling".
        source: where Caffe computes it, as "file.cpp:first-last" at BVLC/caffe 9b8915401; of a fork's type with the
            fork before it, as "weiliu89/caffe@ssd prior_box_layer.cpp:10-160".
        variant: a short name of the fork whose meaning of the type string this is, as `--fork` takes it.

    Raises:
        ValueError: the name is taken, the class is not a `LayerType`, or it leaves one of `STATED` open.
    """

    def register(cls: type[T]) -> type[T]:
        if not (isinstance(cls, type) and issubclass(cls, LayerType)):
            raise ValueError(f"{cls!r} is not a LayerType")
        kind = f"{name} ({variant})" if variant else name
        if kind in _TYPES:
            raise ValueError(f'layer type "{kind}" is registered twice: {_TYPES[kind].__module__} and {cls.__module__}')
        for fact in STATED:
            if not hasattr(cls, fact):
                raise ValueError(f'layer type "{kind}" does not state {fact}: see LayerType')
        for param, schema in cls.parameters.items():
            extra_fields.declare(param, schema)
        layer_names.KNOWN.add(name)
        cls.type, cls.kind, cls.variant, cls.source = name, kind, variant, source
        cls.fork = source.split()[0] if "@" in source.split()[0] else None
        _TYPES[kind] = cls
        _VARIANTS.setdefault(name, {})[variant] = cls
        return cls

    return register


def find(kind: str) -> type[LayerType] | None:
    """Returns the class registered as `kind`, or None; for a type string of several meanings, the usual one's."""
    return _TYPES.get(kind) or next((cls for cls in variants(kind).values() if cls.usual), None)


def variants(name: str) -> dict[str, type[LayerType]]:
    """Returns {variant: class} of what is registered under Caffe's type string; "" is BVLC Caffe's own meaning."""
    return _VARIANTS.get(name, {})


def lookup(layer: Any) -> type[LayerType]:
    """Returns the class for a `LayerDef`.

    Raises:
        UnsupportedError: no such type is registered; the message says the nearest that is.
    """
    if (kind := find(layer.kind)) is None:
        raise UnsupportedError(
            f'unknown layer type "{layer.type}"', at=layer.at("type"), hint=about_type(layer.type, _TYPES)
        )
    return kind


def layer_types() -> list[str]:
    """Returns all registered kinds, sorted: type strings, with the variant where forks mean different things."""
    return sorted(_TYPES)
