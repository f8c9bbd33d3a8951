"""ImageData beyond what real Caffe recorded: orders, names, sizes, and what is said of bad lists and images."""

import cv2
import numpy as np
import pytest

from tests.input.small_data import layer, pictures, take
from zoo.errors import DataError, NetError
from zoo.input.pipeline import data_layer


def definition(body, transform="", file="nets/net.prototxt"):
    return layer(
        f'name: "d" type: "ImageData" top: "data" top: "label" transform_param {{ {transform} }} '
        f"image_data_param {{ {body} }}",
        file,
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Seven PNG files of one size, whose label is their number; the working directory."""
    (tmp_path / "my pictures").mkdir()
    for i, image in enumerate(pictures(7, 6, 9, 3)):
        cv2.imwrite(str(tmp_path / "my pictures" / f"{i}.png"), image)
    (tmp_path / "list.txt").write_text("".join(f"my pictures/{i}.png {i}\n" for i in range(7)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def labels(feed, start, batches):
    return np.concatenate([label for _, label in take(feed.dataset(start), batches)]).astype(int).tolist()


def fails(feed, start=0):
    with pytest.raises(DataError) as caught, feed.reading():
        take(feed.dataset(start), 1)
    return str(caught.value)


def test_one_image_a_batch_unless_told(folder):
    feed = data_layer(definition('source: "list.txt"'), "TRAIN")
    assert feed.shapes == ((1, 3, 6, 9), (1,)) and feed.count == 7
    data, label = take(feed.dataset(9), 1)[0]
    assert label.tolist() == [2]
    np.testing.assert_array_equal(data, pictures(7, 6, 9, 3)[2:3])


def test_shuffled_anew_every_epoch(folder):
    text = definition('source: "list.txt" batch_size: 7 shuffle: true')
    feed = data_layer(text, "TRAIN", seed=3)
    run = labels(feed, 0, 3)
    first, second, third = run[:7], run[7:14], run[14:]
    assert sorted(first) == sorted(second) == sorted(third) == list(range(7))
    assert len({tuple(first), tuple(second), tuple(third), tuple(range(7))}) == 4
    assert labels(feed, 1, 2) == run[7:]
    assert labels(data_layer(text, "TRAIN", seed=3), 0, 3) == run
    assert labels(data_layer(text, "TRAIN", seed=4), 0, 3) != run != labels(data_layer(text, "TEST", seed=3), 0, 3)
    data, _ = take(feed.dataset(), 1)[0]
    np.testing.assert_array_equal(data, pictures(7, 6, 9, 3)[first])


def test_a_random_start(folder):
    starts = set()
    for seed in range(12):
        feed = data_layer(definition('source: "list.txt" batch_size: 3 rand_skip: 4'), "TEST", seed=seed)
        run = labels(feed, 0, 4)
        assert run == [(run[0] + i) % 7 for i in range(12)]
        starts.add(run[0])
    assert starts <= {0, 1, 2, 3} and len(starts) > 2


def test_draws_are_those_of_the_ordinal(folder):
    text = definition('source: "list.txt" batch_size: 2 shuffle: true', "crop_size: 4 mirror: true scale: 0.25")
    run = take(data_layer(text, "TRAIN", seed=1).dataset(), 6)
    for (data, label), (want, want_label) in zip(take(data_layer(text, "TRAIN", seed=1).dataset(4), 2), run[4:]):
        np.testing.assert_array_equal(data, want)
        np.testing.assert_array_equal(label, want_label)


def test_gray_and_resized(folder):
    feed = data_layer(definition('source: "list.txt" is_color: false new_height: 5 new_width: 4'), "TEST")
    image = cv2.imread(str(folder / "my pictures" / "0.png"), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(take(feed.dataset(), 1)[0][0][0, ..., 0], cv2.resize(image, (4, 5)))


def test_the_root_folder_is_put_before_as_it_stands(folder):
    (folder / "list.txt").write_text("pictures/0.png 0\n")
    assert data_layer(definition('source: "list.txt" root_folder: "my "'), "TEST").count == 1
    with pytest.raises(DataError, match='list.txt:1: image "mypictures/0.png" is not there'):
        data_layer(definition('source: "list.txt" root_folder: "my"'), "TEST")


@pytest.mark.parametrize("where", ["data_dir", "cwd", "beside"])
def test_where_lists_and_images_are_looked_for(folder, monkeypatch, where):
    other = folder / "elsewhere"
    other.mkdir()
    monkeypatch.chdir(folder if where == "cwd" else other)
    file = folder / "net.prototxt" if where == "beside" else "net.prototxt"
    options = {"data_dir": folder} if where == "data_dir" else {}
    feed = data_layer(definition('source: "list.txt" batch_size: 7', file=file), "TEST", **options)
    assert labels(feed, 0, 1) == list(range(7))


def test_unlike_sizes(folder):
    cv2.imwrite(str(folder / "my pictures" / "2.png"), pictures(1, 8, 5, 3)[0])
    one = data_layer(definition('source: "list.txt"'), "TRAIN")
    assert [data.shape for data, _ in take(one.dataset(1), 2)] == [(1, 6, 9, 3), (1, 8, 5, 3)]
    two = data_layer(definition('source: "list.txt" batch_size: 2'), "TRAIN")
    assert fails(two, 1).startswith("list.txt:3: images of several sizes, got (8, 5), want (6, 9) (set")
    cropped = data_layer(definition('source: "list.txt" batch_size: 7', "crop_size: 5"), "TRAIN")
    assert take(cropped.dataset(), 1)[0][0].shape == (7, 5, 5, 3)
    large = data_layer(definition('source: "list.txt" batch_size: 7', "crop_size: 6"), "TRAIN")
    assert fails(large) == "list.txt:3: crop_size exceeds the image, got 6, want at most 5"


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda path: path.unlink(), "cannot read the image my pictures/4.png, got No such file or directory"),
        (lambda path: path.write_bytes(b""), "my pictures/4.png is an image that does not decode, got 0 bytes"),
        (lambda path: path.write_text("<html>"), "my pictures/4.png is an image that does not decode, got 6 bytes"),
    ],
)
def test_bad_images(folder, spoil, said):
    spoil(folder / "my pictures" / "4.png")
    feed = data_layer(definition('source: "list.txt" batch_size: 2'), "TRAIN")
    assert labels(feed, 0, 2) == [0, 1, 2, 3]
    assert fails(feed, 2).startswith(f"list.txt:5: {said}")


@pytest.mark.parametrize(
    "body, transform, error, said",
    [
        (
            'source: "gone.txt"',
            "",
            DataError,
            'list of images "gone.txt" is not there, tried gone.txt, nets',
        ),
        ('source: "list.txt" rand_skip: 500', "", NetError, "rand_skip leaves nothing, got 500, want at most 7"),
        ('source: "list.txt"', "force_gray: true", NetError, "force_gray contradicts is_color, got is_color True"),
        ('source: "list.txt" new_height: 3', "", NetError, "new_height and new_width go together"),
        ('source: "list.txt"', "crop_size: 7", DataError, "crop_size exceeds the images, got 7, want at most 6"),
        ('source: "list.txt" batch_size: 0', "", NetError, "batch_size must be given and positive"),
        ("", "", NetError, "source must be given"),
    ],
)
def test_bad_layers(folder, body, transform, error, said):
    with pytest.raises(error, match=said) as caught:
        data_layer(definition(body, transform), "TRAIN")
    assert 'layer "d" (ImageData)' in str(caught.value)
