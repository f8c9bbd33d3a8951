"""The parameter blobs of a net as Keras variables, one per owner; TRAIN and TEST nets share one collection."""

from dataclasses import dataclass, replace

import keras
import numpy as np

from zoo.converters.blob_arrays import check_shared, filled
from zoo.converters.shared_view import SharedView
from zoo.layers.base.blobs import BlobSpec
from zoo.netdef.netdef import ParamKey

# What a layer itself moves during a pass: under tf.distribute each device has its own, as a Caffe solver has, and the
# first device's is what is read and saved.
OF_EACH_REPLICA = {"synchronization": "on_read", "aggregation": "only_first_replica"}


@dataclass(frozen=True)
class Parameter:
    """One owned blob.

    Attributes:
        key: the owner's layer key and blob index.
        spec: the owner's `BlobSpec`.
        variable: the Keras variable, in `spec.keras_shape`.
        lr_mult, decay_mult: Caffe's multipliers; lr_mult 0 means that it is not learned.
    """

    key: ParamKey
    spec: BlobSpec
    variable: keras.Variable
    lr_mult: float = 1.0
    decay_mult: float = 1.0

    def array(self) -> np.ndarray:
        """Returns the value as a float32 array of Caffe's shape."""
        return self.spec.to_caffe(np.asarray(self.variable))

    def assign(self, array: np.ndarray) -> None:
        """Sets the value from an array of Caffe's shape."""
        self.variable.assign(self.spec.to_keras(np.asarray(array, np.float32)))


class Parameters:
    """Parameters by their owner's key, in the order in which layers first asked for them (Caffe's learnable order).

    Args:
        seed: fixes the fillers: a blob's start is a function of the seed, its layer's key and its index alone.
    """

    def __init__(self, seed=0):
        self.seed = seed
        self._owned = {}

    def __iter__(self):
        return iter(self._owned.values())

    def __len__(self):
        return len(self._owned)

    def __getitem__(self, key):
        return self._owned[key]

    def __contains__(self, key):
        return key in self._owned

    def get_or_create(self, layer, index, owner, spec, scope, lr_mult, decay_mult):
        """Returns the `Parameter` of blob `index` of `layer` (a LayerDef), created and filled on the first call.

        A layer that keeps a shared blob in another shape or order gets the owner's `Parameter` with a view of it.

        Args:
            owner: the `ParamKey` that owns the array; the layer's own unless it is shared by name.
            spec: what this layer wants of the blob.
            scope: Keras name scope of a new variable, the layer's Keras name.
            lr_mult, decay_mult: multipliers of a new parameter.

        Raises:
            NetError: the layer wants another shape than the owner has.
        """
        if owner in self._owned:
            return self._shared(layer, index, self._owned[owner], spec)
        with keras.name_scope(scope):
            variable = keras.Variable(
                spec.to_keras(self.start(layer, index, spec)),
                trainable=spec.trainable and lr_mult != 0,
                name=spec.variable,
                **({} if spec.trainable else OF_EACH_REPLICA),
            )
        self._owned[owner] = Parameter(owner, spec, variable, lr_mult, decay_mult)
        return self._owned[owner]

    def start(self, layer, index, spec):
        """Returns what a new blob starts as, an array of Caffe's shape: its filler's values."""
        return filled(spec, layer, index, self.seed)

    def _shared(self, layer, index, owned, spec):
        """Returns what `layer` gets of a parameter that is there: itself, or a view in the layer's own shape."""
        check_shared(layer, index, owned, spec)
        if spec.keras_shape == owned.spec.keras_shape and spec.map == owned.spec.map:
            return owned
        return replace(owned, spec=spec, variable=SharedView(owned.variable, owned.spec, spec))
