"""What each kind of data layer says of its data: the same wherever the data lies, another for other data."""

import cv2
import h5py
import numpy as np
import pytest

from tests.input.small_data import data_layer as records_layer
from tests.input.small_data import layer, pictures, write_raw
from zoo.formats import blobproto, datum
from zoo.formats.database_writer import DatabaseWriter
from zoo.input.pipeline import data_layer

IMAGES = pictures(20, 6, 9, 3)
OTHER = np.where(np.arange(20)[:, None, None, None] == 3, 255 - IMAGES, IMAGES)  # one image of twenty differs


def shards(folder, images, labels):
    write_raw(folder / "set", images, labels, shards=(7, None))
    return records_layer("set/train")


def database(backend):
    def make(folder, images, labels):
        with DatabaseWriter(folder / "db", backend) as writer:
            for i, (image, label) in enumerate(zip(images, labels)):
                writer.put(b"%08d" % i, datum.raw(image, label))
        return records_layer("db")

    return make


def hdf5(folder, images, labels):
    for name, rows in (("a", slice(0, 15)), ("b", slice(15, 20))):
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file["image"], file["label"] = images[rows].astype(np.float32), labels[rows].astype(np.float32)
    (folder / "list.txt").write_text("a.h5 b.h5")
    return layer(
        'name: "d" type: "HDF5Data" top: "image" top: "label" hdf5_data_param { source: "list.txt" batch_size: 4 }'
    )


def listed(folder, images, labels):
    for i, image in enumerate(images):
        cv2.imwrite(str(folder / f"{i}.png"), image)
    (folder / "list.txt").write_text("".join(f"{i}.png {label}\n" for i, label in enumerate(labels)))
    return layer(
        'name: "d" type: "ImageData" top: "data" top: "label" image_data_param { source: "list.txt" batch_size: 4 }'
    )


def windows(folder, images, labels):
    lines = []
    for i, (image, label) in enumerate(zip(images, labels)):
        cv2.imwrite(str(folder / f"{i}.png"), image)
        lines += [f"# {i}", f"{i}.png", "3", "6", "9", "2", f"{label + 1} 0.9 1 1 4 4", "1 0.1 2 2 5 5"]
    (folder / "windows.txt").write_text("\n".join(lines))
    body = 'window_data_param { source: "windows.txt" batch_size: 4 } transform_param { crop_size: 5 }'
    return layer(f'name: "d" type: "WindowData" top: "data" top: "label" {body}')


KINDS = {
    "shards": shards,
    "lmdb": database("lmdb"),
    "leveldb": database("leveldb"),
    "hdf5": hdf5,
    "images": listed,
    "windows": windows,
}


@pytest.mark.parametrize("kind", KINDS)
def test_equal_data_anywhere_and_other_data(kind, tmp_path):
    labels, said = np.arange(20) % 4, {}
    variants = {
        "here": (IMAGES, labels),
        "there": (IMAGES, labels),
        "pixels": (OTHER, labels),
        "labels": (IMAGES, np.where(np.arange(20) == 3, 1 - labels % 2, labels)),
        "fewer": (IMAGES[:18], labels[:18]),
    }
    for name, (images, numbers) in variants.items():
        if kind == "images" and name == "pixels":
            images = np.where(np.arange(20)[:, None, None, None] == 0, 255 - IMAGES, IMAGES)  # 16 are looked at
        folder = tmp_path / name
        folder.mkdir()
        definition = KINDS[kind](folder, images, numbers)
        said[name] = data_layer(definition, "TRAIN", data_dir=folder).fingerprint()
    assert said["here"] == said["there"]
    assert len(set(said.values())) == 4, said
    assert str(tmp_path) not in said["here"] and len(said["here"]) < 80


def test_the_mean_file_is_of_the_data(tmp_path):
    prefix = write_raw(tmp_path / "set", IMAGES)
    said = []
    for value in (3, 4):
        path = tmp_path / f"{value}.binaryproto"
        blobproto.write_mean(path, np.full((3, 6, 9), value, np.float32))
        said.append(data_layer(records_layer(prefix, transform=f'mean_file: "{path}"'), "TRAIN").fingerprint())
    said.append(data_layer(records_layer(prefix, transform="mean_value: 3"), "TRAIN").fingerprint())
    assert said[0].startswith(said[2] + ", mean ")
    assert len(set(said)) == 3


def test_what_reads_nothing_says_nothing():
    dummy = layer('name: "d" type: "DummyData" top: "x" dummy_data_param { shape { dim: 4 dim: 6 } }')
    assert data_layer(dummy, "TRAIN").fingerprint() is None
