"""MemoryData: arrays as they are, images and Datums transformed, and arrays that do not fit."""

import numpy as np
import pytest

from tests.input.small_data import layer, pictures, take
from zoo.errors import DataError, NetError
from zoo.formats import datum
from zoo.input.pipeline import data_layer


def feed(transform=None, size="channels: 3 height: 4 width: 5", phase="TEST", seed=0):
    given = "" if transform is None else f"transform_param {{ {transform} }}"
    text = f'name: "m" type: "MemoryData" top: "data" top: "label" {given} memory_data_param {{ batch_size: 2 {size} }}'
    return data_layer(layer(text), phase, seed=seed)


def arrays(count, seed=0):
    data = np.random.default_rng(seed).normal(size=(count, 3, 4, 5)).astype(np.float32)
    return data, np.arange(count)


@pytest.mark.parametrize("labels", [(6,), (6, 1, 1, 1)])
def test_round_and_round(labels):
    opened, (data, numbers) = feed(), arrays(6)
    assert opened.shapes == ((2, 3, 4, 5), (2,))
    opened.set_arrays(data, numbers.reshape(labels))
    for start in (0, 1, 5, 30):
        for batch, (got, label) in enumerate(take(opened.dataset(start), 7), start):
            members = [(2 * batch + i) % 6 for i in range(2)]
            np.testing.assert_array_equal(got, data[members].transpose(0, 2, 3, 1))
            assert label.tolist() == members and label.dtype == got.dtype == np.float32


def test_arrays_may_be_set_again():
    opened = feed()
    for seed in (1, 2):
        data, labels = arrays(2, seed)
        opened.set_arrays(data, labels)
        np.testing.assert_array_equal(take(opened.dataset(), 1)[0][0], data.transpose(0, 2, 3, 1))


def test_arrays_are_not_transformed_and_that_is_said(caplog):
    opened, (data, labels) = feed("scale: 2"), arrays(4)
    with caplog.at_level("WARNING"):
        opened.set_arrays(data, labels)
    assert 'layer "m" (MemoryData): transform_param is not applied to arrays' in caplog.text
    np.testing.assert_array_equal(take(opened.dataset(), 1)[0][0], data[:2].transpose(0, 2, 3, 1))


def test_images_are_transformed():
    opened = feed("scale: 0.5 mean_value: 3", "channels: 3 height: 6 width: 5")
    images = pictures(4, 6, 5, 3)
    opened.set_images(images, [3, 2, 1, 0])
    got = take(opened.dataset(), 2)
    np.testing.assert_array_equal(np.concatenate([data for data, _ in got]), (images - np.float32(3)) * np.float32(0.5))
    assert np.concatenate([label for _, label in got]).tolist() == [3, 2, 1, 0]


def test_images_of_several_sizes_are_cropped():
    opened = feed("crop_size: 4", "channels: 3 height: 4 width: 4")
    images = [pictures(1, 6 + i, 9 - i, 3, seed=i)[0] for i in range(2)]
    opened.set_images(images, [0, 1])
    for got, image in zip(take(opened.dataset(), 1)[0][0], images):
        top, left = (image.shape[0] - 4) // 2, (image.shape[1] - 4) // 2
        np.testing.assert_array_equal(got, image[top : top + 4, left : left + 4])


def test_datums():
    opened = feed("force_color: true scale: 2")
    images = pictures(2, 4, 5, 3)
    opened.set_datums([datum.raw(image, 7 + i) for i, image in enumerate(images)])
    data, label = take(opened.dataset(), 1)[0]
    np.testing.assert_array_equal(data, images * np.float32(2))
    assert label.tolist() == [7, 8]


@pytest.mark.parametrize(
    "data, labels, said",
    [
        (np.zeros((3, 3, 4, 5)), np.zeros(3), "no multiple of the batch size, got 3, want a multiple of 2"),
        (np.zeros((0, 3, 4, 5)), np.zeros(0), "no multiple of the batch size, got 0"),
        (np.zeros((2, 4, 5, 3)), np.zeros(2), r"data of another shape, got \(2, 4, 5, 3\), want \(n, 3, 4, 5\)"),
        (np.zeros((2, 60)), np.zeros(2), "data of another shape"),
        (np.zeros((2, 3, 4, 5)), np.zeros(4), r"labels that do not fit the data, got \(4,\), want \(2,\)"),
        (np.zeros((2, 3, 4, 5)), np.zeros((2, 1)), "labels that do not fit"),
        (np.zeros((2, 3, 4, 5)), ["a", "b"], "labels that are no numbers"),
        ([[1], [2, 3]], np.zeros(2), "data that are no numbers"),
    ],
)
def test_arrays_that_do_not_fit(data, labels, said):
    with pytest.raises(DataError, match=f'layer "m" .MemoryData.: .*{said}'):
        feed().set_arrays(data, labels)


@pytest.mark.parametrize(
    "images, said",
    [
        ([], "no multiple of the batch size, got 0"),
        (pictures(2, 4, 5, 1), r"image 0 of another shape, got \(4, 5, 1\) of uint8, want \(h, w, 3\)"),
        (pictures(2, 4, 5, 3).astype(float), "image 0 of another shape, .* of float64"),
        (pictures(2, 5, 4, 3), r"image 0 comes out in another size, got \(5, 4\), want \(4, 5\)"),
    ],
)
def test_images_that_do_not_fit(images, said):
    with pytest.raises(DataError, match=said):
        feed().set_images(images, np.zeros(len(images)))


def test_before_arrays_are_set():
    with pytest.raises(DataError, match='layer "m".*has no arrays .call set_arrays first'):
        feed().dataset()


def test_sizes_must_be_given():
    with pytest.raises(NetError, match="width must be given and positive"):
        feed(size="channels: 3 height: 4")
