"""MNIST from IDX files, from elsewhere, and again."""

import gzip
import re
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from data_prep import mnist, mnist_fallback
from zoo.errors import DataError
from zoo.formats import records

COUNTS = {"train": 23, "test": 11}


def digits(count, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 28, 28), np.uint8), rng.integers(0, 10, count).astype(np.uint8)


@pytest.fixture
def idx(tmp_path):
    """Small IDX files: those of training gzipped, those of testing not."""
    folder = tmp_path / "idx"
    folder.mkdir()
    for seed, (split, count) in enumerate(COUNTS.items()):
        images, labels = digits(count, seed)
        contents = (
            struct.pack(">4I", 2051, *images.shape) + images.tobytes(),
            struct.pack(">2I", 2049, count) + labels.tobytes(),
        )
        for name, data in zip(mnist.FILES[split], contents):
            if split == "train":
                (folder / f"{name}.gz").write_bytes(gzip.compress(data))
            else:
                (folder / name).write_bytes(data)
    return folder


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """No data but the test's own."""
    monkeypatch.setenv("ZOO_SHARED", str(tmp_path / "no_shared"))
    monkeypatch.chdir(tmp_path)


def read(prefix):
    card = records.read_card(prefix)
    found = [
        tf.train.Example.FromString(r).features.feature
        for r in tf.data.TFRecordDataset(records.shard_paths(prefix, card)).as_numpy_iterator()
    ]
    pixels = b"".join(f["image"].bytes_list.value[0] for f in found)
    return np.frombuffer(pixels, np.uint8).reshape(-1, 28, 28), [f["label"].int64_list.value[0] for f in found]


def test_file_order_is_kept(tmp_path, idx):
    cards = mnist.prepare(tmp_path / "out", idx_dir=idx, shards=4)
    for seed, (split, count) in enumerate(COUNTS.items()):
        images, labels = digits(count, seed)
        got_images, got_labels = read(tmp_path / "out" / split)
        np.testing.assert_array_equal(got_images, images)
        assert got_labels == labels.tolist()
        card = cards[split]
        assert (card.encoding, card.image_shape, card.channels, card.count) == ("raw", (28, 28), 1, count)
        assert len(card.shards) == 4 and card.made["source"] == "idx"
        assert card.made["mean"] == pytest.approx(images.mean(), abs=1e-4)
        assert card.made["per_class"] == np.bincount(labels, minlength=10).tolist()


def test_again_does_nothing(tmp_path, idx, capsys):
    first = mnist.prepare(tmp_path / "out", idx_dir=idx, shards=2)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    assert mnist.prepare(tmp_path / "out", idx_dir=tmp_path / "gone") == first
    assert "Nothing to do" in capsys.readouterr().out
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}


@pytest.mark.parametrize("damage", ["missing", "flipped", "card"])
def test_what_is_not_whole_is_made_again(tmp_path, idx, capsys, damage):
    cards = mnist.prepare(tmp_path / "out", idx_dir=idx, shards=2)
    shard = tmp_path / "out" / cards["test"].shards[1].name
    if damage == "missing":
        shard.unlink()
    elif damage == "flipped":
        data = shard.read_bytes()
        shard.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    else:
        (tmp_path / "out" / "test.json").unlink()
    again = mnist.prepare(tmp_path / "out", idx_dir=idx, shards=2)
    assert "is incomplete" in capsys.readouterr().out
    assert {split: card.shards for split, card in again.items()} == {
        split: card.shards for split, card in cards.items()
    }
    records.check_shards(tmp_path / "out" / "test", again["test"], contents=True)


def test_other_wishes_need_force(tmp_path, idx):
    mnist.prepare(tmp_path / "out", idx_dir=idx, shards=2)
    for wish in ({"shards": 3}, {"source": "digits"}):
        with pytest.raises(DataError, match="--force"):
            mnist.prepare(tmp_path / "out", idx_dir=idx, **wish)
    assert len(mnist.prepare(tmp_path / "out", idx_dir=idx, shards=3, force=True)["train"].shards) == 3


def test_more_shards_than_digits(tmp_path, idx):
    with pytest.raises(DataError, match="without records.*fewer shards"):
        mnist.prepare(tmp_path / "out", idx_dir=idx, shards=12)
    assert not (tmp_path / "out" / "test.json").exists()


def test_found_in_the_shared_folder(tmp_path, idx, monkeypatch):
    (tmp_path / "shared").mkdir()
    idx.rename(tmp_path / "shared" / "mnist")
    monkeypatch.setenv("ZOO_SHARED", str(tmp_path / "shared"))
    assert mnist.prepare(tmp_path / "out", shards=1)["train"].made["from"] == str(tmp_path / "shared" / "mnist")


@pytest.mark.parametrize("missing", ["t10k-labels-idx1-ubyte", "train-images-idx3-ubyte.gz"])
def test_a_named_folder_must_hold_all_four(tmp_path, idx, missing):
    (idx / missing).unlink()
    for source in ("auto", "idx"):
        with pytest.raises(DataError, match="no MNIST files, got tried .*idx, want train-images-idx3-ubyte"):
            mnist.prepare(tmp_path / "out", source=source, idx_dir=idx)


def test_images_and_labels_of_unlike_number(tmp_path, idx):
    (idx / "t10k-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, 3) + bytes(3))
    with pytest.raises(DataError, match="images without their labels, got 3 labels.*want 11"):
        mnist.prepare(tmp_path / "out", idx_dir=idx)
    assert not (tmp_path / "out").exists()


def test_images_of_another_size(tmp_path, idx):
    (idx / "t10k-images-idx3-ubyte").write_bytes(struct.pack(">4I", 2051, 11, 2, 3) + bytes(66))
    with pytest.raises(DataError, match="not MNIST digits"):
        mnist.prepare(tmp_path / "out", idx_dir=idx)


def test_gzip_that_unpacks_to_more(tmp_path, idx, monkeypatch):
    monkeypatch.setenv("ZOO_MAX_UNPACKED_BYTES", "1000000")
    data = struct.pack(">4I", 2051, 20000, 28, 28) + bytes(20000 * 28 * 28)
    (idx / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(data))
    with pytest.raises(DataError, match="ubyte.gz: an IDX file that unpacks to more, got 15680000 bytes, want at most"):
        mnist.prepare(tmp_path / "out", source="idx", idx_dir=idx)
    assert not list(tmp_path.glob("out/*"))


def test_damaged_gzip(tmp_path, idx):
    path = idx / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="cannot read an IDX file"):
        mnist.prepare(tmp_path / "out", idx_dir=idx)


def test_small_digits_are_said_loudly(tmp_path, monkeypatch, capsys):
    def unreachable(seconds):
        raise DataError("no MNIST", got="no network")

    monkeypatch.setattr(mnist_fallback, "from_tfds", unreachable)
    for _ in range(2):  # the second time they are there already, and it is said all the same
        cards = mnist.prepare(tmp_path / "out", shards=3)
        out, err = capsys.readouterr()
        assert "THIS IS NOT MNIST" in err and err.count("\n") > 5
    assert {split: card.count for split, card in cards.items()} == {"train": 1500, "test": 297}
    assert cards["train"].made["source"] == "digits"
    images, labels = read(tmp_path / "out" / "test")
    assert images.max() == 255 and images.min() == 0 and set(labels) == set(range(10))


def test_small_digits_are_scikit_learns_enlarged():
    from sklearn.datasets import load_digits

    raw = load_digits()
    splits = mnist_fallback.from_digits()
    images = np.concatenate([splits[s][0] for s in ("train", "test")])
    assert np.concatenate([splits[s][1] for s in ("train", "test")]).tolist() == raw.target.tolist()
    small = images.reshape(-1, 28, 28).astype(float)
    # The mean of an enlarged image stays near the mean of the small one: in units of 255 / 16.
    np.testing.assert_allclose(small.mean((1, 2)) * 16 / 255, raw.images.mean((1, 2)), atol=0.35)
    assert abs(np.corrcoef(small[:, 12:16, 12:16].mean((1, 2)), raw.images[:, 3:5, 3:5].mean((1, 2)))[0, 1]) > 0.95


def test_only_the_asked_source_is_tried(tmp_path, monkeypatch):
    def unreachable(seconds):
        raise DataError("no MNIST", got="no network")

    monkeypatch.setattr(mnist_fallback, "from_tfds", unreachable)
    with pytest.raises(DataError, match="no network"):
        mnist.prepare(tmp_path / "out", source="tfds")
    with pytest.raises(DataError, match="no MNIST files"):
        mnist.prepare(tmp_path / "out", source="idx")


def test_tfds_that_hangs_is_ended(monkeypatch):
    hang = "import time; time.sleep(60)"
    started = time.monotonic()
    with pytest.raises(DataError, match="no answer from TensorFlow Datasets in 1 s"):
        mnist_fallback.from_tfds(1, probe="pass", load=hang)
    monkeypatch.setattr(mnist_fallback, "PROBE_SECONDS", 1)
    with pytest.raises(DataError, match="no answer from the network in 1 s"):
        mnist_fallback.from_tfds(1, probe=hang)
    assert time.monotonic() - started < 20


def test_tfds_that_fails_says_why():
    with pytest.raises(DataError, match="TensorFlow Datasets: ValueError: no such thing"):
        mnist_fallback.from_tfds(20, probe="pass", load="raise ValueError('no such thing')")


def test_arrays_of_tfds_arrive(tmp_path):
    load = (
        "import sys, numpy as np; a = np.arange(2 * 784, dtype=np.int64).astype(np.uint8).reshape(2, 28, 28, 1); "
        "np.savez(sys.argv[1], train_images=a, train_labels=[3, 4], test_images=a[1:], test_labels=[4])"
    )
    splits = mnist_fallback.from_tfds(30, probe="pass", load=load)
    assert splits["train"][0].shape == (2, 28, 28, 1) and splits["test"][1].tolist() == [4]


@pytest.mark.slow
def test_tfds_itself(tmp_path):
    """In a process of its own, where its warnings are its own: TFDS's mock of MNIST, saved as ours is."""
    code = (
        "import sys, tensorflow_datasets as tfds\n"
        "from data_prep import mnist_fallback\n"
        "with tfds.testing.mock_data(num_examples=5):\n"
        "    mnist_fallback.save_tfds(sys.argv[1])\n"
    )
    path = tmp_path / "a.npz"
    subprocess.run([sys.executable, "-c", code, path], check=True, cwd=mnist.ROOT, capture_output=True)
    with np.load(path) as arrays:
        assert arrays["train_images"].shape == (5, 28, 28, 1) and arrays["train_images"].dtype == np.uint8
        assert arrays["test_labels"].shape == (5,)


def command(*args):
    line = [sys.executable, "-m", "data_prep.mnist", *map(str, args)]
    return subprocess.run(line, cwd=mnist.ROOT, capture_output=True, text=True)


def test_command(tmp_path, idx):
    done = command(f"--output_dir={tmp_path}/out", f"--idx_dir={idx}", "--shards=2")
    assert done.returncode == 0, done.stderr
    assert "train: 23 records, 10 classes, raw, 28 x 28 (H x W), 1 channel, gray" in done.stdout
    assert re.search(r"mean: 12\d\.\d+", done.stdout) and f'source: "{tmp_path}/out/test"' in done.stdout
    (idx / "t10k-images-idx3-ubyte").write_bytes(b"short")
    failed = command(f"--output_dir={tmp_path}/other", f"--idx_dir={idx}")
    assert failed.returncode == 1 and "Traceback" not in failed.stderr
    assert failed.stderr.splitlines()[-1].startswith(f"error: {idx}/t10k-images-idx3-ubyte: not an IDX file")


@pytest.mark.parametrize("killed", ["within the first split", "after the last"])
def test_what_a_killed_command_left_of_the_description_goes(tmp_path, idx, killed):
    out = tmp_path / "out"
    mnist.prepare(out, idx_dir=idx, shards=2)
    whole = {path.name for path in out.iterdir()}
    for name in ("dataset_info.json", "features.json", "label.labels.txt"):
        assert name in whole
        (out / f".{name}.123.partial").write_text("{")
    if killed == "within the first split":
        (out / "test.json").unlink()
    mnist.prepare(out, idx_dir=idx, shards=2)
    assert {path.name for path in out.iterdir()} == whole
