"""Sources that have changed since a split was made of them: said, or with --verify_sources refused."""

import json
import os
import pathlib
import subprocess
import sys

import cv2
import pytest

from data_prep import cifar10, contact_sheet, image_files, image_readers, mnist, siamese_mnist, sources
from tests.data_prep.test_cifar10 import unpacked
from tests.data_prep.test_mnist import idx, nowhere  # noqa: F401  (fixtures)
from tests.input.small_data import pictures, write_raw
from zoo.errors import DataError
from zoo.formats import records
from zoo.formats.atomic import sha256

ROOT = pathlib.Path(__file__).resolve().parents[2]


def changed(path, keep_time=True):
    """Turns a bit of the file at `path`, whose size and, if so, time stay."""
    status, data = path.stat(), path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    if keep_time:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def prepare(tmp_path, idx):  # noqa: F811
    def prepare(**options):
        return mnist.prepare(tmp_path / "out", idx_dir=idx, shards=2, **options)

    prepare()
    return prepare


IMAGES, LABELS = (f"t10k-{name}-ubyte" for name in ("images-idx3", "labels-idx1"))


def test_what_the_cards_say(prepare, idx):  # noqa: F811
    cards = prepare()
    assert {split: [*card.made[sources.KEY]] for split, card in cards.items()} == {
        "train": [str(idx / f"{name}.gz") for name in mnist.FILES["train"]],
        "test": [str(idx / name) for name in mnist.FILES["test"]],
    }
    path = idx / IMAGES
    entry = cards["test"].made[sources.KEY][str(path)]
    assert (entry["files"], entry["bytes"], entry["of"]) == (1, path.stat().st_size, "contents")
    assert entry["sha256"] == sha256(path)
    assert "sha256" not in contact_sheet.describe(cards["test"], "test.png").split("## Shards")[0]


def test_a_change_that_keeps_size_and_time(prepare, idx, capsys):  # noqa: F811
    assert prepare(verify_sources=True)
    assert f"{idx / LABELS}: what it was, by its contents (1 file, 19 bytes" in capsys.readouterr().out
    changed(idx / IMAGES)
    with pytest.raises(DataError) as caught:
        prepare(verify_sources=True)
    said = str(caught.value)
    assert said.startswith(f"{idx / IMAGES}: a source that is not what it was when this was made of it, got SHA-256 ")
    assert f"{sha256(idx / IMAGES)[:16]}..." in said and said.endswith("(--force prepares it again)")
    prepare()
    prepare(force=True)
    capsys.readouterr()
    prepare(verify_sources=True)
    assert not capsys.readouterr().err


def test_a_change_of_time(prepare, idx, capsys):  # noqa: F811
    assert not capsys.readouterr().err
    os.utime(idx / IMAGES, (1e9, 1e9 + 1))
    prepare()
    said = capsys.readouterr()
    assert said.err.startswith(f"NOTE: {idx / IMAGES} is not what it was when ") and said.err.count("NOTE") == 1
    assert "2001-09-09T01:46:41" in said.err and "--force" in said.err and "Nothing to do" in said.out
    prepare(verify_sources=True)  # the contents are the same
    assert not capsys.readouterr().err


def test_a_source_that_is_gone(prepare, idx, capsys):  # noqa: F811
    for path in idx.iterdir():
        path.unlink()
    prepare()
    assert not capsys.readouterr().err
    with pytest.raises(DataError, match="a source that is not there, want 1 file, "):
        prepare(verify_sources=True)


@pytest.mark.parametrize("old", [None, [], {"a": 1}, {"a": {"files": 1}}])
def test_a_card_that_says_nothing_of_sources(prepare, tmp_path, old, capsys):
    for split in mnist.FILES:
        path = tmp_path / "out" / f"{split}.json"
        card = json.loads(path.read_text())
        del card["made"][sources.KEY]
        if old is not None:
            card["made"][sources.KEY] = old
        path.write_text(json.dumps(card))
    assert prepare()
    assert not capsys.readouterr().err
    with pytest.raises(DataError, match="no source of this was noted, so none can be checked .--force"):
        prepare(verify_sources=True)


def test_cifar10(tmp_path, capsys):
    source, out = tmp_path / "in", tmp_path / "out"
    unpacked(source, "binary")
    cards = cifar10.prepare(out, source, shards=2)
    assert cards["train"].made[sources.KEY][str(source)]["files"] == 6
    cifar10.prepare(out, source, verify_sources=True)
    changed(source / "data_batch_3.bin", keep_time=False)
    cifar10.prepare(out, source)
    assert f"NOTE: {source} is not what it was when {out} was made of it" in capsys.readouterr().err
    with pytest.raises(DataError, match=f"{source}: a source that is not what it was"):
        cifar10.prepare(out, source, verify_sources=True)


def folder_of(tmp_path, count=3):
    for number, image in enumerate(pictures(count, 9, 8, 3)):
        path = tmp_path / "in" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
    return tmp_path / "in"


def test_a_large_archive(tmp_path, monkeypatch):
    path = tmp_path / "a.tar"
    path.write_bytes(b"12345")
    for limit, of in ((5, "contents"), (4, "names, sizes and times")):
        monkeypatch.setattr(sources, "AT_ONCE", limit)
        assert sources.noted(image_files.paths(path))[str(path)]["of"] == of


def test_a_folder_of_images(tmp_path):
    """Unasked it goes by names, sizes and times: no image is read for a digest before it is read for its shard."""
    folder = folder_of(tmp_path)
    small = sources.noted(image_files.paths(folder), contents=True)[str(folder)]
    listed = sources.noted(image_files.paths(folder))[str(folder)]
    assert (small["of"], listed["of"]) == ("contents", "names, sizes and times")
    changed(folder / "a" / "0.png")
    assert sources.noted(image_files.paths(folder))[str(folder)] == listed
    assert sources.noted(image_files.paths(folder), contents=True)[str(folder)]["sha256"] != small["sha256"]
    (folder / "a" / "0.png").rename(folder / "a" / "9.png")
    renamed = sources.noted(image_files.paths(folder))[str(folder)]
    assert renamed["sha256"] != listed["sha256"] and renamed["files"] == 3


def test_a_list_and_its_images(tmp_path):
    folder = folder_of(tmp_path)
    path = tmp_path / "list.txt"
    path.write_text("a/0.png 0\nb/1.png 1\na/gone.png 0\n")
    for module in (image_files, image_readers):
        found = sources.noted(module.paths(str(path), f"{folder}/"))
        assert {name: entry["files"] for name, entry in found.items()} == {str(path): 1, f"images of {path}": 2}


def test_shards_and_databases(tmp_path, shared):
    prefix = write_raw(tmp_path, pictures(3, 4, 5, 1))
    assert image_readers.paths(str(prefix)) == {str(prefix): [records.card_path(prefix)]}
    for name, count in (("raw_lmdb", 1), ("raw_leveldb", 1)):
        (files,) = image_readers.paths(str(shared / "golden" / "data" / name)).values()
        assert len(files) >= count and all(path.name not in ("LOCK", "lock.mdb") for path in files)


def test_siamese_mnist(tmp_path, idx, capsys):  # noqa: F811
    def prepare(**options):
        return siamese_mnist.prepare(tmp_path / "out", idx_dir=idx, **options)

    assert prepare(seed=3) == {"train": 23, "test": 11}
    assert prepare(seed=3, verify_sources=True) == {}
    assert f"{idx / LABELS}: what it was, by its contents" in capsys.readouterr().out
    with pytest.raises(DataError, match="made.json: this was made with --seed=3, want 4 .add --force"):
        prepare(seed=4)
    changed(idx / IMAGES)
    assert prepare(seed=3) == {} and not capsys.readouterr().err
    with pytest.raises(DataError, match=f"{idx / IMAGES}: a source that is not what it was"):
        prepare(seed=3, verify_sources=True)
    os.utime(idx / IMAGES, (1e9, 1e9))
    prepare(seed=3)
    assert capsys.readouterr().err.startswith(f"NOTE: {idx / IMAGES} is not what it was when ")
    assert prepare(seed=4, force=True) and prepare(seed=4, verify_sources=True) == {}


def test_a_database_that_says_nothing_of_sources(tmp_path, idx):  # noqa: F811
    siamese_mnist.prepare(tmp_path / "out", idx_dir=idx)
    for split in mnist.FILES:
        (tmp_path / "out" / split / sources.FILE).unlink()
    assert siamese_mnist.prepare(tmp_path / "out", idx_dir=idx, seed=8) == {}
    with pytest.raises(DataError, match="train: no source of this was noted, so none can be checked .--force"):
        siamese_mnist.prepare(tmp_path / "out", idx_dir=idx, verify_sources=True)
    for text in ("[1]", "{", "1" * 5000):
        (tmp_path / "out" / "train" / sources.FILE).write_text(text)
        with pytest.raises(DataError, match="train/made.json: (cannot be read|does not say how this was made)"):
            siamese_mnist.prepare(tmp_path / "out", idx_dir=idx)


def _imagenet(tmp_path, folder, idx):  # noqa: F811
    return [f"--source={folder}", f"--output_dir={tmp_path / 'out'}", "--validation_fraction=0.3"], folder


def _databases(backend):
    def given(tmp_path, folder, idx):  # noqa: F811
        path = tmp_path / "list.txt"
        path.write_text("a/0.png 0\nb/1.png 1\n")
        words = [f"--source={path}", f"--root_folder={folder}/", f"--output={tmp_path / 'out' / 'train'}"]
        return [*words, f"--backend={backend}"], f"images of {path}"

    return given


def _detection(tmp_path, folder, idx):  # noqa: F811
    path = tmp_path / "boxes.csv"
    path.write_text("image,label,xmin,ymin,xmax,ymax\na/0.png,dog,1,1,3,4\nb/1.png,cat,0,0,5,5\n")
    words = [f"--source={path}", f"--images={folder}", f"--output={tmp_path / 'out' / 'train_lmdb'}"]
    return words, f"images of {path}"


def _pasted_digits(tmp_path, folder, idx):  # noqa: F811
    words = [f"--mnist={idx}", f"--photographs={folder / 'a'}", f"--output={tmp_path / 'out'}", "--train=3", "--test=2"]
    return [*words, "--classes=10"], folder / "a"


GIVEN = {
    "imagenet": _imagenet,
    "databases": _databases("records"),
    "databases to an LMDB": _databases("lmdb"),
    "databases to files": _databases("list"),
    "detection": _detection,
    "pasted_digits": _pasted_digits,
}


@pytest.mark.parametrize("name", GIVEN)
def test_the_flag(tmp_path, name, idx):  # noqa: F811
    folder = folder_of(tmp_path, 10)
    words, source = GIVEN[name](tmp_path, folder, idx)
    command = [sys.executable, "-m", f"data_prep.{name.split()[0]}", *words, "--verify_sources"]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    if name not in ("imagenet", "databases"):  # which start TensorFlow each time
        again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert again.returncode == 0 and f"{source}: what it was, by its contents" in again.stdout, again.stderr
    changed(folder / "a" / "0.png")
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    said = f"error: {source}: a source that is not what it was when this was made of it, got SHA-256"
    assert process.returncode == 1 and process.stderr.splitlines()[-1].startswith(said), process.stderr
