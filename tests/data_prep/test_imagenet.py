"""Directories of images as records: which, in what order, with which labels, and what of damaged ones."""

import os
import resource
import socket
import struct
import subprocess
import sys

import cv2
import numpy as np
import pytest
import tensorflow as tf

from data_prep import common, contact_sheet, imagenet, images, leftovers
from data_prep.image_files import collect
from tests.input.small_data import pictures
from zoo.errors import DataError
from zoo.formats import records

ROOT = imagenet.__file__.rsplit("/", 2)[0]


def jpeg(seed, height=20, width=30):
    smooth = cv2.GaussianBlur(pictures(1, height, width, 3, seed)[0], (0, 0), 3)
    return cv2.imencode(".jpg", smooth)[1].tobytes()


@pytest.fixture
def flat(tmp_path):
    """Twelve images of four classes, all in one directory."""
    folder = tmp_path / "flat"
    folder.mkdir()
    for i in range(12):
        (folder / f"n0000000{i % 4 + 1}_picture{i}.JPEG").write_bytes(jpeg(i, 20 + i, 30 - i))
    return folder


@pytest.fixture
def nested(tmp_path, flat):
    """The same, a directory a class."""
    for path in flat.iterdir():
        target = tmp_path / "nested" / path.name[:9]
        target.mkdir(parents=True, exist_ok=True)
        (target / path.name).write_bytes(path.read_bytes())
    return tmp_path / "nested"


def command(*args):
    line = [sys.executable, "-m", "data_prep.imagenet", *map(str, args)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True)


def read(prefix):
    card = records.read_card(prefix)
    paths = records.shard_paths(prefix, card)
    return card, [
        tf.train.Example.FromString(r).features.feature for r in tf.data.TFRecordDataset(paths).as_numpy_iterator()
    ]


def text(feature, name):
    return feature[name].bytes_list.value[0].decode()


def number(feature, name):
    return feature[name].int64_list.value[0]


def write(folder, files, split="train", **options):
    classes = sorted({file.class_name for file in files})
    options = imagenet.Options(**{"shards": 2, **options})
    return imagenet.write_split(folder, split, files, classes, options, "python -m data_prep.imagenet")


def test_command_end_to_end(tmp_path, flat):
    out = tmp_path / "out"
    args = [f"--source={flat}", f"--output_dir={out}", "--shards=3", "--validation_fraction=0.25", "--seed=5"]
    args.append("--feature_names=model_garden")
    done = command(*args)
    assert done.returncode == 0, done.stderr
    assert "3 of the 12 images" in done.stderr and "not ImageNet's validation set" in done.stderr
    assert "ILSVRC2012" not in done.stderr
    seen = []
    for split, count in (("train", 9), ("val", 3)):
        card, found = read(out / split)
        assert card.count == len(found) == count and len(card.shards) == 3
        assert card.classes == ("n00000001", "n00000002", "n00000003", "n00000004")
        assert (card.encoding, card.channels, card.channel_order, card.image_shape) == ("jpeg", 3, "BGR", None)
        assert card.min_size == tuple(min(number(f, f"image/{s}") for f in found) for s in ("height", "width"))
        for feature in found:
            name = text(feature, "image/filename")
            assert feature["image/encoded"].bytes_list.value[0] == (flat / name).read_bytes()
            assert number(feature, "image/class/label") == int(name[8]) - 1
            assert text(feature, "image/class/synset") == name[:9]
            seen.append(name)
    assert sorted(seen) == sorted(path.name for path in flat.iterdir()) and seen != sorted(seen)
    again = command(*args)
    assert again.returncode == 0 and "Nothing to do" in again.stdout
    other = command(*args, "--resize=16")
    assert other.returncode == 1 and "made with --resize=no, want 16 (add --force" in other.stderr


def plant_leftovers(out, split):
    """Makes what a command that is killed between card and sheet leaves behind; returns what else lies there."""
    whole = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / f"{split}.md").unlink()
    (out / f"{split}.png").unlink()
    for name in (f"{split}-00000-of-00002.tfrecord.partial", f"{split}-00000-of-00002.tfrecord.partial.json"):
        (out / name).write_text("x")
    for name in (f"{split}.json.partial", f".{split}.png.12.partial", f".{split}.md.12.partial", f"{split}.beam.log"):
        (out / name).write_text("x")
    (out / ".lock").write_text("process 1 on nowhere")
    for name in (".draft-x", ".beam-x"):
        (out / name).mkdir()
        (out / name / "y").write_text("x")
    return whole


def test_killed_between_card_and_sheet(tmp_path, flat, capsys):
    """The next run makes what is missing and removes what was left, whether all splits are whole or not yet."""
    files, out = images.listing(flat), tmp_path / "out"
    card = write(out, files, split="val")
    whole = plant_leftovers(out, "val")
    with common.alone(out):
        assert write(out, files, split="val") == card
    assert "val: is already complete." in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in out.iterdir()} == whole
    contact_sheet.paths(out / "val")[0].write_text("of the split that was here before")
    write(out, files, split="val")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == whole


def test_leftovers_of_a_finished_command(tmp_path, flat):
    out = tmp_path / "out"
    args = [f"--source={flat}", f"--output_dir={out}", "--shards=2"]
    assert command(*args).returncode == 0
    whole = plant_leftovers(out, "train")
    done = command(*args)
    assert done.returncode == 0 and "Nothing to do" in done.stdout, done.stderr
    assert {path.name: path.read_bytes() for path in out.iterdir()} == whole


def test_leftovers_of_other_splits_stay(tmp_path):
    for name in ("a[b]-00000-of-00001.tfrecord.partial", "ab-00000-of-00001.tfrecord.partial", "ab.json.partial"):
        (tmp_path / name).write_text("x")
    leftovers.remove(leftovers.of_split(tmp_path, "a[b]"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ab-00000-of-00001.tfrecord.partial", "ab.json.partial"]


def test_command_with_a_val_folder(tmp_path, flat, nested):
    done = command(f"--source={flat}", f"--val_source={nested}", f"--output_dir={tmp_path}/out", "--resize=8x9")
    assert done.returncode == 0 and "held out" not in done.stderr
    train, _ = read(tmp_path / "out" / "train")
    val, _ = read(tmp_path / "out" / "val")
    assert train.count == val.count == 12 and train.image_shape == val.image_shape == (8, 9)
    (nested / "n00000009").mkdir()
    (nested / "n00000009" / "x.jpg").write_bytes(jpeg(1))
    failed = command(f"--source={flat}", f"--val_source={nested}", f"--output_dir={tmp_path}/other")
    assert failed.returncode == 1 and "training does not have, got n00000009" in failed.stderr
    assert "Traceback" not in failed.stderr and not (tmp_path / "other").exists()


def test_both_layouts_list_alike(flat, nested):
    def bare(files):
        return sorted((file.path.name, file.class_name) for file in files)

    assert bare(images.listing(flat)) == bare(images.listing(nested)) and len(images.listing(flat)) == 12


def test_shuffling_and_dividing_hang_on_the_seed(flat):
    files = images.listing(flat)
    assert images.shuffled(files, 3) == images.shuffled(files, 3) != images.shuffled(files, 4)
    train, val = imagenet.divide(files, 0.2, 3)
    assert len(val) == 2 and sorted(train + val) == sorted(files)
    for fraction, some in ((0, files), (1, files), (0.5, files[:1])):
        with pytest.raises(DataError, match="leaves a split empty"):
            imagenet.divide(some, fraction, 3)


def test_resized_raw_is_what_opencv_makes(tmp_path, flat):
    files = images.listing(flat)
    card = write(tmp_path / "out", files, resize=(7, 11), encoding="raw")
    _, found = read(tmp_path / "out" / "train")
    assert card.image_shape == card.min_size == (7, 11)
    for file, feature in zip(files, found):
        want = cv2.resize(cv2.imread(str(file.path)), (11, 7))
        np.testing.assert_array_equal(
            np.frombuffer(feature["image"].bytes_list.value[0], np.uint8).reshape(7, 11, 3), want[..., ::-1]
        )


def test_resized_png_keeps_every_pixel(tmp_path, flat):
    files = images.listing(flat)[:2]
    write(tmp_path / "out", files, resize=(7, 11), encoding="png", shards=1)
    _, found = read(tmp_path / "out" / "train")
    for file, feature in zip(files, found):
        data = np.frombuffer(feature["image"].bytes_list.value[0], np.uint8)
        np.testing.assert_array_equal(cv2.imdecode(data, -1), cv2.resize(cv2.imread(str(file.path)), (11, 7)))


def test_not_jpeg_inside_is_written_anew_and_listed(tmp_path, flat, capsys):
    path = flat / "n00000001_picture0.JPEG"
    pixels = cv2.imread(str(path))
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    files = images.listing(flat)
    card = write(tmp_path / "out", files)
    assert len(card.made["rewritten"]) == 1 and "n00000001_picture0.JPEG: not a JPEG" in card.made["rewritten"][0]
    assert "re-encoded" in capsys.readouterr().out
    _, found = read(tmp_path / "out" / "train")
    data = next(f for f in found if text(f, "file_name") == path.name)["image"].bytes_list.value[0]
    assert data[:2] == b"\xff\xd8"
    got = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(got.astype(int) - pixels).mean() < 2


def test_cmyk_is_written_anew(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="needs Pillow to make a CMYK image")
    path = tmp_path / "n00000001_cmyk.JPEG"
    image.new("CMYK", (30, 20), (10, 200, 30, 40)).save(path, "JPEG")
    picture = images.read(path)
    assert picture.note == "CMYK" and picture.shape == (20, 30, 3)
    assert tf.io.extract_jpeg_shape(picture.data).numpy().tolist() == [20, 30, 3]


def test_gray_jpeg_stays_as_it_is(tmp_path):
    data = cv2.imencode(".jpg", pictures(1, 9, 8, 1)[0])[1].tobytes()
    (tmp_path / "n00000001_gray.JPEG").write_bytes(data)
    picture = images.read(tmp_path / "n00000001_gray.JPEG")
    assert picture.data == data and picture.shape == (9, 8, 3) and picture.note is None


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda data: b"", "is empty"),
        (lambda data: data[: len(data) // 2], "a damaged image"),
        (lambda data: data[:2] + b"rubbish", "a damaged image"),
        (lambda data: b"<html>not found</html>", "an image that does not decode"),
    ],
)
def test_damaged_image(tmp_path, flat, spoil, said, capsys):
    path = flat / "n00000002_picture5.JPEG"
    path.write_bytes(spoil(path.read_bytes()))
    files = images.listing(flat)
    with pytest.raises(DataError) as caught:
        write(tmp_path / "out", files)
    assert str(caught.value).startswith(f"{path}: {said}")
    assert list((tmp_path / "out").iterdir()) == []
    card = write(tmp_path / "out", files, skip_corrupt=True)
    assert card.count == 11 and card.made["skipped"] == [str(path)]
    assert f"SKIPPED as damaged: {path}" in capsys.readouterr().out


def test_orientation_marks_are_ignored(tmp_path):
    """A JPEG that asks to be turned is read unturned, as by the OpenCV of Caffe's day and by TensorFlow."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    data = jpeg(3)
    data = data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]
    (tmp_path / "x.JPEG").write_bytes(data)
    turned = cv2.imread(str(tmp_path / "x.JPEG"))
    assert turned.shape == (30, 20, 3)  # the mark is understood by whoever heeds it
    assert images.read(tmp_path / "x.JPEG", resize=(20, 30), encoding="raw").shape == (20, 30, 3)
    assert images.read(tmp_path / "x.JPEG").shape == (20, 30, 3)
    want = cv2.imdecode(np.frombuffer(jpeg(3), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(images.read(tmp_path / "x.JPEG", (20, 30), "raw").data, want)


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda folder: None, "no images"),
        (lambda folder: (folder / "cat.jpg").write_bytes(b"x"), "unknown class, got cat.jpg"),
        (
            lambda folder: [
                (folder / "a").mkdir(),
                (folder / "a" / "1.jpg").write_bytes(b"x"),
                (folder / "n00000001_1.jpg").write_bytes(b"x"),
            ],
            "both in directories and next to them",
        ),
        (lambda folder: folder.rmdir(), "cannot list the images, got No such file"),
    ],
)
def test_folders_of_unknown_layout(tmp_path, make, said):
    folder = tmp_path / "pictures"
    folder.mkdir()
    make(folder)
    with pytest.raises(DataError, match=said):
        images.listing(folder)


def plant(path, kind):
    """Makes at `path` what has an image's name and is no file."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to({"device": "/dev/zero", "nothing": "gone", "itself": path.name}[kind])


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device", "nothing", "itself"])
def test_a_image_that_is_no_file(tmp_path, flat, nested, kind, monkeypatch):
    """None is waited for, read without end, or left out without a word."""
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    for folder in (flat, nested / "n00000001"):
        path = folder / "n00000001_x.JPEG"
        plant(path.relative_to(tmp_path), kind)
        with pytest.raises(DataError, match="n00000001_x.JPEG: not an image file, got"):
            images.listing(flat if folder is flat else nested)
        if kind != "nothing":
            with pytest.raises(DataError, match=r"n00000001_x.JPEG: (is a |cannot be read)"):
                images.File(path, "c").bytes()


def test_names_that_are_none_of_images_are_said(tmp_path, nested, capsys):
    (nested / "n00000001" / "more").mkdir()
    (nested / "readme.txt").write_text("x")
    (nested / "n00000001" / ".hidden.JPEG").write_text("x")
    files, _ = collect(nested)
    assert len(files) == 12
    (nested / "empty").mkdir()
    assert "images by name: 2, such as readme.txt, more" in capsys.readouterr().err
    collect(nested)
    assert "such as readme.txt, more, empty/ (without images)" in capsys.readouterr().err


def test_a_file_name_that_is_not_utf8(tmp_path, flat):
    name = os.fsdecode(b"n00000001_\xe9.JPEG")
    (flat / "n00000001_picture0.JPEG").rename(flat / name)
    (flat / name).write_bytes(cv2.imencode(".png", pictures(1, 9, 8, 3)[0])[1].tobytes())  # so that it is listed
    done = command(f"--source={flat}", f"--output_dir={tmp_path}/out", "--validation_fraction=0.1", "--seed=1")
    assert done.returncode == 0, done.stderr
    assert r"re-encoded: " in done.stdout and r"n00000001_\xe9.JPEG: not a JPEG" in done.stdout
    _, found = read(tmp_path / "out" / "train")
    assert b"n00000001_\xe9.JPEG" in [feature["file_name"].bytes_list.value[0] for feature in found]


def test_a_file_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_MAX_IMAGE_BYTES", "99")
    path = tmp_path / "x.JPEG"
    path.write_bytes(bytes(100))
    said = "an image file that is too large, got 100 bytes, want at most 99 .--max_image_bytes=N raises it"
    for file in (images.File(path, "c"), images.File(path, "c", "a.JPEG", 0, 100)):
        with pytest.raises(DataError, match=said):
            file.bytes()


def declaring(kind, height, width):
    """Returns a small image file whose header says that it is `height` x `width`."""
    data = bytearray(cv2.imencode(f".{kind}", pictures(1, 16, 16, 3)[0])[1].tobytes())
    at = data.index(b"\xff\xc0") + 5 if kind == "jpg" else 16
    size = struct.pack(">HH", height, width) if kind == "jpg" else struct.pack(">II", width, height)
    data[at : at + len(size)] = size
    return bytes(data)


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_a_image_that_declares_too_much(tmp_path, kind):
    path = tmp_path / "x.JPEG"
    path.write_bytes(declaring(kind, 30000, 29000))
    was = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=r"x.JPEG: an image of 30000 x 29000 .*--max_image_pixels=N raises it"):
        images.read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - was < 500_000  # kB; the pixels are 2.6 GB


@pytest.mark.parametrize(
    "source, said",
    [
        (
            "gone",
            "gone: nothing that holds images, got no such file or directory, want an archive, a directory or a list",
        ),
        ("pipe", "pipe: nothing that holds images, got a device or pipe"),
        ("a.tar.gz", "a.tar.gz: a compressed archive, want a .tar, which is read in place .uncompress it first"),
        ("tars", "x.tar: an archive that is not a file"),
    ],
)
def test_sources_that_are_none(tmp_path, source, said):
    (tmp_path / "a.tar.gz").write_bytes(b"")
    (tmp_path / "tars").mkdir()
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "tars" / "x.tar")
    with pytest.raises(DataError, match=said):
        collect(tmp_path / source)


@pytest.mark.parametrize("size", ["0", "256x", "axb", "1x2x3", "-4", ""])
def test_sizes_that_are_none(size):
    with pytest.raises(DataError, match="--resize is not a size"):
        imagenet.parse_size(size)


def test_sizes():
    assert (imagenet.parse_size("256"), imagenet.parse_size("48x64")) == ((256, 256), (48, 64))
    assert imagenet.parse_size(None) is None


def test_png_needs_resize():
    with pytest.raises(DataError, match="want --resize"):
        imagenet.Options(2, encoding="png")


def test_many_more_images_than_workers_stay_in_order(tmp_path):
    files = []
    for i in range(150):
        path = tmp_path / f"n00000001_{i:03d}.jpg"
        path.write_bytes(jpeg(i, 4, 4))
        files.append(images.File(path, "n00000001"))
    assert [file for file, _ in images.prepared(files, None, "jpeg", 95)] == files
