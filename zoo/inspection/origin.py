"""Which generation of Caffe a file is of, and which forks."""

from zoo.errors import Place
from zoo.formats.layer_names import forks_with_field
from zoo.inspection.finding import FORK, Finding
from zoo.layers import find
from zoo.netdef.upgrade import net_needs_upgrade

OURS = 9001  # fields of forks have numbers from here on in our schema


def generation(message) -> str:
    """Returns in words which generation's form a net's or solver's message has."""
    if message.DESCRIPTOR.name == "SolverParameter":
        return "a solver of 2013 to 2015 (solver_type)" if message.HasField("solver_type") else "a solver"
    if any(layer.HasField("layer") for layer in message.layers):
        return "a net of 2013 (layers { layer { } })"
    if message.layers:
        return "a net of 2014 (layers { type: CONVOLUTION })"
    if message.input:
        return 'a net with the inputs of 2014 (input: "data" input_dim: ...)'
    if net_needs_upgrade(message):
        return "a net of 2016 (BatchNorm layers with multipliers other than 0)"
    return "a net of today's form"


def forks(definitions) -> list[str]:
    """Returns the forks that types of the NetDefs are of, in the order of their layers."""
    kinds = (find(layer.kind) for definition in definitions for layer in definition.layers)
    return list(dict.fromkeys(kind.fork for kind in kinds if kind is not None and kind.fork))


def of_forks(definitions, fields=()) -> list[Finding]:
    """Returns a finding for each type and field of a fork, with all layers that have it.

    Args:
        definitions: NetDefs of one file.
        fields: further messages to look through, such as the solver's.
    """
    places: dict[tuple[str, str], list[Place]] = {}
    for definition in definitions:
        for layer in definition.layers:
            kind = find(layer.kind)
            if kind is not None and kind.fork:
                _add(places, f"type {layer.kind}", kind.fork, layer.at())
            for path in _paths(layer.message):
                if kind is None or not kind.fork or path.partition(".")[0] not in kind.fields:
                    of = ", ".join(forks_with_field(path.rpartition(".")[2])) or "a fork"
                    _add(places, f"field {path}", of, layer.at(path))
    for message in fields:
        for path in _paths(message):
            _add(places, f"field {path}", ", ".join(forks_with_field(path.rpartition(".")[2])) or "a fork", Place())
    found = []
    for (what, fork), at in places.items():
        more = f", {len(at)} times" if len(at) > 1 else ""
        found.append(Finding(FORK, "of-a-fork", at[0], f"{what} is of {fork}{more}"))
    return found


def _add(places, what, fork, at):
    known = places.setdefault((what, fork), [])
    if at not in known:
        known.append(at)


def _paths(message, prefix=""):
    """Yields the dotted path of every field of a fork that is set, the outermost only."""
    for field, value in message.ListFields():
        if field.number >= OURS and field.name != "fork" and not field.is_extension:
            yield prefix + field.name
        elif field.message_type and not field.is_repeated:
            yield from _paths(value, f"{prefix}{field.name}.")
