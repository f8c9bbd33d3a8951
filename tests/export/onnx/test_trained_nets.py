"""Nets that other people trained, as ONNX files, against what real Caffe recorded of them."""

import numpy as np
import pytest

from tests.export.onnx.running import close, run
from zoo.export.conversion import convert
from zoo.export.onnx import file


def recorded(folder, name):
    """Returns (paths of prototxt and weights, the arrays of the npz); skips where they are absent."""
    if not (folder / f"{name}.npz").exists():
        pytest.skip(f"needs ../shared/{folder.name}/{name}")
    with np.load(folder / f"{name}.npz") as data:
        arrays = {key: data[key] for key in data}
    weights = next(folder.glob(f"{name}*.caffemodel"))
    return (str(folder / f"{name}.prototxt"), [str(weights)]), arrays


def outputs(conversion, arrays, path):
    """Returns {blob: array} of what ONNX Runtime makes of the recorded inputs with the file written to `path`."""
    file.write(conversion, path)
    feeds = {ref.name: arrays[f"in/{ref.name}"] for ref in conversion.inputs}
    return dict(zip(conversion.outputs, run(str(path), feeds), strict=True))


@pytest.mark.parametrize("name", ["lenet", "cifar10_quick_v1", "mtcnn_det1", "mtcnn_det2", "mtcnn_det3"])
def test_trained_nets(name, shared, tmp_path):
    paths, arrays = recorded(shared / "pretrained", name)
    got = outputs(convert(*paths, load=False), arrays, tmp_path / "net.onnx")
    assert sorted(f"out/{blob}" for blob in got) == sorted(key for key in arrays if key.startswith("out/"))
    for blob, array in got.items():
        close(blob, array, arrays[f"out/{blob}"])


def test_the_face_detector_gives_the_rows_of_ssds_caffe(shared, tmp_path):
    """All 545 rows of four photographs, no more and in Caffe's order."""
    paths, arrays = recorded(shared / "pretrained_forks", "res10_ssd_face")
    got = outputs(convert(*paths, load=False, batch=4), arrays, tmp_path / "face.onnx")["detection_out"]
    want = arrays["out/detection_out"]
    assert got.shape == want.shape == (1, 1, 545, 7)
    assert np.array_equal(got[..., :2], want[..., :2])
    assert np.abs(got - want).max() <= 1e-6
