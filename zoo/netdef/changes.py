"""Changes to a config without editing its file: fields of the solver, and of the layers of its nets, as prototxt."""

from dataclasses import dataclass, replace

from zoo.errors import Place, PrototxtError, did_you_mean
from zoo.formats import caffe_pb2, prototxt
from zoo.formats.paths import find_file
from zoo.formats.prototxt import Parsed
from zoo.formats.source_lines import Node, scan
from zoo.netdef.upgrade import upgrade_net

HELP = (
    "Fields to change, as prototxt; nothing is written into the file. 'base_lr: 0.02 max_iter: 500' are fields of the "
    "solver; 'layer { name: \"mnist\" data_param { batch_size: 32 } }' changes the layers of that name, whether the "
    "net is in the solver or in a file of its own. A value replaces the file's, a message is merged into it, a "
    "repeated field (param, stepvalue, bottom, ...) is replaced whole. All layers of the name change; "
    "include { phase: TRAIN } in it chooses those of one phase."
)
_BOTH = ("TRAIN", "TEST")
_PHASES = {"train_net": ("TRAIN",), "train_net_param": ("TRAIN",), "test_net": ("TEST",), "test_net_param": ("TEST",)}


@dataclass(frozen=True)
class Change:
    """One text to merge into a config.

    Attributes:
        text: prototxt: fields of the config's message, and `layer { name: ... }` of its nets.
        said: what errors call it, such as "--set" or "--lr".
        phases: of which phases' nets it changes layers, where a solver has a net for each.
    """

    text: str
    said: str = "--set"
    phases: tuple[str, ...] = _BOTH


@dataclass(frozen=True)
class SolverNet:
    """A net of a solver, or the net that a config is.

    Attributes:
        field: the solver's field that has or names it; "" where the config is the net.
        path: the same, with an index where the field is repeated: "net_param", "test_net[0]".
        phases: for which phases it is used.
        net: `Parsed` of it.
    """

    field: str
    path: str
    phases: tuple[str, ...]
    net: Parsed


def merged(parsed: Parsed, changes, data_dir=None) -> Parsed:
    """Returns a config with changes merged into it, in order.

    Args:
        parsed: `Parsed` of a NetParameter or SolverParameter; never modified.
        changes: `Change`s.
        data_dir: where nets that a solver names are looked for first.

    Raises:
        PrototxtError: a text is no prototxt, or names a layer that no net has, or that is not the only one.
        ZooError: a net's file cannot be read.
    """
    for change in changes:
        own, layers = _split(change)
        if own is not None:
            parsed = prototxt.merge(own, parsed, change.said)
        if layers is not None:
            parsed = _merge_layers(parsed, layers, change, data_dir)
    return parsed


def solver_nets(parsed: Parsed, data_dir=None) -> list[SolverNet]:
    """Returns the nets of a config, those in files of their own read: a net itself is the only one.

    Raises:
        ZooError: a file is not there, or no net.
    """
    message = parsed.message
    if isinstance(message, caffe_pb2.NetParameter):
        return [SolverNet("", "", _BOTH, parsed)]
    found = []
    for name in ("net_param", "train_net_param", "test_net_param", "net", "train_net", "test_net"):
        value = getattr(message, name)
        repeated = message.DESCRIPTOR.fields_by_name[name].is_repeated
        values = value if repeated else [value] if message.HasField(name) else []
        for index, value in enumerate(values):
            path = f"{name}[{index}]" if repeated else name
            if name.endswith("_param"):
                net = parsed.part(name, index)
            else:
                net = parsed.files.get(path) or _read(parsed, value, path, data_dir)
            found.append(SolverNet(name, path, _PHASES.get(name, _BOTH), net))
    return found


def with_net(parsed: Parsed, place: SolverNet, net: Parsed) -> Parsed:
    """Returns a config with another net in the place of one of `solver_nets`."""
    if not place.field:
        return net
    if not place.field.endswith("_param"):
        return replace(parsed, files={**parsed.files, place.path: net})
    message = caffe_pb2.SolverParameter()
    message.CopyFrom(parsed.message)
    index, nodes = 0, list(parsed.source.fields.get(place.field, ()))
    inside = getattr(message, place.field)
    if place.path != place.field:
        index = int(place.path[len(place.field) + 1 : -1])
        inside = inside[index]
    inside.CopyFrom(net.message)
    nodes += [Node(0)] * (index + 1 - len(nodes))
    nodes[index] = net.source
    source = replace(parsed.source, fields={**parsed.source.fields, place.field: nodes})
    return replace(parsed, message=message, source=source)


def _read(parsed, file, field, data_dir):
    return prototxt.read_net(find_file(file, "net", at=parsed.at(field), data_dir=data_dir, file=parsed.file))


def _split(change):
    """Returns (text of the config's own fields, text of layers), either None without any; lines stay what they are."""
    text, source = change.text, scan(change.text, change.said)
    if "layers" in source.fields:
        hint = "layers of old files are brought into this form before they are changed"
        at = Place(change.said, source.fields["layers"][0].line)
        raise PrototxtError('"layers" is the form of 2014', at=at, want="layer { ... }", hint=hint)
    for name in ("net_param", "train_net_param", "test_net_param"):
        if any("layer" in node.fields for node in source.fields.get(name, ())):
            at, want = Place(change.said, source.fields[name][0].line), 'layer { name: "..." ... } by itself'
            raise PrototxtError(f"layers to change stand in {name}", at=at, want=want)
    places = []
    for node in source.fields.get("layer", ()):
        start = text.rfind("layer", places[-1][1] if places else 0, node.span[0])
        if start < 0 or node.value is not None:
            at = Place(change.said, node.line)
            raise PrototxtError("a layer to change is not a message", at=at, want='layer { name: "..." ... }')
        places.append((start, node.span[1]))
    if not places:
        return text, None
    own, layers = _blanked(text, places), _blanked(text, _between(places, len(text)))
    return own if len(source.fields) > 1 else None, layers


def _between(places, end):
    edges = [0, *(edge for place in places for edge in place), end]
    return list(zip(edges[::2], edges[1::2]))


def _blanked(text, places):
    """Returns `text` with spaces at `places`, [(from, to)]; its line breaks stay."""
    for start, end in places:
        text = text[:start] + "".join(c if c == "\n" else " " for c in text[start:end]) + text[end:]
    return text


def _merge_layers(parsed, text, change, data_dir):
    given = prototxt.parse(text, "NetParameter", change.said)
    nets = [replace(place, net=upgrade_net(place.net)) for place in solver_nets(parsed, data_dir)]
    for layer, node in zip(given.message.layer, given.source.fields["layer"]):
        at = Place(change.said, node.line, layer.name or None)
        if not layer.name:
            raise PrototxtError("a layer to change has no name", at=at, want='layer { name: "..." ... }')
        fitting = [_chosen(place.net, layer, at) if set(place.phases) & set(change.phases) else [] for place in nets]
        if not any(fitting):
            raise _unknown(layer, at, nets)
        patch = Parsed(_without_rules(layer), change.said, _without_rule_nodes(node))
        nets = [
            replace(place, net=_patched(place.net, chosen, patch)) if chosen else place
            for place, chosen in zip(nets, fitting)
        ]
    for place in nets:
        parsed = with_net(parsed, place, place.net)
    return parsed


def _chosen(net, layer, at):
    """Returns the indices of the layers of a net that `layer`, the text's, is about.

    Raises:
        PrototxtError: rules tell none of several from the others, or one that the text's rules speak of is more.
    """
    named = [index for index, other in enumerate(net.message.layer) if other.name == layer.name]
    chosen = [index for index in named if not layer.include or _met(net.message.layer[index], layer.include)]
    for index in chosen if layer.include else ():
        other = net.message.layer[index]
        if not other.include and not other.exclude:
            hint = "leave out include { ... } to change it for both"
            found = f"the layer on line {_line(net, index)}, which has no rule and is in both phases"
            raise PrototxtError("include chooses a part of a layer", at=at, got=found, hint=hint)
    rules = [(*map(str, net.message.layer[i].include), "/", *map(str, net.message.layer[i].exclude)) for i in chosen]
    twice = [index for index, rule in zip(chosen, rules) if rules.count(rule) > 1]
    if twice:
        lines = ", ".join(str(_line(net, index)) for index in twice)
        raise PrototxtError("several layers have this name in one phase", at=at, got=f"lines {lines} of {net.file}")
    return chosen


def _met(layer, rules):
    """Whether `layer` has one of the text's rules among its own: what the text leaves out may be anything."""
    if layer.include:
        return any(_part_of(rule, own) for rule in rules for own in layer.include)
    return not any(_part_of(own, rule) or _part_of(rule, own) for rule in rules for own in layer.exclude)


def _part_of(rule, own):
    """Whether a NetStateRule says nothing that `own`, another, does not say."""
    for field, value in rule.ListFields():
        if field.is_repeated:
            if not set(value) <= set(getattr(own, field.name)):
                return False
        elif not own.HasField(field.name) or getattr(own, field.name) != value:
            return False
    return True


def _line(net, index):
    return net.at(f"layer[{index}]").line


def _unknown(layer, at, nets):
    there = [
        (place, i) for place in nets for i, other in enumerate(place.net.message.layer) if other.name == layer.name
    ]
    if there:
        got = ", ".join(f"one on line {_line(place.net, i)} of {place.net.file}" for place, i in there)
        return PrototxtError(f'no layer "{layer.name}" for this phase or rule', at=at, got=got)
    names = dict.fromkeys(other.name for place in nets for other in place.net.message.layer)
    hint = did_you_mean(layer.name, names) or "the nets have " + ", ".join(names)
    return PrototxtError("no net of the config has a layer of this name", at=at, hint=hint)


def _without_rules(layer):
    message = caffe_pb2.LayerParameter()
    message.CopyFrom(layer)
    message.ClearField("include")
    return message


def _without_rule_nodes(node):
    return replace(node, fields={name: nodes for name, nodes in node.fields.items() if name not in ("include", "name")})


def _patched(net, indices, patch):
    message = caffe_pb2.NetParameter()
    message.CopyFrom(net.message)
    nodes = list(net.source.fields.get("layer", ()))
    nodes += [Node(0)] * (len(message.layer) - len(nodes))
    for index in indices:
        merged_layer = prototxt.merge_parsed(Parsed(message.layer[index], net.file, nodes[index]), patch)
        message.layer[index].CopyFrom(merged_layer.message)
        nodes[index] = merged_layer.source
    return replace(net, message=message, source=replace(net.source, fields={**net.source.fields, "layer": nodes}))
