"""The schema, the card, and a writer that leaves a split whole or nothing."""

import dataclasses
import errno
import json
import os
import resource

import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import DataError
from zoo.formats import records
from zoo.formats.records_writer import SplitWriter

IMAGES = np.random.default_rng(3).integers(0, 256, (7, 3, 5, 1), np.uint8)
FIELDS = {
    "encoding": "raw",
    "features": records.features("tfds", "raw"),
    "channels": 1,
    "channel_order": "gray",
    "image_shape": (3, 5),
    "min_size": (3, 5),
    "classes": ("a", "b", "c"),
    "prepare": "python -m data_prep.made_up",
}
DESCRIBED = ["dataset_info.json", "features.json", "label.labels.txt"]


def example(index):
    return records.raw_example(IMAGES[index], index % 3)


def write(folder, shards=((0, 1, 2), (3, 4), (5, 6)), split="train", **fields):
    with SplitWriter(folder, split, len(shards)) as writer:
        for index, members in enumerate(shards):
            writer.shard(index, map(example, members))
        return writer.finish(**{**FIELDS, **fields})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_written_records_read_back_in_order(tmp_path):
    card = write(tmp_path)
    assert names(tmp_path) == [
        *DESCRIBED,
        "train-00000-of-00003.tfrecord",
        "train-00001-of-00003.tfrecord",
        "train-00002-of-00003.tfrecord",
        "train.json",
    ]
    assert [shard.count for shard in card.shards] == [3, 2, 2] and card.count == 7
    back = [
        tf.train.Example.FromString(r)
        for r in tf.data.TFRecordDataset(records.shard_paths(tmp_path / "train", card)).as_numpy_iterator()
    ]
    for index, record in enumerate(back):
        features = record.features.feature
        assert features["image"].bytes_list.value[0] == IMAGES[index].tobytes()
        assert features["label"].int64_list.value[0] == index % 3
        assert set(features) == {"image", "label"}
    assert len(back) == 7


def test_names_of_the_model_garden():
    data = records.raw_example(IMAGES[0], 2, "model_garden", file_name="x", synset="n1")
    features = tf.train.Example.FromString(data).features.feature
    assert features["image/raw"].bytes_list.value[0] == IMAGES[0].tobytes()
    assert features["image/class/label"].int64_list.value[0] == 2
    assert [features[f"image/{n}"].int64_list.value[0] for n in ("height", "width", "channels")] == [3, 5, 1]
    texts = [features[f"image/{n}"].bytes_list.value[0] for n in ("filename", "class/synset", "format")]
    assert texts == [b"x", b"n1", b"raw"]
    assert set(features) == set(records.features("model_garden", "raw", records.OPTIONAL).values())
    data = records.encoded_example(b"file", "jpeg", (3, 5, 3), 2, "model_garden")
    features = tf.train.Example.FromString(data).features.feature
    assert features["image/encoded"].bytes_list.value[0] == b"file" and "image/filename" not in features


@pytest.mark.parametrize("order", ["BGR", "RGB"])
def test_raw_pixels_lie_there_as_rgb(order):
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    stored = tf.train.Example.FromString(records.raw_example(image, 0, order=order)).features.feature["image"]
    want = image if order == "RGB" else image[..., ::-1]
    assert stored.bytes_list.value[0] == want.tobytes()


def test_card_reads_back(tmp_path):
    card = write(tmp_path, made={"seed": 4})
    again = records.read_card(tmp_path / "train")
    assert again == dataclasses.replace(card, made={"seed": 4})
    records.check_shards(tmp_path / "train", again, contents=True)


def test_unknown_feature_is_a_programming_error():
    with pytest.raises(KeyError):
        records.raw_example(IMAGES[0], 0, colour=1)


def test_writing_again_replaces_all_shards(tmp_path):
    write(tmp_path)
    write(tmp_path, shards=((0,), (1,)))
    shards = ["train-00000-of-00002.tfrecord", "train-00001-of-00002.tfrecord"]
    assert names(tmp_path) == [*DESCRIBED, *shards, "train.json"]


@pytest.mark.parametrize("victim", ["shard", "middle", "card", "forgotten"])
def test_failure_leaves_nothing(tmp_path, monkeypatch, victim):
    def broken(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DataError) as caught, SplitWriter(tmp_path, "train", 2) as writer:
        writer.shard(0, [example(0)])
        if victim == "shard":
            monkeypatch.setattr(os, "fsync", broken)
        if victim == "middle":
            writer.shard(1, (example(i) if i < 2 else broken() for i in range(3)))
        elif victim != "forgotten":
            writer.shard(1, [example(1)])
        if victim == "card":
            monkeypatch.setattr(os, "fsync", broken)
        writer.finish(**FIELDS)
    assert names(tmp_path) == []
    if victim != "forgotten":
        assert "No space left on device" in str(caught.value) and str(tmp_path) in str(caught.value)


def test_failure_between_the_names_leaves_no_card(tmp_path, monkeypatch):
    rename = type(tmp_path).rename

    def second_fails(path, target):
        if "00001" in path.name:
            raise OSError(errno.EIO, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(type(tmp_path), "rename", second_fails)
    with pytest.raises(DataError, match="cannot write.*Input/output error"):
        write(tmp_path)
    assert names(tmp_path) == []


def test_failure_keeps_the_split_that_was_there(tmp_path):
    write(tmp_path)
    before = names(tmp_path)
    with pytest.raises(DataError, match="without records"):
        write(tmp_path, shards=((0,), ()))
    assert names(tmp_path) == before
    records.check_shards(tmp_path / "train", records.read_card(tmp_path / "train"), contents=True)


def test_file_that_may_not_grow(tmp_path):
    """What TensorFlow's own writer says of a file that the system refuses to extend arrives as our error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(DataError, match="cannot write"):
            write(tmp_path, shards=([0] * 2000,))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == []


def test_interrupt_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), SplitWriter(tmp_path, "train", 2) as writer:
        writer.shard(0, [example(0)])
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_leftovers_of_a_killed_writer_go(tmp_path):
    (tmp_path / "train-00007-of-00009.tfrecord.partial").write_bytes(b"x")
    write(tmp_path)
    assert not [name for name in names(tmp_path) if name.endswith(".partial")]


def test_no_shards(tmp_path):
    with pytest.raises(DataError, match="needs shards, got 0"):
        SplitWriter(tmp_path, "train", 0)


def test_folder_that_is_a_file(tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        write(tmp_path / "f")


def damage(path, how):
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "short":
        path.write_bytes(data[:-3])
    else:
        path.write_bytes(data[:40] + bytes([data[40] ^ 1]) + data[41:])


@pytest.mark.parametrize("how, said", [("missing", "No such file"), ("short", "bytes, want "), ("flipped", "SHA-256")])
def test_damaged_shard(tmp_path, how, said):
    card = write(tmp_path)
    shard = tmp_path / card.shards[1].name
    damage(shard, how)
    with pytest.raises(DataError) as caught:
        records.check_shards(tmp_path / "train", card, contents=True)
    text = str(caught.value)
    assert text.startswith(str(shard)) and said in text and "python -m data_prep.made_up" in text


def change(card, **values):
    return json.dumps({**json.loads(card), **values})


def shard(card, **values):
    first, *others = json.loads(card)["shards"]
    return change(card, shards=[{**first, **values}, *others])


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda text: text[:50], "text that is not JSON"),
        (lambda text: "[1]", "format None"),
        (lambda text: change(text, format="other"), "format 'other'"),
        (lambda text: change(text, version=9), "another version, want 2"),
        (lambda text: change(text, count=8), "count 8"),
        (lambda text: change(text, count=0, shards=[]), "shards []"),
        (lambda text: change(text, count=7.0), "count 7.0"),
        (lambda text: "[" * 100000, "nested too deep"),
        (lambda text: change(text, prepare=5), "prepare 5, want a command"),
        (lambda text: change(text, image_shape=["5", 7]), "image_shape ['5', 7]"),
        (lambda text: change(text, min_size=[-1, 7]), "min_size [-1, 7]"),
        (lambda text: change(text, classes={"a": 1}), "classes {'a': 1}"),
        (lambda text: change(text, classes=[["a"]]), "classes [['a']]"),
        (lambda text: change(text, channel_order=["RGB"]), "channel_order ['RGB']"),
        (lambda text: shard(text, count="3"), "shards[0].count '3', want a whole number above 0"),
        (lambda text: shard(text, count=-3), "shards[0].count -3"),
        (lambda text: shard(text, count=2.5), "shards[0].count 2.5"),
        (lambda text: shard(text, count=True), "shards[0].count True"),
        (lambda text: shard(text, name="../other/secret"), "want the name of a file in the card's own directory"),
        (lambda text: shard(text, name=["x"]), "shards[0].name ['x']"),
        (lambda text: shard(text, bytes=None), "shards[0].bytes None"),
        (lambda text: shard(text, sha256="abc"), "shards[0].sha256 'abc', want 64 hexadecimal digits"),
        (lambda text: change(text, shards=[5]), "shards[0] 5, want an object"),
        (lambda text: change(text, features={"image": 1, "label": []}), "want the names of the features"),
        (lambda text: change(text, encoding="gif"), "encoding 'gif'"),
        (lambda text: change(text, channels=2), "channels 2"),
        (lambda text: change(text, shards=[{"name": "x"}]), "damaged card"),
        (lambda text: change(text, colour="red"), "colour"),
        (lambda text: change(text, features={"image": "image"}), "damaged card, got features {'image': 'image'}"),
        (lambda text: change(text, features=None), "damaged card"),
    ],
)
def test_damaged_card(tmp_path, spoil, said):
    write(tmp_path)
    path = tmp_path / "train.json"
    path.write_text(spoil(path.read_text()))
    with pytest.raises(DataError) as caught:
        records.read_card(tmp_path / "train")
    assert said in str(caught.value) and str(path) in str(caught.value)


def test_card_of_before_says_how_to_go_on(tmp_path):
    write(tmp_path)
    path = tmp_path / "train.json"
    path.write_text(change(path.read_text(), version=1))
    with pytest.raises(DataError, match=r"another version, want 2 \(prepare it again: python -m data_prep.made_up"):
        records.read_card(tmp_path / "train")


@pytest.mark.parametrize("name", ["features", "dataset_info"])
def test_names_that_are_taken(tmp_path, name):
    with pytest.raises(DataError, match=f"no name for a split, got {name}"):
        SplitWriter(tmp_path, name, 1)


def test_no_card(tmp_path):
    with pytest.raises(DataError, match="no readable card.*do this"):
        records.read_card(tmp_path / "val", hint="do this")
