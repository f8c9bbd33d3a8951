"""zoo.devices: what it says of a machine with GPUs, and of each reason for there being none."""

import json

import pytest

from tests.commands import run
from zoo.devices import INSTALL, lines

FOUND = {
    "versions": {"tensorflow": "2.21.0", "keras": "3.15.1", "cuda": "12.5.1", "cudnn": "9"},
    "cpu": {"name": "A CPU", "cores": 1, "memory": 3 << 30},
    "gpus": [{"index": 0, "name": "A GPU", "compute_capability": "9.0", "memory": 78 << 30}],
    "driver": "NVRM version",
}


def test_a_machine_with_a_gpu():
    assert lines(FOUND) == [
        "TensorFlow 2.21.0 (built for CUDA 12.5.1, cuDNN 9), Keras 3.15.1",
        "CPU: A CPU, 1 core for this process, 3.0 GiB of memory that may still be taken",
        "GPU 0: A GPU, compute capability 9.0, 78.0 GiB of memory for TensorFlow",
        "NVIDIA driver: NVRM version",
    ]


@pytest.mark.parametrize(
    "change, hidden, said",
    [
        ({}, None, "the driver is there, but TensorFlow finds no CUDA libraries"),
        ({"driver": None}, None, "no NVIDIA driver"),
        ({"versions": {**FOUND["versions"], "cuda": None}}, None, "this TensorFlow is built without CUDA"),
        ({}, "", "CUDA_VISIBLE_DEVICES in the environment hides them all"),
    ],
    ids=range(4),
)
def test_why_there_is_none(monkeypatch, change, hidden, said):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    text = "\n".join(lines({**FOUND, "gpus": [], **change}))
    assert said in text and (hidden is not None or INSTALL in text)


@pytest.mark.slow
def test_as_a_command(tmp_path):
    found = json.loads(run("zoo.devices", "--json", cwd=tmp_path))
    assert found["cpu"]["cores"] >= 1 and found["versions"]["tensorflow"].startswith("2.")
