"""zoo.pages.activations: how much of a blob is shown, and what is said of it."""

import base64

import cv2
import numpy as np
import pytest

from zoo.pages import activations


def decoded(shown):
    content = base64.b64decode(shown["url"].partition(",")[2])
    return content, cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize("shape", [(3, 227, 227), (512, 100, 100), (2048, 7, 7), (1, 4000, 3), (64, 1, 9)])
@pytest.mark.parametrize("pixels", [activations._LEAST, activations._MOST])
def test_a_blob_takes_no_more_bytes_than_its_share(shape, pixels):
    planes = np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)
    shown = activations._shown(planes, pixels, None)
    content, seen = decoded(shown)
    assert seen.size <= 1.5 * pixels and len(content) <= 1.6 * pixels  # gaps between tiles, and PNG's own bytes
    assert f"{shape[0]} channels" in shown["said"]
    assert f"all {planes.min():.4g} to {planes.max():.4g}" in shown["said"]


def test_vectors_say_their_largest_values():
    values = np.zeros((2, 10), np.float32)
    values[0, [3, 7]] = 0.25, 0.75
    shown = activations._shown(values, 1e4, None)
    assert shown["top"][:2] == [["7", 0.75], ["3", 0.25]] and len(shown["top"]) == 5
    named = activations._shown(values, 1e4, [f"class {i}" for i in range(10)])
    assert named["top"][0] == ["class 7", 0.75]
    assert activations._shown(values, 1e4, ["too", "few"])["top"][0][0] == "7"
    assert activations._shown(np.float32(0.5), 1e4, None) is None
    assert activations._shown(np.zeros((1, 1, 1, 1), np.float32), 1e4, None)["said"] == "one value"


def test_values_that_overflow_are_shown_all_the_same():
    planes = np.array([np.inf, 0, -np.inf, np.nan], np.float32).reshape(1, 1, 2, 2)
    _, seen = decoded(activations._shown(planes, 1e4, None))
    assert seen.min() == 0 and seen.max() == 255
