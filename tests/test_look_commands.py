"""The commands that look into a net, as people type them: what they write and say, and what they refuse."""

import numpy as np
import pytest

from tests import commands
from tests.visualization.nets import Case
from zoo.formats import image_file
from zoo.images import files

PARTS = ("filters", "activations", "saliency", "patches", "dream", "embedding")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a small net, its weights and six images."""
    path = tmp_path_factory.mktemp("look")
    Case(path)
    for number in range(6):
        files.write(path / "images" / f"{number}.png", np.random.default_rng(number).random((15, 16, 3)))
    return path


NET = ("--config=net.prototxt", "--weights=net.caffemodel", "--images=images")


def test_the_gallery(folder):
    said = commands.run("zoo.gallery", *NET, "--output=g", "--run_dir=runs/small", cwd=folder)
    assert "A gallery of" in said and "6 of 6 parts." in said and "left out" not in said
    for part in PARTS:
        image = image_file.opencv().imread(str(folder / "g" / f"{part}.png"))
        assert min(image.shape[:2]) > 100 and len(np.unique(image)) > 20, part
    text = (folder / "g" / "index.html").read_text()
    assert text.count("data:image/png;base64,") == 6 and str(folder) not in text
    assert (
        "zoo.patches --config=net.prototxt --weights=net.caffemodel --images=images --blob=c1 --most=9 --count=6"
        in text
    )
    assert (
        "zoo.deep_dream --config=net.prototxt --weights=net.caffemodel --class=all" in text
    )  # from noise, no --images
    events = list((folder / "runs" / "small" / "seen").glob("events.*"))
    assert len(events) == 1 and all(f"gallery/{part}".encode() in events[0].read_bytes() for part in PARTS)


def test_kernels_need_no_tensorflow(folder):
    said = commands.run("zoo.filters", "--weights=net.caffemodel", "--layers=all", "--output=k.png", cwd=folder)
    assert "Kernels of c1, c2, score." in said and "k.png (" in said
    assert image_file.opencv().imread(str(folder / "k.png")).shape[0] > 100


@pytest.mark.parametrize(
    ("module", "words", "says"),
    [
        ("filters", ("--weights=net.caffemodel", "--layers=c3"), "no such layer with weights, got 'c3'"),
        ("filters", ("--weights=net.caffemodel", "--output=k.jpg"), "images are written as PNG, got k.jpg"),
        ("saliency", (*NET, "--method=grad"), "--method knows no such word, got 'grad', want gradient, guided,"),
        ("patches", (*NET, "--blob=c1", "--units=1,x"), "--units takes whole numbers from 0 on, got x"),
        ("patches", NET, "--blob is missing, want The blob or layer whose units are shown"),
        ("deep_dream", (*NET[:2], "--blob=c1", "--size=3"), "--size, got 3, want height and width"),
        ("deep_dream", NET[:2], "of what?, want --blob=NAME or --class=NUMBER"),
        ("deep_dream", (*NET, "--blob=c1"), "one image to begin with, got 6 images"),
    ],
)
def test_what_is_refused_before_the_net_is_built(folder, module, words, says):
    assert says in commands.run(f"zoo.{module}", *words, cwd=folder, ok=False)
    assert not (folder / f"{module}.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "words", "says"),
    [
        ("activations", (*NET, "--blobs=c9"), 'no blob or layer "c9" in the net (it has c1, p1, n1, c2, score, prob)'),
        ("activations", (*NET, "--item=6"), "no such image, got number 6, want 0 to 5"),
        ("activations", NET[:2], "the config reads no data of its own (--images=FOLDER"),
        ("saliency", (*NET, "--class=3"), "no such class, got 3, want 0 to 2, or a name"),
        ("saliency", (*NET, "--layer=score"), '"score" has no height and width, got 1 x 3'),
        ("patches", (*NET, "--blob=c1", "--units=4"), 'no such unit of "c1", got 4, want 0 to 3'),
        ("deep_dream", (*NET[:2], "--class=1", "--size=20,20"), "InnerProduct"),
        ("embedding", (*NET, "--count=2"), "too few images for an embedding, got 2, want 3 or more"),
        ("gallery", (*NET, "--labels=cifar10"), "--labels does not fit the net, got 10 names, want 3"),
        ("gallery", (*NET, "--blob=c9"), 'no blob or layer "c9" in the net'),
    ],
)
def test_what_is_refused_of_the_net(folder, module, words, says):
    assert says in commands.run(f"zoo.{module}", *words, cwd=folder, ok=False)
    assert not (folder / f"{module}.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "words", "says"),
    [
        ("activations", ("--blobs=c1,score", "--item=2"), "Activations of c1, score."),
        ("saliency", ("--class=1", "--method=gradcam", "--count=2"), "Saliency of 2 images for 1."),
        ("patches", ("--blob=c2", "--units=0,4,0", "--top=3"), "Top patches of 2 units of c2."),
        ("embedding", ("--blob=c2", "--perplexity=2"), "6 images laid out by c2."),
    ],
)
def test_each_alone(folder, module, words, says):
    said = commands.run(f"zoo.{module}", *NET, *words, f"--output={module}1.png", cwd=folder)
    assert says in said and f"{module}1.png (" in said and "python -m zoo." in said
    assert "zoo.deep_dream" not in said or "--images" not in said.partition("zoo.deep_dream")[2]  # which takes one
    assert image_file.opencv().imread(str(folder / f"{module}1.png")) is not None


@pytest.mark.slow
def test_a_gallery_without_images(folder):
    said = commands.run("zoo.gallery", *NET[:2], "--output=few", cwd=folder)
    left = "activations, saliency, patches, embedding: there are no images to look at it with (--images=FOLDER)"
    assert "2 of 6 parts." in said and said.count("left out") == 1 and left in said
    text = (folder / "few" / "index.html").read_text()
    assert text.count("data:image/png;base64,") == 2 and str(folder) not in text


@pytest.mark.slow
def test_a_dream_alone(folder):
    words = ("--blob=c2", "--images=images/3.png", "--size=24,30", "--steps=2", "--plain", "--output=d.png")
    assert "A dream of c2." in commands.run("zoo.deep_dream", *NET[:2], *words, cwd=folder)
    assert image_file.opencv().imread(str(folder / "d.png")).shape == (24, 30, 3)
