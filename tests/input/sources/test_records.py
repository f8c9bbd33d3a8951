"""The stream of batches: its order, its start anywhere, its pixels, its errors."""

import dataclasses
import hashlib
import itertools
import pathlib

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tests.formats.test_record_lengths import forge
from tests.input.small_data import data_layer, pictures, take, write_files, write_raw
from zoo.errors import DataError
from zoo.formats import records
from zoo.input.pipeline import DataLayer
from zoo.input.sources.jpeg import decode
from zoo.input.sources.records import RecordsSource
from zoo.input.transform import Transform

RANDOM = Transform(scale=0.5, mirror=True, crop_size=3, random_crop=True, key=8)


def same(got, want):
    assert len(got) == len(want)
    for a, b in zip(itertools.chain(*got), itertools.chain(*want)):
        np.testing.assert_array_equal(a, b)


def test_in_order_and_round_and_round(tmp_path):
    images = pictures(7, 3, 5, 1)
    source = RecordsSource(write_raw(tmp_path, images, shards=(3, 1, 3)))
    assert (source.count, source.channels, source.image_shape) == (7, 1, (3, 5))
    for batch, (data, label) in enumerate(take(source.batches(0, 4, Transform()), 6)):
        members = [(4 * batch + i) % 7 for i in range(4)]
        np.testing.assert_array_equal(label, np.float32(members))
        np.testing.assert_array_equal(data, images[members])
        assert data.dtype == label.dtype == np.float32


def test_batch_larger_than_the_split(tmp_path):
    source = RecordsSource(write_raw(tmp_path, pictures(3, 2, 4, 1)))
    assert take(source.batches(1, 8, Transform()), 1)[0][1].tolist() == [2, 0, 1, 2, 0, 1, 2, 0]


@pytest.mark.parametrize("start", [1, 2, 3, 5, 7, 12, 1000])
def test_starting_later_is_having_run(tmp_path, start):
    """Records, crops and mirrors of batch b are the same whether the stream began at 0 or at b."""
    source = RecordsSource(write_raw(tmp_path, pictures(7, 4, 5, 3), shards=(3, 1, 3)))
    if start < 20:
        same(take(source.batches(start, 3, RANDOM), 4), take(source.batches(0, 3, RANDOM), start + 4)[start:])
    else:
        labels = np.concatenate([label for _, label in take(source.batches(start, 3, RANDOM), 4)])
        assert labels.tolist() == [(3 * start + i) % 7 for i in range(12)]


def test_shards_before_the_start_are_not_read(tmp_path):
    prefix = write_raw(tmp_path, pictures(9, 3, 3, 1), shards=(4, 3, 2))
    source = RecordsSource(prefix)
    path = tmp_path / source.card.shards[0].name
    path.write_bytes(bytes(path.stat().st_size))
    assert take(source.batches(5, 1, Transform()), 1)[0][1].tolist() == [5]
    with pytest.raises(tf.errors.OpError) as caught:
        take(source.batches(9, 1, Transform()), 1)
    assert f"{path}: a damaged shard" in str(source.diagnose(caught.value))


def test_epochs_draw_anew(tmp_path):
    source = RecordsSource(write_raw(tmp_path, pictures(30, 4, 9, 1)))
    (first, _), (second, _) = take(source.batches(0, 30, RANDOM), 2)
    assert (first != second).any()


@pytest.fixture
def jpegs(shared):
    paths = sorted((shared / "imagenet_sample").glob("*.JPEG"))[:6]
    if not paths:
        pytest.skip("needs ../shared/imagenet_sample")
    return [path.read_bytes() for path in paths]


def opencv(data, flag=cv2.IMREAD_COLOR):
    return cv2.imdecode(np.frombuffer(data, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)


def test_pixels_are_opencvs(jpegs):
    png = cv2.imencode(".png", pictures(1, 13, 7, 3)[0])[1].tobytes()
    for data in (*jpegs, png):
        np.testing.assert_array_equal(decode(tf.constant(data), 3), opencv(data))
    for data in jpegs:
        np.testing.assert_array_equal(decode(tf.constant(data), 1)[:, :, 0], opencv(data, cv2.IMREAD_GRAYSCALE))


def test_encoded_images_of_several_sizes(tmp_path, jpegs):
    pixels = [opencv(data) for data in jpegs]
    prefix = write_files(tmp_path, jpegs, [p.shape[:2] for p in pixels])
    source = RecordsSource(prefix)
    assert source.image_shape is None and source.channels == 3
    assert source.min_size == (min(p.shape[0] for p in pixels), min(p.shape[1] for p in pixels))
    transform = Transform(crop_size=100, mean=np.float32([104, 117, 123]))
    got = take(source.batches(1, 4, transform), 1)[0]
    for row, index in enumerate((4, 5, 0, 1)):
        height, width = ((side - 100) // 2 for side in pixels[index].shape[:2])
        want = pixels[index][height : height + 100, width : width + 100] - np.float32([104, 117, 123])
        np.testing.assert_array_equal(got[0][row], want)
    assert got[1].tolist() == [4, 5, 0, 1]
    same(take(source.batches(2, 4, RANDOM), 2), take(source.batches(0, 4, RANDOM), 4)[2:])


def test_resized_as_convert_imageset_does(tmp_path, jpegs):
    prefix = write_files(tmp_path, jpegs[:3], [opencv(data).shape[:2] for data in jpegs[:3]])
    source = RecordsSource(prefix, resize=(30, 41), force="gray")
    assert (source.image_shape, source.channels) == ((30, 41), 1)
    got, _ = take(source.batches(0, 3, Transform()), 1)[0]
    for row, data in enumerate(jpegs[:3]):
        want = cv2.resize(opencv(data, cv2.IMREAD_GRAYSCALE), (41, 30))
        np.testing.assert_array_equal(got[row, :, :, 0], want)


def test_image_data_of_caffe(tmp_path, shared):
    """Real Caffe's ImageData of JPEG and PNG files, colour and gray: decoded, resized, cropped, less its mean."""
    folder = shared / "golden" / "data"
    golden = np.load(folder / "image_data.npz")
    lines = [line.rsplit(" ", 1) for line in (folder / "list.txt").read_text().splitlines()]
    files = [(folder / "images" / name).read_bytes() for name, _ in lines]
    prefix = write_files(tmp_path, files, [opencv(data).shape[:2] for data in files])
    source = RecordsSource(prefix, resize=(48, 56))
    transform = Transform(crop_size=40, mean=np.float32([100]))
    for i, (data, label) in enumerate(take(source.batches(0, 5, transform), 3)):
        np.testing.assert_array_equal(data.transpose(0, 3, 1, 2), golden[f"batch{i}/data"])
        assert [float(lines[int(n)][1]) for n in label] == golden[f"batch{i}/label"].tolist()


def test_raw_may_be_resized_too(tmp_path):
    images = pictures(3, 8, 6, 3)
    source = RecordsSource(write_raw(tmp_path, images), resize=(4, 5))
    got, _ = take(source.batches(0, 3, Transform()), 1)[0]
    np.testing.assert_array_equal(got, np.stack([cv2.resize(image, (5, 4)) for image in images]))


@pytest.mark.parametrize("force, channels", [("color", 1), ("gray", 3)])
def test_raw_pixels_cannot_be_forced(tmp_path, force, channels):
    prefix = write_raw(tmp_path, pictures(2, 3, 4, channels))
    with pytest.raises(DataError, match=f"not encoded, got force_{force}"):
        RecordsSource(prefix, force=force)


def test_missing_shard_is_found_at_once(tmp_path):
    prefix = write_raw(tmp_path, pictures(6, 3, 4, 1), shards=(3, 3))
    path = tmp_path / records.shard_name("train", 1, 2)
    path.unlink()
    with pytest.raises(DataError) as caught:
        RecordsSource(prefix)
    assert str(path) in str(caught.value) and "python -m data_prep.made_up" in str(caught.value)


def test_damage_while_reading_names_the_shard(tmp_path):
    prefix = write_raw(tmp_path, pictures(6, 3, 4, 1), shards=(3, 3))
    path = tmp_path / records.shard_name("train", 1, 2)
    data = bytearray(path.read_bytes())
    data[-20] ^= 4
    path.write_bytes(data)
    source = RecordsSource(prefix)
    with pytest.raises(tf.errors.DataLossError) as lost:
        take(source.batches(0, 2, Transform()), 3)
    text = str(source.diagnose(lost.value))
    assert text.startswith(str(path)) and "SHA-256" in text and "python -m data_prep.made_up" in text


def test_record_that_is_no_image(tmp_path, jpegs):
    prefix = write_files(tmp_path, [jpegs[0][:200]], [(90, 90)])
    source = RecordsSource(prefix)
    with pytest.raises(tf.errors.InvalidArgumentError) as invalid:
        take(source.batches(0, 1, Transform(crop_size=5)), 1)
    text = str(source.diagnose(invalid.value))
    assert "a record cannot be read" in text and str(prefix) in text


def several_sizes(folder):
    """Three PNG files of unlike sizes as records; returns their pixels and the prefix."""
    images = [pictures(1, 6 + i, 9 - i, 3, seed=i)[0] for i in range(3)]
    files = [cv2.imencode(".png", image)[1].tobytes() for image in images]
    return images, write_files(folder, files, [image.shape[:2] for image in images], encoding="png")


def test_images_of_several_sizes_one_at_a_time(tmp_path):
    images, prefix = several_sizes(tmp_path)
    feed = DataLayer(data_layer(prefix, batch_size=1, transform="mean_value: 3"), "TRAIN")
    assert feed.shapes == ((1, 3, 6, 9), (1,))
    for i, (data, _) in enumerate(take(feed.dataset(1), 4), 1):
        np.testing.assert_array_equal(data[0], images[i % 3] - np.float32(3))


def test_images_of_several_sizes_make_no_batch(tmp_path):
    _, prefix = several_sizes(tmp_path)
    with pytest.raises(DataError, match="images of several sizes do not make a batch"):
        DataLayer(data_layer(prefix, batch_size=2), "TRAIN")


def test_a_first_record_that_is_damaged(tmp_path):
    _, prefix = several_sizes(tmp_path)
    (path,) = records.shard_paths(prefix, records.read_card(prefix))
    data = bytearray(pathlib.Path(path).read_bytes())
    data[20] ^= 1
    pathlib.Path(path).write_bytes(data)
    with pytest.raises(DataError, match="a damaged or exchanged shard, got SHA-256"):
        DataLayer(data_layer(prefix, batch_size=1), "TRAIN")


def test_errors_of_the_net_are_not_those_of_its_data(tmp_path):
    feed = DataLayer(data_layer(write_raw(tmp_path, pictures(3, 4, 5, 1))), "TRAIN")
    with pytest.raises(tf.errors.InvalidArgumentError), feed.reading():
        next(iter(feed.dataset()))
        tf.reshape(tf.zeros(3), (2, 2))


@pytest.mark.parametrize("mean", [None, "values", "picture"])
@pytest.mark.parametrize("random_crop", [True, False])
def test_crops_of_jpegs_are_those_of_their_pixels(tmp_path, random_crop, mean):
    """What is cut while it is decoded equals what is decoded whole, mirrors and means included."""
    images = pictures(7, 45, 38, 3)
    files = [cv2.imencode(".jpg", image)[1].tobytes() for image in images]
    values = {None: None, "values": np.float32([5, 60, 110]), "picture": np.float32(pictures(1, 45, 38, 3, seed=2)[0])}
    transform = Transform(0.5, True, 21, random_crop, values[mean], key=9)
    (tmp_path / "raw").mkdir()
    raw = RecordsSource(write_raw(tmp_path / "raw", np.stack([opencv(f) for f in files])))
    jpeg = RecordsSource(write_files(tmp_path, files, [(45, 38)] * 7))
    same(take(jpeg.batches(2, 4, transform), 6), take(raw.batches(2, 4, transform), 6))


def test_a_png_among_jpegs_is_cropped_too(tmp_path):
    image = pictures(1, 9, 12, 3)[0]
    data = cv2.imencode(".png", image)[1].tobytes()
    source = RecordsSource(write_files(tmp_path, [data], [(9, 12)]))
    ((found, _),) = take(source.batches(0, 1, Transform(crop_size=5)), 1)
    np.testing.assert_array_equal(found[0], image[2:7, 3:8])


def test_a_jpeg_of_another_size_than_its_card_says(tmp_path):
    data = cv2.imencode(".jpg", pictures(1, 9, 12, 3)[0])[1].tobytes()
    feed = DataLayer(data_layer(write_files(tmp_path, [data], [(9, 11)]), 1, "crop_size: 5"), "TRAIN")
    with pytest.raises(DataError, match="an image of another size"), feed.reading():
        take(feed.dataset(), 1)


def sound_to_its_card(prefix, data):
    """Writes `data` as the one shard of the split at `prefix`, and its digest into the card."""
    (path,) = prefix.parent.glob("*.tfrecord")
    path.write_bytes(data)
    card = records.read_card(prefix)
    (shard,) = card.shards
    said = dataclasses.replace(shard, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    records.card_path(prefix).write_text(dataclasses.replace(card, shards=(said,)).to_json())


@pytest.mark.parametrize("length", [1 << 35, 1 << 40])
def test_a_forged_length_ends_no_process(tmp_path, length):
    prefix = write_raw(tmp_path, pictures(6, 4, 4, 1))
    (path,) = tmp_path.glob("*.tfrecord")
    at = path.stat().st_size // 6 * 2
    forge(path, at, length)
    sound_to_its_card(prefix, path.read_bytes())
    feed = DataLayer(data_layer(prefix, 4), "TRAIN")
    said = f"tfrecord: a damaged shard, got a record of {length} bytes at byte {at}"
    with pytest.raises(DataError, match=said), feed.reading():
        take(feed.dataset(), 2)


def test_a_record_that_is_no_example(tmp_path):
    """TensorFlow's message quotes it, and is then no text that Python reads."""
    prefix = write_raw(tmp_path, pictures(6, 4, 4, 1))
    (path,) = tmp_path.glob("*.tfrecord")
    whole = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    with tf.io.TFRecordWriter(str(tmp_path / "new")) as writer:
        for record in (*whole[:3], b"\xff\xfe\x80" * 9, *whole[4:]):
            writer.write(record)
    sound_to_its_card(prefix, (tmp_path / "new").read_bytes())
    feed = DataLayer(data_layer(prefix, 4), "TRAIN")
    with pytest.raises(DataError, match="train: record 3: not a tf.train.Example, got 27 other bytes"), feed.reading():
        take(feed.dataset(), 2)


def test_a_shard_of_fewer_records_than_its_card_says(tmp_path):
    prefix = write_raw(tmp_path, pictures(6, 4, 4, 1))
    (path,) = tmp_path.glob("*.tfrecord")
    sound_to_its_card(prefix, path.read_bytes()[: path.stat().st_size // 6 * 5])
    feed = DataLayer(data_layer(prefix, 4), "TRAIN")
    with pytest.raises(DataError, match="a damaged shard, got 5 records, want 6 records"), feed.reading():
        take(feed.dataset(), 2)


@pytest.mark.parametrize(
    ("made", "name"),
    [
        ({"title": "MNIST", "from": "idx"}, "MNIST"),
        ({"from": "scikit-learn load_digits"}, "{prefix}, made from scikit-learn load_digits"),
        ({}, "{prefix}"),
    ],
)
def test_what_a_split_is_called(tmp_path, made, name):
    """A card of old has no title: where it was made from alone would read as if that were read."""
    prefix = write_raw(tmp_path, pictures(3, 4, 4, 1))
    card = dataclasses.replace(records.read_card(prefix), made=made)
    records.card_path(prefix).write_text(card.to_json())
    assert RecordsSource(prefix).title == name.format(prefix=prefix) + " (3 records)"
