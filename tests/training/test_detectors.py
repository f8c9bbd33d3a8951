"""The published SSD recipes train: from VOC's files to the database, from a backbone's weights to boxes on an image."""

import re

import cv2
import numpy as np
import pytest

from data_prep import annotations, detection
from tests.training import runs
from zoo.formats import caffemodel, labelmap, name_sizes, prototxt, training_log
from zoo.formats.text_printer import to_text
from zoo.netdef.deploy import deploy
from zoo.netdef.net import net_def_for_state
from zoo.netdef.shape_inference import infer_shapes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]  # VGG-16 takes minutes where cores are shared

OBJECT = """<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{box[0]}</xmin>
<ymin>{box[1]}</ymin><xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"""
XML = """<annotation><filename>{name}.png</filename><size><width>{width}</width><height>{height}</height>
<depth>3</depth></size>{objects}</annotation>"""
COLOURS = {"bird": (40, 220, 255), "boat": (255, 120, 60), "cow": (120, 255, 120)}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data directory with voc0712/trainval_lmdb and voc0712/test_lmdb, of drawn rectangles."""
    folder, rng = tmp_path_factory.mktemp("detectors"), np.random.default_rng(0)
    for name, count in (("trainval", 12), ("test", 4)):
        voc = folder / name
        for part in ("Annotations", "JPEGImages"):
            (voc / part).mkdir(parents=True)
        for number in range(count):
            _draw(voc, f"{number:06d}", rng)
        images, _ = annotations.read(voc)
        labels = {"bird": 3, "boat": 4, "cow": 10}  # VOC's numbers
        _, sizes = detection.convert(folder / "voc0712" / f"{name}_lmdb", "lmdb", images, labels)
        (folder / "voc0712" / f"{name}_name_size.txt").write_text(name_sizes.text(sizes))
    (folder / "voc0712" / "labelmap.prototxt").write_text(
        labelmap.text({f"class{n}": n for n in range(1, 21) if n not in labels.values()} | labels)
    )
    return folder


def _draw(voc, name, rng):
    height, width = (int(length) for length in rng.integers(160, 260, 2))
    image = cv2.resize(rng.integers(0, 90, (5, 5, 3)).astype(np.uint8), (width, height))
    objects = ""
    for kind in rng.choice(list(COLOURS), rng.integers(1, 3)):
        wide, high = rng.integers(50, 120, 2)
        left, top = rng.integers(1, width - wide), rng.integers(1, height - high)
        box = [int(corner) for corner in (left, top, left + wide, top + high)]
        cv2.rectangle(image, box[:2], box[2:], COLOURS[kind], cv2.FILLED)
        objects += OBJECT.format(name=kind, difficult=int(rng.integers(4) == 0), box=box)
    (voc / "Annotations" / f"{name}.xml").write_text(XML.format(name=name, width=width, height=height, objects=objects))
    cv2.imwrite(str(voc / "JPEGImages" / f"{name}.png"), image)


def backbone(path, net, names, gain):
    """Writes a weights file of the layers of a net whose names match: a trained backbone, but drawn.

    `gain` is of the first layer, which reads values of some hundred or of some ones.
    """
    rng, layers = np.random.default_rng(1), {}
    for layer in infer_shapes(net, {net.layers[0].tops[0]: ((1, 3, 300, 300), (1, 1, 1, 8))}):
        shapes = [blob.shape for blob in layer.blobs]
        if shapes and re.fullmatch(names, layer.definition.name):
            layers[layer.definition.name] = _drawn(rng, layer.definition.type, shapes, 1 if layers else gain)
    caffemodel.write(path, layers)
    return layers


def _drawn(rng, kind, shapes, gain):
    if kind in ("BatchNorm", "Scale"):  # mean, variance, factor; scale, bias
        values = (0, 1, 1) if kind == "BatchNorm" else (1, 0)
        return [np.full(shape, value, np.float32) for shape, value in zip(shapes, values)]
    std = gain * np.sqrt(2 / np.prod(shapes[0][1:]))
    return [rng.normal(0, std, shapes[0]).astype(np.float32), *(np.zeros(shape, np.float32) for shape in shapes[1:])]


@pytest.mark.parametrize(
    ("name", "names", "gain", "rate", "mean", "scale"),
    [
        ("mobilenet_ssd", r"conv(\d|1[0-3])(/.*)?", 1, 0.0005, [127.5], 0.007843),
        # Without BatchNorm a drawn backbone does not bear the rate of a trained one.
        ("ssd300_vgg16", r"conv[1-5]_\d|fc[67]", 1 / 64, 0.0001, [104, 117, 123], 1),
    ],
    ids=["mobilenet_ssd", "ssd300_vgg16"],
)
def test_a_detector_trains_from_a_backbone_and_finds_boxes(name, names, gain, rate, mean, scale, data, tmp_path):
    from zoo.detection.detector import Detector, read_image
    from zoo.pycaffe import TEST, Net

    text = (runs.ROOT / "configs" / f"{name}.prototxt").read_text(encoding="utf-8")
    text = re.sub(r"batch_size: \d+", "batch_size: 2", text)
    text = text.replace('"data/voc0712/', f'"{data}/voc0712/').replace("num_test_image: 4952", "num_test_image: 4")
    solver = runs.solver_def(prototxt.parse_solver(text, name))
    net = net_def_for_state(solver.tests[0].net, solver.tests[0].state(solver.tests[0].net.message))
    drawn = backbone(tmp_path / "backbone.caffemodel", net, names, gain)
    changes = f"base_lr: {rate} max_iter: 20 display: 1 average_loss: 1 test_iter: 2 snapshot: 0"
    options = {"weights": [tmp_path / "backbone.caffemodel"], "summaries": False}
    result = runs.train(tmp_path / "run", data, text, changes, **options)

    log = tmp_path / "run" / "train.log"
    kept = set(re.findall(r"Layer (\S+) gets nothing from it", log.read_text()))
    assert kept and kept.isdisjoint(drawn) and kept <= {layer.name for layer in net.layers}
    losses = [loss for _, loss in training_log.read(log).loss]
    assert np.isfinite(losses).all() and np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    assert 0 <= result.scores["detection_eval"].value <= 1
    found = sorted((tmp_path / "run" / "outputs").rglob("*.txt"))
    assert len(found) == (20 if name == "ssd300_vgg16" else 0)
    lines = [line.split() for path in found for line in path.read_text().splitlines()]
    assert all(len(line) == 6 and line[0] in {f"{n:06d}" for n in range(4)} for line in lines) and bool(lines) == bool(
        found
    )
    (tmp_path / "deploy.prototxt").write_text(to_text(deploy(net, {"data": (1, 3, 300, 300)})))
    detector = Detector(Net(str(tmp_path / "deploy.prototxt"), result.weights, TEST), mean, scale)
    boxes = detector(read_image(data / "test" / "JPEGImages" / "000000.png"))
    assert boxes and all(1 <= box.label <= 20 for box in boxes)
