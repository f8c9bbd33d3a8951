"""Text under tiles."""

import numpy as np

from zoo.images import captions


def test_a_line_under_each_tile():
    tiles = np.zeros((2, 10, 60, 1))
    found = captions.captioned(tiles, ["7", ""], [captions.BAD, captions.GOOD])
    assert found.shape == (2, 10 + captions.HEIGHT, 60, 3) and not found[:, :10].any()
    line = found[0, 10:]
    assert (line[..., 0] - line[..., 1]).max() > 0.5  # red on white
    assert found[1, 10:].min() == 1


def test_what_is_too_long_is_cut_and_what_is_no_ascii_is_a_question_mark():
    assert captions.fitting("7", 40) == "7"
    cut = captions.fitting("a very long name of a class", 60)
    assert cut.endswith("..") and len(cut) < 14 and captions.fitting("abc", 1) == ".."
    assert captions.captioned(np.zeros((1, 4, 80, 3)), ["ü"]).min() < 0.5
