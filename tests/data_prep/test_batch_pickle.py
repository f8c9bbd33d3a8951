"""Forged pickles of CIFAR-10: none runs code, makes an array of addresses, or takes more memory than it brings."""

import pickle
import struct

import numpy as np
import pytest

from data_prep import batch_pickle
from tests.data_prep.test_cifar10 import old_pickle


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value


def array(dtype=b"u1", state=None, shape=(2,), data=b"ab", order=b"|"):
    """Returns the opcodes of an array of NumPy, as protocol 2 has them."""
    kind = b"cnumpy\ndtype\n" + text(dtype) + b"K\x00K\x01\x87R"
    kind += (state or b"(K\x03" + text(order) + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t") + b"b"
    sizes = b"(" + b"".join(b"J" + struct.pack("<i", n) for n in shape) + b"t"
    plain = b"C" + bytes([len(data)]) + data
    start = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
    return start + b"(K\x01" + sizes + kind + b"\x89" + plain + b"tb"


def batch(data, labels=b"](K\x01K\x02e"):
    return b"\x80\x03}(C\x04data" + data + b"C\x06labels" + labels + b"u."


def test_as_numpy_reads_them():
    data = batch(array(shape=(1, 2)), array(b"i8", data=struct.pack("<2q", 3, 4), order=b"<"))
    images, labels = batch_pickle.read(data)
    assert images.tolist() == [[97, 98]] and labels.tolist() == [3, 4]
    plain = pickle.loads(data, encoding="bytes")
    assert plain[b"data"].tolist() == [[97, 98]] and plain[b"labels"].tolist() == [3, 4]
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for one in (values, np.asfortranarray(values)):
        for made in (old_pickle, pickle.dumps):
            images, labels = batch_pickle.read(made({b"data": one, b"labels": [np.int64(5), 6]}))
            assert np.array_equal(images, values) and labels.tolist() == [5, 6]


@pytest.mark.parametrize(
    "data, said",
    [
        (batch(array(b"O8", data=b"\x41" * 16)), "an array of 'O8'; only u1 and i8"),
        (batch(array(b"V8", data=b"\x41" * 16)), "an array of 'V8'"),
        # u1 whose state says that its items are objects:
        (batch(array(state=b"(K\x03X\x01\x00\x00\x00|N(C\x01at}NNK\x3ft")), "other than plain little-endian numbers"),
        (batch(array(order=b">")), "plain little-endian numbers"),
        (batch(array(shape=(1 << 30, 1 << 10))), "2 bytes, which do not fit its shape"),
        (batch(array(shape=(-2, -1))), "without a plain shape"),
        (batch(array(shape=(0, 1 << 30))), "2 bytes, which do not fit"),
        (batch(array(shape=(1,) * 5)), "without a plain shape"),
        (batch(b"cnumpy\ndtype\n" + text(b"u1") + b"\x85R"), "data of Dtype"),
        (batch(b"cnumpy\nndarray\n(J\x00\x00\x00\x7ftR"), "Array.* takes no arguments|data of Array"),
        (batch(b"cnumpy\nndarray\n"), "data of type"),
        (batch(array(), b"]q\x01(h\x01h\x01e"), "labels of list"),
        (batch(array(), b"](I99999\ne"), "labels of int"),
        (batch(b"\x96" + struct.pack("<Q", 1 << 40)), "BYTEARRAY8|expected .* bytes"),
        (batch(b"Nr\xff\xff\xff\x7f"), "LONG_BINPUT 2147483647"),
        (b"\x80\x03].", "a pickle of a list"),
        (b"\x80\x03cnumpy\nload\n.", "asks for numpy.load"),
        (b"\x80\x03cbuiltins\nexec\n.", "asks for builtins.exec"),
        (b"\x80\x03c_codecs\nencode\n" + text(b"a") + text(b"idna") + b"\x86R.", "other than latin1"),
    ],
)
def test_forged(data, said):
    with pytest.raises(Exception, match=said):
        batch_pickle.read(data)


def test_labels_that_grow_without_end():
    """Lists of the same list ten times, ten deep, are ten billion numbers once they are an array."""
    nested = b"](K\x01K\x02e"
    for _ in range(10):
        nested = nested + b"q\x05" + b"0](" + b"h\x05" * 10 + b"e"
    with pytest.raises(pickle.UnpicklingError, match="labels of list"):
        batch_pickle.read(batch(array(), nested))
