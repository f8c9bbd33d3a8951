"""Lists of images: where a line is split, and which lines are none."""

import pytest

from zoo.errors import DataError
from zoo.formats.image_list import Entry, read_list


def test_split_at_the_last_space(tmp_path):
    (tmp_path / "list").write_bytes(b"a.jpg 3\nmy cats/two of them.jpg 12\nodd  0\r\n/x/y.png -1")
    assert read_list(tmp_path / "list") == [
        Entry("a.jpg", 3, 1),
        Entry("my cats/two of them.jpg", 12, 2),
        Entry("odd ", 0, 3),
        Entry("/x/y.png", -1, 4),
    ]


@pytest.mark.parametrize(
    "line", ["a.jpg", "a.jpg ", " 3", "a.jpg three", "a.jpg 3.5", "a.jpg\t3", "", "a.jpg 1e3", "a.jpg 2147483648"]
)
def test_lines_without_name_or_label(tmp_path, line):
    (tmp_path / "list").write_text(f"good.jpg 1\n{line}\nalso.jpg 2\n")
    with pytest.raises(DataError) as caught:
        read_list(tmp_path / "list")
    assert str(caught.value).startswith(f"{tmp_path}/list:2: not an image and its label, got {line!r}, want such as")


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda path: None, "list: cannot read a list of images, got No such file"),
        (lambda path: path.mkdir(), "list: cannot read a list of images, got Is a directory"),
        (lambda path: path.write_bytes(b"\xff\xfe 3\n"), "list: cannot read .* got text that is not UTF-8"),
        (lambda path: path.write_bytes(b""), "list: an empty list of images"),
    ],
)
def test_no_list(tmp_path, make, said):
    make(tmp_path / "list")
    with pytest.raises(DataError, match=said):
        read_list(tmp_path / "list")
