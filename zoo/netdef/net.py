"""NetParameter -> NetDef: filtered for a state, each value assigned once, sharing by name resolved (net.cpp)."""

from collections.abc import Iterable
from typing import Any

from zoo.errors import NetError, Place, did_you_mean, raise_together
from zoo.formats import caffe_pb2
from zoo.formats.layer_keys import layer_keys
from zoo.formats.prototxt import Parsed
from zoo.netdef.aliasing import overwritten
from zoo.netdef.forks import Meanings
from zoo.netdef.netdef import BlobRef, LayerDef, NetDef, ParamKey, layer_said
from zoo.netdef.shape_inference import refusals
from zoo.netdef.upgrade import upgrade_net

AUTOMATIC = "(automatic)"  # what Caffe calls the top that a loss has when its layer names none


def net_def(
    net: Parsed | caffe_pb2.NetParameter, phase: Any, level: int | None = None, stages: Iterable[str] = ()
) -> NetDef:
    """Returns the `NetDef` of a net for one state, as Caffe's tools and pycaffe choose it (net.cpp:28-46).

    Old forms are upgraded first. Layers may have one name, or none: their keys tell them apart.

    Args:
        net: `Parsed` or a NetParameter; never modified.
        phase: "TRAIN" or "TEST", or Caffe's number for it.
        level: replaces the level of the file's own `state`; None keeps that.
        stages: added to the stages of the file's own `state`.

    Raises:
        ZooError: one error with everything that is wrong, with file, line and layer.

    Example:
        >>> from zoo.formats.prototxt import parse_net
        >>> net = parse_net('''
        ... layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
        ... layer { name: "drop" type: "Dropout" bottom: "x" top: "x" include { phase: TRAIN } }''')
        >>> [layer.name for layer in net_def(net, "TEST").layers]
        ['x']
    """
    own = (net.message if isinstance(net, Parsed) else net).state
    state = caffe_pb2.NetState(phase=phase, level=own.level if level is None else level)
    state.stage.extend([*own.stage, *stages])
    return net_def_for_state(net, state)


def net_def_for_state(net: Parsed | caffe_pb2.NetParameter, state: caffe_pb2.NetState) -> NetDef:
    """Returns the `NetDef` of a net for a whole NetState, such as a solver puts together; as `net_def`.

    The `state` in the net itself is left out of account.
    """
    given = net if isinstance(net, Parsed) else Parsed(net)
    inputs = {name: given.at(f"input[{i}]") for i, name in enumerate(given.message.input)}
    wiring = _Wiring(upgrade_net(given), state, inputs)
    if wiring.errors:
        raise_together(sorted([*wiring.errors, *refusals(wiring.result())], key=lambda e: (e.at and e.at.line) or 0))
    return wiring.result()


class _Wiring:
    """The walk over the layers that Net::Init does, with all complaints collected.

    Args:
        parsed: the net in its current form.
        state: the NetState.
        inputs: {name: `Place`} of the `input` fields that the net had before.
    """

    def __init__(self, parsed, state, inputs):
        self.parsed, self.state, self.errors = parsed, state, []
        self.message = caffe_pb2.NetParameter()
        self.message.CopyFrom(parsed.message)
        self.message.ClearField("layer")
        self.message.state.CopyFrom(state)
        self.layers, self.outputs, self.output_names, self.owners = (), (), (), {}
        self._producer: dict[BlobRef, LayerDef] = {}
        self._readers: dict[BlobRef, list[LayerDef]] = {}
        self._current: dict[str, BlobRef] = {}
        self._unknown: set[BlobRef] = set()
        self._automatic, self._inputs = 0, inputs
        self._check_inputs()
        self._filter()
        self._wire()
        self.errors.extend(overwritten(self.layers, self._readers, self._weighted(), self._unknown))
        self._share()
        self._find_outputs()

    def result(self):
        return NetDef(
            name=self.message.name,
            phase=caffe_pb2.Phase.Name(self.state.phase),
            level=self.state.level,
            stages=tuple(self.state.stage),
            layers=self.layers,
            outputs=self.outputs,
            output_names=self.output_names,
            owners=self.owners,
            message=self.message,
            file=self.parsed.file,
            meanings=self.meanings,
        )

    def _error(self, what, at, **kwargs):
        self.errors.append(NetError(what, at=at, **kwargs))

    def _check_inputs(self):
        for name in ("input_shape", "input_dim"):
            if getattr(self.message, name):
                self._error(f"{name} without an input that it belongs to", self.parsed.at(name))

    # ---- which layers there are ----

    def _filter(self):
        """Keeps the layers whose rules the state meets (net.cpp:281-309)."""
        nodes = self.parsed.source.fields.get("layer", [])
        kept, self._left_out = [], []
        for index, layer in enumerate(self.parsed.message.layer):
            node = nodes[index] if index < len(nodes) else None
            place = Place(self.parsed.file, node.line if node else None, layer.name, layer.type or None)
            lines = node.lines() if node else {}
            if layer.include and layer.exclude:
                self._error("has both include and exclude rules, which may not be mixed", place)
                continue
            rules = layer.include or layer.exclude
            met = any(meets(self.state, rule) for rule in rules)
            if met if layer.include else not met:
                kept.append((layer, place, lines))
            else:
                self._left_out.append((layer, place))
        self._kept = kept
        self.message.layer.extend(layer for layer, _, _ in kept)

    # ---- which value goes where ----

    def _wire(self):
        """Names each value by blob and version (net.cpp:380-454)."""
        layers, meanings = [], Meanings(self.message)
        keys = layer_keys(message.name for message in self.message.layer)
        for key, message, (_, place, lines) in zip(keys, self.message.layer, self._kept):
            if not message.type:
                self._error("has no type", place)
            phase = message.phase if message.HasField("phase") else self.state.phase
            bottoms = tuple(self._bottom(name, i, place, lines) for i, name in enumerate(message.bottom))
            tops = self._tops(message, place, lines)
            layer = LayerDef(
                message.name,
                message.type,
                bottoms,
                tops,
                message,
                place,
                lines,
                caffe_pb2.Phase.Name(phase),
                meanings.variant(message, place),
                key,
            )
            layers.append(layer)
            for bottom in bottoms:
                self._readers.setdefault(bottom, []).append(layer)
            self._producer.update(dict.fromkeys(tops, layer))
        self.layers, self.meanings = tuple(layers), tuple(meanings.said)
        self.errors.extend(meanings.errors)

    def _bottom(self, name, index, place, lines):
        if name in self._current:
            return self._current[name]
        at = Place(place.file, lines.get(f"bottom[{index}]", place.line), place.layer, place.type)
        later = [p for m, p, _ in self._kept if name in m.top]
        elsewhere = [p for m, p in self._left_out if name in m.top]
        if any(p is place for p in later):
            what, hint = f'bottom "{name}" is its own top, and no earlier layer produces it', None
        elif later:
            what = f'bottom "{name}" is produced only later, by {layer_said(later[0])}'
            hint = "layers run in the order of the file"
        elif name in self._inputs:  # which Caffe leaves out, and then does not find the blob
            line = f" on line {self._inputs[name].line}" if self._inputs[name].line else ""
            what = f'bottom "{name}" is an input{line} without a shape'
            hint = "give it one: input_shape { dim: ... }, or input_dim four times"
        elif elsewhere:
            what = f'unknown bottom "{name}"'
            hint = f"{layer_said(elsewhere[0])} produces it, but its rules exclude it for {self._state_text()}"
        else:
            what, hint = f'unknown bottom "{name}"', did_you_mean(name, self._current)
        self._error(what, at, hint=hint)
        ref = BlobRef(name)
        self._unknown.add(ref)
        return ref

    def _tops(self, message, place, lines):
        tops = []
        for index, name in enumerate(message.top):
            at = Place(place.file, lines.get(f"top[{index}]", place.line), place.layer, place.type)
            in_place = index < len(message.bottom) and message.bottom[index] == name
            ref = BlobRef(name, int(BlobRef(name) in self._unknown))  # what was read and nothing gives is another value
            if name in self._current:
                ref = BlobRef(name, self._current[name].version + 1)
                if not in_place or self._current[name] in tops:
                    first = self._producer.get(self._current[name])
                    by = "this layer itself" if first is None else layer_said(first.place)
                    hint = "a top is in place only where the bottom of the same index has its name"
                    self._error(f'top "{name}" is produced twice, first by {by}', at, hint=hint if first else None)
            self._current[name] = ref
            tops.append(ref)
        if not message.top and message.type.endswith("Loss"):
            tops.append(BlobRef(AUTOMATIC, self._automatic))
            self._automatic += 1
        return tuple(tops)

    def _weighted(self):
        """The tops whose layer states a loss weight other than 0: a use like a layer's (insert_splits.cpp:37-49)."""
        return {
            top
            for layer in self.layers
            for top, weight in zip(layer.tops, layer.message.loss_weight)
            if weight and top.name != AUTOMATIC
        }

    def _find_outputs(self):
        """Values that no layer reads, by name in bytes; a weighted top read by others comes out of its Split."""
        weighted, found = self._weighted(), []
        for layer in self.layers:
            for index, top in enumerate(layer.tops):
                if top.name == AUTOMATIC:
                    continue
                if top not in self._readers:
                    found.append((top.name, top))
                elif top in weighted:
                    found.append((f"{top.name}_{layer.name}_{index}_split_0", top))
        found.sort(key=lambda pair: pair[0].encode())
        self.output_names = tuple(name for name, _ in found)
        self.outputs = tuple(ref for _, ref in found)

    # ---- parameters ----

    def _share(self):
        """The first layer to name a parameter owns it; stated multipliers must agree (net.cpp:456-546)."""
        owner_of, stated = {}, {}
        for layer in self.layers:
            for index, param in enumerate(layer.message.param):
                if not param.name:
                    continue
                key = ParamKey(layer.key, index)
                self.owners[key] = owner_of.setdefault(param.name, key)
                for field in ("lr_mult", "decay_mult"):
                    if not param.HasField(field):
                        continue
                    value = getattr(param, field)
                    first, by = stated.setdefault((param.name, field), (value, layer))
                    if first != value:
                        self._error(
                            f'shares the parameter "{param.name}" with another {field}',
                            layer.at(f"param[{index}].{field}"),
                            got=f"{value:g}",
                            want=f"{first:g}",
                            hint=f"stated by {layer_said(by.place)}",
                        )

    def _state_text(self):
        text = f"phase {caffe_pb2.Phase.Name(self.state.phase)}"
        if self.state.level:
            text += f", level {self.state.level}"
        if self.state.stage:
            text += f", stage {', '.join(self.state.stage)}"
        return text


def meets(state: caffe_pb2.NetState, rule: caffe_pb2.NetStateRule) -> bool:
    """Returns whether a NetState meets a NetStateRule: all of its conditions hold (net.cpp:311-378)."""
    return (
        (not rule.HasField("phase") or rule.phase == state.phase)
        and (not rule.HasField("min_level") or state.level >= rule.min_level)
        and (not rule.HasField("max_level") or state.level <= rule.max_level)
        and all(stage in state.stage for stage in rule.stage)
        and all(stage not in state.stage for stage in rule.not_stage)
    )
