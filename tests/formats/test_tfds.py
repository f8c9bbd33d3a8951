"""Cards of directories that TensorFlow Datasets prepared, and one clear error for each that cannot be read."""

import json
import shutil

import numpy as np
import pytest
from tensorflow_datasets import features as kinds

from tests.input import tfds_folders
from zoo.errors import DataError
from zoo.formats import tfds

EXAMPLES = [{"image": np.full((28, 28, 1), i, np.uint8), "label": i} for i in range(7)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return tfds_folders.prepare(tmp_path_factory.mktemp("tfds"), "mnist", {"train": EXAMPLES}, shards=2)


@pytest.fixture
def folder(prepared, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(prepared, tmp_path / "3.0.1")


def test_card(prepared):
    card = tfds.read_card(prepared / "train")
    assert (card.split, card.channels, card.channel_order, card.image_shape) == ("train", 1, "gray", (28, 28))
    assert card.count == 7 and card.classes == tuple(map(str, range(10))) and card.min_size == (28, 28)
    assert [shard.name for shard in card.shards] == [f"mnist-train.tfrecord-0000{i}-of-00002" for i in range(2)]
    assert tfds.is_folder(prepared) and not tfds.is_folder(prepared.parent) and tfds.split_names(prepared) == ["train"]


def test_other_names_that_supervised_keys_tell(tmp_path):
    features = {
        "photo": kinds.Image(shape=(None, None, 3)),
        "mask": kinds.Image(shape=(None, None, 1)),
        "kind": kinds.Scalar(np.int64),
    }
    picture = np.zeros((4, 6, 3), np.uint8)
    example = {"photo": picture, "mask": picture[..., :1], "kind": 3}
    made = tfds_folders.prepare(tmp_path, "other", {"train": [example]}, features, ("photo", "kind"))
    card = tfds.read_card(made / "train")
    assert card.features == {"image": "photo", "label": "kind"}
    assert (card.channels, card.channel_order, card.image_shape, card.min_size) == (3, "BGR", None, None)
    assert card.classes == ()


FEATURES = {
    "no label": ({"image": kinds.Image(shape=(4, 4, 1))}, {"image": np.zeros((4, 4, 1), np.uint8)}),
    "boxes": (
        {"image": kinds.Image(shape=(4, 4, 1)), "objects": kinds.Sequence({"label": kinds.ClassLabel(num_classes=3)})},
        {"image": np.zeros((4, 4, 1), np.uint8), "objects": [{"label": 1}]},
    ),
    "text": ({"image": kinds.Text(), "label": kinds.ClassLabel(num_classes=3)}, {"image": "x", "label": 1}),
    "16 bits": (
        {"image": kinds.Image(shape=(4, 4, 1), dtype=np.uint16), "label": kinds.ClassLabel(num_classes=3)},
        {"image": np.zeros((4, 4, 1), np.uint16), "label": 1},
    ),
    "transparent": (
        {"image": kinds.Image(shape=(4, 4, 4)), "label": kinds.ClassLabel(num_classes=3)},
        {"image": np.zeros((4, 4, 4), np.uint8), "label": 1},
    ),
}


@pytest.mark.parametrize("case", FEATURES)
def test_no_images_with_labels(tmp_path, case):
    features, example = FEATURES[case]
    made = tfds_folders.prepare(tmp_path, "other", {"train": [example]}, features, None)
    with pytest.raises(DataError, match="3.0.1: no images with labels, got FeaturesDict") as caught:
        tfds.read_card(made / "train")
    assert all(f"'{name}'" in str(caught.value) for name in features)


@pytest.mark.parametrize("form", ["array_record", "parquet"])
def test_other_files_than_tfrecord(tmp_path, form):
    made = tfds_folders.prepare(tmp_path, "mnist", {"train": EXAMPLES[:1]}, file_format=form)
    with pytest.raises(DataError, match=f'no TFRecords, got {form} .prepare it with file_format="tfrecord"'):
        tfds.read_card(made / "train")


@pytest.mark.parametrize("name", ["features.json", "dataset_info.json"])
@pytest.mark.parametrize("spoil", ["missing", "cut", "other"])
def test_damaged_description(folder, name, spoil):
    path = folder / name
    text = path.read_text()
    path.unlink()
    if spoil != "missing":
        path.write_text(text[: len(text) // 2] if spoil == "cut" else "[1, 2]")
    with pytest.raises(DataError) as caught:
        tfds.read_card(folder / "train")
    said = str(caught.value)
    want = f"{folder}: a directory that TensorFlow Datasets cannot open" if spoil == "other" else f"{path}: no readable"
    assert said.startswith(want) and "\n" not in said


def change(folder, **values):
    path = folder / "dataset_info.json"
    info = json.loads(path.read_text())
    info["splits"][0] |= values
    path.write_text(json.dumps(info))


def test_wrong_lengths(folder):
    change(folder, shardLengths=["4", "2"])
    with pytest.raises(DataError, match=r"train.tfrecord-0000\d-of-00002: a damaged shard, got \d records, want \d"):
        tfds.read_card(folder / "train")


def test_wrong_size_alone_is_no_damage(folder):
    """Nothing is read by it; it only tells when to look closer."""
    change(folder, numBytes="5")
    assert tfds.read_card(folder / "train").count == 7


def test_no_records(folder):
    change(folder, shardLengths=[], numBytes="0")
    with pytest.raises(DataError, match="an empty split"):
        tfds.read_card(folder / "train")


@pytest.mark.parametrize("how, said", [("missing", "cannot be read.*No such file"), ("cut", "truncated|records")])
def test_damaged_shard(folder, how, said):
    path = folder / "mnist-train.tfrecord-00001-of-00002"
    data = path.read_bytes()
    path.unlink()
    if how == "cut":
        path.write_bytes(data[:-9])
    with pytest.raises(DataError, match=f"{path.name}: .*({said}).*tfds build mnist --overwrite"):
        tfds.read_card(folder / "train")


def test_a_template_that_cannot_be_formatted(folder):
    change(folder, filepathTemplate="{DATASET}-{SPLIT}.{FILEF:RMAT}-{SHARD_X_OF_Y}")
    with pytest.raises(DataError, match="a template that names no files, got {DATASET}"):
        tfds.read_card(folder / "train")
