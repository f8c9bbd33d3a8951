"""Images from one form into another: as convert_imageset does it, there and back, and what cannot be."""

import pathlib
import subprocess
import sys

import cv2
import numpy as np
import pytest

from data_prep.databases import convert
from data_prep.image_readers import open_source
from data_prep.image_transforms import ImageTransform
from data_prep.image_writers import key
from tests.input.small_data import data_layer, pictures, take, write_files, write_raw
from zoo.errors import DataError
from zoo.formats import datum, records
from zoo.formats.databases import Database
from zoo.formats.image_list import read_list
from zoo.input.pipeline import DataLayer

ROOT = pathlib.Path(__file__).resolve().parents[2]
BACKENDS = ["lmdb", "leveldb"]


def write_images(folder, images, ending="png"):
    """Writes image files and a list of them, labels falling; returns the list's path."""
    folder.mkdir()
    for i, image in enumerate(images):
        cv2.imwrite(str(folder / f"p{i}.{ending}"), image)
    (folder / "list.txt").write_text("".join(f"p{i}.{ending} {len(images) - 1 - i}\n" for i in range(len(images))))
    return folder / "list.txt"


def run(source, output, backend="lmdb", root="", seed=None, gray=False, resize=None, encode=None, **options):
    opened = open_source(str(source), root, seed)
    return convert(output, backend, opened, ImageTransform(gray, resize, encode, opened.kind == "list"), **options)


def fed(source, count, **more):
    """Returns what a Data layer gives of `count` images."""
    return take(DataLayer(data_layer(source, batch_size=count, **more), "TEST").dataset(), 1)[0]


# ---- as convert_imageset ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, options",
    [
        ("raw_lmdb", {"resize": (64, 80)}),
        ("raw_leveldb", {"resize": (64, 80), "backend": "leveldb"}),
        ("gray_lmdb", {"resize": (32, 32), "gray": True}),
        ("encoded_lmdb", {"resize": (64, 80), "encode": "png"}),
    ],
)
def test_as_convert_imageset_of_caffe(tmp_path, shared, name, options):
    """Keys and labels as real Caffe wrote them; pixels to the bit, and raw records as wholes."""
    folder = shared / "golden" / "data"
    run(folder / "list.txt", tmp_path / "db", root=f"{folder}/images/", **options)
    ours, theirs = list(Database(tmp_path / "db").items()), list(Database(folder / name).items())
    assert [k for k, _ in ours] == [k for k, _ in theirs]
    for (_, value), (_, want) in zip(ours, theirs):
        message, expected = datum.parse(value), datum.parse(want)
        assert (message.label, message.encoded) == (expected.label, expected.encoded)
        np.testing.assert_array_equal(datum.pixels(message), datum.pixels(expected))
        if not expected.encoded:
            assert message == expected


def test_files_stay_as_they_are_where_nothing_has_to_change(tmp_path):
    path = write_images(tmp_path / "in", pictures(3, 6, 9, 3), "jpg")
    run(path, tmp_path / "db", root=f"{path.parent}/", encode="")
    for i, (_, value) in enumerate(Database(tmp_path / "db").items()):
        assert datum.parse(value).data == (path.parent / f"p{i}.jpg").read_bytes()
    run(path, tmp_path / "same", root=f"{path.parent}/", encode="jpeg")
    assert [v for _, v in Database(tmp_path / "same").items()] == [v for _, v in Database(tmp_path / "db").items()]
    run(path, tmp_path / "png", root=f"{path.parent}/", encode="png")
    run(path, tmp_path / "gray", root=f"{path.parent}/", encode="", gray=True)
    run(path, tmp_path / "small", root=f"{path.parent}/", encode="", resize=(4, 5))
    for name, shape, start in (
        ("png", (6, 9, 3), b"\x89P"),
        ("gray", (6, 9, 1), b"\xff\xd8"),
        ("small", (4, 5, 3), b"\xff\xd8"),
    ):
        for _, value in Database(tmp_path / name).items():
            message = datum.parse(value)
            assert datum.pixels(message).shape == shape and message.data.startswith(start)


def test_a_gray_file_stays_gray_in_a_colour_set(tmp_path):
    """As in Caffe, which stores the file; force_color is there to read it."""
    path = write_images(tmp_path / "in", pictures(2, 6, 9, 1))
    run(path, tmp_path / "db", root=f"{path.parent}/", encode="")
    assert datum.pixels(datum.parse(Database(tmp_path / "db").read(0, 1)[0])).shape == (6, 9, 1)
    run(path, tmp_path / "raw", root=f"{path.parent}/")
    assert datum.parse(Database(tmp_path / "raw").read(0, 1)[0]).channels == 3


def test_shuffled_by_a_seed(tmp_path):
    path = write_images(tmp_path / "in", pictures(30, 2, 3, 1))
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(path, tmp_path / name, root=f"{path.parent}/", seed=seed)
    a, b, c = (list(Database(tmp_path / name).items()) for name in "abc")
    assert a == b != c
    labels = [datum.parse(value).label for _, value in a]
    assert sorted(labels) == list(range(30)) and labels != sorted(labels, reverse=True)
    assert [k.split(b"_")[1] for k, _ in a] == [b"p%d.png" % (29 - label) for label in labels]


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("damage", ["gone", "empty", "text"])
def test_damaged_images(tmp_path, skip, damage):
    path = write_images(tmp_path / "in", pictures(4, 6, 9, 3))
    file = path.parent / "p2.png"
    file.unlink() if damage == "gone" else file.write_bytes(b"" if damage == "empty" else b"<html>")
    if skip:
        items, _ = run(path, tmp_path / "db", root=f"{path.parent}/", skip_corrupt=True)
        assert len(items.skipped) == 1 and f"{path}:3" in items.skipped[0]
        assert [k for k, _ in Database(tmp_path / "db").items()] == [
            b"00000000_p0.png",
            b"00000001_p1.png",
            b"00000003_p3.png",
        ]
        return
    with pytest.raises(DataError, match="list.txt:3: (cannot read the image|an image that does not decode)"):
        run(path, tmp_path / "db", root=f"{path.parent}/")
    assert not (tmp_path / "db").exists()


def test_check_size(tmp_path):
    path = write_images(tmp_path / "in", [*pictures(2, 6, 9, 3), *pictures(1, 9, 6, 3)])
    with pytest.raises(DataError, match=r"list.txt:3: an image of another size, got \(9, 6, 3\) .--check_size asked"):
        run(path, tmp_path / "db", root=f"{path.parent}/", check_size=True)
    items, _ = run(path, tmp_path / "db", root=f"{path.parent}/")
    assert items.sizes == {(6, 9), (9, 6)}


def test_keys():
    assert key(12, "cat/1.jpg") == b"00000012_cat/1.jpg" and key(3, "") == b"00000003"
    assert key(12, "00000007_cat/1.jpg") == b"00000012_cat/1.jpg" and key(4, "00000003") == b"00000004"
    assert len(key(1, "x" * 900)) == 511


# ---- there and back -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_shards_to_a_database_and_back(tmp_path, backend, channels):
    images = pictures(23, 5, 7, channels)
    first = write_raw(tmp_path / "first", images, labels=[i % 4 for i in range(23)])
    run(first, tmp_path / "db", backend)
    _, card = run(tmp_path / "db", tmp_path / "second" / "train", "records", shards=3)
    assert (card.count, card.encoding, card.image_shape, card.channels) == (23, "raw", (5, 7), channels)
    assert card.classes == ("0", "1", "2", "3") and len(card.shards) == 3
    for source in (first, tmp_path / "db", tmp_path / "second" / "train"):
        data, label = fed(source, 23)
        np.testing.assert_array_equal(data, images)
        assert label.tolist() == [i % 4 for i in range(23)]


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_image_files_go_over_as_they_are(tmp_path, ending):
    files = [cv2.imencode(f".{ending}", image)[1].tobytes() for image in pictures(5, 9, 8, 3)]
    form = {"jpg": "jpeg", "png": "png"}[ending]
    first = write_files(tmp_path / "first", files, [(9, 8)] * 5, encoding=form)
    run(first, tmp_path / "db")
    assert [datum.parse(value).data for _, value in Database(tmp_path / "db").items()] == files
    _, card = run(tmp_path / "db", tmp_path / "second" / "val", "records", shards=9)
    assert (card.encoding, len(card.shards), card.image_shape) == (form, 5, (9, 8))
    run(tmp_path / "second" / "val", tmp_path / "pictures", "list")
    entries = read_list(tmp_path / "pictures" / "list.txt")
    assert [entry.label for entry in entries] == list(range(5))
    assert [(tmp_path / "pictures" / entry.name).read_bytes() for entry in entries] == files


@pytest.mark.parametrize("channels", [1, 3])
def test_a_database_to_files_and_back(tmp_path, channels):
    images = pictures(6, 5, 7, channels)
    run(write_raw(tmp_path / "first", images), tmp_path / "db")
    run(tmp_path / "db", tmp_path / "files", "list")
    root = f"{tmp_path}/files/"
    run(tmp_path / "files" / "list.txt", tmp_path / "again", root=root, gray=channels == 1)
    data, label = fed(tmp_path / "again", 6)
    np.testing.assert_array_equal(data, images)
    assert label.tolist() == list(range(6))


def test_a_list_to_shards_of_several_sizes(tmp_path):
    images = [pictures(1, 6 + i, 9 - i, 3, seed=i)[0] for i in range(3)]
    path = write_images(tmp_path / "in", images)
    _, card = run(path, tmp_path / "out" / "train", "records", root=f"{path.parent}/", encode="", shards=1)
    assert (card.image_shape, card.min_size, card.encoding, card.channels) == (None, (6, 7), "png", 3)
    data, _ = fed(tmp_path / "out" / "train", 3, transform="crop_size: 5")
    np.testing.assert_array_equal(data[1], images[1][1:6, 1:6])


def test_gray_of_rgb_shards_knows_their_order(tmp_path):
    images = pictures(2, 5, 7, 3)
    prefix = write_raw(tmp_path / "rgb", images, order="RGB")
    run(prefix, tmp_path / "db", gray=True)
    want = np.stack([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images])
    np.testing.assert_array_equal(fed(tmp_path / "db", 2)[0][..., 0], want)


def test_floats_stay_floats_in_databases(tmp_path, shared):
    source = shared / "golden" / "data" / "float_lmdb"
    run(source, tmp_path / "db", "leveldb")
    assert [v for _, v in Database(tmp_path / "db").items()] == [v for _, v in Database(source).items()]


# ---- what cannot be -----------------------------------------------------------------------------------------------


def write_database(path, values):
    from zoo.formats.database_writer import DatabaseWriter

    with DatabaseWriter(path, "lmdb") as writer:
        for i, value in enumerate(values):
            writer.put(b"%08d" % i, value)
    return path


RAW = [datum.raw(image, 0) for image in pictures(2, 4, 5, 3)]
PNG = datum.encoded(cv2.imencode(".png", pictures(1, 4, 5, 3)[0])[1], 0)


@pytest.mark.parametrize(
    "values, said",
    [
        ([datum.raw(np.ones((4, 5, 3), np.float32), 0)], "record 0: floats fit in a database only"),
        ([*RAW, PNG], "shards hold either pixels or files, got both .--encode_type=png"),
        ([*RAW, datum.raw(pictures(1, 5, 4, 3)[0], 0)], "pixels of several sizes make no shards"),
        ([*RAW, datum.raw(pictures(1, 4, 5, 1)[0], 0)], r"hold gray or colour, got \[1, 3\] channels .--gray makes"),
        ([datum.raw(pictures(1, 4, 5, 4)[0], 0)], r"hold gray or colour, got \[4\] channels .such data stays"),
        ([datum.encoded(cv2.imencode(".bmp", pictures(1, 4, 5, 3)[0])[1], 0)], "record 0: shards hold JPEG and PNG"),
        ([*RAW, b"\xff\xff"], "record 2: a record that is no Datum"),
        ([*RAW, datum.encoded(b"x", 0)], "record 2: an image that does not decode"),
    ],
)
def test_what_shards_cannot_hold(tmp_path, values, said):
    path = write_database(tmp_path / "db", values)
    with pytest.raises(DataError, match=said):
        run(path, tmp_path / "out" / "train", "records", shards=1)
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_outputs_that_are_there(tmp_path):
    source = write_raw(tmp_path / "first", pictures(2, 4, 5, 1))
    (tmp_path / "out").mkdir()
    for backend in ("lmdb", "leveldb", "list"):
        with pytest.raises(DataError, match="out: already there"):
            run(source, tmp_path / "out", backend)


def test_what_only_lists_can(tmp_path):
    source = write_raw(tmp_path / "first", pictures(2, 4, 5, 1))
    with pytest.raises(DataError, match="only a list can be shuffled"):
        open_source(str(source), shuffle_seed=1)
    with pytest.raises(DataError, match="only a list has a root_folder"):
        open_source(str(source), "x/")


def test_damaged_shards(tmp_path):
    source = write_raw(tmp_path / "first", pictures(9, 4, 5, 1))
    (path,) = records.shard_paths(source, records.read_card(source))
    data = bytearray(pathlib.Path(path).read_bytes())
    data[-30] ^= 1
    pathlib.Path(path).write_bytes(data)
    with pytest.raises(DataError, match="a damaged or exchanged shard, got SHA-256"):
        run(source, tmp_path / "db")
    assert not (tmp_path / "db").exists()


def test_nothing_left(tmp_path):
    path = write_database(tmp_path / "db", [datum.encoded(b"x", 0)])
    with pytest.raises(DataError, match="no image is left, got 1 that cannot be decoded"):
        run(path, tmp_path / "out", "leveldb", skip_corrupt=True)


def test_an_encoding_that_opencv_does_not_know(tmp_path):
    path = write_images(tmp_path / "in", pictures(1, 4, 5, 3))
    with pytest.raises(DataError, match="list.txt:1: cannot be encoded, got .* as 'abc', want such as jpg or png"):
        run(path, tmp_path / "db", root=f"{path.parent}/", encode="abc")


# ---- the command --------------------------------------------------------------------------------------------------


def command(*arguments):
    line = [sys.executable, "-m", "data_prep.databases", *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True)


def test_command(tmp_path):
    path = write_images(tmp_path / "in", pictures(5, 6, 9, 3))
    given = (f"--source={path}", f"--root_folder={path.parent}/", f"--output={tmp_path}/db")
    done = command(*given, "--resize_height=4", "--resize_width=7", "--gray", "--backend=leveldb")
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path}/db: 5 images of 4 x 7 (H x W), leveldb" in done.stdout
    assert fed(tmp_path / "db", 5)[0].shape == (5, 4, 7, 1)
    failed = command(*given)
    assert failed.returncode == 1 and "already there" in failed.stderr and "Traceback" not in failed.stderr
    assert command(*given, "--force").returncode == 0
    assert fed(tmp_path / "db", 5)[0].shape == (5, 6, 9, 3)


def test_command_to_shards_twice(tmp_path):
    path = write_images(tmp_path / "in", pictures(5, 6, 9, 3))
    given = (f"--source={path}", f"--root_folder={path.parent}/", f"--output={tmp_path}/out/val", "--backend=records")
    done = command(*given, "--encoded")
    assert done.returncode == 0, done.stderr
    assert "val: 5 records, 5 classes, png, 6 x 9 (H x W), 3 channels, BGR" in done.stdout
    assert "Nothing to do" in command(*given, "--encoded").stdout
    other = command(*given)
    assert other.returncode == 1 and "--force" in other.stderr
    prepare = records.read_card(tmp_path / "out" / "val").prepare
    assert prepare.startswith("python -m data_prep.databases ") and f"--source={path}" in prepare
