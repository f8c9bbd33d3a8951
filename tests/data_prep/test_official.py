"""Counts that are not the official ones: a note on stderr and in the card, and nothing for what is another data set."""

from data_prep import cifar10, common, imagenet, mnist, official
from tests.data_prep.test_cifar10 import unpacked
from tests.data_prep.test_imagenet import command, jpeg
from tests.data_prep.test_mnist import idx, nowhere  # noqa: F401
from zoo.formats import records


def test_the_official_counts_are_not_noted():
    for name, splits in official.IMAGES.items():
        for split, count in splits.items():
            assert official.noted(name, split, count) == {}
            said = official.noted(name, split, count - 1)["note"]
            assert said == f"the source has {count - 1} images, {name}'s {split} has {count}"


def test_what_is_ilsvrc():
    classes = [f"n{i:08d}" for i in range(1000)]
    assert official.is_ilsvrc(classes)
    assert not official.is_ilsvrc(classes[:-1])
    assert not official.is_ilsvrc([*classes[:-1], "tench"])


def described(folder, cards, capsys):
    capsys.readouterr()
    common.describe(folder, cards)
    return capsys.readouterr().err


def test_mnist(tmp_path, idx, capsys, monkeypatch):  # noqa: F811
    for _ in range(2):  # the second time it is there already, and is said all the same
        cards = mnist.prepare(tmp_path / "out", idx_dir=idx, shards=2, digits="0-4")
        said = "NOTE: train: the source has 23 images, MNIST's train has 60000.\n"
        said += "NOTE: test: the source has 11 images, MNIST's test has 10000.\n"
        assert described(tmp_path / "out", cards, capsys) == said
    monkeypatch.setitem(official.IMAGES, "MNIST", {"train": 23, "test": 11})
    cards = mnist.prepare(tmp_path / "other", idx_dir=idx, shards=2, digits="0-4")
    assert described(tmp_path / "other", cards, capsys) == ""


def test_cifar10(tmp_path, capsys, monkeypatch):
    unpacked(tmp_path / "in", "binary")
    monkeypatch.setitem(official.IMAGES, "CIFAR-10", {"train": 20, "test": 10_000})
    cards = cifar10.prepare(tmp_path / "out", tmp_path / "in", shards=2)
    assert "note" not in cards["train"].made
    said = "NOTE: test: the source has 4 images, CIFAR-10's test has 10000.\n"
    assert described(tmp_path / "out", cards, capsys) == said


def test_which_images_of_imagenet_are_noted():
    classes = [f"n{i:08d}" for i in range(1000)]
    splits = {"train": range(900), "val": range(100)}
    train, val = (
        {"note": f"the source has {n} images, ILSVRC2012's {s} has {m}"}
        for n, s, m in ((900, "train", 1_281_167), (100, "val", 50_000))
    )
    assert imagenet._note("train", splits, classes, held_out=False) == train
    assert imagenet._note("val", splits, classes, held_out=False) == val
    whole = imagenet._note("train", splits, classes, held_out=True)  # val was taken from the same source
    assert whole["note"].startswith("the source has 1000 images")
    assert imagenet._note("val", splits, classes, held_out=True) == {}
    assert imagenet._note("train", splits, classes[:-1], held_out=False) == {}


def test_imagenet(tmp_path):
    (tmp_path / "in").mkdir()
    data = jpeg(1, 8, 8)
    for i in range(1000):
        (tmp_path / "in" / f"n{i:08d}_{i}.JPEG").write_bytes(data)
    folders = [f"--source={tmp_path / 'in'}", f"--val_source={tmp_path / 'in'}", f"--output_dir={tmp_path / 'out'}"]
    done = command(*folders, "--processes=1")
    assert done.returncode == 0, done.stderr
    for split, count in official.IMAGES["ILSVRC2012"].items():
        said = f"the source has 1000 images, ILSVRC2012's {split} has {count}"
        assert f"NOTE: {split}: {said}.\n" in done.stderr
        assert records.read_card(tmp_path / "out" / split).made["note"] == said
        assert said in (tmp_path / "out" / f"{split}.md").read_text()
