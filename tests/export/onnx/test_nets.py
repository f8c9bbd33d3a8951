"""Every whole net in configs/, at full size: its ONNX file against NumPy, with random weights."""

import pytest

from tests.export.config_nets import CONFIGS, NAMES, SHAPES, scored
from tests.export.onnx.running import close, onnx, run, weights_of
from zoo import reference
from zoo.export.onnx import file
from zoo.export.random_inputs import random_inputs

DEEP = 100  # layers with parameters, from which on rounding adds up to more


def check(name, folder):
    """Writes a config as ONNX and compares what it computes; returns the file's path and the largest difference."""
    conversion = scored(CONFIGS / f"{name}.prototxt", SHAPES.get(name, {}), drawn=True)
    path = str(folder / f"{name}.onnx")
    file.write(conversion, path)
    onnx.checker.check_model(path, full_check=True)
    feeds = random_inputs(conversion, None if conversion.fixed else 2)
    got = dict(zip(conversion.outputs, run(path, feeds), strict=True))
    weights = weights_of(conversion)
    want = reference.run(conversion.message, weights, feeds)
    for blob in conversion.outputs:
        close(blob, got[blob], want[blob], 5e-5 if len(weights) > DEEP else 1e-5)
    return path, feeds, got, want


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_onnx_runtime_computes_what_the_reference_implementation_does(name, tmp_path):
    check(name, tmp_path)


@pytest.mark.parametrize("name", ["lenet", "cifar10_full", "squeezenet1_1"])
def test_some_nets(name, tmp_path):
    check(name, tmp_path)
