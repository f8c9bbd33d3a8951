"""A net as a page shows it: for one phase or to deploy, with its sizes as far as they are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from zoo.converters.backward_needs import Need, needs
from zoo.converters.blob_arrays import ArrayLayer, array_net
from zoo.converters.weights import load
from zoo.errors import ZooError
from zoo.export import config_net, input_shapes
from zoo.export.conversion import convert
from zoo.layers import find, lookup
from zoo.layers.base.layer_type import LayerType
from zoo.netdef.netdef import BlobRef, NetDef
from zoo.netdef.shape_inference import PlannedLayer, Shape, infer_what_is_known, loss_weights
from zoo.netdef.splits import insert_splits

PHASES, DEPLOYED = ("TRAIN", "TEST"), "deploy"
_ONE_LABEL = ("Data", "ImageData", "WindowData")  # whose second top is a label an item


@dataclass(frozen=True)
class NetView:
    """A net and what integers tell of it.

    Attributes:
        title: "TRAIN", "TEST" or "deploy".
        definition: its `NetDef`.
        known: Caffe shapes of what data layers give, where the files alone do not say them.
        planned: the layers whose sizes are known, in order.
    """

    title: str
    definition: NetDef
    known: Mapping[BlobRef, Shape] = field(default_factory=dict)
    planned: tuple[PlannedLayer, ...] = ()

    @classmethod
    def of(cls, title, definition, known=None):
        """Returns (the view of a `NetDef`, what its layers refuse at these shapes)."""
        known = dict(known or {})
        planned, errors = infer_what_is_known(definition, known)
        return cls(title, definition, known, planned), errors

    @property
    def complete(self):
        """Whether the sizes of all layers but those that read data are known."""
        planned = {id(plan.definition) for plan in self.planned}
        return all(id(layer) in planned or not layer.bottoms for layer in self.definition.layers)

    def shapes(self) -> dict[BlobRef, Shape]:
        """Returns {value: Caffe shape} of all that are known."""
        found = dict(self.known)
        for plan in self.planned:
            found.update(zip(plan.definition.tops, plan.tops))
        return found

    def gradients(self) -> dict[str, Need]:
        """Returns {layer key: `Need`}: where a backward pass goes; {} where sizes have to be known for it."""
        split = insert_splits(self.definition)
        plans = {id(plan.definition): plan for plan in infer_what_is_known(split, self.known)[0]}
        layers = [plans.get(id(layer)) or _without_blobs(layer) for layer in split.layers]
        if None in layers:
            return {}
        found = needs(layers, self.definition.message.force_backward)
        return {layer.key: need for layer, need in zip(split.layers, found)}


def _without_blobs(layer):
    """Returns a `PlannedLayer` without sizes, of a type that has no parameters; else None."""
    kind = lookup(layer)(layer)
    if type(kind).blobs is not LayerType.blobs:
        return None
    return PlannedLayer(layer, kind, (), (), (), loss_weights(layer, kind))


def of_config(
    config: str,
    which: str = "ALL",
    shapes: Mapping[str, Sequence[int]] | None = None,
    data_dir: str | None = None,
    weights: Sequence[str] = (),
) -> tuple[list[NetView], list[ZooError]]:
    """Returns (the views of a config's net, what is not known of them and why).

    Args:
        config: path of a net or solver.
        which: "TRAIN", "TEST" or "deploy"; "ALL" for all of these, those that are alike once.
        shapes: {blob: Caffe shape} of inputs, as the user has it.
        data_dir: where nets that a solver names, and data, are looked for first.
        weights: paths of weights files, which may tell how many channels an input has.

    Raises:
        ZooError: what is wrong with the files or their nets.
    """
    views, notes, failed = [], [], []
    for title in (*PHASES, DEPLOYED) if which == "ALL" else (which,):
        try:
            view, errors = _view(title, config, shapes or {}, data_dir, weights)
        except ZooError as error:
            if which != "ALL":
                raise
            failed.append(error)
            continue
        notes += errors
        same = next((place for place, other in enumerate(views) if _alike(view, other)), None)
        if same is None:
            views.append(view)
        else:  # a net to deploy is one whatever the phase
            views[same] = replace(views[same], title=title if title == DEPLOYED else " and ".join(PHASES))
    if not views:
        raise failed[0]
    unknown = set(shapes or {}) - {ref.name for view in views for ref in view.shapes()}
    if unknown and failed:
        raise failed[0]
    unique = {str(error): error for error in notes}
    return views, list(unique.values())


def with_weights(views: Sequence[NetView], paths: Sequence[str]) -> tuple[list[ArrayLayer], set[str]]:
    """Returns (the layers of all views with weights in them, the keys of those that no file has).

    A layer that several views have is that of the first whose sizes are known.

    Args:
        views: the `NetView`s.
        paths: of weights files, loaded in turn by layer name.

    Raises:
        ZooError: a file that is none, or does not fit.
    """
    found, copied = {}, set()
    for place, view in enumerate(views):
        net = array_net(view.definition, view.planned)
        if place and all(layer.definition.key in found or not layer.parameters for layer in net.layers):
            continue
        for path in paths:
            copied |= set(load(net, path).copied)
        for layer in net.layers:
            found.setdefault(layer.definition.key, layer)
    owners = {layer.definition.key: {p.key.layer for p in layer.parameters} for layer in found.values()}
    drawn = {key for key, owned in owners.items() if key not in copied and not owned <= copied}
    return list(found.values()), drawn


def _view(title, config, given, data_dir, weights):
    source = config_net.read(config, "TEST" if title == DEPLOYED else title, data_dir=data_dir)
    found, errors = _input_shapes(source, given, weights, data_dir)
    if title == DEPLOYED:
        if errors:
            raise errors[0]
        return NetView.of(title, convert(config, weights, shapes=found, data_dir=data_dir, load=False).definition)
    view, refused = NetView.of(title, source.definition, _known(source.definition, found, given))
    return view, [*errors, *refused]


def _input_shapes(source, given, weights, data_dir):
    """Returns ({blob: Caffe shape}, the errors that say what is missing); data are opened where nothing else helps."""
    for open_data in (False, True):
        try:
            return input_shapes.shapes(source, given, weights, data_dir, open_data)[0], []
        except ZooError as error:
            if open_data and given:
                raise
            missing = error
    return {}, [missing]


def _known(definition, found, given):
    """Returns {value: shape} of what data layers give, with their own batch where `found` has one image's shape."""
    known = {}
    for layer in definition.layers:
        kind = find(layer.kind)
        if layer.bottoms or kind is None or not kind.sized_by_data:
            continue
        for index, top in enumerate(layer.tops):
            if top.name in found:
                sized = index == 0 and kind.gives_images and top.name not in given and kind.batch_param
                batch = (getattr(layer.message, kind.batch_param).batch_size,) if sized else found[top.name][:1]
                known[top] = (*batch, *found[top.name][1:])
        if layer.type in _ONE_LABEL and layer.tops[0] in known:
            known.update((top, known[layer.tops[0]][:1]) for top in layer.tops[1:2])
    return known


def _alike(one, other):
    def layers(view):
        return [layer.message.SerializeToString() for layer in view.definition.layers]

    return layers(one) == layers(other)
