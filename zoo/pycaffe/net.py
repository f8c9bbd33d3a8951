"""Net: pycaffe's class over the engine."""

import gc
import os
import sys
from collections import OrderedDict

from zoo.converters import weights as weight_files
from zoo.errors import NetError, WeightsError, did_you_mean
from zoo.formats import caffe_pb2, caffemodel, prototxt, weightsfile
from zoo.layers.base import user_classes
from zoo.netdef.net import net_def
from zoo.pycaffe import debug, modes
from zoo.pycaffe.engine import Engine
from zoo.pycaffe.errors import also, raised_as
from zoo.pycaffe.forward_all import ForwardAll
from zoo.pycaffe.top_feeds import MemoryArrays

_LARGE = 1 << 22  # numbers in the parameters and blobs of a net that is worth a run of Python's collector


class NetLayer:
    """A layer as `net.layers` has it: its `type` and its parameter `blobs`."""

    def __init__(self, kind, blobs):
        self.type, self.blobs = kind, blobs

    def __repr__(self):
        return f"<{self.type} layer with {len(self.blobs)} blobs>"


class Net(ForwardAll):
    """A net with its values, from a prototxt file: ``Net(file, phase, level=0, stages=None, weights=None)``.

    The older ``Net(file, weights, phase)`` works, too. `debug_info`, the net's field, may be set at any time.

    Args:
        network_file: path of the prototxt.
        phase: `TRAIN` or `TEST`.
        level: of the NetState; replaces that of the file.
        stages: list of strings, added to those of the file.
        weights: path of a .caffemodel, .caffemodel.h5 or .keras file as zoo.convert writes it, or None.

    Raises:
        ZooError: a file is missing or damaged, or a layer is not as it should be.

    Example:
        >>> import numpy as np
        >>> import zoo.pycaffe as caffe
        >>> spec = caffe.NetSpec()
        >>> spec.data = caffe.layers.Input(shape={"dim": [2, 3]})
        >>> spec.ip = caffe.layers.InnerProduct(spec.data, num_output=4)
        >>> with open("ip.prototxt", "w") as file:
        ...     _ = file.write(str(spec.to_proto()))
        >>> net = caffe.Net("ip.prototxt", caffe.TEST)
        >>> net.forward(data=np.ones((2, 3)))["ip"].shape
        (2, 4)
    """

    @raised_as(RuntimeError)
    def __init__(self, network_file, *args, **kwargs):
        phase, level, stages, weights = _arguments(*args, **kwargs)
        with user_classes.hosting({}):
            definition = net_def(prototxt.read_net(os.fspath(network_file)), phase, level, tuple(stages or ()))
        if weights is not None:
            weightsfile.check(os.fspath(weights), WeightsError)
        self._start(definition)
        if weights is not None:
            self.copy_from(weights)

    @classmethod
    def _of(cls, definition):
        """Returns a net made from a `NetDef`."""
        net = cls.__new__(cls)
        net._start(definition)
        return net

    @raised_as(RuntimeError)
    def _start(self, definition):
        self._engine = engine = Engine(definition, modes.draw_seed())
        self.definition, self.debug_info = engine.definition, engine.definition.message.debug_info
        built = engine.net.layers
        keys = {key: number for number, key in enumerate(engine.blobs)}
        self._ids = {ref: keys[key] for ref in engine.net.shapes for key in [engine.key(ref)]}
        self._layer_names = [layer.definition.name for layer in built]
        self._blob_names = [key.name for key in engine.blobs]
        self._blobs = list(engine.blobs.values())
        self._hooks = {name: [] for name in ("before_forward", "after_forward", "before_backward", "after_backward")}
        self.layers = [
            engine.instances[layer.definition.key]
            if layer.definition.key in engine.instances
            else NetLayer(layer.definition.type, blobs)
            for layer, blobs in zip(built, engine.parameters)
        ]
        self.blobs = OrderedDict(zip(self._blob_names, self._blobs))
        self.layer_dict = OrderedDict(zip(self._layer_names, self.layers))
        self.params = OrderedDict((n, blobs) for n, blobs in zip(self._layer_names, engine.parameters) if blobs)
        refs = [(layer.definition.name, layer.definition) for layer in built]
        self.top_names = OrderedDict((name, [top.name for top in layer.tops]) for name, layer in refs)
        self.bottom_names = OrderedDict((name, [bottom.name for bottom in layer.bottoms]) for name, layer in refs)
        self.inputs = [top.name for _, layer in refs if layer.type == "Input" for top in layer.tops]
        self.outputs = list(self.definition.output_names)
        loss_weights = dict.fromkeys(self._blob_names, 0.0)
        for layer in built:
            loss_weights.update(zip((top.name for top in layer.definition.tops), layer.loss_weights))
        self.blob_loss_weights = OrderedDict(loss_weights)

    def __del__(self):
        """Gives a large net's memory back at once, as Caffe does: what is compiled refers to itself."""
        numbers = sum(blob.count for blob in [*self.__dict__.get("_blobs", ()), *self._parameters()])
        self.__dict__.clear()
        if numbers >= _LARGE and not sys.is_finalizing():
            gc.collect()

    def _parameters(self):
        return [blob for blobs in self.__dict__.get("params", {}).values() for blob in blobs]

    # ---- by number, as Caffe's core has them ----

    def _top_ids(self, index):
        return [self._ids[ref] for ref in self.definition.layers[index].tops]

    def _bottom_ids(self, index):
        return [self._ids[ref] for ref in self.definition.layers[index].bottoms]

    @property
    def _inputs(self):
        return [self._blob_names.index(name) for name in self.inputs]

    @property
    def _outputs(self):
        return [self._blob_names.index(name) for name in self.outputs]

    @property
    def _blob_loss_weights(self):
        return list(self.blob_loss_weights.values())

    def _forward(self, start, end):
        """Runs layers number start..end; returns their part of the loss as a float."""
        return float(sum(float(loss) for loss in self._run(start, end)))

    @raised_as(RuntimeError)
    def _run(self, start, end):
        """Runs layers number start..end; returns their part of the loss, as tensors and floats."""
        said = [lambda index: debug.forward(self, index)] if self.debug_info else []
        hooks = (self._hooks["before_forward"], [*said, *self._hooks["after_forward"]])
        return self._engine.forward(start, end, hooks)

    @raised_as(RuntimeError)
    def _backward(self, start, end):
        """Runs layers number start..end, start >= end, backward."""
        said = [lambda index: debug.backward(self, index)] if self.debug_info else []
        hooks = (self._hooks["before_backward"], [*said, *self._hooks["after_backward"]])
        self._engine.backward(start, end, hooks)
        if self.debug_info and (start, end) == (len(self.layers) - 1, 0):
            debug.all_parameters(self)

    # ---- running ----

    def forward(self, blobs=None, start=None, end=None, **inputs):
        """Runs the net, or its layers from the one named `start` to the one named `end`.

        Args:
            blobs: names of blobs to return besides the outputs.
            inputs: arrays to write into the input blobs first; all of them or none.

        Returns:
            {blob name: its data}: the outputs of the net, or of `end`. The arrays are the blobs' own, which the next
            pass overwrites.

        Raises:
            NetError: unknown names, or arrays that do not fit.
        """
        first = 0 if start is None else self._index(start)
        last = len(self.layers) - 1 if end is None else self._index(end)
        names = [*(self.outputs if end is None else self.top_names[end]), *self._known(blobs)]
        self._write(inputs, self.inputs, "input", "data")
        self._run(first, last)
        return {name: self.blobs[name].data for name in names}

    def backward(self, diffs=None, start=None, end=None, **tops):
        """Runs the net backward, or its layers from the one named `start` down to the one named `end`.

        Args:
            diffs: names of blobs whose gradients to return besides those of the inputs.
            tops: gradients to write into the output blobs first; all of them or none.

        Returns:
            {blob name: its diff} of the net's inputs, or of the bottoms of `end`.

        Raises:
            NetError: unknown names, or arrays that do not fit.
        """
        first = len(self.layers) - 1 if start is None else self._index(start)
        last = 0 if end is None else self._index(end)
        names = [*(self.inputs if end is None else self.bottom_names[end]), *self._known(diffs)]
        self._write(tops, self.outputs, "output", "diff")
        self._backward(first, last)
        return {name: self.blobs[name].diff for name in names}

    def _index(self, name):
        if name not in self._layer_names:
            hint = did_you_mean(name, self._layer_names)
            raise also(NetError, ValueError)(f'no layer "{name}" in this net', hint=hint)
        return self._layer_names.index(name)

    def _known(self, names):
        for name in names or ():
            if name not in self.blobs:
                raise also(NetError, KeyError)(f'no blob "{name}" in this net', hint=did_you_mean(name, self.blobs))
        return names or ()

    def _write(self, arrays, names, what, part):
        if arrays and set(arrays) != set(names):
            got, want = ", ".join(sorted(arrays)), ", ".join(names) or f"none, as the net has no {what} blobs"
            raise NetError(f"{what}s given are not those of the net", got=got, want=want)
        for name, array in arrays.items():
            target = getattr(self.blobs[name], part)
            shape = getattr(array, "shape", ())
            if target.ndim and tuple(shape)[:1] != target.shape[:1]:
                raise NetError(f'{what} "{name}" is not batch sized', got=shape, want=target.shape)
            try:
                target[...] = array
            except (TypeError, ValueError) as error:
                raise also(NetError, ValueError)(
                    f'{what} "{name}" does not fit', got=shape, want=target.shape
                ) from error

    @raised_as(RuntimeError)
    def reshape(self):
        """Makes all blobs follow the shapes that the input blobs have now; parameters stay."""
        self._engine.fit()

    def clear_param_diffs(self):
        """Sets the gradients of all parameters to zero."""
        for _, blob in self._engine.learnable():
            blob._diff.clear()

    def before_forward(self, run):
        """Has ``run(layer index)`` called before each layer runs forward."""
        self._hooks["before_forward"].append(run)

    def after_forward(self, run):
        """Has ``run(layer index)`` called after each layer has run forward."""
        self._hooks["after_forward"].append(run)

    def before_backward(self, run):
        """Has ``run(layer index)`` called before each layer runs backward."""
        self._hooks["before_backward"].append(run)

    def after_backward(self, run):
        """Has ``run(layer index)`` called after each layer has run backward."""
        self._hooks["after_backward"].append(run)

    @raised_as(RuntimeError)
    def set_input_arrays(self, data, labels):
        """Gives the MemoryData layer, the net's first, data (N,C,H,W) and labels (N,), contiguous float32.

        Raises:
            NetError: the first layer is another, or the arrays do not fit.
        """
        memory = self._engine.sources.get(0)
        if not isinstance(memory, MemoryArrays):
            got = self.layers[0].type if self.layers else "no layer"
            raise NetError("set_input_arrays needs MemoryData as the net's first layer", got=got)
        memory.set(data, labels)

    # ---- weights ----

    @raised_as(RuntimeError)
    def copy_from(self, path):
        """Copies the weights of a file, .caffemodel of any form or our .keras, to the layers of the same names.

        Raises:
            WeightsError: the file is missing or damaged, or does not fit.
        """
        self._engine.flush()
        weight_files.load(self._engine.net, os.fspath(path))
        self._engine.changed()

    def load_hdf5(self, path):
        """As `copy_from`."""
        self.copy_from(path)

    @raised_as(RuntimeError)
    def share_with(self, other):
        """Makes layers of the same names use the other net's parameters, so that a change to one is seen in both.

        Raises:
            NetError: such layers differ in number or shapes of their blobs; nothing is shared then.
        """
        pairs = {}
        for name, theirs in zip(other._layer_names, other._engine.parameters):
            if name not in self._layer_names:
                continue
            blobs = self._engine.parameters[self._layer_names.index(name)]  # the first of the name
            got, want = [b.shape for b in theirs], [b.shape for b in blobs]
            if got != want:
                raise NetError(f'layer "{name}" cannot share its parameters', got=got, want=want)
            pairs.update((id(own), (own, their)) for own, their in zip(blobs, theirs))
        other._engine.flush()
        self._engine.adopt(pairs.values())

    @raised_as(RuntimeError)
    def save(self, path):
        """Writes the weights as a .caffemodel; HDF5 where `path` ends in ".h5"."""
        self._save(path)

    @raised_as(RuntimeError)
    def save_hdf5(self, path):
        """Writes the weights as HDF5."""
        self._save(path, hdf5_form=True)

    def _save(self, path, **form):
        self._engine.flush()
        net, path = self._engine.net, os.fspath(path)
        arrays, shared = weight_files.arrays(net), weight_files.shared(net)
        caffemodel.write(path, arrays, net.definition.message, shared=shared, **form)


def _arguments(*args, phase=None, level=0, stages=None, weights=None):
    """Returns (phase, level, stages, weights) of either form of the constructor."""
    if len(args) == 2 and isinstance(args[0], str | os.PathLike):
        args, weights = args[1:], args[0]
    given = dict(zip(("phase", "level", "stages", "weights"), args))
    phase, level = given.get("phase", phase), given.get("level", level)
    stages, weights = given.get("stages", stages), given.get("weights", weights)
    if phase is None or phase not in (caffe_pb2.TRAIN, caffe_pb2.TEST) or isinstance(phase, bool) or len(args) > 4:
        got, want = f"phase {phase!r}", "TRAIN or TEST"
        raise also(NetError, TypeError)("Net wants a file, a phase and perhaps weights", got=got, want=want)
    return int(phase), level, stages, weights
