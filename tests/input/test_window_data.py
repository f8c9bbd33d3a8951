"""WindowData: which boxes a batch takes, and what is said of bad window files and images."""

import cv2
import numpy as np
import pytest

from tests.input.small_data import layer, pictures, take
from zoo.errors import DataError, NetError, UnsupportedError
from zoo.input.pipeline import data_layer
from zoo.input.window_file import read_windows

BOXES = [  # class overlap x1 y1 x2 y2, for two images
    ["3 0.9 1 1 6 5", "2 0.6 0 0 9 7", "5 0.55 2 3 4 6", "4 0.2 3 2 8 7", "1 0.0 0 0 5 5"],
    ["7 1 2 2 7 6", "1 0.35 0 1 4 6"],
]
# With fg_threshold 0.6 and bg_threshold 0.4: objects of class 3, 2, 7; three of background; 5 is neither.


def text(boxes=BOXES, channels=3):
    return "".join(
        f"# {i}\np{i}.png\n{channels}\n10\n12\n{len(rows)}\n" + "".join(f"{row}\n" for row in rows)
        for i, rows in enumerate(boxes)
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for i, image in enumerate(pictures(2, 10, 12, 3)):
        cv2.imwrite(str(tmp_path / f"p{i}.png"), image)
    (tmp_path / "windows.txt").write_text(text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def opened(body="", transform="crop_size: 5", phase="TRAIN", seed=0):
    return data_layer(
        layer(
            f'name: "d" type: "WindowData" top: "data" top: "label" transform_param {{ {transform} }} '
            'window_data_param { source: "windows.txt" batch_size: 10 fg_threshold: 0.6 bg_threshold: 0.4 '
            f"{body} }}"
        ),
        phase,
        seed=seed,
    )


def fails(feed):
    with pytest.raises(DataError) as caught, feed.reading():
        take(feed.dataset(), 20)
    return str(caught.value)


def corners(image, row):
    x1, y1, x2, y2 = map(int, row.split()[2:])
    return cv2.resize(image[y1 : y2 + 1, x1 : x2 + 1], (5, 5))


@pytest.mark.parametrize("fraction, objects", [(0.25, 2), (0.39, 3), (0.4, 4), (1.0, 10), (0.0, 0)])
def test_background_first_and_then_objects(folder, fraction, objects):
    feed = opened(f"fg_fraction: {fraction} scale: 0.5")
    assert feed.shapes == ((10, 3, 5, 5), (10,))
    images = pictures(2, 10, 12, 3)
    every = {
        kind: [
            corners(image, row) * np.float32(0.5)
            for image, rows in zip(images, BOXES)
            for row in rows
            if (float(row.split()[1]) >= 0.6) == kind and row[0] != "5"
        ]
        for kind in (True, False)
    }
    seen = set()
    for data, label in take(feed.dataset(), 12):
        assert not label[: 10 - objects].any() and set(label[10 - objects :]) <= {3, 2, 7}
        for i, values in enumerate(data):
            matches = [j for j, want in enumerate(every[i >= 10 - objects]) if np.array_equal(values, want)]
            assert len(matches) == 1
            seen.add((i >= 10 - objects, matches[0], label[i]))
    want = {(False, j, 0) for j in range(3)} if objects < 10 else set()
    assert seen == want | ({(True, 0, 3), (True, 1, 2), (True, 2, 7)} if objects else set())


def test_starting_later_is_having_run(folder):
    feed = opened("context_pad: 1", "crop_size: 6 mirror: true")
    run = take(feed.dataset(), 5)
    for (data, label), (want, want_label) in zip(take(feed.dataset(3), 2), run[3:]):
        np.testing.assert_array_equal(data, want)
        np.testing.assert_array_equal(label, want_label)
    assert (run[0][0] != run[1][0]).any()
    other = opened("context_pad: 1", "crop_size: 6 mirror: true", seed=1)
    assert (take(other.dataset(), 1)[0][0] != run[0][0]).any()


def test_mirrored_now_and_then(folder):
    (folder / "windows.txt").write_text(text([["3 0.9 1 1 6 5", "1 0 0 0 5 5"], []]))
    feed = opened("fg_fraction: 1", "crop_size: 5 mirror: true mean_value: 9")
    plain = corners(pictures(2, 10, 12, 3)[0], BOXES[0][0]) - np.float32(9)
    flipped = [np.array_equal(values, plain[:, ::-1]) for data, _ in take(feed.dataset(), 10) for values in data]
    straight = [np.array_equal(values, plain) for data, _ in take(feed.dataset(), 10) for values in data]
    assert 30 < sum(flipped) < 70 and sum(flipped) + sum(straight) == 100


def test_cache_images_changes_nothing(folder):
    a, b = (take(opened(f"cache_images: {value}").dataset(), 2) for value in ("true", "false"))
    np.testing.assert_array_equal(a[1][0], b[1][0])


def test_any_whitespace_parts_a_window_file(folder):
    windows = read_windows("windows.txt")
    assert windows.paths == ["p0.png", "p1.png"] and windows.channels == 3 and windows.boxes.shape == (7, 7)
    assert windows.boxes[5].tolist() == [7, 1, 2, 2, 7, 6, 1]
    (folder / "windows.txt").write_text(" ".join(text().split()))
    np.testing.assert_array_equal(read_windows("windows.txt").boxes, windows.boxes)


def edit(old, new):
    return lambda: text().replace(old, new, 1)


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda: "", "windows.txt: an empty window file"),
        (edit("# 1", "% 1"), "windows.txt:12: an image does not begin with #, got '%', want \"# index\""),
        (edit("# 1", "# 2"), "windows.txt:12: images are not numbered from 0, got '2', want 1"),
        (edit("\n10\n", "\nten\n"), "windows.txt:4: a height is no number, got 'ten'"),
        (edit("2 0.6 0", "two 0.6 0"), "windows.txt:8: a box that is no numbers, got 'two'"),
        (edit("2 0.6 0", "2 0.6 0.5"), "windows.txt:8: a class or corner that is no whole number, got '2'"),
        (edit("12\n5\n", "12\n6\n"), "windows.txt:12: a box that is no numbers, got '#'"),
        (edit("12\n2\n", "12\n3\n"), "windows.txt: a window file that ends early, want 3 boxes at the end"),
        (lambda: text()[:-30] and "# 0\np0.png\n3\n10", "windows.txt: a window file that ends early, want a width"),
        (lambda: text(channels=1), "windows.txt: images that are not in colour, got 1 channels, want 3"),
        (edit("3 0.9", "0 0.9"), "windows.txt: an object of class 0"),
        (lambda: text([BOXES[0][2:], []]), "windows.txt: no object boxes, got overlaps from 0 to 0.55, want"),
        (lambda: text([BOXES[0][:2], []]), "windows.txt: no background boxes, got overlaps from 0.6 to 0.9"),
        (lambda: text([[], []]), "windows.txt: no object boxes, got none"),
        (edit("p0.png", "q0.png"), 'windows.txt: image "q0.png" is not there, tried q0.png, nets'),
    ],
)
def test_bad_window_files(folder, make, said):
    (folder / "windows.txt").write_text(make())
    with pytest.raises(DataError) as caught:
        opened()
    assert str(caught.value).startswith(said)


def test_bad_images_and_boxes(folder):
    (folder / "windows.txt").write_text(text([BOXES[0], ["7 1 2 2 7 10", "1 0.35 0 1 4 10"]]))
    said = fails(opened())
    assert said.startswith("windows.txt: a box that does not lie in its image p1.png, got (")
    (folder / "p1.png").write_bytes(b"<html>")
    assert fails(opened()).startswith("p1.png: an image that does not decode, got 6 bytes")
    (folder / "p1.png").unlink()
    assert fails(opened()) == "windows.txt: cannot read the image p1.png, got No such file or directory"


@pytest.mark.parametrize(
    "body, transform, error, said",
    [
        ("", "", NetError, "WindowData needs crop_size"),
        ("context_pad: 3", "crop_size: 5", NetError, "context_pad leaves nothing of the box"),
        ('crop_mode: "round"', "crop_size: 5", NetError, "unknown crop_mode"),
        ("", "crop_size: 5 scale: 2", UnsupportedError, "Caffe leaves scale unused here"),
        ("", "crop_size: 5 force_gray: true", NetError, "decodes to colour"),
        ("", "crop_size: 5 mean_value: 1 mean_value: 2", DataError, "wrong number of mean_value"),
        ("", 'crop_size: 5 mean_file: "gone"', DataError, 'mean_file "gone" is not there'),
    ],
)
def test_bad_layers(folder, body, transform, error, said):
    with pytest.raises(error, match=f'layer "d" .WindowData.: .*{said}'):
        opened(body, transform)
