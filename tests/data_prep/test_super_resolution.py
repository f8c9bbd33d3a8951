"""Patches of images that were made smaller and larger again."""

import cv2
import h5py
import numpy as np
import pytest

from data_prep import super_resolution
from zoo.errors import DataError


def noise(seed, height=40, width=47):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def folders(tmp_path):
    found = {}
    for split, count in (("train", 2), ("test", 1)):
        found[split] = tmp_path / split
        found[split].mkdir()
        for number in range(count):
            cv2.imwrite(str(found[split] / f"{number}.png"), noise(number))
    return found


def cubic(x):
    """Keys's kernel with -0.5."""
    x = np.abs(x)
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def resized(values, length):
    """Rows of float64 `values` brought to `length`: the kernel is as wide as what it reduces."""
    ratio = len(values) / length
    wide = max(1.0, ratio)
    at = (np.arange(length) + 0.5) * ratio
    weights = cubic((at[:, None] - (np.arange(len(values)) + 0.5)[None]) / wide)
    return weights / weights.sum(1, keepdims=True) @ values


def test_luminance():
    colours = np.uint8([[[0, 0, 0], [255, 255, 255], [0, 0, 255]]])
    np.testing.assert_allclose(super_resolution.luminance(colours)[0] * 255, [16, 235, 16 + 65.481], rtol=1e-6)


@pytest.mark.parametrize("scale", [2, 3])
def test_bicubic(scale):
    image = np.random.default_rng(0).random((25, 31)).astype(np.float32)
    whole, worse = super_resolution.degraded(image, scale)
    assert whole.shape == worse.shape == (25 - 25 % scale, 31 - 31 % scale)
    small = resized(resized(whole, whole.shape[0] // scale).T, whole.shape[1] // scale).T
    want = resized(resized(small, whole.shape[0]).T, whole.shape[1]).T
    inner = slice(8, -8)  # at the edges MATLAB mirrors, TensorFlow weighs what is there
    np.testing.assert_allclose(worse[inner, inner], want[inner, inner], atol=2e-4)


def test_patches_and_their_middles(folders, tmp_path):
    options = {"size": 13, "label_size": 7, "stride": 9, "scales": (3,)}
    made = super_resolution.prepare(tmp_path / "out", folders, **options)
    per_image = len(range(0, 39 - 13 + 1, 9)) * len(range(0, 45 - 13 + 1, 9))
    assert made == {"train": 2 * per_image, "test": per_image}
    image, worse = super_resolution.degraded(super_resolution.luminance(noise(0)), 3)
    with h5py.File(tmp_path / "out" / "test.h5") as tree:
        data, label = tree["data"][:], tree["label"][:]
    assert data.shape == (per_image, 1, 13, 13) and label.shape == (per_image, 1, 7, 7)
    places = [(y, x) for y in range(0, 27, 9) for x in range(0, 33, 9)]
    want = {worse[y : y + 13, x : x + 13].tobytes(): image[y + 3 : y + 10, x + 3 : x + 10] for y, x in places}
    assert {patch.tobytes() for patch in data} == set(want)
    for patch, middle in zip(data, label):
        np.testing.assert_array_equal(middle[0], want[patch.tobytes()])
    assert (tmp_path / "out" / "test.txt").read_text() == f"{tmp_path / 'out' / 'test.h5'}\n"
    assert super_resolution.prepare(tmp_path / "out", folders, **options) == {}
    with pytest.raises(DataError, match="this was made with --scales=3, want 2 "):
        super_resolution.prepare(tmp_path / "out", folders, **options | {"scales": (2,)})
    (folders["train"] / "0.png").unlink()
    with pytest.raises(DataError, match="train: a source that is not what it was"):
        super_resolution.prepare(tmp_path / "out", folders, **options, verify_sources=True)


def test_other_images_are_not_taken_for_the_same(folders, tmp_path):
    super_resolution.prepare(tmp_path / "out", folders)
    with pytest.raises(DataError, match=f"this was made with --source={folders['train']}, want {folders['test']} "):
        super_resolution.prepare(tmp_path / "out", folders | {"train": folders["test"]})


def test_what_ends_halfway_is_made_again(folders, tmp_path, monkeypatch):
    super_resolution.prepare(tmp_path / "out", folders)
    with monkeypatch.context() as patched:
        patched.setattr(super_resolution, "write", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            super_resolution.prepare(tmp_path / "out", folders, seed=1, force=True)
    assert super_resolution.prepare(tmp_path / "out", folders).keys() == {"train", "test"}
    assert super_resolution.prepare(tmp_path / "out", folders) == {}


def test_a_large_set_is_several_files(folders, tmp_path, monkeypatch):
    whole = super_resolution.Patches(super_resolution.listing(folders["train"]), stride=5)
    monkeypatch.setattr(super_resolution, "ROWS", 4)
    super_resolution.prepare(tmp_path / "out", folders, stride=5)
    names = (tmp_path / "out" / "train.txt").read_text().split()
    rows = [h5py.File(name)["data"][:] for name in names]
    assert len(rows) == -(-len(whole) // 4) and {len(row) for row in rows[:-1]} == {4}
    np.testing.assert_array_equal(np.concatenate(rows), whole.arrays(0, len(whole))[0])


def test_eight_positions(folders):
    files = super_resolution.listing(folders["test"])
    one = super_resolution.Patches(files, stride=100)
    assert len(super_resolution.Patches(files, stride=100, augment=True, scales=(2, 3))) == 16 * len(one)
    square = np.arange(9.0).reshape(3, 3)
    assert len({image.tobytes() for image in super_resolution.turned(square)}) == 8


def test_what_makes_no_patches(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: nothing to make patches of, got no images"):
        super_resolution.listing(tmp_path / "empty")
    with pytest.raises(DataError, match="gone: nothing to make patches of, got no such directory"):
        super_resolution.listing(tmp_path / "gone")
    with pytest.raises(DataError, match="no patches, got none of 1 images is 99 x 99 or larger"):
        super_resolution.prepare(tmp_path / "out", {"test": folders["test"]}, size=99, label_size=99)
    with pytest.raises(DataError, match="--label_size does not lie in the middle of --size, got 20"):
        super_resolution.prepare(tmp_path / "out", folders, size=33, label_size=20)
    (folders["test"] / "1.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match="1.png: an image that does not decode"):
        super_resolution.prepare(tmp_path / "out", folders)
    assert not (tmp_path / "out").exists()
