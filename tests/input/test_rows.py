"""Rows of joined batches, as several processes take them: those of the one stream, whatever the source."""

import cv2
import numpy as np
import pytest

from tests.input.small_data import data_layer as data
from tests.input.small_data import layer, pictures, take, write_files, write_raw
from zoo.formats import datum
from zoo.formats.database_writer import DatabaseWriter
from zoo.input.feed import Feed
from zoo.input.pipeline import data_layer

IMAGES = pictures(11, 6, 7, 3, seed=4)
PNGS = [cv2.imencode(".png", image)[1].tobytes() for image in IMAGES]
TRANSFORMS = ("scale: 0.5", "crop_size: 4 mirror: true")


def records(folder, transform):
    return data(write_raw(folder, IMAGES, shards=(3, 5, None)), 6, transform)


def encoded(folder, transform):
    return data(write_files(folder, PNGS, [image.shape[:2] for image in IMAGES], encoding="png"), 6, transform)


def database(folder, transform):
    with DatabaseWriter(folder / "db", "lmdb") as writer:
        for i, image in enumerate(IMAGES):
            writer.put(b"%08d" % i, datum.raw(image, i))
    return data(folder / "db", 6, transform)


def image_list(folder, transform):
    for i, png in enumerate(PNGS):
        (folder / f"{i}.png").write_bytes(png)
    (folder / "list.txt").write_text("".join(f"{folder}/{i}.png {i}\n" for i in range(11)))
    return layer(
        f'name: "d" type: "ImageData" top: "data" top: "label" transform_param {{ {transform} }} '
        f'image_data_param {{ source: "{folder}/list.txt" batch_size: 6 shuffle: true }}'
    )


def drawn(folder, transform):
    fillers = 'data_filler { type: "uniform" max: 2 } data_filler { type: "gaussian" }'
    return layer(
        f'name: "d" type: "DummyData" top: "data" top: "label" dummy_data_param {{ {fillers} '
        "shape { dim: 6 dim: 3 dim: 2 dim: 4 } shape { dim: 6 } }"
    )


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("make", [records, encoded, database, image_list, drawn])
def test_rows_are_those_of_the_stream(make, transform, tmp_path):
    feed = data_layer(make(tmp_path, transform), "TRAIN", seed=3)
    stream = [np.concatenate(top) for top in zip(*take(feed.dataset(), 12))]
    for joined, parts, start in ((1, 1, 2), (1, 3, 1), (2, 1, 1), (2, 4, 3), (4, 2, 0)):
        size = 6 * joined
        for index in range(parts):
            for batch, found in enumerate(take(feed.rows(start, joined, (index, parts)), 2)):
                at = (start + batch) * size
                if at + size > len(stream[0]):
                    continue
                for top, values in zip(found, stream):
                    np.testing.assert_array_equal(top, values[at : at + size][index::parts])
            again = take(Feed.rows(feed, start, joined, (index, parts)), 2)
            for one, other in zip(again, take(feed.rows(start, joined, (index, parts)), 2)):
                for a, b in zip(one, other):
                    np.testing.assert_array_equal(a, b)


def test_nothing_else_is_read(tmp_path):
    definition = image_list(tmp_path, "")
    definition.message.image_data_param.shuffle = False
    feed = data_layer(definition, "TRAIN")
    for i in range(1, 11, 2):
        (tmp_path / f"{i}.png").unlink()
    stream = take(feed.rows(0, 1, (0, 2)), 1)
    assert stream[0][1].tolist() == [0, 2, 4]
