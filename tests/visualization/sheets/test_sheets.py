"""The sheets of one small net: what stands on them, and what is refused."""

import numpy as np
import pytest

from tests.visualization.nets import Case, drawn
from zoo.errors import NetError
from zoo.formats import caffemodel
from zoo.images import files
from zoo.visualization import deep_dream, patches
from zoo.visualization.saliency import METHODS
from zoo.visualization.sheets import activations, embeddings, saliency
from zoo.visualization.sheets import patches as patch_sheets
from zoo.visualization.sheets.dreams import Dreamer, dream_sheet

NAMES = ("cat", "dog", "hen")


@pytest.fixture(scope="module")
def images():
    return 100 + 50 * drawn((5, 12, 13, 3), seed=3)


def panels_of(monkeypatch, module):
    """Returns a list that gets every `Panel` that the module puts on a sheet."""
    seen, whole = [], module.sheet

    def sheet(rows, *args):
        seen.extend(panel for row in rows for panel in row)
        return whole(rows, *args)

    monkeypatch.setattr(module, "sheet", sheet)
    return seen


def test_activations(small, net, images, monkeypatch):
    seen = panels_of(monkeypatch, activations)
    image = activations.activation_sheet(net, images[:1], ["c1", "score"], "T", classes=NAMES)
    assert image.dtype == np.uint8
    assert [panel.title for panel in seen] == ["the image", "likeliest classes", "c1", "score"]
    values, likeliest = small.values(images[:1]), seen[1].labels[0]
    assert seen[2].bar.high == pytest.approx(values["c1"].max(), rel=1e-4) and seen[2].bar.low == 0
    assert likeliest.split() == [f"{values['prob'].max():.3f}", NAMES[values["prob"].argmax()]]
    assert activations.usual_blobs(net) == ["c1", "p1", "c2", "score"]


def test_each_channel_may_have_its_own_scale(net, images, monkeypatch):
    seen = panels_of(monkeypatch, activations)
    activations.activation_sheet(net, images[:1], ["c1"], "T", most=2, each=True)
    assert seen[-1].bar is None and seen[-1].note == "4 x 12 x 13; the first 2"


def test_saliency(small, net, images):
    done = []
    rows = saliency.SaliencyRows(net, METHODS, net.scores(), NAMES, side=4, stride=4, progress=done.append)
    row = rows.row(images[:1], "image 0", true=2)
    label = int(small.values(images[:1])["score"].argmax())
    assert [panel.title for panel in row[1:]] == [saliency.TITLES[method][0] for method in METHODS]
    assert row[0].note.startswith(NAMES[label]) and row[0].note.endswith("labelled hen")
    assert sum(done) == rows.steps() == 3 + 3 * 4
    assert saliency.saliency_sheet([row], "T").shape[2] == 3


@pytest.mark.parametrize(("given", "label"), [("1", 1), ("dog", 1), ("DOG", 1)])
def test_classes_by_number_or_name(given, label):
    assert saliency.label_of(given, NAMES, "net") == label


def test_no_such_class():
    assert saliency.label_of("7", tuple("9876543210"), "net") == 2  # a name counts before a number
    with pytest.raises(NetError, match='net: no such class, got dgo, want 0 to 2, or a name .did you mean "dog"'):
        saliency.label_of("dgo", NAMES, "net")
    with pytest.raises(NetError, match="no such class, got 3, want 0 to 2, or a name .they are cat, dog, hen"):
        saliency.label_of("3", NAMES, "net")
    with pytest.raises(NetError, match="no such class, got 11, want 0 to 9, or a name .they are 0, 1"):
        saliency.label_of("11", tuple("0123456789"), "net")  # no slip of the finger for "1"


def test_a_net_whose_weights_are_no_numbers(tmp_path, images):
    case = Case(tmp_path)
    case.arrays["score"][1][1] = np.inf
    caffemodel.write(case.weights, case.arrays)
    broken = case.open()
    assert activations.activation_sheet(broken, images[:1], ["c1", "score"], "T").ndim == 3
    rows = saliency.SaliencyRows(broken, METHODS, broken.scores(), NAMES)
    with pytest.raises(NetError, match="scores of classes are not finite numbers, got score .the weights may be dam"):
        rows.row(images[:1], "image 0")
    with pytest.raises(NetError, match="no dream of values that are not finite numbers, got score"):
        deep_dream.dream(broken, broken.scores(), images[:1], deep_dream.channels([1]), deep_dream.Ascent(steps=1))


def test_patches(net, images):
    ref = net.value("c2")
    found = patches.strongest(net, ref, [1], [(images, np.array([0, 0, 1, 2, 0]))])[1]
    panel = patch_sheets.patch_panel(net, ref, 1, found, NAMES)
    assert panel.title == "unit 1" and "cat (3)" in panel.note
    assert patch_sheets.patch_sheet(net, ref, [panel], "T", "5 images").ndim == 3


def test_a_dream_of_an_image_and_of_several_channels(net, tmp_path):
    files.write(tmp_path / "a.png", np.random.default_rng(0).random((20, 30, 3)))
    ascent = deep_dream.Ascent(octaves=2, steps=1)
    dreamer = Dreamer(net, ascent, tmp_path / "a.png", largest=24)
    ref = net.value("c2")
    assert dreamer.size(ref) == (16, 24) and dreamer.steps(ref) == 2
    panels = dreamer.panels(ref, deep_dream.squares, ["c2"])
    assert [panel.title for panel in panels] == ["the image", "c2"]
    assert dreamer.result.shape == (16, 24, 3)
    assert Dreamer(net, ascent, tmp_path / "a.png").size(net.scores()) == (12, 13)  # the only one that it takes
    several = Dreamer(net, ascent).panels(net.scores(), deep_dream.channels([0, 1]), NAMES[:2])
    assert [panel.title for panel in several] == ["cat", "dog"]
    assert dream_sheet(several, "T").ndim == 3


@pytest.mark.parametrize("labels", [None, np.array([0, 1, 1, 2, 0])])
def test_an_embedding(net, images, labels):
    places = np.random.default_rng(0).random((5, 2))
    assert embeddings.embedding_sheet(net, places, images, labels, NAMES, "T", "n").ndim == 3
