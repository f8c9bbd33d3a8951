"""readNetFromCaffe and readNet: Caffe's files, or their bytes, become a `Net`."""

import os

import cv2
import numpy as np

from zoo.cv.keywords import also_called
from zoo.cv.net import Net
from zoo.errors import PrototxtError, UnsupportedError, WeightsError
from zoo.formats import caffemodel, prototxt
from zoo.netdef.net import net_def
from zoo.pycaffe.errors import raised_as

_TEXTS, _BINARIES = (".prototxt", ".pt"), (".caffemodel", ".h5")
_BUFFER = "the buffer"


@raised_as(cv2.error)
@also_called(bufferProto="prototxt", bufferModel="caffeModel")
def readNetFromCaffe(prototxt, caffeModel=None):
    """Returns the `Net` of Caffe's files.

    Args:
        prototxt: path of the text, or its bytes (bytes, bytearray, a NumPy array of uint8).
        caffeModel: path of the weights, or their bytes; None or "" for a net whose layers get theirs by `setParam` or
            `getLayer(...).blobs`.

    By keyword they are called bufferProto and bufferModel, too, as in cv2.

    Raises:
        ZooError, which is a cv2.error as well: a file is missing or damaged.

    Example:
        >>> text = '''
        ... layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 } } }
        ... layer { name: "relu" type: "ReLU" bottom: "data" top: "data" }'''
        >>> net = readNetFromCaffe(text.encode())
        >>> net.getLayerNames()
        ('relu',)
        >>> net.setInput(np.array([[-1.0, 2.0]]))
        >>> net.forward()
        array([[0., 2.]], dtype=float32)
    """
    definition = net_def(_text(prototxt), "TEST")
    weights, path = _weights(caffeModel)
    return Net(definition, weights, path)


@raised_as(cv2.error)
def readNet(model="", config="", framework="", engine=None, *, bufferModel=None, bufferConfig=b""):
    """Returns the `Net` of Caffe's files, in either order, or what cv2.dnn.readNet gives for any others.

    Args:
        model, config: paths.
        framework: "caffe" where the names do not tell.
        engine: of OpenCV 5, for others.

    As with cv2 there is a second form: ``readNet("caffe", bufferModel, bufferConfig)``, by keyword
    ``readNet(framework="caffe", bufferModel=..., bufferConfig=...)``.
    """
    if bufferModel is not None:
        model, config, framework = framework or model, bufferModel, bufferConfig
    if _is_buffer(config) or (not isinstance(model, str | os.PathLike) or _is_buffer(framework)):
        if str(model).lower() == "caffe":
            return readNetFromCaffe(framework if _is_buffer(framework) else b"", config)
    elif of_caffe(model, config, framework):
        if os.fspath(model).lower().endswith(_TEXTS):
            model, config = config, model
        if not config:
            raise PrototxtError("the text of the net is not given", got=model, want="a .prototxt next to it")
        return readNetFromCaffe(config, model)
    given = (model, config, framework) if len(framework) else (model, config) if len(config) else (model,)
    return _READ_NET(*given, **({} if engine is None else {"engine": engine}))


_READ_NET = cv2.dnn.readNet  # before `install` replaces it


def of_caffe(model, config="", framework=""):
    """Returns whether the arguments of readNet are paths of Caffe's files."""
    if framework:
        return str(framework).lower() == "caffe"
    names = [os.fspath(name).lower() for name in (model, config) if name]
    return any(name.endswith((*_TEXTS, *_BINARIES)) for name in names)


def _is_buffer(given):
    return isinstance(given, bytes | bytearray | memoryview | np.ndarray | list | tuple)


def _bytes(given, error):
    if isinstance(given, np.ndarray | list | tuple):
        array = np.asarray(given)
        if array.dtype != np.uint8 and not (array.dtype.kind in "iu" and array.min(initial=0) >= 0):
            raise error("a buffer holds bytes", got=f"an array of {array.dtype}", want="uint8")
        given = array.astype(np.uint8, copy=False).tobytes()
    return bytes(given)


def _text(given):
    if isinstance(given, str) and "\n" in given.strip():
        raise PrototxtError("the text of a net", want="its path, or its bytes", hint="text.encode()")
    if not _is_buffer(given):
        return prototxt.read_net(os.fspath(given))
    try:
        return prototxt.parse_net(_bytes(given, PrototxtError).decode(), _BUFFER)
    except UnicodeDecodeError:
        raise PrototxtError("not UTF-8", got=_BUFFER, want="the text of a net") from None


def _weights(given):
    """Returns (`caffemodel.Weights`, what errors call the file); an empty one where there is none."""
    if given is None or (isinstance(given, str) and not given):
        return caffemodel.Weights(binary=True), ""
    if not _is_buffer(given):
        path = os.fspath(given)
        return caffemodel.read(path), path
    data = _bytes(given, WeightsError)
    if not data:
        raise UnsupportedError("the buffer of the weights is empty", want="the bytes of a .caffemodel")
    return caffemodel.of_bytes(data, _BUFFER), _BUFFER
