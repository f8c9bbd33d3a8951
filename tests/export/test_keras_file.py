"""The .keras file: names, what is refused, and that plain Keras computes what Caffe computed."""

import importlib.util
import os
import pathlib
import resource
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.export import small_net
from tests.layers.golden import FORWARD, close
from zoo.errors import OutputError, UnsupportedError
from zoo.export import keras_file
from zoo.export.conversion import convert
from zoo.export.keras_model import keras_model
from zoo.export.verify import Comparison

PLAIN_KERAS = pathlib.Path(__file__).with_name("plain_keras.py")
PRETRAINED = {  # net: weights
    "lenet": "lenet_iter_10000",
    "cifar10_quick_v1": "cifar10_quick_v1_iter_4000",
    "mtcnn_det1": "mtcnn_det1",
    "mtcnn_det2": "mtcnn_det2",
    "mtcnn_det3": "mtcnn_det3",
}


def in_plain_keras(folder, backend):
    """Runs every file of `folder` in a process without this package."""
    env = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    keras_and_numpy_2 = "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"  # Keras on PyTorch
    command = [sys.executable, "-W", "error", "-W", keras_and_numpy_2, "-I", PLAIN_KERAS, folder]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-1] == backend


def nhwc(array):
    """(N,C,H,W) -> (N,H,W,C); other ranks as they are."""
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_plain_keras_computes_what_caffe_computed(backend, shared, tmp_path):
    """Real Caffe's recorded outputs, from files loaded with nothing of ours, on a batch larger than the file's."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    want = {}
    for name, weights in PRETRAINED.items():
        folder = shared / "pretrained"
        conversion = convert(folder / f"{name}.prototxt", [folder / f"{weights}.caffemodel"])
        keras_file.write(keras_model(conversion), conversion, tmp_path / f"{name}.keras")
        with np.load(folder / f"{name}.npz") as data:
            want[name] = {key[4:]: data[key] for key in data.files if key.startswith("out/")}
            np.savez(tmp_path / f"{name}.inputs.npz", data=nhwc(data["in/data"]))
    in_plain_keras(tmp_path, backend)
    for name, outputs in want.items():
        with np.load(tmp_path / f"{name}.outputs.npz") as got:
            assert set(got.files) == set(outputs)
            for blob, array in outputs.items():
                close(f"{name}: {blob}", got[blob], nhwc(array), FORWARD)


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_plain_keras_computes_what_the_reference_implementation_does(backend, small, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    conversion = convert(*small[:1], [small[1]], outputs=["prob", "norm1", "branch/a"])
    folder = tmp_path / "files"
    folder.mkdir()
    keras_file.write(keras_model(conversion), conversion, folder / "small.keras")
    comparison = Comparison(conversion, batch=3)
    np.savez(folder / "small.inputs.npz", data=nhwc(comparison.inputs["data"]))
    in_plain_keras(folder, backend)
    with np.load(folder / "small.outputs.npz") as got:
        for blob, want in comparison.found["NumPy"].items():
            close(blob, got[blob.replace("/", "|")], nhwc(want), 2 * FORWARD)  # some fifteen layers deep


def test_names_are_those_of_caffe(small):
    """Also where a layer has the name that Keras would number an operation of its own with ("softmax")."""
    conversion = convert(small[0], [small[1]])
    exported = keras_model(conversion)
    model = exported.model
    assert [tensor.name for tensor in model.inputs] == ["data"]
    assert model.input_shape == (None, 19, 17, 3)
    assert model.output_names == ["prob"]
    assert model.name == "small"
    assert exported.layers["pool1"] == ("pool1__pad", "pool1")
    assert exported.layers["drop"] == ()
    assert exported.layers["branch/a"][-1] == "branch__a"  # the last of several, as groups are convolved apart
    assert exported.layers["branch/a"].count("branch__a") == 1
    assert exported.layers["softmax"] == ("softmax",)
    assert exported.layers["prob"] == ("prob",)
    names = [name for names in exported.layers.values() for name in names]
    assert len(set(names)) == len(names)
    for name, operations in exported.layers.items():
        assert all(op == name.replace("/", "__") or op.startswith(name.replace("/", "__")) for op in operations)


def test_every_name_that_keras_numbers_itself_may_be_a_layers():
    """Layers named as Keras names pooling and padding, with an output that is another layer's name."""
    text = (
        small_net.INPUT
        + """
    layer { name: "max_pool_1" type: "Convolution" bottom: "data" top: "c"
      convolution_param { num_output: 2 kernel_size: 3 } }
    layer { name: "p" type: "Pooling" bottom: "c" top: "data_2" pooling_param { kernel_size: 2 } }
    layer { name: "reshape" type: "InnerProduct" bottom: "data_2" top: "max_pool"
      inner_product_param { num_output: 3 } }
    layer { name: "max_pool" type: "Pooling" bottom: "c" top: "reshape" pooling_param { kernel_size: 2 } }
    """
    )
    conversion = from_text(text)
    exported = keras_model(conversion)
    given = exported.model(np.ones((2, 19, 17, 3), np.float32))
    assert sorted(given) == ["max_pool", "reshape"]
    assert given["max_pool"].shape == (2, 3)
    assert given["reshape"].shape == (2, 16, 14, 2)


def from_text(text, **options):
    """Returns the Conversion of a text, with fillers."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return convert(small_net.write(pathlib.Path(folder, "net.prototxt"), text), **options)


def test_one_output_is_a_tensor_and_several_are_a_dict(small, tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 19, 17, 3)).astype(np.float32)
    one, several = convert(small[0], [small[1]]), convert(small[0], [small[1]], outputs=["prob", "branch/a"])
    for name, conversion in (("one", one), ("several", several)):
        keras_file.write(keras_model(conversion), conversion, tmp_path / f"{name}.keras")
    prob = keras.saving.load_model(tmp_path / "one.keras")(x)
    both = keras.saving.load_model(tmp_path / "several.keras")(x)
    assert prob.shape == (2, 5)
    assert both["branch/a"].shape == (2, 4, 5, 4)
    np.testing.assert_array_equal(both["prob"], prob)


def test_an_input_may_be_an_output():
    exported = keras_model(from_text(small_net.DEPLOY, outputs=["data", "prob"]))
    x = np.ones((1, 19, 17, 3), np.float32)
    np.testing.assert_array_equal(exported.model(x)["data"], x)


def test_several_inputs_are_fed_by_name(tmp_path):
    text = """
    input: "zeta" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4
    input: "alpha" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4
    layer { name: "e" type: "Eltwise" bottom: "zeta" bottom: "alpha" top: "e"
      eltwise_param { operation: SUM coeff: 2 coeff: -3 } }
    """
    conversion = from_text(text)
    keras_file.write(keras_model(conversion), conversion, tmp_path / "two.keras")
    zeta, alpha = np.random.default_rng(0).normal(size=(2, 5, 3, 4, 2)).astype(np.float32)
    got = keras.saving.load_model(tmp_path / "two.keras")({"zeta": zeta, "alpha": alpha})
    np.testing.assert_allclose(got, 2 * zeta - 3 * alpha, rtol=1e-6, atol=1e-6)


def test_what_keras_has_no_layer_for_is_refused_with_its_line(tmp_path):
    text = (
        small_net.INPUT + 'layer { name: "p" type: "Pooling" bottom: "data" top: "p" pooling_param { kernel_size: 2 } }'
    )
    conversion = from_text(text)
    exported = keras_model(conversion)
    exported.foreign["p"] = "Mine"
    with pytest.raises(UnsupportedError, match=r'net.prototxt:4: layer "p" \(Pooling\): Mine is not a layer of Keras'):
        keras_file.write(exported, conversion, tmp_path / "x.keras")
    assert os.listdir(tmp_path) == []


def test_layers_of_ours_are_found_to_be_foreign(monkeypatch):
    from zoo.layers import softmax

    class Mine(keras.layers.Softmax):
        pass

    monkeypatch.setattr(softmax.Softmax, "build", lambda self, site: Mine(name=site.name))
    assert keras_model(from_text(small_net.DEPLOY)).foreign == {"prob": "Mine"}


@pytest.mark.parametrize("limit", [100, 4096])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(small, limit, tmp_path):
    conversion = convert(small[0], [small[1]])
    exported, folder = keras_model(conversion), tmp_path / "out"
    folder.mkdir()
    (folder / "x.keras").write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(OutputError, match=r"x\.keras: cannot be written, got .*File too large"):
            keras_file.write(exported, conversion, folder / "x.keras")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (folder / "x.keras").read_bytes() == b"old" and os.listdir(folder) == ["x.keras"]
