"""Files and directories that appear whole or not at all."""

import os

import pytest

from zoo.errors import OutputError
from zoo.export import output_path


def test_a_file_takes_the_place_of_the_old_one(tmp_path):
    (tmp_path / "x").write_text("old")
    with output_path.replacing(tmp_path / "x") as partial:
        partial.write_text("new")
        assert (tmp_path / "x").read_text() == "old"
    assert (tmp_path / "x").read_text() == "new" and os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_was_begun_goes_when_the_block_fails(error, tmp_path):
    (tmp_path / "x").write_text("old")
    with pytest.raises(error), output_path.replacing(tmp_path / "x") as partial:
        partial.mkdir()
        (partial / "part").write_text("new")
        raise error
    assert (tmp_path / "x").read_text() == "old" and os.listdir(tmp_path) == ["x"]


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(OutputError, match="a directory of that name"), output_path.replacing(tmp_path / "x") as partial:
        partial.write_text("new")
    assert os.listdir(tmp_path) == ["x"]
