"""zoo.classify as people type it, and the lists of images that it takes."""

import csv
import io
import json

import cv2
import numpy as np
import pytest

from tests.commands import run
from zoo import image_paths
from zoo.errors import DataError
from zoo.pycaffe import predictions

LENET = ("--config=lenet", "--input_shape=data: 1,1,28,28")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.jpg", "not an image.txt"):
        if "." in name and not name.endswith("txt"):
            cv2.imwrite(str(tmp_path / "images" / name), np.zeros((28, 28), np.uint8))
    (tmp_path / "images" / "c.txt").write_text("no image")
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_folders_and_lists(folder):
    a, b = folder / "images" / "a.png", folder / "images" / "b.jpg"
    assert image_paths.images([b, folder / "images"]) == [b, a]
    (folder / "with.txt").write_text("a.png 3\nb.jpg 0\n")
    assert image_paths.listed(folder / "with.txt", folder / "images") == [(a, 3), (b, 0)]
    a.rename(a.with_name("my own.png"))
    (folder / "without.txt").write_text("images/my own.png\n\nimages/b.jpg\n")
    assert [label for _, label in image_paths.listed(folder / "without.txt", folder)] == [None, None]
    with pytest.raises(DataError, match=r"my own\.png: cannot read the image, got No such file"):
        image_paths.listed(folder / "without.txt", folder / "images")  # the wrong directory
    with pytest.raises(DataError, match="cannot read a directory of images, got"):
        image_paths.inside(folder / "none")
    for text, said in (("a.png 3\nb.jpg\n", "with.txt:2|not an image and its label"), ("\n", "an empty list")):
        (folder / "with.txt").write_text(text)
        with pytest.raises(DataError, match=said):
            image_paths.listed(folder / "with.txt")


@pytest.mark.slow
def test_digits_of_mnist(shared, folder):
    from zoo.formats import idx

    images = idx.read_idx_images(shared / "mnist" / "t10k-images-idx3-ubyte.gz")[:40]
    labels = idx.read_idx_labels(shared / "mnist" / "t10k-labels-idx1-ubyte.gz")[:40]
    for number, image in enumerate(images):
        cv2.imwrite(str(folder / f"{number}.png"), image)
    (folder / "list.txt").write_text("".join(f"{i}.png {label}\n" for i, label in enumerate(labels)))
    how = (*LENET, f"--weights={shared / 'pretrained' / 'lenet_iter_10000.caffemodel'}", "--list=list.txt")
    said = run("zoo.classify", *how, "--top=2", cwd=folder)
    assert said.startswith(
        "images: gray, 0..255, brought to 28 x 28 (H x W); times 0.00390625; the middle of each\n0.png"
    )
    assert "\n40 images classified.\n  label first 1.0000\n  among the first 2 1.0000\n  keep: " in said
    assert said.endswith("--top=2 --csv --output=classes.csv\n")
    assert len(said.splitlines()) == 1 + 40 * 3 + 4
    run("zoo.classify", *how, "--json", "--output=x.json", "--labels=mnist", "--oversample", cwd=folder)
    found = json.loads((folder / "x.json").read_text())["images"]
    assert found[0]["image"] == "0.png" and found[0]["top"][0]["class"] == str(labels[0])


def test_what_is_written():
    found, names = [("a, b.png", 1, np.array([0.25, 0.25, 0.5], np.float32))], ("cat", "dog", 'a "cow"')
    assert predictions.as_text("a", found[0][2], names, 2) == 'a\n  0.5000  2  a "cow"\n  0.2500  0  cat'
    rows = list(csv.DictReader(predictions.as_csv(found, names, 2).splitlines()))
    assert [list(row.values()) for row in rows] == [
        ["a, b.png", "1", "2", 'a "cow"', "0.5"],
        ["a, b.png", "2", "0", "cat", "0.25"],
    ]
    assert predictions.as_plain(found, names, 2)["images"][0]["label"] == 1
    assert np.load(io.BytesIO(predictions.as_npy([found[0][2]]))).shape == (1, 3)


@pytest.mark.parametrize(
    "words, said",
    [
        ("", "which images?"),
        ("--images=a.png --list=b", "which images?"),
        ("--images=empty", "empty: no images, want .jpg"),
        ("--list=none", "none: cannot read a list of images"),
        ("--images=a --csv --json", "exclude each other"),
        ("--images=images/a.png --labels=cifar", "no such names of labels"),
    ],
)
def test_mistakes_that_need_no_net(folder, words, said):
    assert said in run("zoo.classify", *LENET, "--weights=none", *words.split(), cwd=folder, ok=False)
