"""What a page says of each layer of a net, as plain data."""

from zoo.formats import caffe_pb2
from zoo.layers import find
from zoo.netdef.cost import cost
from zoo.netdef.netdef import ParamKey
from zoo.netdef.receptive_field import receptive_fields, windows
from zoo.netdef.shape_inference import multipliers
from zoo.netdef.splits import insert_splits
from zoo.pages.kinds import kind_of

FLOAT = 4  # bytes
_NAMES = {"kernel": "weight"}  # what Caffe's users call what Keras calls otherwise


def facts(view, texts):
    """Returns a dict for each layer of a `NetView`, in order.

    Args:
        view: the `NetView`.
        texts: the `LayerTexts`.

    Each has: name, key, type; kind (place in `KINDS`); note (what its parameters are, in a few signs); fork;
    at and text (prototxt); bottoms [name, shape, index of the layer that gives it]; tops [name, shape, indices of the
    layers that read it]; blobs [what, shape, count, lr_mult, decay_mult, the layer that owns it]; params (count, shared
    ones at their owner); macs; field; gradient [layer, bottoms, blobs]; loss (weights of its tops). What is not known
    is None.
    """
    definition, shapes = view.definition, view.shapes()
    plans = {id(plan.definition): plan for plan in view.planned}
    fields, gradients = receptive_fields(view.planned, view.known), view.gradients()
    rates, giver, readers = multipliers(definition), {}, {}
    said = []
    for index, layer in enumerate(definition.layers):
        plan, kind = plans.get(id(layer)), find(layer.kind)
        for bottom in layer.bottoms:
            readers.setdefault(bottom, []).append(index)
        text, at = texts.of(layer)
        need = gradients.get(layer.key)
        said.append({
            "name": layer.name,
            "key": layer.key,
            "type": layer.type,
            "kind": kind_of(layer),
            "note": note(layer, plan),
            "fork": kind.fork if kind else None,
            "at": at,
            "text": text,
            "bottoms": [[bottom.name, shapes.get(bottom), giver.get(bottom)] for bottom in layer.bottoms],
            "tops": [[top.name, shapes.get(top), readers.setdefault(top, [])] for top in layer.tops],
            "blobs": _blobs(definition, layer, plan, rates),
            "params": _count(definition, layer, plan),
            "macs": int(plan.type.flops(plan.bottoms, plan.tops)) if plan else None,
            "field": _field(fields.get(layer.tops[0])) if layer.tops and layer.bottoms else None,
            "gradient": [need.layer, need.bottoms, need.parameters] if need else None,
            "loss": plan.loss_weights if plan and any(plan.loss_weights) else None,
        })  # fmt: skip
        giver.update((top, index) for top in layer.tops)
    return said


def totals(view):
    """Returns what a whole net costs: parameters, statistics, macs, and bytes of data as Caffe counts them."""
    if not view.complete:
        return None
    found = cost(view.definition, view.planned)
    shapes = dict(view.known)
    memory = sum(FLOAT * _product(shape) for shape in shapes.values())
    split = type(view).of(view.title, insert_splits(view.definition), view.known)[0]
    memory += sum(FLOAT * _product(shape) for plan in split.planned for shape in plan.tops)
    return {
        "params": found.parameters,
        "statistics": found.statistics,
        "macs": found.flops,
        "bytes": memory,
    }


def _product(shape):
    count = 1
    for size in shape:
        count *= size
    return count


def _blobs(definition, layer, plan, rates):
    if plan is None:
        return None
    said = []
    for index, spec in enumerate(plan.blobs):
        key = ParamKey(layer.key, index)
        owner = definition.owners.get(key, key)
        lr, decay = spec.multipliers or rates.get(owner, (1.0, 1.0))
        lr, decay = (_short(lr), _short(decay)) if spec.trainable else (None, None)
        said.append(
            [
                _NAMES.get(spec.variable, spec.variable),
                spec.shape,
                spec.count,
                lr,
                decay,
                None if owner == key else owner.layer,
            ]
        )
    return said


def _short(value):
    return float(f"{value:.6g}")


def _count(definition, layer, plan):
    if plan is None:
        return None
    keys = (ParamKey(layer.key, index) for index in range(len(plan.blobs)))
    return sum(spec.count for key, spec in zip(keys, plan.blobs) if definition.owners.get(key, key) == key)


def _field(field):
    """Returns [sizes, strides, offsets] along the axes, "whole", "irregular", or None."""
    if field is None:
        return None
    if field.axes is None:
        return "whole" if field.whole else "irregular"
    return [
        [axis.size for axis in field.axes],
        [str(axis.step) for axis in field.axes],
        [axis.start for axis in field.axes],
    ]


def note(layer, plan):
    """Returns what a layer's own fields say, in a few signs: "64, 7×7 / 2, pad 3"."""
    message, parts = layer.message, []
    if layer.type in ("InnerProduct", "MarginInnerProduct", "Embed"):
        given = {"InnerProduct": "inner_product_param", "Embed": "embed_param"}.get(layer.type)
        return str(getattr(message, given).num_output) if given else ""
    if plan is not None:
        outputs = getattr(plan.type, "num_output", None)
        if outputs is not None:
            parts.append(str(outputs))
        parts += _window(plan)
    elif message.HasField("convolution_param"):
        parts.append(str(message.convolution_param.num_output))
    return _OF_TYPE.get(layer.type, lambda message: "")(message) + ", ".join(parts)


def _window(plan):
    found = windows(plan) if plan.bottoms and len(plan.bottoms[0]) > 2 else None
    if not found or plan.type.pixel_map == "same":
        return
    if getattr(plan.type, "whole", False):
        yield "global"
        return
    yield _sizes(found, "kernel") + (f" / {_sizes(found, 'stride')}" if any(w.stride != 1 for w in found) else "")
    if any(w.pad for w in found):
        yield f"pad {_sizes(found, 'pad')}"
    if any(w.dilation != 1 for w in found):
        yield f"dilation {_sizes(found, 'dilation')}"
    group = getattr(plan.type, "group", 1)
    if group != 1:
        yield f"group {group}"


def _sizes(found, name):
    """Returns one number where all axes are alike, but of a kernel always all."""
    sizes = [getattr(window, name) for window in found]
    return str(sizes[0]) if len(set(sizes)) == 1 and name != "kernel" else "×".join(map(str, sizes))


_POOLS, _SUMS = caffe_pb2.PoolingParameter.PoolMethod, caffe_pb2.EltwiseParameter.EltwiseOp
_OF_TYPE = {
    "Pooling": lambda message: f"{_POOLS.Name(message.pooling_param.pool)} ",
    "Eltwise": lambda message: _SUMS.Name(message.eltwise_param.operation),
    "Dropout": lambda message: f"{message.dropout_param.dropout_ratio:g}",
    "LRN": lambda message: f"over {message.lrn_param.local_size}",
}
