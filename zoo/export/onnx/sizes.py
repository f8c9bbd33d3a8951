"""Whether the form in which a net is written depends on the height and width of its inputs."""

import dataclasses

from zoo.errors import UnsupportedError, ZooError
from zoo.export.conversion import Conversion
from zoo.formats import caffe_pb2
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes

FACTORS = 2, 3  # by which height and width grow: what fits together at one size does so at its multiples


def is_plane(shape):
    """Whether an input of that shape has a height and a width."""
    return len(shape) == 4 and max(shape[2:]) > 1


def larger(conversion: Conversion) -> Conversion:
    """Returns the conversion of the same net, and the same blobs, for higher and wider inputs.

    Raises:
        UnsupportedError: no input has a height and width, or with other ones the net's layers do not fit together.
    """
    if not any(is_plane(conversion.shapes[ref]) for ref in conversion.inputs):
        raise UnsupportedError("no input has a height and width that could be left open", got=conversion.config)
    message = caffe_pb2.NetParameter()
    message.CopyFrom(conversion.message)
    for layer in message.layer:
        for shape in layer.input_param.shape if layer.type == "Input" else ():
            if is_plane(shape.dim):
                for axis, factor in zip((2, 3), FACTORS):
                    shape.dim[axis] *= factor
    definition = net_def(message, conversion.phase)
    try:
        planned = infer_shapes(definition)
    except ZooError as error:
        raise _bound(conversion, str(error)) from error
    for one, other in zip(conversion.array_net.layers, planned):
        if [parameter.spec.shape for parameter in one.parameters] != [spec.shape for spec in other.blobs]:
            raise _bound(conversion, f'the parameters of layer "{one.definition.name}" depend on them')
    shapes = {ref: shape for layer in planned for ref, shape in zip(layer.definition.tops, layer.tops)}
    other = dataclasses.replace(conversion, definition=definition, shapes=shapes)
    other.__dict__["_arrays"] = conversion._arrays  # the same blobs
    return other


def check_same(conversion, one, other):
    """Raises UnsupportedError where two forms of a net, {layer key: its nodes and constants}, differ."""
    for key, form in one.items():
        if form != other[key]:
            raise _bound(conversion, f'the form of layer "{key}" depends on them')


def _bound(conversion, why):
    return UnsupportedError(f"{conversion.config}: height and width cannot be left open: {why}")
