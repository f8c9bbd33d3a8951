"""The base class of all layer types: what a class has to say about one Caffe layer type."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.errors import NetError, raise_together
from zoo.layers.base.blobs import BlobSpec
from zoo.layers.base.fields import Fields
from zoo.layers.ops.random_uniform import ReplicaSlice


@dataclass(frozen=True)
class Site:
    """What a layer is built with. Shapes are Caffe's, (N,C,H,W) for spatial blobs, the batch included.

    Attributes:
        name: a name that Keras accepts, unique in the net.
        phase: "TRAIN" or "TEST".
        bottoms, tops: Caffe shapes of the values read and produced; None on axes 2 and 3 that are open
            (`LayerType.follows_plane`).
        variables: the Keras variables of `blobs(...)`, in order (shared ones are the owner's).
        portable: True to build only from stock Keras layers and keras.ops, for export; False allows faster exact
            TensorFlow kernels.
        seed: an integer fixed by the net's seed and the layer's name.
        clock: integer Keras variable that counts the batches trained on; random layers draw as a function of
            (seed, clock) so that a resumed run draws what an unbroken one would. None where nothing is random (TEST).
        state: ``state(name, shape) -> non-trainable float Keras variable`` that starts at zeros and lives as long as
            the net: what a layer carries from batch to batch and no parameter blob holds.
        replica_slice: the `ReplicaSlice` of a batch that the net gets, where several devices split one; else None.
    """

    name: str
    phase: str
    bottoms: tuple[tuple[int, ...], ...]
    tops: tuple[tuple[int, ...], ...]
    variables: tuple[Any, ...] = ()
    portable: bool = False
    seed: int = 0
    clock: Any = None
    state: Callable | None = None
    replica_slice: ReplicaSlice | None = None


class LayerType:
    """One layer of a net, read and checked. Subclasses register with `@layer_type` and give the parts below.

    Inside the Keras graph a rank-4 value is channels-last (N,H,W,C); values of other ranks keep Caffe's order. Every
    axis and shape in a spec or an error stays Caffe's.

    Class attributes:
        bottom_count, top_count: how many are allowed: an int, or (least, most) with most None for "any number".
        fields: the fields of LayerParameter, such as "convolution_param", that this type reads.
        parameters: {field of LayerParameter: schema} of those that Caffe's schema does not have; `extra_fields.declare`
            says how a schema is written.
        is_source: whether the tops are fed from outside (Input and the data layers), so that nothing is built.
        in_place: whether Caffe's forward pass is right where a top has the name of its bottom; refused where not.
        sized_by_data: whether only whoever has opened its data can tell the shapes of its tops.
        default_loss_weight: loss weight of top 0 where the file gives none (Caffe: 1 for losses, 0 otherwise).

    What the rest of the package goes by. Every registered type, or the family that it derives from, states these:
        reads_bottom_in_backward: whether Caffe's backward pass reads the values of its bottoms.
        aliases_bottom: when the top lies in the memory of bottom 0: None, "always", or where there is but "one bottom"
            or "one top".
        mixes_batch: whether items move from one place of axis 0 to another, or are left out.
        no_gradient_bottoms: the bottoms to which no gradient is ever sent, even with force_backward.
        pixel_map: how pixels of the top lie over those of bottom 0: "same", "window" (as a convolution), "transposed
            window", "crop", or None for no such map.

    And these, where they are not as here:
        aliases_gradient: whether the gradient of top 0 lies in the memory that is given on (in Reshape, LSTM, ...).
        moves_gradient_memory: whether it gives its bottom the memory of its top's gradient, as Flatten does.
        reads_memory: whether it reads its bottoms at all.
        deployed: whether the deploy net keeps it; losses and scores go.
        scored_bottoms: of a loss or score, how many of the first bottoms are predictions.
        gathers_rows: of a score, whether a test gathers the rows of its top, as a mean over batches says nothing.
        prediction: (type, name of its parameter message) of what a loss applies to bottom 0 before it compares.
        runs_on_host: whether pycaffe runs it outside of the graph, on NumPy arrays.
        states_shapes: of a source, whether the file states the shapes of its tops.
        gives_images: of a source, whether top 0 holds images that transform_param speaks of; `read` then leaves a
            `data_specs.ImagesSpec` in `spec`.
        fed_by_program: of a source, whether a program gives the values, and no file.
        batch_param: of a source, the message whose batch_size is axis 0 of its tops.
        padded_axis: of a type whose data says how many rows its tops have, the Caffe axis of the rows. The shapes that
            it plans are the largest, and rows that are not real come last. It gives its bottoms no gradient, and what
            it builds does not depend on `Site.tops`.
        takes_padding: whether it reads any number of rows, and one with -1 in column 0 as absent.
        usual: of several meanings of one type string, whether this one is taken where nothing tells.
    """

    type: str
    kind: str  # the type string, with the variant where forks mean different things by it
    variant: str
    source: str
    fork: str | None  # "owner/repository@branch" of a type that BVLC Caffe does not have
    bottom_count = 1
    top_count = 1
    fields: tuple[str, ...] = ()
    parameters: Mapping[str, Mapping[str, Any]] = {}
    is_source = False
    in_place = False
    sized_by_data = False
    default_loss_weight = 0.0
    reads_bottom_in_backward: bool
    aliases_bottom: str | None
    mixes_batch: bool
    no_gradient_bottoms: tuple[int, ...]
    pixel_map: str | None
    aliases_gradient = False
    moves_gradient_memory = False
    reads_memory = True
    deployed = True
    scored_bottoms = 0
    gathers_rows = False
    prediction: tuple[str, str] | None = None
    runs_on_host = False
    states_shapes = False
    gives_images = False
    fed_by_program = False
    batch_param: str | None = None
    padded_axis: int | None = None
    takes_padding = False
    usual = False
    draws = False  # whether it draws random numbers in TRAIN

    def __init__(self, layer):
        """Reads `layer` (a LayerDef). Raises ZooError for everything that the type does not allow."""
        self.layer = layer
        self._check_count("bottom", len(layer.bottoms), self.bottom_count)
        self._check_count("top", len(layer.tops), self.top_count)
        if self.overwrites and not self.in_place:
            hint = "Caffe would overwrite what it still has to read; give the top another name"
            raise self.error("must not work in place", "top", hint=hint)
        readers = [Fields(layer, path) for path in self.fields]
        self.read(*readers)
        raise_together(error for reader in readers for error in reader.unread_errors())

    def _check_count(self, what, got, allowed):
        least, most = allowed if isinstance(allowed, tuple) else (allowed, allowed)
        if got < least or (most is not None and got > most):
            want = str(least) if least == most else f"{least} or more" if most is None else f"{least} to {most}"
            raise NetError(f"wrong number of {what}s", at=self.layer.at(what), got=got, want=want)

    @property
    def overwrites(self):
        """Whether the layer works in place: its top takes the place of its bottom."""
        return any(top.name == bottom.name for top, bottom in zip(self.layer.tops, self.layer.bottoms))

    def error(self, what, field=None, **kwargs):
        """Returns a NetError placed at dotted `field` of the layer; `got`, `want`, `hint` as in `ZooError`."""
        return NetError(what, at=self.layer.at(field), **kwargs)

    @classmethod
    def stray(cls, layer) -> list[str]:
        """Returns the messages that `layer` (a LayerDef) has and only other types read: Caffe overlooks them."""
        given = [field.name for field, _ in layer.message.ListFields() if field.message_type is not None]
        return [name for name in given if name.endswith("_param") and name not in cls.fields]

    def read(self, *fields):
        """Takes what the type needs from one `Fields` per name in `self.fields` and stores it on self."""

    def top_shapes(self, bottoms):
        """Returns a tuple of Caffe shapes of the tops for those of the bottoms. Integers only, no TensorFlow.

        Raises:
            NetError: the shapes do not fit the layer.
        """
        raise NotImplementedError

    def blobs(self, bottoms) -> tuple[BlobSpec, ...]:
        """Returns a tuple of `BlobSpec`, Caffe's parameter blobs in Caffe's order, for bottoms of those shapes."""
        return ()

    def build(self, site):
        """Returns a function from the bottoms' tensors to the top's tensor, or a tuple of them for several tops.

        The function works alike on symbolic Keras tensors and on arrays, any number of times. For a type without
        bottoms that is no source it is given some input of the net, or None, that ties its value to the graph.
        """
        raise NotImplementedError

    @classmethod
    def sign(cls, message):
        """Returns what in a LayerParameter says that this variant of its type is meant, as a clause, or None."""
        return

    @classmethod
    def feeds(cls, layer):
        """Whether `layer` (a LayerDef of this type) brings data into the net."""
        return cls.is_source

    def integers(self, bottoms):
        """Returns {bottom: n} for each bottom that holds whole numbers, from 0 to n - 1."""
        return {}

    def example_values(self, bottoms):
        """Returns {bottom: values, repeated to fill it} for each in which random numbers would mean nothing."""
        return {}

    def lookups(self, bottoms):
        """Returns {bottom: (n, ignored)} for each whose numbers, cut to whole ones, must be 0 to n - 1, or `ignored`.

        The top is NaN where they are not. `ignored` is a number, several in a tuple, or None where nothing is.
        """
        return {}

    def real_rows(self, top):
        """Returns how many rows of top 0, an array of Caffe's order, are real: have no -1 in column 0."""
        rows = np.moveaxis(top, self.padded_axis or 0, 0)
        return int(np.count_nonzero(rows.reshape(len(rows), -1)[:, 0] != -1))

    def fixes_batch(self, bottoms):
        """Returns why axis 0 must stay what it is, as a clause; "" where it need not."""
        return ""

    def follows_plane(self, bottoms):
        """Whether what `build` makes for a `Site` whose heights and widths are None runs at those of `bottoms`.

        Bottoms of rank 4 have None on the axes 2 and 3 of `Site.bottoms`, and so have tops; nothing else is open.
        """
        return False

    def choices(self):
        """Returns the tops that hold places or rows picked by comparing numbers, where rounding decides between two."""
        return () if self.padded_axis is None else tuple(range(len(self.layer.tops)))

    def chosen(self, bottom, top):
        """Returns the values of bottom 0 that a top of `choices` points at, arrays of Caffe's order; None if none."""
        return

    def forgets(self):
        """Returns what it carries from batch to batch and an exported model does not, as a clause; "" for nothing."""
        return ""

    def flops(self, bottoms, tops):
        """Returns multiply-adds of one forward pass, 0 where they do not matter."""
        return 0
