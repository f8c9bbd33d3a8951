"""DenseImageData: images and label images, transformed alike, and what is said of bad lists."""

import cv2
import numpy as np
import pytest

from tests.input.small_data import layer, pictures, take
from zoo.errors import DataError, NetError, UnsupportedError
from zoo.input.pipeline import data_layer

IMAGES, LABELS = pictures(5, 8, 10, 3), np.random.default_rng(1).integers(0, 12, (5, 8, 10, 1), np.uint8)


def definition(body='source: "list.txt" batch_size: 2', transform=""):
    return layer(
        f'name: "d" type: "DenseImageData" top: "data" top: "label" transform_param {{ {transform} }} '
        f"dense_image_data_param {{ {body} }}"
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Five pairs of PNG files; the working directory."""
    for i, (image, label) in enumerate(zip(IMAGES, LABELS)):
        cv2.imwrite(str(tmp_path / f"{i}.png"), image)
        cv2.imwrite(str(tmp_path / f"{i}_label.png"), label)
    (tmp_path / "list.txt").write_text("".join(f"{i}.png {i}_label.png\n" for i in range(5)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_as_they_stand(folder):
    feed = data_layer(definition(), "TRAIN")
    assert feed.shapes == ((2, 3, 8, 10), (2, 1, 8, 10)) and feed.count == 5
    (data, labels), (more, _) = take(feed.dataset(), 2)
    np.testing.assert_array_equal(data, IMAGES[:2])
    np.testing.assert_array_equal(labels, LABELS[:2])
    np.testing.assert_array_equal(more, IMAGES[2:4])


def test_mean_and_scale_are_of_the_images(folder):
    feed = data_layer(definition(transform="mean_value: 10 mean_value: 20 mean_value: 30 scale: 0.5"), "TRAIN")
    ((data, labels),) = take(feed.dataset(), 1)
    np.testing.assert_array_equal(data, (IMAGES[:2] - np.float32([10, 20, 30])) * np.float32(0.5))
    np.testing.assert_array_equal(labels, LABELS[:2])
    one = data_layer(definition(transform="mean_value: 7"), "TRAIN")
    ((data, labels),) = take(one.dataset(), 1)
    np.testing.assert_array_equal(data, IMAGES[:2] - np.float32(7))
    np.testing.assert_array_equal(labels, LABELS[:2])


def test_crop_and_mirror_are_the_same_for_both(folder):
    for i in range(5):  # labels that are the images' first channel
        cv2.imwrite(str(folder / f"{i}_label.png"), IMAGES[i, :, :, :1])
    feed = data_layer(definition(transform="crop_size: 5 mirror: true"), "TRAIN", seed=4)
    assert feed.shapes == ((2, 3, 5, 5), (2, 1, 5, 5))
    batches = take(feed.dataset(), 5)
    for data, labels in batches:
        np.testing.assert_array_equal(data[..., :1], labels)
    wholes = {IMAGES[0, i : i + 5, j : j + 5].tobytes() for i in range(4) for j in range(6)}
    flips = {
        np.ascontiguousarray(IMAGES[0, i : i + 5, j : j + 5][:, ::-1]).tobytes() for i in range(4) for j in range(6)
    }
    firsts = [batches[0][0][0], batches[2][0][1]]  # both times image 0
    assert all(image.astype(np.uint8).tobytes() in wholes | flips for image in firsts)


def test_labels_are_resized_without_mixing(folder):
    feed = data_layer(definition('source: "list.txt" new_height: 4 new_width: 5 is_color: false'), "TRAIN")
    assert feed.shapes == ((1, 1, 4, 5), (1, 1, 4, 5))
    ((data, labels),) = take(feed.dataset(), 1)
    gray = cv2.imread("0.png", cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(data[0, :, :, 0], cv2.resize(gray, (5, 4)))
    np.testing.assert_array_equal(labels[0, :, :, 0], cv2.resize(LABELS[0, :, :, 0], (5, 4), interpolation=0))


def test_shuffled_in_pairs_and_continued(folder):
    text = definition('source: "list.txt" batch_size: 1 shuffle: true')
    run = take(data_layer(text, "TRAIN", seed=2).dataset(), 10)
    for data, labels in run:
        (index,) = (i for i in range(5) if (IMAGES[i] == data[0]).all())
        np.testing.assert_array_equal(labels[0], LABELS[index])
    for (data, _), (want, _) in zip(take(data_layer(text, "TRAIN", seed=2).dataset(6), 4), run[6:]):
        np.testing.assert_array_equal(data, want)


@pytest.mark.parametrize(
    "body, says",
    [
        ('source: "list.txt" mirror: true', "the fork leaves mirror unused.*transform_param { mirror"),
        ('source: "list.txt" crop_width: 3', "crop_width unused.*crop_size"),
        ('source: "list.txt" new_width: 3', "go together"),
        ("batch_size: 2", "source must be given"),
        ('source: "missing.txt"', "missing.txt"),
        ('source: "list.txt" rand_skip: 900', "leaves nothing"),
    ],
)
def test_refused(folder, body, says):
    with pytest.raises((DataError, NetError, UnsupportedError), match=says):
        for seed in range(9):
            data_layer(definition(body), "TRAIN", seed=seed)


@pytest.mark.parametrize(
    "line, says",
    [
        ("0.png", "list.txt:1: not an image and its label image"),
        ("0.png 1.png 2.png", "not an image and its label image"),
        ("0.png gone.png", "cannot read the image .*gone.png"),
        ("0.png small.png", "small.png has another size than its image"),
    ],
)
def test_bad_lists(folder, line, says):
    cv2.imwrite("small.png", LABELS[0, :4])
    (folder / "list.txt").write_text(line + "\n")
    with pytest.raises(DataError, match=says):
        data_layer(definition(), "TRAIN")
