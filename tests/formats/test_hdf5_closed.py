"""HDF5 files whose content lies elsewhere, or takes more than they are: refused wherever HDF5 is opened."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from zoo.errors import DataError, WeightsError
from zoo.formats import caffemodel, hdf5, solverstate

SECRET = b"a secret of the user's, not of the file's, 64 bytes long in all!"
WIDE = np.arange(16, dtype="<f4")


@pytest.fixture
def secret(tmp_path):
    (tmp_path / "secret").write_bytes(SECRET)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["w"] = np.frombuffer(SECRET, "<f4")
        file["data/ip/0"] = np.frombuffer(SECRET, "<f4")
    return tmp_path


def external_storage(group, folder):
    group.create_dataset("0", (16,), "<f4", external=[(str(folder / "secret"), 0, 64)])


def external_link(group, folder):
    group["0"] = h5py.ExternalLink(str(folder / "other.h5"), "/w")


def by_a_soft_link(group, folder):
    group.file["out"] = h5py.ExternalLink(str(folder / "other.h5"), "/data/ip")
    group["0"] = h5py.SoftLink("/out/0")


def virtual(group, folder):
    layout = h5py.VirtualLayout((16,), "<f4")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "w", (16,))
    group.create_virtual_dataset("0", layout)


WAYS = [
    (external_storage, "has its values in another file, got external storage"),
    (external_link, "leads out of the file, got an external link"),
    (by_a_soft_link, "/out leads out of the file, got an external link"),
    (virtual, "has its values in other files, got a virtual dataset"),
]


@pytest.mark.parametrize("way, said", WAYS)
def test_weights(secret, way, said):
    path = secret / "x.caffemodel.h5"
    with h5py.File(path, "w") as file:
        way(file.create_group("data/ip"), secret)
    with pytest.raises(WeightsError, match=said) as raised:
        caffemodel.read(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("way, said", WAYS)
def test_solver_state_and_data(secret, way, said):
    path = secret / "x.solverstate.h5"
    with h5py.File(path, "w") as file:
        file["iter"] = file["current_step"] = 1
        way(file.create_group("history"), secret)
    with pytest.raises(WeightsError, match=said):
        solverstate.read(path)
    with pytest.raises(DataError, match=said), hdf5.reading(path, DataError):
        pass


def keras(path, fill, layers=None):
    """Writes a `.keras` file whose arrays are what `fill` puts into a group."""
    arrays = io.BytesIO()
    with h5py.File(arrays, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.attrs["name"] = "ip"
        fill(group)
    blob = {"keras": "ip", "variable": 0, "moved": [16], "axes": [0], "shape": [16]}
    said = {"version": 1, "net": "n", "layers": layers or {"ip": [blob]}}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", arrays.getvalue())
        archive.writestr("caffe_blobs.json", json.dumps(said))


@pytest.mark.parametrize("way, said", WAYS)
def test_keras(secret, way, said):
    keras(secret / "x.keras", lambda group: way(group, secret))
    with pytest.raises(WeightsError, match=said):
        caffemodel.read(secret / "x.keras")
    keras(secret / "x.keras", lambda group: group.create_dataset("0", data=WIDE))
    np.testing.assert_array_equal(caffemodel.read(secret / "x.keras")["ip"][0], WIDE)


def test_soft_links_within_the_file_and_rings_are_allowed(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["data"] = WIDE
        file["label"] = h5py.SoftLink("/data")
        file["a/ring"] = file["/"]
    with hdf5.reading(tmp_path / "x.h5", DataError) as file:
        np.testing.assert_array_equal(hdf5.array(file["label"], "label"), WIDE)


def one_chunk(file):
    """Two values in a chunk of 4 GB, of which nothing is stored but an empty one next to it."""
    data = file.create_dataset("data/ip/0", (2,), "<f4", maxshape=(None,), chunks=(1 << 29,), compression="gzip")
    data.id.write_direct_chunk((0,), b"x")


def many_names(file):
    file["data/ip/0"] = np.zeros(1 << 20, "<f4")
    for index in range(1, 600):
        file[f"data/ip{index}/0"] = file["data/ip/0"]


def by_deflation(file):
    file.create_dataset("data/ip/0", data=np.zeros(1 << 20, "<f4"), chunks=(1 << 20,), compression="gzip")
    for index in range(1, 300):
        file[f"data/ip{index}/0"] = file["data/ip/0"]


@pytest.mark.parametrize("bomb", [one_chunk, many_names, by_deflation])
def test_bombs(tmp_path, bomb):
    with h5py.File(tmp_path / "x.caffemodel.h5", "w") as file:
        bomb(file)
    with pytest.raises(WeightsError, match=r"arrays that together take more, got \d+ bytes, want at most 1073741824"):
        caffemodel.read(tmp_path / "x.caffemodel.h5")


def test_blobs_of_one_array_count_each(tmp_path, monkeypatch):
    blob = {"keras": "ip", "variable": 0, "moved": [100, 100], "axes": [1, 0], "shape": [10000]}
    wide = np.zeros(10000, "<f4")
    keras(tmp_path / "x.keras", lambda group: group.create_dataset("0", data=wide), {"ip": [blob] * 50})
    monkeypatch.setenv("ZOO_MAX_UNPACKED_BYTES", "1000000")
    with pytest.raises(WeightsError, match="blobs that together take more, got 1040000 bytes"):
        caffemodel.read(tmp_path / "x.keras")


def test_a_member_that_unpacks_to_more(tmp_path, monkeypatch):
    keras(tmp_path / "x.keras", lambda group: group.create_dataset("0", data=np.zeros(1 << 20, "<f4")))
    monkeypatch.setenv("ZOO_MAX_UNPACKED_BYTES", "1000000")
    with pytest.raises(WeightsError, match="model.weights.h5 in it, which unpacks to more, got"):
        caffemodel.read(tmp_path / "x.keras")
