"""Net: cv2.dnn.Net's methods over a net of ours."""

import functools
import threading
import time

import cv2
import numpy as np
import tensorflow as tf

from zoo.cv import calls, counts
from zoo.cv.keywords import also_called
from zoo.cv.layers import InputLayer, Layer, Numbering
from zoo.cv.parameters import FileParameters
from zoo.cv.runner import Runner
from zoo.errors import NetError, UnsupportedError, did_you_mean
from zoo.pycaffe.errors import also, raised_as


def _alone(method):
    """Makes a method of `Net` wait until no other thread is in one."""

    @functools.wraps(method)
    def call(self, *args, **kwargs):
        with self.lock:
            return method(self, *args, **kwargs)

    return call


class Net:
    """A net that is fed by `setInput` and run by `forward`; made by `readNetFromCaffe`, empty without arguments.

    A layer is asked for by its name, not by its blob's: of layers that work in place each has its own output. Only the
    layers that an output needs are run.

    Threads may share a net: each call is done whole before the next begins. What `setInput` gave stays until another
    call replaces it, whichever thread that is from, as in OpenCV; so a thread that needs its own `setInput` and
    `forward` together holds `lock` for both, as the model classes do, or has a net of its own.

    Attributes:
        lock: what each call holds; ``with net.lock:`` keeps other threads out for longer.

    Args:
        definition: the NetDef, for TEST.
        weights: `caffemodel.Weights`.
        path: what errors call the file that they are from.
    """

    def __init__(self, definition=None, weights=None, path=""):
        self._numbering, self._ticks, self._last = None, 0, None
        self.lock = threading.RLock()
        if definition is None:
            return
        self.definition = definition
        self._numbering = Numbering(definition)
        self._parameters = FileParameters(definition, weights, path)
        self.lock = self._parameters.lock
        self._runner = Runner(definition, self._numbering, self._parameters)
        self._feeds = {}

    # ---- running ----

    @raised_as(cv2.error)
    @_alone
    def setInput(self, blob, name="", scalefactor=1.0, mean=()):
        """Gives the input `name`, by default the first, the values (blob - mean) * scalefactor.

        The next `forward` takes whatever shape the blob has.

        Args:
            blob: array of Caffe's order, of numbers; it is copied.
            name: of the input.
            scalefactor: a factor for all values.
            mean: a number for each channel of a blob (N,C,H,W); one alone is the first channel's, as in cv2.

        Raises:
            NetError: no such input, or no array of numbers.
        """
        refs = self._filled().inputs
        named = {ref.name: ref for ref in refs}
        if name and name not in named:
            raise NetError(f'Requested blob "{name}" not found', hint=did_you_mean(name, named), want=", ".join(named))
        if not refs:
            raise NetError("the net has no input")
        array = np.asarray(blob)
        if array.dtype.kind not in "fiub" or not array.size:
            raise NetError("an input is an array of numbers", got=f"{array.dtype} {array.shape}")
        array = array.astype(np.float32, copy=False)
        mean = np.ravel(np.asarray(mean, np.float64))
        if mean.any() or scalefactor != 1.0:
            array = _normalized(array, float(scalefactor), mean)
        self._feeds[named[name] if name else refs[0]] = tf.constant(np.array(array, np.float32, order="C"))

    @raised_as(cv2.error)
    @_alone
    def forward(self, *args, **kwargs):
        """Runs the net for outputs of layers by name; without any, for the last layer of the file.

        ``forward(outputName="")`` returns the first output of one layer as an array. ``forward(outBlobNames)`` returns
        a tuple with the first output of each. ``forward(outputBlobs, outputName)`` returns a tuple with all outputs of
        one layer, ``forward(outBlobNames, outputBlobs)`` one with the first of each, written into `outputBlobs` too
        where these arrays fit.

        Raises:
            NetError: no such layer, an input is missing, or shapes do not fit.
        """
        into, names, one, every = calls.forward(args, kwargs)
        numbering = self._filled()
        if not numbering.layers:
            raise NetError("the net has no layer to run, only inputs")
        places = [numbering.index(name) if name else len(numbering.layers) - 1 for name in names]
        found = self._run(places)
        if one and not every:
            return found[0][0]
        arrays = found[0] if every else [tops[0] for tops in found]
        return tuple(calls.written(array, target) for array, target in zip(arrays, [*into, *[None] * len(arrays)]))

    @raised_as(cv2.error)
    @_alone
    def forwardAndRetrieve(self, outBlobNames):
        """Returns a tuple with a tuple of all outputs for each layer named."""
        numbering = self._filled()
        return tuple(map(tuple, self._run([numbering.index(name) for name in outBlobNames])))

    def _run(self, places):
        absent = [ref.name for ref in self._needed_inputs(places) if ref not in self._feeds]
        if absent:
            raise NetError(f'input "{absent[0]}" was not given', hint="call net.setInput first")
        begun = time.perf_counter_ns()
        found = self._runner.run(places, self._feeds)
        self._ticks, self._last = time.perf_counter_ns() - begun, max(places)
        return found

    def _needed_inputs(self, places):
        read = {bottom for layer in self._filled().behind(places) for bottom in layer.bottoms}
        return [ref for ref in self._filled().inputs if ref in read]

    # ---- what there is ----

    def empty(self):
        """Whether there is no net."""
        return self._numbering is None

    def getLayerNames(self):
        """Returns a tuple of the layers' names in the order of the file, without inputs."""
        return tuple(self._filled().names)

    def getLayerId(self, layer):
        """Returns the number of the layer of that name, from 1 on; -1 where there is none."""
        names = self._filled().names
        return 0 if layer == "_input" else names.index(layer) + 1 if layer in names else -1

    @raised_as(cv2.error)
    @also_called(layerName="layerId")
    def getLayer(self, layerId):
        """Returns the `Layer` of a number or a name; number 0 is the layer of inputs. Raises NetError for others."""
        numbering = self._filled()
        if not isinstance(layerId, str) and layerId == 0:
            return InputLayer(numbering.inputs)
        place = numbering.index(layerId)
        layer = numbering.layers[place]
        return Layer(numbering.names[place], layer.type, layer.key, self._parameters)

    def getLayerTypes(self):
        """Returns a tuple of the types that there are, sorted."""
        return tuple(sorted({"__NetInputLayer__", *(layer.type for layer in self._filled().layers)}))

    def getLayersCount(self, layerType):
        """Returns how many layers are of that type."""
        return sum(layer.type == layerType for layer in self._filled().layers)

    def getUnconnectedOutLayers(self):
        """Returns the numbers of the layers whose outputs no other reads, as an int32 array."""
        return np.array([place + 1 for place in self._filled().unread()], np.int32)

    def getUnconnectedOutLayersNames(self):
        """Returns a tuple of their names."""
        numbering = self._filled()
        return tuple(numbering.names[place] for place in numbering.unread())

    def stated_shape(self):
        """Returns the shape that the file states for the first input, a tuple; None where it states none."""
        for layer in self._filled().fed:
            if layer.type == "Input" and layer.message.input_param.shape:
                return tuple(layer.message.input_param.shape[0].dim)
        return None

    @raised_as(cv2.error)
    @also_called(layerName="layer")
    def getParam(self, layer, numParam=0):
        """Returns the parameter blob number `numParam` of a layer by number or name; raises NetError without one."""
        blobs = self.getLayer(layer).blobs
        if not 0 <= numParam < len(blobs):
            raise NetError(f'layer "{layer}" has no blob {numParam}', want=f"less than {len(blobs)}")
        return blobs[numParam]

    @raised_as(cv2.error)
    @also_called(layerName="layer")
    @_alone
    def setParam(self, layer, numParam, blob):
        """Sets a parameter blob of a layer by number or name; raises NetError where it does not fit."""
        numbering = self._filled()
        self._parameters.set(numbering.layers[numbering.index(layer)].key, int(numParam), blob)

    # ---- what it costs ----

    @raised_as(cv2.error)
    def getFLOPS(self, *args, **kwargs):
        """Returns operations as OpenCV counts them: ``getFLOPS([layerId,] shape, or shapes, of the inputs)``."""
        number, shapes = calls.layer_and_shapes(args, kwargs)
        planned = {id(layer.definition): layer for layer in self._planned(shapes)}
        layers = self._filled().layers
        chosen = layers if number is None else [layers[self._filled().index(number)]]
        return sum(counts.flops(planned[id(layer)]) for layer in chosen)

    @raised_as(cv2.error)
    def getMemoryConsumption(self, *args, **kwargs):
        """Returns bytes of (parameters, outputs): ``getMemoryConsumption([layerId,] shapes of the inputs)``."""
        number, shapes = calls.layer_and_shapes(args, kwargs)
        planned = self._planned(shapes)
        if number is not None:
            wanted = self._filled().layers[self._filled().index(number)]
            planned = [layer for layer in planned if layer.definition is wanted]
        return counts.memory(planned)

    @raised_as(cv2.error)
    @also_called(netInputShape="netInputShapes")
    def getLayersShapes(self, netInputShapes):
        """Returns (numbers of layers, tuple of input shapes of each, tuple of output shapes of each) as cv2 does."""
        planned = {id(layer.definition): layer for layer in self._planned(netInputShapes)}
        rows = [planned[id(layer)] for layer in self._filled().layers]
        fed = tuple(np.array(shape, np.int32) for shape in self._shapes(netInputShapes).values())
        sides = [
            (fed, *(tuple(np.array(shape, np.int32) for shape in getattr(row, side)) for row in rows))
            for side in ("bottoms", "tops")
        ]
        return np.arange(len(rows) + 1, dtype=np.int32), *sides

    def getPerfProfile(self):
        """Returns (nanoseconds of the last `forward`, float64 array with a place for each layer).

        cv2.getTickFrequency() gives cv2's ticks a second, 1e9 on Linux. The layers run as one graph: the time of the
        whole stands with the last layer that was asked for, and 0 with the others.
        """
        each = np.zeros(len(self._filled().layers))
        if self._last is not None:
            each[self._last] = self._ticks
        return int(self._ticks * cv2.getTickFrequency() / 1e9), each * cv2.getTickFrequency() / 1e9

    def _planned(self, shapes):
        numbering = self._filled()
        return self._runner.planned(range(len(numbering.layers)), self._shapes(shapes))

    def _shapes(self, shapes):
        """Returns {input: shape} of one shape or a list of them."""
        shapes = [shapes] if len(shapes) and np.ndim(shapes[0]) == 0 else list(shapes)
        inputs = self._filled().inputs
        if len(shapes) != len(inputs):
            raise NetError("a shape for each input is needed", got=len(shapes), want=len(inputs))
        return {ref: tuple(map(int, shape)) for ref, shape in zip(inputs, shapes)}

    # ---- accepted: one engine does it all ----

    def setPreferableBackend(self, backendId):
        """Accepted; TensorFlow computes."""

    def setPreferableTarget(self, targetId):
        """Accepted; TensorFlow chooses the device."""

    def enableFusion(self, fusion):
        """Accepted."""

    def enableWinograd(self, useWinograd):
        """Accepted."""

    def setInputShape(self, inputName, shape):
        """Accepted: the shape of what `setInput` is given counts."""

    def __getattr__(self, name):
        if name in _REFUSED:
            what, hint = f"Net.{name} is not offered for Caffe's nets", "docs/from_opencv.md lists what is"
            raise also(UnsupportedError, cv2.error)(what, hint=hint)
        raise AttributeError(f"'Net' object has no attribute {name!r}")

    def _filled(self) -> Numbering:
        if self._numbering is None:
            raise also(NetError, cv2.error)("the net is empty", hint="readNetFromCaffe makes one")
        return self._numbering


_REFUSED = frozenset(
    (
        "addLayer",
        "addLayerToPrev",
        "connect",
        "dump",
        "dumpToFile",
        "dumpToPbtxt",
        "forwardAsync",
        "getInputDetails",
        "getOutputDetails",
        "quantize",
        "readFromModelOptimizer",
        "registerOutput",
        "setHalideScheduler",
        "setInputsNames",
    )
)


def _normalized(array, scale, mean):
    """Returns (array - mean) * scale in float32, in OpenCV's order: a factor, then what it leaves of the mean."""
    if mean.any() and array.ndim != 4:
        raise NetError("a mean is for the channels of (N,C,H,W)", got=array.shape)
    if mean.any():
        channels = array.shape[1]
        of_each = np.zeros(max(channels, 4))
        of_each[: min(len(mean), len(of_each))] = mean[: len(of_each)]
        shift = np.float32(-of_each[:channels] * scale).reshape(1, -1, 1, 1)
        return array * np.float32(scale) + shift
    return array * np.float32(scale)
