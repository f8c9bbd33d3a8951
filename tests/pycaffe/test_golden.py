"""Every layer case that real Caffe recorded, through the pycaffe interface as a user of pycaffe would run it."""

import numpy as np
import pytest

import zoo.pycaffe as caffe
from tests.layers import recorded
from tests.layers.golden import BACKWARD, FORWARD, Case, close


@pytest.mark.parametrize("path", recorded.parameters())
def test_as_caffe(path, tmp_path):
    case = Case(path)
    (tmp_path / "net.prototxt").write_text(case.prototxt)
    net = caffe.Net(str(tmp_path / "net.prototxt"), {"TRAIN": caffe.TRAIN, "TEST": caffe.TEST}[case.phase])
    for key, array in case.group("param").items():
        layer, index = key.rsplit("/", 1)
        net.params[layer][int(index)].data[...] = array
    for name, array in case.group("in").items():
        assert net.blobs[name].data.shape == array.shape
        net.blobs[name].data[...] = array
    net.forward()
    for name, want in case.group("out").items():
        close(f"out/{name}", net.blobs[name].data, want, FORWARD)
    for key, want in case.group("param_after").items():
        layer, index = key.rsplit("/", 1)
        close(f"param_after/{key}", net.params[layer][int(index)].data, want, FORWARD)
    for name, array in case.group("top_diff").items():
        net.blobs[name].diff[...] = array
    net.backward()
    for name, want in case.group("grad_in").items():
        close(f"grad_in/{name}", net.blobs[name].diff, want, BACKWARD)
    for key, want in case.group("grad_param").items():
        layer, index = key.rsplit("/", 1)
        close(f"grad_param/{key}", net.params[layer][int(index)].diff, want, BACKWARD)
    for key, want in case.group("param_after").items():  # going backward runs nothing forward again
        layer, index = key.rsplit("/", 1)
        close(f"param_after/{key}", net.params[layer][int(index)].data, want, FORWARD)


def outputs_of(folder, name):
    """Runs a trained net on its recorded inputs; returns (inputs, what it gives, what Caffe gave)."""
    weights = next(folder.glob(f"{name}*.caffemodel"))
    with np.load(folder / f"{name}.npz") as data:
        arrays = {key: data[key] for key in data}
    net = caffe.Net(str(folder / f"{name}.prototxt"), str(weights), caffe.TEST)
    inputs = {key[3:]: array for key, array in arrays.items() if key.startswith("in/")}
    for key, array in inputs.items():
        net.blobs[key].reshape(*array.shape)
    return inputs, net.forward(**inputs), {key[4:]: array for key, array in arrays.items() if key.startswith("out/")}


@pytest.mark.parametrize("name", ["lenet", "cifar10_quick_v1", "mtcnn_det1", "mtcnn_det2", "mtcnn_det3"])
def test_trained_nets(shared, name):
    _, outputs, wanted = outputs_of(shared / "pretrained", name)
    assert list(outputs) == sorted(wanted)
    for key, want in wanted.items():
        close(f"out/{key}", outputs[key], want, FORWARD)


def test_the_face_detector_finds_what_ssds_caffe_and_opencv_find(shared):
    """Four photographs, 545 rows: those of SSD's own Caffe, and those of OpenCV, which has zeros behind them."""
    cv2 = pytest.importorskip("cv2")
    folder = shared / "pretrained_forks"
    if not (folder / "res10_ssd_face.npz").exists():
        pytest.skip("needs ../shared/pretrained_forks/res10_ssd_face")
    inputs, outputs, wanted = outputs_of(folder, "res10_ssd_face")
    found, want = outputs["detection_out"], wanted["detection_out"]
    assert found.shape == want.shape == (1, 1, 545, 7)
    assert np.array_equal(found[..., :2], want[..., :2])
    assert np.abs(found - want).max() <= 1e-5
    net = cv2.dnn.readNetFromCaffe(*(str(folder / f"res10_ssd_face.{end}") for end in ("prototxt", "caffemodel")))
    net.setInput(inputs["data"])
    rows = net.forward()[0, 0]
    rows = rows[rows.any(axis=1)]
    assert rows.shape == found[0, 0].shape
    assert np.abs(found[0, 0] - rows).max() <= 1e-4
