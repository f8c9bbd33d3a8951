"""What fills a net's data: data layers, fillers, the user's arrays; and what writes them out."""

import h5py
import keras
import numpy as np
import pytest

import zoo.pycaffe as caffe
from tests.conftest import SHARED
from tests.pycaffe.nets import write
from zoo.errors import DataError, NetError, UnsupportedError, ZooError

CASES = sorted((SHARED / "golden" / "data").glob("*.npz"))


@pytest.mark.skipif(not CASES, reason="needs real Caffe's numbers in ../shared/golden/data (or ZOO_SHARED)")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_as_caffe(path, tmp_path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with np.load(path) as data:
        arrays = {key: data[key] for key in data}
    file = write(tmp_path, str(arrays["prototxt"]))
    net = caffe.Net(file, {"TRAIN": caffe.TRAIN, "TEST": caffe.TEST}[str(arrays["phase"])])
    for batch in range(3):
        net.forward()
        wanted = {key.split("/")[1]: a for key, a in arrays.items() if key.startswith(f"batch{batch}/")}
        assert wanted
        for name, want in wanted.items():
            np.testing.assert_allclose(net.blobs[name].data, want, rtol=1e-6, atol=1e-5)


DUMMY = """
layer { name: "d" type: "DummyData" top: "noise" top: "two" top: "zero"
  dummy_data_param { shape { dim: 3 dim: 4 } shape { dim: 2 } shape { dim: 2 dim: 1 dim: 3 dim: 1 }
    data_filler { type: "gaussian" mean: 5 } data_filler { type: "constant" value: 2 } data_filler { } } }
"""


def test_fillers_are_drawn_anew_but_for_constants(tmp_path):
    caffe.set_random_seed(1)
    net = caffe.Net(write(tmp_path, DUMMY), caffe.TRAIN)
    np.testing.assert_array_equal(net.blobs["two"].data, [2, 2])
    first = net.forward()["noise"].copy()
    assert 3 < first.mean() < 7
    net.blobs["two"].data[1] = 9  # stays, as nothing fills a constant again
    second = net.forward()
    assert np.abs(second["noise"] - first).min() > 0
    np.testing.assert_array_equal(second["two"], [2, 9])
    assert not second["zero"].any()
    caffe.set_random_seed(1)
    again = caffe.Net(write(tmp_path, DUMMY), caffe.TRAIN)
    np.testing.assert_array_equal(again.forward()["noise"], first)


def test_a_filler_that_is_none(tmp_path):
    with pytest.raises(ZooError, match="gausian"):
        caffe.Net(write(tmp_path, DUMMY.replace("gaussian", "gausian")), caffe.TRAIN)


MEMORY = """
layer { name: "m" type: "MemoryData" top: "data" top: "label"
  memory_data_param { batch_size: 2 channels: 3 height: 4 width: 5 } }
layer { name: "twice" type: "Power" bottom: "data" top: "twice" power_param { scale: 2 } }
"""


def test_arrays_in_memory(tmp_path):
    net = caffe.Net(write(tmp_path, MEMORY), caffe.TEST)
    with pytest.raises(DataError, match=r'layer "m" \(MemoryData\): no arrays to read.*set_input_arrays'):
        net.forward()
    data = np.arange(6 * 60, dtype=np.float32).reshape(6, 3, 4, 5)
    net.set_input_arrays(data, np.arange(6, dtype=np.float32))
    for batch in (0, 1, 2, 0):
        net.forward()
        np.testing.assert_array_equal(net.blobs["twice"].data, 2 * data[2 * batch : 2 * batch + 2])
        np.testing.assert_array_equal(net.blobs["label"].data, [2 * batch, 2 * batch + 1])
    data[2:4] = 7  # the layer reads the user's array, not a copy
    net.forward()
    assert (net.blobs["twice"].data == 14).all()
    net.set_input_arrays(data[:2], np.full((2, 1, 1, 1), 3, np.float32))
    net.forward()
    np.testing.assert_array_equal(net.blobs["label"].data, [3, 3])


@pytest.mark.parametrize(
    ("data", "labels", "says"),
    [
        (np.zeros((2, 3, 4, 5)), np.zeros(2, np.float32), "float32 array, got float64"),
        (np.zeros((2, 3, 5, 4), np.float32), np.zeros(2, np.float32), "data does not fit"),
        (np.zeros((3, 3, 4, 5), np.float32), np.zeros(3, np.float32), "multiple of 2"),
        (np.zeros((2, 3, 4, 5), np.float32), np.zeros(4, np.float32), "the same number of items"),
        (np.zeros((2, 3, 4, 5), np.float32), np.zeros((2, 2), np.float32), "labels does not fit"),
        (np.zeros((4, 3, 4, 5), np.float32)[::2], np.zeros(2, np.float32), "contiguous"),
        ([1, 2], np.zeros(2, np.float32), "float32 array, got list"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, data, labels, says):
    net = caffe.Net(write(tmp_path, MEMORY), caffe.TEST)
    with pytest.raises(NetError, match=says):
        net.set_input_arrays(data, labels)


OUTPUT = """
layer {{ name: "data" type: "Input" top: "data" top: "label"
  input_param {{ shape {{ dim: 2 dim: 3 }} shape {{ dim: {labels} }} }} }}
layer {{ name: "out" type: "HDF5Output" bottom: "data" bottom: "label" hdf5_output_param {{ file_name: "{file}" }} }}
"""


def test_hdf5_output(tmp_path):
    file = tmp_path / "out.h5"
    net = caffe.Net(write(tmp_path, OUTPUT.format(labels=2, file=file)), caffe.TEST)
    for k in (1, 2):
        net.forward(data=np.full((2, 3), k), label=np.array([5, 6]))
        with h5py.File(file) as tree:
            assert sorted(tree) == ["data", "label"]
            np.testing.assert_array_equal(tree["data"], np.full((2, 3, 1, 1), k, np.float32))
            np.testing.assert_array_equal(tree["label"], np.reshape([5, 6], (2, 1, 1, 1)))


def test_hdf5_output_that_cannot_be(tmp_path):
    with pytest.raises(NetError, match="the same number of items"):
        caffe.Net(write(tmp_path, OUTPUT.format(labels=3, file="x.h5")), caffe.TEST)
    with pytest.raises(DataError, match="out.*cannot write this file, got .*x.h5"):  # when it is made, as in Caffe
        caffe.Net(write(tmp_path, OUTPUT.format(labels=2, file=tmp_path / "no" / "x.h5")), caffe.TEST)
    (tmp_path / "gone").mkdir()
    net = caffe.Net(write(tmp_path, OUTPUT.format(labels=2, file=tmp_path / "gone" / "x.h5")), caffe.TEST)
    (tmp_path / "gone").rmdir()
    with pytest.raises(DataError, match="x.h5"):
        net.forward()
    with pytest.raises(NetError, match="file_name must be given"):
        caffe.Net(write(tmp_path, OUTPUT.format(labels=2, file="")), caffe.TEST)
    with pytest.raises(UnsupportedError, match="cannot be part of a Keras model"):
        net._engine.net.run({ref: keras.Input(batch_shape=(2, 3)) for ref in net._engine.net.inputs})
