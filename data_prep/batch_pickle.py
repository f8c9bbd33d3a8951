"""The pickles of CIFAR-10's Python version, read so that they can neither run code nor harm memory.

A pickle says which functions make its values. Here those of NumPy's arrays are classes of this module in its place: of
what they are given they take bytes and sizes that fit each other, of uint8 and int64 alone. NumPy's own would take an
array of objects, that is of addresses, from a stranger's bytes.
"""

import io
import math
import pickle
import pickletools

import numpy as np

TYPES = {"u1": np.dtype("u1"), "i8": np.dtype("<i8")}
MODULES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray", "_codecs")
MEMO = ("PUT", "BINPUT", "LONG_BINPUT")
REFUSED = ("BYTEARRAY8", "NEXT_BUFFER", "READONLY_BUFFER")  # protocol 5: these take memory before they look for bytes


def read(data):
    """Returns (images, labels int64 (N,)) of the bytes of a batch; of the images nothing is known but their array.

    Raises:
        Exception: of any kind, for anything else.
    """
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in REFUSED or (opcode.name in MEMO and argument > len(data)):
            raise pickle.UnpicklingError(f"a pickle with {opcode.name} {argument}")
    batch = _Unpickler(io.BytesIO(data), encoding="bytes").load()
    if type(batch) is not dict:
        raise pickle.UnpicklingError(f"a pickle of a {type(batch).__name__}")
    return _array(batch[b"data"], "data"), _labels(batch[b"labels"])


def _array(value, what):
    if type(value) is not Array or value.array is None:
        raise pickle.UnpicklingError(f"{what} of {type(value).__name__}")
    return value.array


def _labels(value):
    """Returns the labels, a list of integers or an array of them, as int64."""
    if type(value) is not list:
        found = _array(value, "labels")
        if found.ndim != 1:
            raise pickle.UnpicklingError(f"labels of shape {found.shape}")
        return found.astype(np.int64)
    if not all(type(label) is int and 0 <= label < 256 for label in value):
        wrong = next(label for label in value if type(label) is not int or not 0 <= label < 256)
        raise pickle.UnpicklingError(f"labels of {type(wrong).__name__}")
    return np.array(value, np.int64)


class Dtype:
    """Stands in for numpy.dtype."""

    def __init__(self, name, *flags):
        self.type = TYPES.get(_text(name))
        if self.type is None:
            raise pickle.UnpicklingError(f"an array of {_text(name)[:20]!r}; only u1 and i8 are read")

    def __setstate__(self, state):
        version, order, subarray, names, fields, *_ = state
        if _text(order) not in "<|=" or (subarray, names, fields) != (None, None, None):
            raise pickle.UnpicklingError("an array of other than plain little-endian numbers")


class Array:
    """Stands in for numpy.ndarray; `array` is None until its state comes."""

    array = None

    def __setstate__(self, state):
        _, shape, dtype, by_columns, data = state
        if type(shape) is not tuple or len(shape) > 4 or not all(type(n) is int and n >= 0 for n in shape):
            raise pickle.UnpicklingError("an array without a plain shape")
        if type(dtype) is not Dtype or type(data) is not bytes:
            raise pickle.UnpicklingError("an array without plain bytes")
        if math.prod(shape) * dtype.type.itemsize != len(data):
            raise pickle.UnpicklingError(f"an array of {len(data)} bytes, which do not fit its shape {shape}")
        self.array = np.frombuffer(data, dtype.type).reshape(shape, order="F" if by_columns else "C")


def _reconstruct(kind, *_):
    """Stands in for the function of NumPy that makes an array whose state follows."""
    if kind is not Array:
        raise pickle.UnpicklingError("an array of another class")
    return Array()


def _scalar(dtype, data):
    if type(dtype) is not Dtype or type(data) is not bytes or len(data) != dtype.type.itemsize:
        raise pickle.UnpicklingError("a number without its bytes")
    return int(np.frombuffer(data, dtype.type)[0])


def _encode(text, encoding):
    """Stands in for _codecs.encode, by which pickles of protocol 2 hold bytes."""
    if type(text) is not str or _text(encoding) != "latin1":
        raise pickle.UnpicklingError("an encoding other than latin1")
    return text.encode("latin1")


def _text(value):
    if type(value) not in (str, bytes):
        raise pickle.UnpicklingError(f"a {type(value).__name__} where a name belongs")
    return value.decode("latin1") if type(value) is bytes else value


class _Unpickler(pickle.Unpickler):
    KNOWN = {"_reconstruct": _reconstruct, "ndarray": Array, "dtype": Dtype, "scalar": _scalar, "encode": _encode}

    def find_class(self, module, name):
        if name in self.KNOWN and module in MODULES:
            return self.KNOWN[name]
        raise pickle.UnpicklingError(f"a pickle that asks for {module}.{name}")
