"""Kernels from weights files as images."""

import numpy as np
import pytest

from zoo.errors import WeightsError
from zoo.formats import caffemodel
from zoo.images import heat, scaling
from zoo.visualization.sheets import kernels
from zoo.visualization.sheets.kernels import kernel_sheet


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(3)
    return {
        "conv": [rng.random((4, 3, 5, 5)), np.zeros(4)],
        "deep": [rng.normal(size=(5, 2, 3, 3))],
        "point": [rng.normal(size=(6, 5, 1, 1))],
        "ip": [rng.normal(size=(3, 8)), np.zeros(3)],
        "old": [rng.normal(size=(1, 1, 3, 40))],
        "relu": [],
        "slope": [np.zeros(4)],
    }


@pytest.fixture(scope="module")
def file(arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "x.caffemodel"
    caffemodel.write(path, arrays)
    return path


def panel(arrays, layer, most=32, planes=None):
    return kernels._panel(np.float32(arrays[layer][0]), layer, "", most, planes)


def squares(image, count, columns, scale, size):
    """Returns the tiles that stand in an image, one pixel for each weight."""
    pitch = (size + 1) * scale
    places = [(index // columns * pitch, index % columns * pitch) for index in range(count)]
    return np.stack([image[y : y + size * scale : scale, x : x + size * scale : scale] for y, x in places])


def test_three_channels_are_colours(arrays):
    shown = panel(arrays, "conv")
    tiles = squares(shown.image, 4, 2, 12, 5)
    np.testing.assert_allclose(tiles, scaling.each(arrays["conv"][0][:, ::-1].transpose(0, 2, 3, 1)), rtol=1e-6)
    assert shown.bar is None and shown.note == "4 kernels, 3 x 5 x 5"


def test_a_row_for_each_kernel_and_a_column_for_each_channel(arrays):
    shown = panel(arrays, "deep")
    most = np.abs(np.float32(arrays["deep"][0])).max()
    tiles = squares(shown.image, 10, 2, 12, 3)
    want = heat.colours(scaling.signed(np.float32(arrays["deep"][0]).reshape(10, 3, 3)), heat.SIGNED)
    np.testing.assert_allclose(tiles, want, rtol=1e-6)
    assert (shown.bar.low, shown.bar.high) == (-most, most)
    few = panel(arrays, "deep", most=1)
    assert few.note == "5 kernels, 2 x 3 x 3; the first 1, 1 of 2 channels"


@pytest.mark.parametrize(("layer", "shape"), [("point", (6, 5)), ("ip", (3, 8)), ("old", (3, 40))])
def test_a_matrix_is_a_matrix(arrays, layer, shape):
    image = panel(arrays, layer).image
    assert image.shape[0] * shape[1] == image.shape[1] * shape[0]
    scale = image.shape[0] // shape[0]
    want = heat.colours(scaling.signed(np.float32(arrays[layer][0]).reshape(shape)), heat.SIGNED)
    np.testing.assert_allclose(image[::scale, ::scale], want, rtol=1e-6)


def test_an_inner_product_over_planes_is_kernels(arrays):
    shown = panel(arrays, "ip", planes={"ip": (1, 2, 2, 2)})
    assert shown.note == "3 kernels, 2 x 2 x 2"
    assert panel(arrays, "ip", planes={"ip": (1, 8)}).note == "3 x 8, a row for an output"


def test_a_column_for_each_file(file, tmp_path, arrays):
    other = tmp_path / "y.caffemodel"
    caffemodel.write(other, arrays)
    one = kernel_sheet({"x": file}, ["conv", "deep"])
    two = kernel_sheet({"x": file, "y": other}, ["conv", "deep"])
    assert two.shape[1] > one.shape[1] * 0.9 and one.dtype == np.uint8
    assert list(kernels.labels([file, other])) == ["x", "y"]
    assert list(kernels.labels([file, tmp_path / "x.caffemodel"])) == [str(file), str(tmp_path / "x.caffemodel")]


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("cov", r"x.caffemodel: no such layer with weights, got 'cov' .did you mean \"conv\""),
        ("relu", "no such layer with weights, got 'relu' .it has conv, deep, point, ip, old, slope"),
        (
            "slope",
            'layer "slope": no kernels: its first blob is no matrix, got 4, want 2 axes or more .it has conv, deep',
        ),
    ],
)
def test_what_has_no_kernels(file, layer, said):
    with pytest.raises(WeightsError, match=said):
        kernel_sheet({"x": file}, [layer])


def test_a_file_without_kernels(tmp_path):
    caffemodel.write(tmp_path / "z.caffemodel", {"slope": [np.zeros(4)]})
    with pytest.raises(WeightsError, match="no layer with kernels"):
        kernel_sheet({"z": tmp_path / "z.caffemodel"})
