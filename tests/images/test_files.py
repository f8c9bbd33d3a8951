"""PNG files of images."""

import numpy as np
import pytest

from zoo.errors import OutputError
from zoo.formats import image_file
from zoo.images import files


def read(path):
    cv2 = image_file.opencv()
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_colours_and_grey_survive(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    files.write(tmp_path / "new" / "c.png", image)
    np.testing.assert_array_equal(read(tmp_path / "new" / "c.png")[..., ::-1], image)
    files.write(tmp_path / "g.png", image[..., :1] / np.float32(255))
    np.testing.assert_array_equal(read(tmp_path / "g.png"), image[..., 0])


def test_what_is_beyond_is_cut(tmp_path):
    files.write(tmp_path / "g.png", np.array([[-3, 0.5, 2, np.nan]]))
    np.testing.assert_array_equal(read(tmp_path / "g.png"), [[0, 128, 255, 0]])


@pytest.mark.parametrize(
    ("name", "shape", "says"),
    [("x.jpg", (2, 2), "written as PNG"), ("x.png", (2, 2, 4), "no image"), ("x.png", (0, 2), "no image")],
)
def test_what_is_refused(tmp_path, name, shape, says):
    with pytest.raises(OutputError, match=says):
        files.write(tmp_path / name, np.zeros(shape))
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written, got .* which is no directory"):
        files.write(tmp_path / "file" / "x.png", np.zeros((2, 2)))
