"""The dict from a layer type to the function that writes it as ONNX, or to why there is none."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.export.onnx.site import Site

Writer = Callable[["Site"], str | tuple[str, ...]]
_WRITERS: dict[str, Writer] = {}
_REFUSED: dict[str, str] = {}


def writer(*kinds: str) -> Callable[[Writer], Writer]:
    """Function decorator: registers what writes layers of these kinds, `Site` -> names of the values of the tops.

    A kind is as the registry of layer types has it: "Pooling", or "BN (segnet)" where forks mean different things.

    Raises:
        ValueError: a kind is registered twice.
    """

    def register(function: Writer) -> Writer:
        for kind in kinds:
            _claim(kind)
            _WRITERS[kind] = function
        return function

    return register


def refuse(reason: str, *kinds: str) -> None:
    """Registers that layers of these kinds have no ONNX form; `reason` is a clause."""
    for kind in kinds:
        _claim(kind)
        _REFUSED[kind] = reason


def _claim(kind):
    if kind in _WRITERS or kind in _REFUSED:
        raise ValueError(f'the ONNX form of "{kind}" is registered twice')


def find(kind: str) -> Writer | None:
    """Returns the writer of a kind, or None."""
    return _WRITERS.get(kind)


def why_refused(kind: str) -> str:
    """Returns why a kind has no ONNX form, as a clause."""
    return _REFUSED.get(kind, "nothing writes it as ONNX")


def kinds() -> tuple[set[str], set[str]]:
    """Returns (the kinds with a writer, those with a reason for having none)."""
    return set(_WRITERS), set(_REFUSED)
