"""The net to deploy from the net to train: data become inputs, losses become their predictions, labels go."""

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.errors import NetError, did_you_mean, raise_together
from zoo.formats import caffe_pb2
from zoo.formats.prototxt import Parsed
from zoo.layers import find
from zoo.netdef.net import net_def
from zoo.netdef.netdef import LayerDef, NetDef


def deploy(
    net: NetDef | Parsed | caffe_pb2.NetParameter, shapes: Mapping[str, Sequence[int]] | None = None
) -> caffe_pb2.NetParameter:
    """Returns a new NetParameter, the net to deploy.

    A loss that holds an activation becomes that activation, "prob" (with several losses the heaviest, and the last of
    equals, is "prob"; the others are "prob_<loss>"); of any other loss, and of Accuracy, the first bottom is an output.
    What only labels or losses lead to goes, and so do Silence and layers without a top. Names of parameters stay.

    Args:
        net: a NetDef, or `Parsed` or NetParameter, which is filtered for TEST; never modified.
        shapes: {blob: Caffe shape} of data tops; needed for those of layers whose data decide it, such as Data, and
            replaces what Input, DummyData and MemoryData state themselves.

    Raises:
        NetError: a shape is missing or belongs to no input; nothing is left to compute.

    Example:
        >>> from zoo.netdef.config import open_config
        >>> net = open_config("configs/lenet.prototxt").definition("TEST")
        >>> [layer.name for layer in deploy(net, {"data": (1, 1, 28, 28)}).layer][-2:]
        ['ip2', 'prob']
    """
    return deployed_layers(net if isinstance(net, NetDef) else net_def(net, "TEST"), shapes)[0]


def deployed_layers(
    net: NetDef, shapes: Mapping[str, Sequence[int]] | None = None
) -> tuple[caffe_pb2.NetParameter, list[LayerDef | None]]:
    """Returns what `deploy` does, and of each of its layers the layer of `net` that it was; None for a prediction."""
    return _Deployment(net, dict(shapes or {})).result()


def _is_data(layer):
    kind = find(layer.kind)
    return kind is not None and kind.feeds(layer)


def _prediction(layer) -> Any:
    """(type, name of its message) of what a loss applies to its first bottom before it compares, or None."""
    return getattr(find(layer.kind), "prediction", None)


def _ends(layer):
    """Whether a layer only scores or hides: nothing that it gives is deployed."""
    return not getattr(find(layer.kind), "deployed", True) or not layer.tops


class _Deployment:
    def __init__(self, net, shapes):
        self.net, self.shapes = net, shapes
        self.producer = {top: layer for layer in net.layers for top in layer.tops}
        self.predictions = {}  # index of a loss -> the message that replaces it
        self.roots = self._roots()
        self.needed = self._upstream(self.roots)

    def _roots(self):
        """The values to give: predictions first, then outputs that are neither labels' nor losses' doing."""
        roots, against, objective = [], [], []
        for layer in self.net.layers:
            count = getattr(find(layer.kind), "scored_bottoms", 0)
            if count:
                roots += layer.bottoms[:count]
                against += layer.bottoms[count:]
        inputs = self._data(self._upstream(roots))
        labels = self._data(self._upstream(against)) - inputs
        for ref in self.net.outputs:
            layer, upstream = self.producer[ref], self._upstream([ref])
            data = self._data(upstream)
            if _is_data(layer) or any(self._ended(value) for value in upstream) or (data and data <= labels):
                continue
            weights = layer.message.loss_weight
            (objective if len(weights) == len(layer.tops) and weights[layer.tops.index(ref)] else roots).append(ref)
        return roots or objective

    def _upstream(self, refs):
        """Every value that `refs` come from, themselves included."""
        found, todo = set(), list(refs)
        while todo:
            ref = todo.pop()
            if ref not in found:
                found.add(ref)
                layer = self.producer[ref]
                todo += layer.bottoms if self._ended(ref) or not _ends(layer) else layer.bottoms[:1]
        return found

    def _ended(self, ref):
        """Whether `ref` goes with the layer that gives it; a loss's second top is its prediction and stays."""
        layer = self.producer[ref]
        return _ends(layer) and not (_prediction(layer) and ref in layer.tops[1:])

    def _data(self, refs):
        return {ref for ref in refs if _is_data(self.producer[ref])}

    def result(self):
        kept = [
            None if _ends(layer) or not any(top in self.needed for top in layer.tops) else layer
            for layer in self.net.layers
        ]
        if all(layer is None or _is_data(layer) for layer in kept):
            raise NetError(f'nothing to deploy in the net "{self.net.name}"', want="a layer that computes from data")
        self._predict([layer for layer in kept if layer])
        errors = list(self._unknown_shapes())
        result, origins = caffe_pb2.NetParameter(name=self.net.name), []
        if self.net.message.HasField("force_backward"):
            result.force_backward = self.net.message.force_backward
        for index, layer in enumerate(kept):
            if layer and _is_data(layer):
                try:
                    result.layer.append(self._input(layer))
                except NetError as error:
                    errors.append(error)
            elif layer:
                message = result.layer.add()
                message.CopyFrom(layer.message)
                for name in ("include", "exclude", "loss_weight", "propagate_down"):
                    message.ClearField(name)
            elif index in self.predictions:
                result.layer.append(self.predictions[index])
            if layer or index in self.predictions:
                origins.append(layer)
        raise_together(errors)
        return result, origins

    def _predict(self, kept):
        """Finds what replaces each loss; two losses on one value need it once, and a net may have it already."""
        losses = [(i, layer) for i, layer in enumerate(self.net.layers) if _prediction(layer)]
        there = {(layer.type, layer.bottoms[0]) for layer in kept if layer.bottoms}
        heaviest = max((_weight(layer), i) for i, layer in losses)[1] if losses else None
        names = {layer.name for layer in kept} | {top.name for layer in kept for top in layer.tops}
        for index, layer in sorted(losses, key=lambda loss: loss[0] != heaviest):
            kind, param = _prediction(layer)
            read_later = len(layer.tops) > 1
            if (kind, layer.bottoms[0]) in there and not read_later:
                continue
            there.add((kind, layer.bottoms[0]))
            name = "prob" if index == heaviest else f"prob_{layer.name}"
            while name in names:
                name += "_"
            top = layer.tops[1].name if read_later else name
            names |= {name, top}
            message = caffe_pb2.LayerParameter(name=name, type=kind, bottom=[layer.bottoms[0].name], top=[top])
            if layer.message.HasField(param):
                getattr(message, param).CopyFrom(getattr(layer.message, param))
            self.predictions[index] = message

    def _input(self, layer):
        tops = [(index, top) for index, top in enumerate(layer.tops) if top in self.needed]
        message = caffe_pb2.LayerParameter(name=layer.name, type="Input", top=[top.name for _, top in tops])
        for index, top in tops:
            given = self.shapes.get(top.name)
            shape = _stated_shape(layer.message, index) if given is None else given
            if shape is None:
                raise NetError(
                    f'the shape of "{top}" is for the data to say', at=layer.at(), got="none", want="its Caffe shape"
                )
            message.input_param.shape.add(dim=shape)
        return message

    def _unknown_shapes(self):
        names = {top.name for layer in self.net.layers if _is_data(layer) for top in layer.tops}
        for name in self.shapes:
            if name not in names:
                yield NetError(f'a shape is given for "{name}", which is no input', hint=did_you_mean(name, names))


def _weight(layer):
    return layer.message.loss_weight[0] if layer.message.loss_weight else 1.0


def _stated_shape(message, index):
    """The shape that a layer's message states for its top `index`, or None."""
    if message.type == "MemoryData":
        p = message.memory_data_param
        return (p.batch_size, p.channels, p.height, p.width) if index == 0 else (p.batch_size,)
    if message.type == "DummyData" and message.dummy_data_param.num:
        p = message.dummy_data_param
        sizes = (p.num, p.channels, p.height, p.width)
        return tuple(size[index if len(size) > 1 else 0] for size in sizes) if all(sizes) else None
    of = {"Input": "input_param", "DummyData": "dummy_data_param"}.get(message.type)
    shapes = getattr(message, of).shape if of else ()
    if len(shapes) > 1:
        return tuple(shapes[index].dim) if index < len(shapes) else None
    return tuple(shapes[0].dim) if shapes else None
