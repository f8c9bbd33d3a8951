"""Programs in processes of their own: one that cannot be started, or is too slow, is absent and no traceback."""

import numpy as np
import pytest

from zoo.errors import UnsupportedError
from zoo.export import opencv, runtimes
from zoo.export.request import Request
from zoo.export.targets import target
from zoo.export.targets.base import Absent

X = {"data": np.zeros((1, 2), np.float32)}


@pytest.fixture
def keras_run():
    """Runs a .keras file that is not there on JAX."""
    return lambda: runtimes.keras_on("jax", "x.keras", {"data": "data"}, ["ip"])(X)


@pytest.fixture
def slow_python(tmp_path):
    """The path of a program that is not done before the tests are."""
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\nexec sleep 60\n")
    path.chmod(0o755)
    return str(path)


def test_keras_on_another_python_that_is_not_there_or_too_slow(keras_run, slow_python, monkeypatch):
    monkeypatch.setenv("ZOO_KERAS_JAX", "/no/python")
    with pytest.raises(Absent, match="cannot run /no/python: No such file or directory"):
        keras_run()
    monkeypatch.setenv("ZOO_KERAS_JAX", slow_python)
    monkeypatch.setattr(runtimes, "PATIENCE", 0.2)
    with pytest.raises(Absent, match=r"it was not done after 0\.2 s"):
        keras_run()


def test_a_backend_that_is_not_there_is_told_before_anything_is_written(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho torch\n")
    python.chmod(0o755)
    monkeypatch.setenv("ZOO_KERAS_TORCH", str(python))
    request = Request("net.prototxt", [target("x.keras")], verify=True, backends=["torch"])
    with pytest.raises(UnsupportedError, match="ZOO_KERAS_TORCH: torch not installed.*pip install torch, or name"):
        request.targets[0].accept(request)
    python.write_text("#!/bin/sh\necho >&2 no Python; exit 3\n")
    with pytest.raises(UnsupportedError, match="is no Python, got no Python"):
        runtimes.check_keras_on("torch")
    monkeypatch.setenv("ZOO_KERAS_TORCH", "/no/python")
    with pytest.raises(UnsupportedError, match="cannot run /no/python, got No such file or directory"):
        runtimes.check_keras_on("torch")
    monkeypatch.delenv("ZOO_KERAS_TORCH")
    with pytest.raises(UnsupportedError, match="no_such_backend not installed"):
        runtimes.check_keras_on("no_such_backend")


def test_opencv_in_a_python_that_is_not_there_or_too_slow(slow_python, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_OPENCV", "/no/python")
    said = "cannot run /no/python: No such file or directory"
    assert opencv.run_onnx(tmp_path / "x.onnx", X, {"ip": "ip"}) == (None, said, None)
    monkeypatch.setenv("ZOO_OPENCV", slow_python)
    monkeypatch.setattr(opencv, "PATIENCE", 0.2)
    assert opencv.run_onnx(tmp_path / "x.onnx", X, {"ip": "ip"}) == (None, "it was not done after 0.2 s", None)
