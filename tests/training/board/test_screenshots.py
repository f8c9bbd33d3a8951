"""TensorBoard's own front end shows what is written."""

import numpy as np
import pytest

from tests.training.board import screenshots
from zoo.formats import image_file


@pytest.mark.slow
def test_each_tab_shows_something(mnist_data, tmp_path):
    """A selector that is not there fails; so does a tab that stays as empty as it was."""
    screenshots.train(tmp_path / "runs", mnist_data, 60)
    screenshots.take(tmp_path / "runs", tmp_path / "shots", "lenet")
    for tab in screenshots.TABS:
        data = (tmp_path / "shots" / f"{tab}.png").read_bytes()
        pixels = image_file.decode(data, image_file.opencv().IMREAD_GRAYSCALE)
        assert len(np.unique(pixels[100:, 400:])) > 20, tab
