"""The parameter blobs of a net as arrays in Caffe's order, where no Keras is needed."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.converters.fillers import fill
from zoo.errors import NetError
from zoo.formats import caffe_pb2
from zoo.layers.base.blobs import BlobSpec
from zoo.netdef.netdef import LayerDef, NetDef, ParamKey
from zoo.netdef.shape_inference import PlannedLayer

PERMISSIVE = caffe_pb2.ParamSpec.PERMISSIVE


def filled(spec: BlobSpec, layer: LayerDef, index: int, seed: int = 0) -> np.ndarray:
    """Returns the array with which blob `index` of a layer starts: a function of the seed, the layer's key and it.

    Raises:
        ZooError: the filler cannot fill such a blob.
    """
    rng = np.random.Generator(np.random.PCG64([seed, zlib.crc32(layer.key.encode()), index]))
    return fill(spec.filler, spec.shape, rng, layer.at())


def check_shared(layer: LayerDef, index: int, owned: Any, spec: BlobSpec) -> None:
    """Raises NetError where blob `index` of `layer` cannot be the array that `owned` (with `key` and `spec`) has."""
    permissive = index < len(layer.message.param) and layer.message.param[index].share_mode == PERMISSIVE
    if spec.shape == owned.spec.shape or (permissive and spec.count == owned.spec.count):
        return
    want = f"{owned.spec.shape}" + (f", or {owned.spec.count} values in another shape" if permissive else "")
    what = f"blob {index} does not fit {owned.key}, which it shares"
    raise NetError(what, at=layer.at("param"), got=spec.shape, want=want)


@dataclass
class ArrayParameter:
    """One owned blob.

    Attributes:
        key: the owner's layer key and blob index.
        spec: the owner's `BlobSpec`.
        layer: the owner.
        value: float32 in Caffe's shape; None until it is asked for or assigned, as filling a large one takes seconds.
    """

    key: ParamKey
    spec: BlobSpec
    layer: LayerDef
    value: np.ndarray | None = None

    def array(self) -> np.ndarray:
        """Returns the value, filled where nothing was assigned."""
        if self.value is None:
            self.value = filled(self.spec, self.layer, self.key.index)
        return self.value

    def assign(self, array: np.ndarray) -> None:
        """Sets the value; the array is kept, not copied."""
        self.value = np.reshape(np.asarray(array, np.float32), self.spec.shape)


@dataclass
class SharedParameter:
    """The blob of another layer in a shape of its own (share_mode PERMISSIVE)."""

    owner: ArrayParameter
    spec: BlobSpec

    @property
    def key(self) -> ParamKey:
        """The owner's."""
        return self.owner.key

    def array(self) -> np.ndarray:
        """Returns the owner's numbers in this shape."""
        return self.owner.array().reshape(self.spec.shape)

    def assign(self, array: np.ndarray) -> None:
        """Sets the owner's numbers."""
        self.owner.assign(array)


@dataclass(frozen=True)
class ArrayLayer:
    """A layer's definition and its blobs in Caffe's order, as `BuiltLayer` has them."""

    definition: LayerDef
    parameters: tuple[ArrayParameter | SharedParameter, ...]


@dataclass(frozen=True)
class ArrayNet:
    """What `zoo.converters.weights` reads and fills of a net: its layers' blobs; nothing in it runs.

    Attributes:
        definition: the `NetDef`.
        layers: in order, those without parameters too.
    """

    definition: NetDef
    layers: tuple[ArrayLayer, ...] = field(default_factory=tuple)


def array_net(definition: NetDef, planned: Iterable[PlannedLayer]) -> ArrayNet:
    """Returns the `ArrayNet` of a net and its planned layers; the blobs are what `build` makes with seed 0.

    Raises:
        NetError: a layer shares a blob that does not fit.

    Example:
        >>> from zoo.formats.prototxt import parse_net
        >>> from zoo.netdef.net import net_def
        >>> from zoo.netdef.shape_inference import infer_shapes
        >>> definition = net_def(parse_net('''
        ... layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }
        ... layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 4 } }
        ... '''), "TEST")
        >>> [p.array().shape for p in array_net(definition, infer_shapes(definition)).layers[1].parameters]
        [(4, 3), (4,)]
    """
    owned: dict[ParamKey, ArrayParameter] = {}
    layers = []
    for plan in planned:
        parameters: list[ArrayParameter | SharedParameter] = []
        for index, spec in enumerate(plan.blobs):
            key = ParamKey(plan.definition.key, index)
            key = definition.owners.get(key, key)
            if key not in owned:
                owned[key] = ArrayParameter(key, spec, plan.definition)
            else:
                check_shared(plan.definition, index, owned[key], spec)
            one = owned[key]
            parameters.append(one if spec.shape == one.spec.shape else SharedParameter(one, spec))
        layers.append(ArrayLayer(plan.definition, tuple(parameters)))
    return ArrayNet(definition, tuple(layers))
