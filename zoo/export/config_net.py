"""A config file -> the net that it holds, and the net to deploy, each line of it still known."""

import dataclasses
from dataclasses import dataclass

from zoo.errors import NetError, Place, did_you_mean
from zoo.formats import caffe_pb2
from zoo.formats.prototxt import Parsed
from zoo.formats.source_lines import Node
from zoo.netdef.config import Config, open_config
from zoo.netdef.deploy import deployed_layers
from zoo.netdef.net import net_def
from zoo.netdef.netdef import NetDef
from zoo.netdef.upgrade import upgrade_net


@dataclass(frozen=True)
class ConfigNet:
    """A net as its file has it.

    Attributes:
        config: the `Config`, changed as asked.
        net: `Parsed` of the whole net in the current form.
        definition: the `NetDef` for one state, with data layers, losses and all.
    """

    config: Config
    net: Parsed
    definition: NetDef

    @property
    def file(self):
        """The config's path."""
        return self.config.file

    def deployed(self, shapes):
        """Returns `Parsed` of the net to deploy; its layers keep the lines that they had.

        Args:
            shapes: {blob: Caffe shape} of what is fed; see `zoo.netdef.deploy`.

        Raises:
            NetError: a shape is missing or belongs to no input; nothing is left to compute.
        """
        message, origins = deployed_layers(self.definition, shapes)
        nodes = {(node.line, node.text("name")): node for node in self.net.source.fields.get("layer", [])}
        found = [(origin.place.line, origin.name) if origin else (None, None) for origin in origins]
        kept = [nodes.get(key) or nodes.get((key[0], None)) or Node(0) for key in found]
        return Parsed(message, self.net.file, Node(0, (0, 0), None, {"layer": kept}))


def read(config, phase="TEST", level=None, stages=(), data_dir=None, changes=()):
    """Returns the `ConfigNet` of a net's file, or of a solver's: its first test net, or for TRAIN its training net.

    Args:
        config: path of a prototxt of any generation.
        phase: "TEST" or "TRAIN", what the net is filtered for.
        level, stages: the rest of the state, as in `net_def`.
        data_dir: where a net that a solver names is looked for first.
        changes: `Change`s to merge into it.

    Raises:
        ZooError: the file is missing or no prototxt, or what is wrong with its net.
    """
    opened = open_config(config).changed(changes, data_dir)
    net, definition = opened.net(phase, data_dir), opened.definition(phase, level, tuple(stages), data_dir)
    return ConfigNet(opened, upgrade_net(net), definition)


def last_values(definition):
    """Returns {blob name: its last `BlobRef`} of a NetDef."""
    return {top.name: top for layer in definition.layers for top in layer.tops}


def only(parsed, phase, outputs):
    """Returns `Parsed` of the part of a net that the blobs `outputs` (names) come from.

    Raises:
        NetError: there is no such blob.
    """
    definition = net_def(parsed, phase)
    last = last_values(definition)
    for name in outputs:
        if name not in last:
            raise NetError(
                f'no blob "{name}" in the net to deploy',
                at=Place(definition.file),
                hint=did_you_mean(name, last) or "it has " + ", ".join(last),
            )
    producer = {top: index for index, layer in enumerate(definition.layers) for top in layer.tops}
    needed, todo = set(), [last[name] for name in outputs]
    while todo:
        index = producer[todo.pop()]
        if index not in needed:
            needed.add(index)
            todo += definition.layers[index].bottoms
    return with_layers(parsed, {index: parsed.message.layer[index] for index in sorted(needed)})


def with_layers(parsed, layers):
    """Returns `Parsed` with `layers` alone, {index in `parsed`: message}, which keep their places in the file."""
    message = caffe_pb2.NetParameter()
    message.CopyFrom(parsed.message)
    message.ClearField("layer")
    message.layer.extend(layers.values())
    nodes = parsed.source.fields["layer"]
    fields = {**parsed.source.fields, "layer": [nodes[index] for index in layers]}
    return Parsed(message, parsed.file, dataclasses.replace(parsed.source, fields=fields))


def with_batch(parsed, batch):
    """Returns `Parsed` with axis 0 of every input set to `batch`.

    Raises:
        NetError: the inputs differ in axis 0, so that one number does not say what each shall be.
    """
    message = caffe_pb2.NetParameter()
    message.CopyFrom(parsed.message)
    shapes = [shape for layer in message.layer if layer.type == "Input" for shape in layer.input_param.shape]
    sizes = sorted({shape.dim[0] for shape in shapes if shape.dim})
    if len(sizes) > 1:
        raise NetError(
            "the inputs differ in their first axis",
            at=Place(parsed.file),
            got=", ".join(map(str, sizes)),
            hint="give each with --input_shape instead of --batch",
        )
    for shape in shapes:
        if shape.dim:
            shape.dim[0] = batch
    return Parsed(message, parsed.file, parsed.source)
