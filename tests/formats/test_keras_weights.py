"""Caffe's blobs in a .keras archive: read as they lie, and refused where nothing says what they are."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from zoo.errors import WeightsError
from zoo.formats import caffemodel, keras_weights

KERNEL = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)  # (H, W, in, out)
BIAS = np.array([1, -2, 3, -4, 5], np.float64)
CONV = {"keras": "conv__1", "variable": 0, "moved": [2, 3, 4, 5], "axes": [3, 2, 0, 1], "shape": [5, 4, 2, 3]}
LAYERS = {
    "conv/1": [CONV, {"keras": "conv__1", "variable": 1, "moved": [5], "axes": [0], "shape": [5]}],
    "seen": [{**CONV, "shape": [20, 6]}],
    "none": [],
}


def arrays():
    """A model.weights.h5 as Keras lays it out: groups that it numbers, with the layers' names stored separately."""
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        file.create_group("layers/input_layer/vars").attrs["name"] = "data"
        group = file.create_group("layers/conv2d/vars")
        group.attrs["name"] = "conv__1"
        group["0"], group["1"] = KERNEL, BIAS
    return held.getvalue()


def archive(path, members):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def whole(path, layers=LAYERS):
    archive(path, {"metadata.json": "{}", "config.json": "{}", "model.weights.h5": arrays()})
    keras_weights.add(path, "net", layers)
    return path


def test_blobs_in_caffes_order_and_shapes(tmp_path):
    weights = caffemodel.read(whole(tmp_path / "whatever it is called"))
    assert (weights.net, weights.hdf5, weights.binary, list(weights)) == ("net", False, False, list(LAYERS))
    np.testing.assert_array_equal(weights["conv/1"][0], KERNEL.transpose(3, 2, 0, 1))
    np.testing.assert_array_equal(weights["conv/1"][1], BIAS)
    np.testing.assert_array_equal(weights["seen"][0], KERNEL.transpose(3, 2, 0, 1).reshape(20, 6))
    assert all(array.dtype == np.float32 for blobs in weights.values() for array in blobs)
    assert weights["none"] == []
    assert weights.fits("conv/1", 0, (5, 4, 2, 3)) and not weights.fits("conv/1", 0, (5, 4, 3, 2))


def said(change):
    """The member with something in it changed."""
    content = {"version": 1, "net": "net", "layers": {"conv": [{**CONV}]}}
    change(content)
    return json.dumps(content)


def blob(**changes):
    return said(lambda content: content["layers"]["conv"][0].update(changes))


H5, CONFIG = {"model.weights.h5": arrays()}, {"config.json": "{}"}
BAD = {
    "of Keras's own": ({**CONFIG, **H5}, "does not say which of Caffe's blobs .* want one as python -m zoo.convert"),
    "any other archive": ({"a.txt": "a"}, "not a Caffe weights file .*zip archive; unpack it"),
    "no arrays": ({**CONFIG, keras_weights.MEMBER: blob()}, "not a Caffe weights file"),
    "arrays that are none": ({keras_weights.MEMBER: blob(), "model.weights.h5": b"x" * 99}, "damaged zip archive"),
    "no JSON": ({keras_weights.MEMBER: "{", **H5}, "damaged zip archive"),
    "a list": ({keras_weights.MEMBER: "[1]", **H5}, "damaged zip archive"),
    "layers in a list": ({keras_weights.MEMBER: said(lambda c: c.update(layers=[1])), **H5}, "damaged zip archive"),
    "version": ({keras_weights.MEMBER: said(lambda c: c.update(version=2)), **H5}, "version, got 2, want 1"),
    "no such layer": ({keras_weights.MEMBER: blob(keras="gone"), **H5}, "damaged zip archive.*gone"),
    "no such variable": ({keras_weights.MEMBER: blob(variable=7), **H5}, "damaged zip archive"),
    "moved": ({keras_weights.MEMBER: blob(moved=[7, 7]), **H5}, "damaged zip archive.*reshape"),
    "axes": ({keras_weights.MEMBER: blob(axes=[0, 0, 1, 2]), **H5}, "damaged zip archive.*axis"),
    "shape": ({keras_weights.MEMBER: blob(shape=[5, 4]), **H5}, "damaged zip archive.*reshape"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_read(kind, tmp_path):
    members, says = BAD[kind]
    with pytest.raises(WeightsError, match=says) as caught:
        caffemodel.read(archive(tmp_path / "w.keras", members))
    assert str(caught.value).startswith(f"{tmp_path / 'w.keras'}: ") and "\n" not in str(caught.value)


def test_damage_anywhere_is_an_error_or_harmless(tmp_path):
    """Never a traceback; where the archive's own checksums cannot see it, the values are the whole file's."""
    good = whole(tmp_path / "good.keras", {"conv": [CONV]}).read_bytes()
    rng = np.random.default_rng(5)
    path, refused = tmp_path / "bad.keras", 0
    for cut in range(5, len(good), len(good) // 40):
        path.write_bytes(good[:cut])
        with pytest.raises(WeightsError):
            caffemodel.read(path)
    for position in rng.integers(0, len(good), 300):
        path.write_bytes(good[:position] + bytes([good[position] ^ 0x41]) + good[position + 1 :])
        try:
            weights = caffemodel.read(path)
        except WeightsError:
            refused += 1
        else:
            np.testing.assert_array_equal(weights["conv"][0], KERNEL.transpose(3, 2, 0, 1))
    assert refused > 200
