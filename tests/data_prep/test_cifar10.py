"""CIFAR-10 from either version, unpacked or not; and what is said of what is not CIFAR-10."""

import io
import json
import pathlib
import pickle
import shutil
import subprocess
import sys
import tarfile

import cv2
import numpy as np
import pytest

from data_prep import cifar10, image_readers, mean_image
from tests.input.small_data import data_layer, take
from zoo.errors import DataError
from zoo.formats import records
from zoo.formats.class_names import CIFAR10
from zoo.input.pipeline import DataLayer

ROOT = pathlib.Path(__file__).resolve().parents[2]
COUNT = 4  # images a batch


def batch(number):
    """Returns (rows (N, 3072), labels) of batch `number`; 5 is that of the test."""
    rng = np.random.default_rng(number)
    return rng.integers(0, 256, (COUNT, 3072), np.uint8), rng.integers(0, 10, COUNT)


def contents(version):
    """Returns {name: bytes} of a whole data set."""
    files = {}
    for number, name in enumerate([*cifar10.SPLITS["train"], *cifar10.SPLITS["test"]]):
        rows, labels = batch(number)
        if version == "binary":
            files[f"{name}.bin"] = np.column_stack([labels.astype(np.uint8), rows]).tobytes()
        else:
            files[name] = old_pickle({b"data": rows, b"labels": labels.tolist(), b"batch_label": b"x"})
    return files


def old_pickle(value):
    """Returns a pickle as the data set has them: of protocol 2, with the module names of an older NumPy."""
    return pickle.dumps(value, protocol=2).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def unpacked(folder, version):
    folder.mkdir(parents=True)
    for name, data in contents(version).items():
        (folder / name).write_bytes(data)


def packed(path, version):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, data in contents(version).items():
            member = tarfile.TarInfo(f"cifar-10-batches/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


@pytest.fixture(params=["binary", "python"])
def version(request):
    return request.param


@pytest.fixture(params=["folder", "folder in folder", "archive in folder", "archive"])
def source(request, tmp_path, version):
    short = {"binary": "bin", "python": "py"}[version]
    archive = tmp_path / "in" / f"cifar-10-{version}.tar.gz"
    if request.param == "folder":
        unpacked(tmp_path / "in", version)
    elif request.param == "folder in folder":
        unpacked(tmp_path / "in" / f"cifar-10-batches-{short}", version)
    else:
        packed(archive, version)
    return archive if request.param == "archive" else tmp_path / "in"


def test_all_ways_to_have_it(tmp_path, source):
    cards = cifar10.prepare(tmp_path / "out", source, shards=2)
    assert {split: card.count for split, card in cards.items()} == {"train": 5 * COUNT, "test": COUNT}
    for split, batches in (("train", range(5)), ("test", [5])):
        rows, labels = (np.concatenate(values) for values in zip(*map(batch, batches)))
        layer = data_layer(tmp_path / "out" / split, batch_size=len(rows))
        data, label = take(DataLayer(layer, "TEST").dataset(), 1)[0]
        # What Caffe's convert_cifar_data puts into a Datum: the planes as they lie in the file.
        np.testing.assert_array_equal(data.transpose(0, 3, 1, 2), rows.reshape(-1, 3, 32, 32))
        np.testing.assert_array_equal(label, labels)
        card = records.read_card(tmp_path / "out" / split)
        assert (card.channel_order, card.image_shape, card.encoding) == ("RGB", (32, 32), "raw")
        assert card.made["title"] == "images in the form of CIFAR-10, NOT CIFAR-10"
        assert card.classes[3] == "cat" and card.made["per_class"] == np.bincount(labels, minlength=10).tolist()


def test_again_does_nothing(tmp_path, capsys):
    unpacked(tmp_path / "in", "binary")
    first = cifar10.prepare(tmp_path / "out", tmp_path / "in", shards=2)
    assert cifar10.prepare(tmp_path / "out", tmp_path / "in") == first
    assert "Nothing to do" in capsys.readouterr().out
    with pytest.raises(DataError, match="--force"):
        cifar10.prepare(tmp_path / "out", tmp_path / "in", shards=3)
    assert len(cifar10.prepare(tmp_path / "out", tmp_path / "in", shards=3, force=True)["train"].shards) == 3


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('a pickle ran code')",)


@pytest.mark.parametrize(
    "file, data, said",
    [
        ("data_batch_3.bin", None, "a batch of CIFAR-10 is missing, want data_batch_3.bin or data_batch_3"),
        ("data_batch_3.bin", b"", "data_batch_3.bin: is empty"),
        ("test_batch.bin", bytes(4000), "test_batch.bin: not a batch of CIFAR-10, got 4000 bytes"),
        ("test_batch.bin", b"\x0b" * 3073, "labels from 11 to 11, want labels from 0 to 9"),
        ("test_batch", b"rubbish", "test_batch: not a batch of CIFAR-10, got UnpicklingError"),
        ("test_batch", old_pickle({b"labels": [1]}), "test_batch: not a batch of CIFAR-10, got KeyError"),
        ("test_batch", old_pickle({b"data": np.zeros((2, 9), np.uint8), b"labels": [1, 2]}), r"got data \(2, 9\)"),
        (
            "test_batch",
            old_pickle({b"data": np.zeros((2, 3072), np.uint8), b"labels": [0.5, 1]}),
            "UnpicklingError: labels of float",
        ),
        ("test_batch", pickle.dumps(Evil(), protocol=2), "a pickle that asks for .*builtin.*exec"),
    ],
)
def test_damaged_batches(tmp_path, file, data, said):
    unpacked(tmp_path / "in", "binary" if file.endswith(".bin") else "python")
    if data is None:
        (tmp_path / "in" / file).unlink()
    else:
        (tmp_path / "in" / file).write_bytes(data)
    with pytest.raises(DataError, match=said):
        cifar10.prepare(tmp_path / "out", tmp_path / "in")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda path: None, "in: no CIFAR-10, got no such directory, want data_batch_1.bin, data_batch_1, one of"),
        (lambda path: path.mkdir(), "in: no CIFAR-10, got none of these"),
        (lambda path: path.write_bytes(b"no archive"), "in: not an archive of CIFAR-10"),
    ],
)
def test_no_cifar(tmp_path, make, said):
    make(tmp_path / "in")
    with pytest.raises(DataError, match=said):
        cifar10.load(tmp_path / "in")


def test_an_archive_that_is_cut_short(tmp_path):
    packed(tmp_path / "in" / "cifar-10-binary.tar.gz", "binary")
    path = tmp_path / "in" / "cifar-10-binary.tar.gz"
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(DataError, match="cifar-10-binary.tar.gz: not an archive of CIFAR-10"):
        cifar10.load(tmp_path / "in")


def test_an_archive_of_something_else(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("x"))
    with pytest.raises(DataError, match="a batch of CIFAR-10 is missing"):
        cifar10.load(tmp_path / "a.tar")


def test_command(tmp_path):
    unpacked(tmp_path / "in", "binary")
    line = [sys.executable, "-m", "data_prep.cifar10", f"--source={tmp_path}/in", f"--output_dir={tmp_path}/out"]
    done = subprocess.run([*line, "--shards=2"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "train: 20 records, 10 classes, raw, 32 x 32 (H x W), 3 channels, RGB" in done.stdout
    (tmp_path / "in" / "test_batch.bin").write_bytes(b"x")
    failed = subprocess.run([*line, "--force"], cwd=ROOT, capture_output=True, text=True)
    assert failed.returncode == 1 and "Traceback" not in failed.stderr
    assert "test_batch.bin: not a batch of CIFAR-10" in failed.stderr


def colours(split, name, number):
    """Returns RGB (32, 32, 3) of one image, the same everywhere but for its upper half, so that JPEG keeps it."""
    image = np.zeros((32, 32, 3), np.uint8)
    image[:] = (CIFAR10.index(name) * 20, number * 40, 255 * (split == "test"))
    image[:16, :, 0] = 255
    return image


def class_folders(root, count=3, skip=()):
    """Writes `count` images of each class but those in `skip` as PNG files under root/train and root/test."""
    for split in ("train", "test"):
        for name in CIFAR10:
            for number in range(0 if name in skip else count):
                path = root / split / name / f"{number:04d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), colours(split, name, number)[..., ::-1])


def archived(root):
    """Puts train and test into tar archives, as `tar -C train -cf train.tar .` does."""
    for split in ("train", "test"):
        with tarfile.open(root / f"{split}.tar", "w") as tar:
            tar.add(root / split, ".")
        shutil.rmtree(root / split)


@pytest.mark.parametrize("in_archives", [False, True])
def test_class_folders(tmp_path, in_archives):
    class_folders(tmp_path / "in")
    if in_archives:
        archived(tmp_path / "in")
    found = cifar10.load(tmp_path / "in", seed=1)
    for split, (images, labels) in found.items():
        assert np.bincount(labels).tolist() == [3] * 10
        assert labels.tolist() != sorted(labels)  # shuffled: class by class nothing learns
        numbers = images[:, 31, 0, 1] // 40
        for image, label, number in zip(images, labels, numbers):
            np.testing.assert_array_equal(image, colours(split, CIFAR10[label], number))
    assert cifar10.load(tmp_path / "in", seed=1)["train"].labels.tolist() == found["train"].labels.tolist()
    assert cifar10._title(found, True) == "images in the form of CIFAR-10, NOT CIFAR-10, from image files"
    assert cifar10.load(tmp_path / "in", seed=2)["train"].labels.tolist() != found["train"].labels.tolist()


def test_class_folders_are_noted_and_told_apart(tmp_path, capsys):
    class_folders(tmp_path / "in")
    card = cifar10.prepare(tmp_path / "out", tmp_path / "in", shards=2)["train"]
    assert card.made["order"] == "shuffled by the seed" and card.made["seed"] == 0
    assert {pathlib.Path(name).name: noted["files"] for name, noted in card.made["sources"].items()} == {
        "train": 30,
        "test": 30,
    }
    cifar10.prepare(tmp_path / "out", tmp_path / "in")
    assert "Nothing to do" in capsys.readouterr().out
    with pytest.raises(DataError, match="this split was made with --seed=0, want 7"):
        cifar10.prepare(tmp_path / "out", tmp_path / "in", seed=7)


def test_batches_go_before_class_folders(tmp_path):
    class_folders(tmp_path / "in")
    unpacked(tmp_path / "in" / "cifar-10-batches-bin", "binary")
    assert len(cifar10.load(tmp_path / "in")["test"].labels) == COUNT


def test_class_folders_that_are_not_cifar(tmp_path):
    class_folders(tmp_path / "less", skip=["frog", "ship"])
    with pytest.raises(DataError, match="train: no images of a class, got none of frog, ship"):
        cifar10.load(tmp_path / "less")
    class_folders(tmp_path / "more")
    (tmp_path / "more" / "test" / "frog").rename(tmp_path / "more" / "test" / "toad")
    with pytest.raises(DataError, match="classes that training does not have, got toad"):
        cifar10.load(tmp_path / "more")
    class_folders(tmp_path / "size")
    cv2.imwrite(str(tmp_path / "size" / "train" / "cat" / "0001.png"), np.zeros((32, 31, 3), np.uint8))
    with pytest.raises(DataError, match=r"cat/0001.png: not an image of CIFAR-10, got 32 x 31 \(H x W\), want 32 x 32"):
        cifar10.load(tmp_path / "size")
    class_folders(tmp_path / "cut")
    (tmp_path / "cut" / "train" / "cat" / "0001.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match="cat/0001.png: an image that does not decode"):
        cifar10.load(tmp_path / "cut")


def test_padding(tmp_path):
    unpacked(tmp_path / "in", "binary")
    cards = cifar10.prepare(tmp_path / "out", tmp_path / "in", shards=2, pad=3)
    assert (cards["train"].image_shape, cards["train"].made["pad"]) == ((38, 38), 3)
    (data, _), *_ = take(DataLayer(data_layer(tmp_path / "out" / "train", batch_size=20), "TEST").dataset(), 1)
    whole = cifar10.load(tmp_path / "in")["train"].images
    np.testing.assert_array_equal(data[:, 3:-3, 3:-3], whole)
    assert data.sum() == data[:, 3:-3, 3:-3].sum()  # zeros in the border
    with pytest.raises(DataError, match="this split was made with --pad=3, want 0"):
        cifar10.prepare(tmp_path / "out", tmp_path / "in")


def test_cards_from_before_padding_stand(tmp_path, capsys):
    unpacked(tmp_path / "in", "binary")
    cifar10.prepare(tmp_path / "out", tmp_path / "in", shards=2)
    for path in (tmp_path / "out").glob("t*.json"):
        card = json.loads(path.read_text())
        if "made" in card:
            del card["made"]["pad"]
            path.write_text(json.dumps(card))
    cifar10.prepare(tmp_path / "out", tmp_path / "in")
    assert "Nothing to do" in capsys.readouterr().out


def test_padding_by_the_mean_of_each_pixel(tmp_path):
    """What the papers do, subtract the mean of each pixel and pad with zeros, is what a padded mean image gives."""
    unpacked(tmp_path / "in", "binary")
    cifar10.prepare(tmp_path / "out", tmp_path / "in", shards=2, pad=4)
    mean, _ = mean_image.mean_image(image_readers.open_source(str(tmp_path / "out" / "train")))
    assert mean.shape == (40, 40, 3)
    whole = cifar10.load(tmp_path / "in")["train"].images.astype(np.float64)
    np.testing.assert_allclose(mean[4:-4, 4:-4], whole.mean(0), rtol=1e-6)
    mean[4:-4, 4:-4] = 0
    assert not mean.any()
