"""A net to deploy with its weights, as those who look into it need it: values, derivatives, names, receptive fields."""

import functools

import numpy as np
import tensorflow as tf

from zoo.converters import weights as weight_files
from zoo.converters.build import build
from zoo.converters.sized_nets import SizedNets
from zoo.errors import NetError, Place, did_you_mean
from zoo.export import config_net
from zoo.export.conversion import convert
from zoo.layers.ops.layout import to_caffe
from zoo.netdef.net import net_def
from zoo.netdef.receptive_field import receptive_fields
from zoo.pycaffe.config_classifier import Preparation
from zoo.visualization import backward
from zoo.visualization.image_input import ImageInput


class TrainedNet:
    """A net with one input of images.

    Args:
        config: path of a net's or solver's prototxt; the net to deploy is made of it.
        weights: paths of weights files, loaded in turn by layer name; () for what the fillers draw.
        preparation: the `Preparation` of images; None leaves all to the config.
        shapes: {input: Caffe shape}, needed where nothing else says it.
        data_dir: where the config's mean file is looked for first.

    Attributes:
        definition: the `NetDef`.
        net: the built `Net`.
        input: the `ImageInput`.
        name: what the net is called.

    Raises:
        ZooError: what is wrong with the files, or the net takes no images.
    """

    def __init__(self, config, weights=(), preparation=None, shapes=None, data_dir=None):
        self.config, self.data_dir = str(config), data_dir
        self._conversion = convert(config, weights, shapes=shapes, data_dir=data_dir, load=False)
        self.definition = self._conversion.definition
        self.input = ImageInput(self._conversion, preparation or Preparation())
        self.net = build(self.definition)
        for path in weights:
            weight_files.load(self.net, path)
        self.name = self.definition.name or "the net"
        self._batch = self.net.shapes[self.input_ref][0]
        self._sized = {}

    @property
    def input_ref(self):
        """The `BlobRef` of the input."""
        return self._conversion.inputs[0]

    @property
    def fixed_batch(self):
        """How many items the net takes at once; None where that may be any number."""
        return self._batch if self._conversion.fixed else None

    # ---- names ----

    @functools.cached_property
    def _values(self):
        """{name: `BlobRef`}: the last value of each blob; and of each layer whose name no blob has, its first top."""
        blobs = config_net.last_values(self.definition)
        layers = {layer.name: layer.tops[0] for layer in self.definition.layers if layer.tops}
        return {**layers, **blobs}

    @property
    def blobs(self):
        """The names of the blobs that are computed, in order."""
        return tuple(name for name in config_net.last_values(self.definition) if name != self.input.name)

    def value(self, name):
        """Returns the `BlobRef` of a blob, its last value, or of the first top of a layer.

        Raises:
            NetError: there is neither.
        """
        if name not in self._values:
            hint = did_you_mean(name, self._values) or f"it has {', '.join(self.blobs)}"
            raise NetError(f'no blob or layer "{name}" in the net', at=Place(self.config), hint=hint)
        return self._values[name]

    def shape(self, ref):
        """Returns the Caffe shape of a value."""
        return self.net.shapes[ref]

    def is_plane(self, ref):
        """Whether a value is (N, C, H, W) with more than one place in H x W."""
        shape = self.shape(ref)
        return len(shape) == 4 and shape[2] * shape[3] > 1

    def units(self, ref):
        """Returns how many units a value has, its channels; raises NetError where it has no axis of them."""
        shape = self.shape(ref)
        if len(shape) not in (2, 4) or shape[0] != self._batch:
            got, want = " x ".join(map(str, shape)) or "one value", "N x C or N x C x H x W"
            raise NetError(f'blob "{ref}" has no units', at=Place(self.config), got=got, want=want)
        return shape[1]

    def check_units(self, ref, units):
        """Raises NetError for a unit that a value does not have."""
        count = self.units(ref)
        for unit in units:
            if unit >= count:
                raise NetError(f'no such unit of "{ref}"', at=Place(self.config), got=unit, want=f"0 to {count - 1}")

    @functools.cached_property
    def fields(self):
        """{BlobRef: `ReceptiveField`} in the input."""
        return receptive_fields(self.net.layers)

    def scores(self, name=None):
        """Returns the `BlobRef` of the class scores, before a Softmax: N x classes.

        Args:
            name: the blob; None for the net's output, or its "prob" of several.

        Raises:
            NetError: no such blob, or none that is one value for each class.
        """
        if name is None:
            outputs = list(self._conversion.outputs)
            if len(outputs) > 1 and "prob" not in outputs:
                got, hint = ", ".join(outputs), "--blob=NAME says which"
                raise NetError("the net has several outputs", at=Place(self.config), got=got, hint=hint)
            name = "prob" if len(outputs) > 1 else outputs[0]
        ref = self.value(name)
        producer = next(layer for layer in self.definition.layers if ref in layer.tops)
        if producer.type == "Softmax":
            ref = producer.bottoms[0]
        shape = self.shape(ref)
        if len(shape) not in (2, 4) or any(side != 1 for side in shape[2:]) or shape[0] != self._batch:
            got, want = f"{ref} {' x '.join(map(str, shape)) or 'one value'}", "N x classes"
            hint = "--blob=NAME says another"
            raise NetError("no scores of classes", at=Place(self.config), got=got, want=want, hint=hint)
        return ref

    def last_planes(self, before):
        """Returns the `BlobRef` of the last plane of channels that the value `before` comes from."""
        layers = backward.needed(self.net.layers, [before])
        refs = [top for layer in layers for top in layer.definition.tops if layer.call and self.is_plane(top)]
        if not refs:
            raise NetError(f'nothing before "{before}" is a plane of pixels', at=Place(self.config))
        return refs[-1]

    def planes(self, name):
        """Returns the `BlobRef` of a blob or layer; raises NetError where it has no height and width."""
        ref = self.value(name)
        if not self.is_plane(ref):
            got, want = " x ".join(map(str, self.shape(ref))) or "one value", "N x C x H x W"
            raise NetError(f'"{name}" has no height and width', at=Place(self.config), got=got, want=want)
        return ref

    def features(self, scores=None):
        """Returns the `BlobRef` that class scores, by default `scores()`, are computed from; raises as that does."""
        scores = scores or self.scores()
        return next(layer for layer in self.definition.layers if scores in layer.tops).bottoms[0]

    @property
    def usual_batch(self):
        """How many items the net is best run over at once."""
        height, width = self.input.shape[2:]
        return self.fixed_batch or min(256, max(1, 1_000_000 // (height * width)))

    # ---- running ----

    def at(self, size, ref):
        """Returns the `Net` of what `ref` needs, for an input of (height, width); parameters are shared.

        Raises:
            ZooError: layers refuse that size.
        """
        if ref not in self._sized:
            parsed = config_net.only(self._conversion.parsed, "TEST", [ref.name])
            self._sized[ref] = SizedNets(net_def(parsed, "TEST"), self.net.parameters)
        return self._sized[ref].at({self.input_ref: [(*self.shape(self.input_ref)[:2], *size)]})

    def values(self, fed, refs, at_once=None):
        """Returns [float32 array of each of `refs`, in Caffe's order] for what is fed, (N, H, W, C), of any N.

        The net runs over `at_once` items at once; None for all, where it takes any number.
        """
        parts, layers = [], self._layers(fed, refs[-1])
        step = self.fixed_batch or at_once or max(1, len(fed))
        for start in range(0, len(fed), step):
            part = fed[start : start + step]
            found = backward.forward(layers, {self.input_ref: tf.constant(self._filled(part))}, refs)
            parts.append([np.asarray(to_caffe(tf.cast(x, tf.float32)))[: len(part)] for x in found])
        return [np.concatenate(each) for each in zip(*parts)]

    def derivative(self, fed, ref, seed, rule=backward.GRADIENT, at=None):
        """Returns (value of `ref` in Caffe's order, derivative of sum(value * seed) for the input, (N, H, W, C)).

        Args:
            fed: (N, H, W, C), of any N; the net runs over `usual_batch` at once.
            ref: the value.
            seed: from the value (Caffe's order) to the weight of each element.
            rule: one of `backward`.
            at: another value to derive for, then its derivative is returned in Caffe's order.
        """
        step = self.usual_batch
        if len(fed) <= step:
            return self._derivative(fed, ref, seed, rule, at)
        weights, parts = seed(self.values(fed, [ref], step)[0]), []
        for start in range(0, len(fed), step):
            rows = slice(start, start + step)
            parts.append(self._derivative(fed[rows], ref, lambda _, rows=rows: weights[rows], rule, at))
        return tuple(np.concatenate(each) for each in zip(*parts))

    def _derivative(self, fed, ref, seed, rule, at):
        def inside(x):
            weights = np.asarray(seed(np.asarray(to_caffe(x))[:count]), np.float32)
            weights = np.concatenate([weights, np.zeros((len(x) - count, *weights.shape[1:]), np.float32)])
            return tf.constant(weights.transpose(0, 2, 3, 1) if weights.ndim == 4 else weights)

        count, feeds = len(fed), {self.input_ref: tf.constant(self._filled(fed))}
        top, found = backward.derivative(self._layers(fed, ref), feeds, ref, inside, at or self.input_ref, rule)
        value = np.asarray(to_caffe(top))[:count]
        return value, np.asarray(found if at is None else to_caffe(found))[:count]

    def _layers(self, fed, ref):
        """Returns the layers to run: those of the net, or for what has another size those that `ref` needs at it."""
        size = np.shape(fed)[1:3]
        return (self.net if size == self.input.shape[2:] else self.at(size, ref)).layers

    def _filled(self, fed):
        """Returns `fed` with zeros behind it, up to the only batch size that the net takes."""
        fed = np.asarray(fed, np.float32)
        short = (self.fixed_batch or len(fed)) - len(fed)
        return np.concatenate([fed, np.zeros((short, *fed.shape[1:]), np.float32)]) if short else fed
