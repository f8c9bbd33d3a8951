"""Embeddings: like lies next to like; thumbnails and dots lie where they should."""

import numpy as np
import pytest

from tests.visualization.nets import drawn
from zoo.errors import DataError
from zoo.visualization import embedding


def test_like_lies_next_to_like():
    rng = np.random.default_rng(0)
    labels = np.arange(36) % 3
    vectors = 20 * np.eye(8)[labels] + rng.normal(0, 1, (36, 8))
    places = embedding.tsne(vectors.astype(np.float32), steps=300)
    assert places.shape == (36, 2) and places.min() == 0 and places.max() == 1
    distance = np.linalg.norm(places[:, None] - places[None], axis=2) + 9 * np.eye(36)
    assert (labels[distance.argmin(axis=1)] == labels).all()


def test_what_has_no_embedding():
    with pytest.raises(DataError, match="too few images for an embedding, got 2, want 3 or more"):
        embedding.tsne(np.zeros((2, 4)))
    with pytest.raises(DataError, match="not finite"):
        embedding.tsne(np.full((9, 4), np.nan))
    with pytest.raises(DataError, match="all images have the same features"):
        embedding.tsne(np.full((9, 4), 0.1, np.float32))


@pytest.mark.parametrize("factor", [1, 1e-30, 1e37])
@pytest.mark.parametrize("count", [1, 3])
def test_features_of_any_number_and_size_have_places(count, factor):
    vectors = np.float32(factor) * np.random.default_rng(1).normal(0, 1, (7, count)).astype(np.float32)
    places = embedding.tsne(vectors, steps=250)
    assert places.shape == (7, 2) and np.isfinite(places).all() and places.max() == 1


def test_features_are_the_blob_of_all(small, net):
    images = drawn((7, 12, 13, 3))
    vectors, fed, labels = embedding.features(net, net.value("c2"), [(images[:4], None), (images[4:], np.zeros(3))])
    np.testing.assert_allclose(vectors, small.values(images)["c2"].reshape(7, -1), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(fed, images)
    assert labels is None


def test_things_lie_where_they_should():
    images = np.stack([np.zeros((4, 4, 1)), np.full((4, 4, 1), 0.5)])
    frames, table = embedding.colours_of([7, 3])
    assert list(table) == [3, 7]
    drawn = embedding.scattered(np.array([[0, 0], [1, 1]], np.float32), images, frames, side=40, thumbnail=8)
    np.testing.assert_array_equal(drawn[30:38, 2:10], np.zeros((8, 8, 3)))  # the first lies low on the left
    np.testing.assert_array_equal(drawn[2:10, 30:38], np.full((8, 8, 3), 0.5))
    np.testing.assert_array_equal(drawn[28, 0], frames[0])
    points = embedding.dots(np.array([[0, 0], [1, 1]], np.float32), frames, side=40)
    np.testing.assert_allclose(points[34, 5], frames[0], atol=0.01)
    np.testing.assert_allclose(points[5, 34], frames[1], atol=0.01)
