"""What TensorFlow Datasets reads of our directories; and that the description never speaks of what is not there."""

import json
import os

import numpy as np
import pytest

from tests.input import tfds_folders
from tests.input.small_data import pictures, write_files, write_raw
from zoo.errors import DataError
from zoo.formats import records, tfds, tfds_writer
from zoo.formats.records_writer import SplitWriter

DESCRIPTION = ["dataset_info.json", "features.json", "label.labels.txt"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def described(folder):
    """Returns {split: records}, as TFDS reads it."""
    return {name: split.num_examples for name, split in tfds_folders.opened(folder).info.splits.items()}


def labels(count):
    return [i % 3 for i in range(count)]


def finish(folder, split, encoding="raw", convention="tfds", classes=("a", "b c", "d"), shape=(3, 5), channels=1):
    """Writes one record of an unreal image; what matters is the card."""
    with SplitWriter(folder, split, 1) as writer:
        writer.shard(0, [records.raw_example(np.zeros((*shape, channels), np.uint8), 0)])
        order = "gray" if channels == 1 else "BGR"
        features = records.features(convention, encoding)
        fields = {"encoding": encoding, "features": features, "channels": channels, "channel_order": order}
        writer.finish(**fields, image_shape=shape, min_size=shape, classes=tuple(classes), prepare="again")


@pytest.mark.parametrize("order", ["BGR", "RGB"])
def test_raw_pixels_are_shown_in_their_colours(tmp_path, order):
    images = pictures(7, 6, 5, 3)
    write_raw(tmp_path / "made", images, labels(7), shards=(3, 4), order=order)
    found, info = tfds_folders.read(tmp_path / "made", "train", as_supervised=True)
    rgb = images[..., ::-1] if order == "BGR" else images
    for (image, label), want, number in zip(found, rgb, labels(7), strict=True):
        np.testing.assert_array_equal(image, want)
        assert label == number
    split = info.splits["train"]
    assert (info.name, split.num_examples, split.shard_lengths) == ("made", 7, [3, 4])
    assert split.num_bytes == sum(os.stat(path).st_size for path in split.filepaths) - 16 * 7
    assert [path.name for path in split.filepaths] == [records.shard_name("train", i, 2) for i in range(2)]
    assert "python -m data_prep.made_up" in info.description


def test_splits_one_after_the_other(tmp_path):
    write_raw(tmp_path, pictures(4, 3, 5, 1), labels(4))
    assert described(tmp_path) == {"train": 4}
    write_raw(tmp_path, pictures(2, 3, 5, 1), labels(2), split="val")
    assert described(tmp_path) == {"train": 4, "val": 2}
    write_raw(tmp_path, pictures(5, 3, 5, 1), labels(5), shards=(2, 3))
    assert described(tmp_path) == {"train": 5, "val": 2}
    assert not tfds.is_folder(tmp_path)  # our cards say more


def test_a_split_that_is_being_replaced_is_not_spoken_of(tmp_path, monkeypatch):
    write_raw(tmp_path, pictures(4, 3, 5, 1), labels(4))
    write_raw(tmp_path, pictures(2, 3, 5, 1), labels(2), split="val")
    rename, seen = type(tmp_path).rename, []

    def look(path, target):
        info = json.loads((tmp_path / "dataset_info.json").read_text())
        seen.append([split["name"] for split in info["splits"]])
        if len(seen) == 2:
            raise OSError("no more")
        return rename(path, target)

    monkeypatch.setattr(type(tmp_path), "rename", look)
    with pytest.raises(DataError, match="no more"):
        write_raw(tmp_path, pictures(6, 3, 5, 1), labels(6), split="val", shards=(2, 4))
    assert seen == [["train"]] * 2
    assert described(tmp_path) == {"train": 4}
    records.card_path(tmp_path / "train").unlink()
    tfds_writer.describe(tmp_path)
    assert not set(names(tmp_path)) & set(DESCRIPTION)


def test_describing_again_touches_nothing_and_heals(tmp_path):
    write_raw(tmp_path, pictures(4, 3, 5, 1), labels(4))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    tfds_writer.describe(tmp_path)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    for spoil in (os.unlink, lambda path: path.write_text("{")):
        for name in DESCRIPTION[:2]:
            spoil(tmp_path / name)
            tfds_writer.describe(tmp_path)
            assert described(tmp_path) == {"train": 4}


def test_classes_that_change_take_their_names_along(tmp_path):
    finish(tmp_path, "train")
    assert tfds_folders.opened(tmp_path).info.features["label"].names == ["a", "b c", "d"]
    finish(tmp_path, "train", classes=())
    info = tfds_folders.opened(tmp_path).info
    assert not hasattr(info.features["label"], "names") and "label.labels.txt" not in names(tmp_path)
    for classes in (("a", ""), ("a", "a"), (" a", "b"), ("a\nb", "c")):  # which no list of lines can hold
        finish(tmp_path, "train", classes=classes)
        label = tfds_folders.opened(tmp_path).info.features["label"]
        assert label.num_classes == 2 and label.int2str(1) == "1"


def test_more_classes_in_one_split_and_files_of_two_kinds(tmp_path):
    finish(tmp_path, "train", "jpeg")
    finish(tmp_path, "val", "png", classes=("a", "b c"), shape=(4, 4))
    info = tfds_folders.opened(tmp_path).info
    assert info.features["label"].num_classes == 3 and info.features["image"].shape == (None, None, 1)
    assert info.features["image"].encoding_format is None


@pytest.mark.parametrize(
    "other, why",
    [
        ({"encoding": "jpeg"}, "pixels in one split, files in another; give train and val directories of their own"),
        ({"convention": "model_garden"}, "features of other names"),
        ({"channels": 3}, "colour in one split, gray in another"),
        ({"shape": (5, 3)}, "raw pixels of other sizes"),
        ({"classes": ("a", "x")}, "classes of other names"),
    ],
)
def test_splits_that_one_description_cannot_hold(tmp_path, caplog, other, why):
    finish(tmp_path, "train")
    finish(tmp_path, "val", **other)
    assert f"{tmp_path}: TensorFlow Datasets will not open this directory: {why}" in caplog.text
    assert not set(names(tmp_path)) & set(DESCRIPTION)
    finish(tmp_path, "val")
    assert described(tmp_path) == {"train": 1, "val": 1}


@pytest.mark.parametrize("name, why", [("train.v2", "is no name of a split there"), ("all", "means all splits there")])
def test_name_that_tfds_cannot_say(tmp_path, caplog, name, why):
    write_raw(tmp_path, pictures(2, 3, 5, 1), split=name)
    assert f'"{name}" {why}' in caplog.text and "features.json" not in names(tmp_path)


@pytest.mark.parametrize("folder, name", [("My Set-1", "my_set_1"), ("2012", "data_2012"), ("ä", "data")])
def test_name_of_the_data_set(tmp_path, folder, name):
    write_files(tmp_path / folder, [b""], [(3, 4)])
    assert tfds_folders.opened(tmp_path / folder).info.name == name


def test_disk_that_is_full_leaves_the_split(tmp_path, monkeypatch):
    def refuse(folder, texts):
        raise DataError("cannot be written")

    monkeypatch.setattr(tfds_writer, "_replace", refuse)
    with pytest.raises(DataError, match="cannot be written"):
        write_raw(tmp_path, pictures(2, 3, 5, 1))
    records.check_shards(tmp_path / "train", records.read_card(tmp_path / "train"), contents=True)
