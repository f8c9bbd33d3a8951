"""Pairs of digits: what is drawn, what lies in the databases, and that the siamese net trains on them."""

import numpy as np
import pytest

from data_prep import mnist, siamese_mnist
from tests.data_prep.test_mnist import digits, idx, nowhere  # noqa: F401
from tests.input.small_data import data_layer, take
from tests.training import runs
from zoo.errors import DataError
from zoo.input.pipeline import DataLayer


@pytest.mark.parametrize("backend", ["lmdb", "leveldb"])
def test_pairs_as_the_data_layer_reads_them(tmp_path, idx, backend):  # noqa: F811
    made = siamese_mnist.prepare(tmp_path / "out", idx_dir=idx, backend=backend, seed=3)
    assert made == {"train": 23, "test": 11}
    alike = []
    for seed, (split, count) in enumerate(made.items()):
        images, labels = digits(count, seed)
        numbers = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
        feed = DataLayer(data_layer(tmp_path / "out" / split, batch_size=count), "TEST")
        assert feed.shapes[0] == (count, 2, 28, 28)
        data, same = take(feed.dataset(), 1)[0]
        ends = [[numbers[pair[..., i].astype(np.uint8).tobytes()] for i in (0, 1)] for pair in data]
        assert same.tolist() == [float(a == b) for a, b in ends]
        assert len({tuple(end) for end in ends}) > count // 2
        alike += same.tolist()
    assert set(alike) == {0, 1}


def test_the_seed_decides(idx):  # noqa: F811
    _, _, splits = mnist.load("idx", idx)

    def drawn(seed):
        return b"".join(image.tobytes() for image, _ in siamese_mnist.pairs(splits["train"], seed))

    assert drawn(1) == drawn(1) != drawn(2)


def test_again(tmp_path, idx):  # noqa: F811
    siamese_mnist.prepare(tmp_path / "out", idx_dir=idx)
    assert siamese_mnist.prepare(tmp_path / "out", idx_dir=tmp_path / "gone") == {}
    with pytest.raises(DataError, match="train: already there, got LMDB, want LevelDB .add --force"):
        siamese_mnist.prepare(tmp_path / "out", idx_dir=idx, backend="leveldb")
    assert len(siamese_mnist.prepare(tmp_path / "out", idx_dir=idx, backend="leveldb", force=True)) == 2


def test_command_and_the_net(tmp_path, idx):  # noqa: F811
    args = (f"--output_dir={tmp_path}/mnist_siamese", f"--idx_dir={idx}")
    done = runs.command(*args, module="data_prep.siamese_mnist")
    assert done.returncode == 0 and "train: 23 pairs, 2 x 28 x 28" in done.stdout, done.stderr
    assert "Nothing to do" in runs.command(*args, module="data_prep.siamese_mnist").stdout
    text = (runs.ROOT / "configs" / "siamese_mnist.prototxt").read_text()
    result = runs.train(tmp_path / "run", tmp_path, text, "max_iter: 2 test_iter: 1 test_interval: 2 snapshot: 0")
    assert all(np.isfinite(array).all() for array in runs.weights(result).values())
