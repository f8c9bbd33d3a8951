"""Whether a net takes batches of any size, by integers alone."""

from zoo.errors import ZooError
from zoo.formats import caffe_pb2
from zoo.netdef.net import net_def
from zoo.netdef.netdef import NetDef
from zoo.netdef.shape_inference import infer_shapes


def why_fixed(definition: NetDef):
    """Returns why a net with Input layers is bound to its batch size, as a clause; "" where it is not.

    It takes any size where three times the items on axis 0 of every input give three times those of every value and
    change nothing else, and no layer cuts axis 0 at fixed places or has its steps of time there.
    """
    larger = caffe_pb2.NetParameter()
    larger.CopyFrom(definition.message)
    for layer in larger.layer:
        if layer.type == "Input":
            for shape in layer.input_param.shape:
                if not shape.dim:
                    return f'its input "{layer.top[0]}" has no axes'
                shape.dim[0] *= 3
    before = infer_shapes(definition)
    try:
        after = infer_shapes(net_def(larger, definition.phase))
    except ZooError:
        return "with another size its layers do not fit together"
    for one, three in zip(before, after):
        name = one.definition.name
        if [spec.shape for spec in one.blobs] != [spec.shape for spec in three.blobs]:
            return f'the parameters of layer "{name}" depend on it'
        reason = one.type.fixes_batch(one.bottoms)
        if reason:
            return reason
        for top, small, large in zip(one.definition.tops, one.tops, three.tops):
            if not small or large != (3 * small[0], *small[1:]):
                return f'"{top}" of layer "{name}" does not have one row per item'
    return ""
