"""A config and its weights, ready to be written in any form: the net to deploy, with all that is known of it."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import WeightsError, ZooError
from zoo.export import batch_size, config_net, input_shapes
from zoo.export.drawn import draw
from zoo.export.preprocessing import Preprocessing, preprocessing
from zoo.export.random_inputs import random_inputs
from zoo.formats import caffe_pb2, weightsfile
from zoo.formats.prototxt import Parsed
from zoo.netdef.changes import Change
from zoo.netdef.net import net_def
from zoo.netdef.netdef import BlobRef, NetDef
from zoo.netdef.shape_inference import infer_shapes

if TYPE_CHECKING:
    from zoo.converters.blob_arrays import ArrayNet
    from zoo.converters.build import Net
    from zoo.converters.weights import Loaded
    from zoo.export.keras_model import Exported


@dataclass(frozen=True)
class Conversion:
    """The net to deploy. It is built, which loads Keras, when something asks for `net`.

    Attributes:
        config: path of the config.
        weights: paths of the weights files; () where the fillers are all there is.
        parsed: `Parsed` of the net to deploy, in the current form.
        definition: its `NetDef`.
        shapes: {BlobRef: Caffe shape} of every value.
        inputs: the values that are fed, in file order.
        outputs: {blob: `BlobRef`} in order.
        preprocessing: {blob: `Preprocessing`} of each input.
        found: {blob: where the shape of an input was found}, of those that the file does not state.
        fixed: why the net takes batches of one size only; "" where it takes any.
        origin: the `Conversion` that this one was made of by `folding.fold`, or None.
        drawn: whether the parameters are those of `drawn.draw`, where there are no weights.
        arrays: with an origin {layer key: its blobs in Caffe's order}, in place of what the weights files have.
    """

    config: str
    weights: tuple[str, ...]
    parsed: Parsed
    definition: NetDef
    shapes: Mapping[BlobRef, tuple[int, ...]]
    inputs: tuple[BlobRef, ...]
    outputs: dict[str, BlobRef]
    preprocessing: dict[str, Preprocessing]
    found: dict[str, str]
    fixed: str = ""
    origin: "Conversion | None" = None
    drawn: bool = False
    arrays: "Mapping[str, Sequence[np.ndarray]] | None" = None

    @functools.cached_property
    def _built(self):
        from zoo.converters.build import build

        return self._with_weights(build(self.definition, portable=True))

    def _with_weights(self, net):
        """Returns (`net` with the weights in it, what was loaded)."""
        from zoo.converters.weights import load

        if self.origin is None:
            if self.drawn:
                fed = random_inputs(self)
                draw(net, {ref: float(np.sqrt(np.mean(np.square(fed[ref.name])))) for ref in self.inputs})
            return net, tuple(load(net, path) for path in self.weights)
        for layer in net.layers:
            for parameter, array in zip(layer.parameters, (self.arrays or {}).get(layer.definition.key, ())):
                parameter.assign(array)
        return net, self.origin.loaded

    @property
    def net(self) -> "Net":
        """The `Net`, of stock Keras layers wherever they are exact, with the weights in it."""
        return self._built[0]

    @functools.cached_property
    def _arrays(self):
        from zoo.converters.blob_arrays import array_net

        return self._with_weights(array_net(self.definition, infer_shapes(self.definition)))

    @property
    def array_net(self) -> "ArrayNet":
        """The blobs of all layers in Caffe's order, with the weights in them; Keras is not loaded."""
        return self._arrays[0]

    @property
    def _filled_net(self):
        """The `Net` where it is built, else the `ArrayNet`; and what was loaded into it."""
        return self._built if "_built" in self.__dict__ else self._arrays

    @property
    def loaded(self) -> "tuple[Loaded, ...]":
        """A `weights.Loaded` for each weights file."""
        return self._filled_net[1]

    @functools.cached_property
    def exported(self) -> "Exported":
        """The Keras model of stock layers, made of `net`.

        Raises:
            UnsupportedError: Keras cannot build the net with an open batch, though its shapes would allow it.
        """
        from zoo.export.keras_model import keras_model

        return keras_model(self)

    @functools.cached_property
    def message(self) -> caffe_pb2.NetParameter:
        """The NetParameter to deploy, with the forks in it whose meaning `--fork` asked for."""
        message = caffe_pb2.NetParameter()
        message.CopyFrom(self.parsed.message)
        message.fork[:] = self.definition.message.fork
        return message

    @property
    def phase(self) -> str:
        """ "TEST" or "TRAIN"."""
        return self.definition.phase

    @property
    def filled(self) -> tuple[str, ...]:
        """Keys of the layers whose parameters no weights file has, so that they are what their fillers gave."""
        copied = {name for loaded in self.loaded for name in loaded.copied}
        return tuple(
            layer.definition.key
            for layer in self._filled_net[0].layers
            if layer.definition.key not in copied and any(p.key.layer not in copied for p in layer.parameters)
        )


def convert(
    config: str,
    weights: Sequence[str] = (),
    *,
    phase: str = "TEST",
    level: int | None = None,
    stages: Sequence[str] = (),
    shapes: Mapping[str, Sequence[int]] | None = None,
    batch: int | str | None = None,
    outputs: Sequence[str] = (),
    data_dir: str | None = None,
    load: bool = True,
    changes: Sequence[Change] = (),
    drawn: bool = False,
) -> Conversion:
    """Returns the `Conversion` of a net.

    Args:
        config: path of a net's or solver's prototxt, of any generation.
        weights: paths of .caffemodel, .caffemodel.h5 or our .keras files, loaded in turn by layer name.
        phase, level, stages: the state that the net is filtered for.
        shapes: {blob: Caffe shape} of inputs; needed where nothing else says them.
        batch: axis 0 of the inputs; "any" leaves it open; None does so where the net allows it.
        outputs: names of the blobs to give; () means what no layer reads.
        data_dir: where data, mean files and nets are looked for first.
        load: whether the net is built and the weights are loaded now, so that what does not fit is said now.
        changes: what is merged into the config, see `zoo.netdef.changes`.
        drawn: whether the parameters are drawn as `drawn.draw` does, instead of what fillers give; without `weights`.

    Raises:
        ZooError: what is wrong with the files, all that the net's layers refuse in one error.

    Example:
        >>> conversion = convert("configs/lenet.prototxt", shapes={"data": (1, 1, 28, 28)})
        >>> list(conversion.outputs)
        ['prob']
        >>> conversion.net.parameter_count()
        431080
    """
    origin = config_net.read(config, phase, level, stages, data_dir, changes)
    for path in weights:
        weightsfile.check(path, WeightsError)
    known, found = input_shapes.shapes(origin, shapes or {}, weights, data_dir)
    parsed = origin.deployed(known)
    if outputs:
        parsed = config_net.only(parsed, phase, outputs)
    if isinstance(batch, int):
        parsed = config_net.with_batch(parsed, batch)
    definition = net_def(parsed, phase)
    planned = infer_shapes(definition)
    fixed = batch_size.why_fixed(definition) if batch in (None, "any") else f"it was asked for batches of {batch}"
    if fixed and batch == "any":
        raise ZooError(f"{config}: the net does not take batches of any size: {fixed}", hint="say --batch=N")
    last = config_net.last_values(definition)
    refs = [last[name] for name in outputs] if outputs else definition.outputs
    fed = {
        top.name: (layer, index)
        for layer in origin.definition.layers
        if not layer.bottoms
        for index, top in enumerate(layer.tops)
    }
    sizes = {ref: shape for layer in planned for ref, shape in zip(layer.definition.tops, layer.tops)}
    fed_values = tuple(ref for layer in planned if layer.type.is_source for ref in layer.definition.tops)
    known_of = {ref.name: sizes[ref] for ref in fed_values}
    conversion = Conversion(
        config=str(config),
        weights=tuple(map(str, weights)),
        parsed=parsed,
        definition=definition,
        shapes=sizes,
        inputs=fed_values,
        outputs={ref.name: ref for ref in refs},
        preprocessing={
            name: preprocessing(*fed[name], shape[1] if len(shape) == 4 else None, data_dir)
            for name, shape in known_of.items()
        },
        found={name: where for name, where in found.items() if name in known_of},
        fixed=fixed,
        drawn=drawn,
    )
    if weights and load:
        _ = conversion.net
    return conversion
