"""Data layers: what they find, what they give, and what they say where they cannot."""

import re

import numpy as np
import pytest

from data_prep import images as prep_images
from data_prep import mnist
from tests.input.small_data import data_layer, layer, pictures, take, write_raw
from zoo.errors import DataError, NetError, UnsupportedError
from zoo.formats import records
from zoo.input.pipeline import DataLayer
from zoo.input.pipeline import data_layer as open_layer


@pytest.fixture
def prefix(tmp_path):
    return write_raw(tmp_path / "made", pictures(7, 6, 5, 3), shards=(4, 3))


def test_shapes_and_batches(prefix):
    feed = DataLayer(data_layer(prefix, transform="scale: 0.5 crop_size: 4"), "TEST")
    assert feed.shapes == ((4, 3, 4, 4), (4,)) and feed.count == 7 and feed.batch_size == 4
    data, label = feed.dataset(2).element_spec
    assert tuple(data.shape) == (4, 4, 4, 3) and tuple(label.shape) == (4,)
    with feed.reading():
        data, label = take(feed.dataset(2), 1)[0]
    members = [1, 2, 3, 4]
    np.testing.assert_array_equal(data, pictures(7, 6, 5, 3)[members, 1:5, 0:4] * np.float32(0.5))
    assert label.tolist() == members


def test_without_labels(prefix):
    feed = DataLayer(data_layer(prefix, tops=("data",)), "TRAIN")
    assert feed.shapes == ((4, 3, 6, 5),)
    (data,) = take(feed.dataset(), 1)[0]
    np.testing.assert_array_equal(data, pictures(7, 6, 5, 3)[:4])


def test_other_types_are_not_data_layers(prefix):
    assert open_layer(layer('name: "r" type: "ReLU"'), "TRAIN") is None
    assert isinstance(open_layer(data_layer(prefix), "TRAIN"), DataLayer)


def test_fields_without_effect(prefix):
    feed = DataLayer(
        data_layer(prefix, data="rand_skip: 3 prefetch: 9 backend: LEVELDB force_encoded_color: true"), "TRAIN"
    )
    assert take(feed.dataset(), 1)[0][1].tolist() == [0, 1, 2, 3]


def test_seed_layer_and_phase_decide_the_crops(prefix):
    def data(seed, name, phase="TRAIN"):
        feed = DataLayer(data_layer(prefix, transform="mirror: true crop_size: 3", name=name), phase, seed=seed)
        return np.stack([batch[0] for batch in take(feed.dataset(), 5)])

    first = data(1, "a")
    np.testing.assert_array_equal(first, data(1, "a"))
    for other in (data(2, "a"), data(1, "b"), data(1, "a", "TEST")):
        assert (first != other).any()


def test_where_a_source_is_looked_for(prefix, tmp_path, monkeypatch):
    found = []
    for place in ("data_dir", "cwd", "beside"):
        write_raw(tmp_path / place / "deep", pictures(1, 3, 3, 1), labels=[len(found)])
        found.append(place)
    monkeypatch.chdir(tmp_path / "cwd")
    definition = data_layer("deep/train", batch_size=1, file=tmp_path / "beside" / "net.prototxt")

    def label(data_dir=None):
        return int(take(DataLayer(definition, "TRAIN", data_dir=data_dir).dataset(), 1)[0][1][0])

    assert label(tmp_path / "data_dir") == 0
    assert label() == label(tmp_path) == 1
    monkeypatch.chdir(tmp_path)
    assert label() == 2


@pytest.mark.parametrize(
    "end", ["", "-*.tfrecord", "-?????-of-00002.tfrecord", "-00000-of-00002.tfrecord", ".json", "-*"]
)
def test_ways_to_name_a_split(prefix, end):
    assert DataLayer(data_layer(f"{prefix}{end}"), "TRAIN").count == 7


def test_folder_of_one_split_and_of_two(prefix):
    assert DataLayer(data_layer(prefix.parent), "TRAIN").count == 7
    write_raw(prefix.parent, pictures(2, 3, 3, 1), split="val")
    with pytest.raises(DataError, match="several splits, got splits train, val .name one: .*made/train"):
        DataLayer(data_layer(prefix.parent), "TRAIN")


@pytest.mark.parametrize(
    "source, said",
    [
        ("examples/mnist/mnist_train_lmdb", ["python -m data_prep.mnist", '"data/mnist/train"']),
        ("examples/mnist/mnist_test_lmdb", ["python -m data_prep.mnist", '"data/mnist/test"']),
        ("ilsvrc12_train_lmdb", ["python -m data_prep.imagenet --source=", '"data/imagenet/train"']),
        ("examples/imagenet/ilsvrc12_val_lmdb", ["python -m data_prep.imagenet --source=", '"data/imagenet/val"']),
        ("my/pictures", ["data_prep/README.md"]),
    ],
)
def test_missing_source(tmp_path, monkeypatch, source, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        DataLayer(data_layer(source), "TRAIN", data_dir="elsewhere")
    text = str(caught.value)
    for part in [f'source "{source}" is not there', f"elsewhere/{source}", f"nets/{source}", 'layer "d" (Data)', *said]:
        assert part in text


@pytest.mark.parametrize("file, kind", [("data.mdb", "LMDB"), ("CURRENT", "LevelDB")])
def test_damaged_databases(tmp_path, file, kind):
    folder = tmp_path / "mnist_train_lmdb"
    folder.mkdir()
    (folder / file).write_bytes(b"")
    with pytest.raises(DataError, match=f"mnist_train_lmdb: a damaged {kind}, or none"):
        DataLayer(data_layer(folder), "TRAIN")


def test_folder_without_a_split(tmp_path):
    with pytest.raises(DataError, match="directory without a split"):
        DataLayer(data_layer(tmp_path), "TRAIN")


def test_shards_without_a_card(prefix):
    records.card_path(prefix).unlink()
    with pytest.raises(DataError, match="shards without their card, want .*train.json"):
        DataLayer(data_layer(prefix), "TRAIN")


def test_card_of_something_else(prefix):
    records.card_path(prefix).write_text("{}")
    with pytest.raises(DataError, match="not a card"):
        DataLayer(data_layer(prefix), "TRAIN")


@pytest.mark.parametrize(
    "text, error, said",
    [
        ('type: "Data" top: "a" data_param { batch_size: 2 }', NetError, "source must be given"),
        ('type: "Data" top: "a" data_param { source: "x" }', NetError, "batch_size must be given"),
        ('type: "Data" data_param { source: "x" batch_size: 2 }', NetError, "got 0, want 1 to 2"),
        (
            'type: "Data" top: "a" top: "b" top: "c" data_param { source: "x" batch_size: 2 }',
            NetError,
            "tops, got 3, want 1 to 2",
        ),
        (
            'type: "Data" bottom: "z" top: "a" data_param { source: "x" batch_size: 2 }',
            NetError,
            "bottoms, got 1, want 0",
        ),
        (
            'type: "Data" top: "a" data_param { source: "x" batch_size: 2 scale: 2 }',
            UnsupportedError,
            "write transform_param { scale: ... }",
        ),
    ],
)
def test_wrong_layers(text, error, said):
    with pytest.raises(error, match=re.escape(said)) as caught:
        DataLayer(layer(f'name: "d" {text}'), "TRAIN")
    assert 'layer "d" (Data)' in str(caught.value)


def test_crop_larger_than_the_images(prefix):
    with pytest.raises(DataError, match=r'layer "d".*crop_size exceeds the images, got 6, want at most 5'):
        DataLayer(data_layer(prefix, transform="crop_size: 6"), "TRAIN")


def test_damage_while_reading(prefix):
    path = prefix.parent / records.shard_name("train", 0, 2)
    data = bytearray(path.read_bytes())
    data[30] ^= 1
    path.write_bytes(data)
    feed = DataLayer(data_layer(prefix), "TRAIN")
    with (
        pytest.raises(DataError, match="made/train-00000-of-00002.tfrecord: a damaged or exchanged shard"),
        feed.reading(),
    ):
        next(iter(feed.dataset()))


def test_other_errors_pass_unchanged(prefix):
    feed = DataLayer(data_layer(prefix), "TRAIN")
    with pytest.raises(ZeroDivisionError), feed.reading():
        raise ZeroDivisionError


def test_mnist_as_caffe_reads_it(tmp_path, shared):
    """Real Caffe's LeNet net, its source alone renamed: the first batches are the IDX files' first images."""
    if not mnist.find_idx(shared / "mnist"):
        pytest.skip("needs the IDX files in ../shared/mnist")
    mnist.prepare(tmp_path, source="idx", idx_dir=shared / "mnist", shards=3)
    images, labels = mnist.read_split(*mnist.find_idx(shared / "mnist")["train"])
    text = (shared / "golden" / "lenet" / "lenet_train_test.prototxt").read_text()
    text = re.search(r"layer \{ (name: \"mnist\".*?TRAIN \} .*?LMDB \}) \}", text, re.S)[1]
    definition = layer(text.replace("mnist_train_lmdb", f"{tmp_path}/train"))
    feed = DataLayer(definition, "TRAIN")
    assert feed.shapes == ((64, 1, 28, 28), (64,)) and feed.count == 60000
    for start in (0, 937):  # batch 937 is the one that wraps round: 60000 = 937 * 64 + 32
        data, label = take(feed.dataset(start), 1)[0]
        members = [(64 * start + i) % 60000 for i in range(64)]
        np.testing.assert_array_equal(data, images[members] * np.float32(0.00390625))
        np.testing.assert_array_equal(label, labels[members])


@pytest.mark.parametrize("case", ["lmdb_plain", "lmdb_crop", "lmdb_crop_mean_file", "lmdb_mean_values"])
def test_database_of_convert_imageset(tmp_path, shared, case):
    """Images prepared here and read here are, to the bit, the batches of real Caffe's tools and Data layer."""
    folder = shared / "golden" / "data"
    golden = np.load(folder / f"{case}.npz")
    lines = [line.rsplit(" ", 1) for line in (folder / "list.txt").read_text().splitlines()]
    pixels = np.stack([prep_images.read(folder / "images" / name, (64, 80), "raw").data for name, _ in lines])
    prefix = write_raw(tmp_path, pixels, labels=[int(label) for _, label in lines], shards=(5, 7))
    text = re.search(r"layer \{(.*)\}", str(golden["prototxt"]))[1].replace("raw_lmdb", str(prefix))
    feed = DataLayer(layer(text, folder / "net.prototxt"), str(golden["phase"]))
    assert feed.shapes[0] == golden["batch0/data"].shape
    for i, (data, label) in enumerate(take(feed.dataset(), 3)):
        np.testing.assert_array_equal(data.transpose(0, 3, 1, 2), golden[f"batch{i}/data"])
        np.testing.assert_array_equal(label, golden[f"batch{i}/label"])
