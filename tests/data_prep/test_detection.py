"""Boxes of VOC, COCO and CSV files into databases of AnnotatedDatum."""

import json
import os
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

from data_prep import annotations, contact_sheet, detection
from tests.input import tfds_folders
from zoo.errors import DataError, Place
from zoo.formats import box_records, caffe_pb2, labelmap
from zoo.formats import records as records_format
from zoo.formats.databases import Database

XML = """<annotation><filename>{name}</filename><size><width>40</width><height>20</height><depth>3</depth></size>
<object><name>dog</name><difficult>0</difficult><bndbox><xmin>4</xmin><ymin>2</ymin><xmax>20</xmax><ymax>10</ymax></bndbox>
</object><object><name>cat</name><difficult>1</difficult><bndbox><xmin>0</xmin><ymin>0</ymin><xmax>40</xmax><ymax>20</ymax>
</bndbox></object></annotation>"""


@pytest.fixture
def image():
    return cv2.imencode(".jpg", np.full((20, 40, 3), 90, np.uint8))[1].tobytes()


@pytest.fixture
def voc(tmp_path, image):
    for folder in ("Annotations", "JPEGImages", "ImageSets"):
        (tmp_path / "VOC" / folder).mkdir(parents=True)
    for name in ("b", "a"):
        (tmp_path / "VOC" / "JPEGImages" / f"{name}.jpg").write_bytes(image)
        (tmp_path / "VOC" / "Annotations" / f"{name}.xml").write_text(XML.format(name=f"{name}.jpg"))
    (tmp_path / "VOC" / "ImageSets" / "test.txt").write_text("b\n")
    return tmp_path / "VOC"


def test_shards(voc, tmp_path, image):
    """The card, the sheet with its boxes, and what TensorFlow Datasets reads; records come back as they went."""
    images, _ = annotations.read(voc)
    labels = {"cat": 1, "dog": 2}
    assert detection.convert(tmp_path / "out" / "trainval", "records", images, labels, shards=9)[0] == {
        "cat": 2,
        "dog": 2,
    }
    detection.convert(tmp_path / "lmdb", "lmdb", images, labels)
    card = records_format.read_card(tmp_path / "out" / "trainval")
    assert (card.count, len(card.shards), card.classes) == (2, 2, ("background", "cat", "dog"))
    assert card.made["per_class"] == [0, 2, 2] and card.made["most_boxes"] == 2
    assert (card.image_shape, card.encoding) == ((20, 40), "jpeg")
    again = [
        box_records.annotated(data, card, Place("here"))
        for data in records_format.serialised(tmp_path / "out" / "trainval", card)
    ]
    for one, two in zip(records(tmp_path / "lmdb"), again, strict=True):
        for field in ("channels", "height", "width"):
            one.datum.ClearField(field)
        assert one == two
    sheet = cv2.imread(str(tmp_path / "out" / "trainval.png"))
    assert "| 2 | dog | 2 |" in (tmp_path / "out" / "trainval.md").read_text()
    assert (sheet[:128] == contact_sheet.BOX).all(-1).sum() > 100

    (first, _), info = tfds_folders.read(tmp_path / "out", "trainval")
    assert info.features["objects"]["label"].names == ["background", "cat", "dog"]
    assert first["image/filename"] == b"a.jpg" and first["image"].shape == (20, 40, 3)
    np.testing.assert_allclose(first["objects"]["bbox"], [[0.1, 0.1, 0.5, 0.5], [0, 0, 1, 1]], rtol=1e-6)
    assert list(first["objects"]["label"]) == [2, 1] and list(first["objects"]["is_difficult"]) == [False, True]


@pytest.mark.parametrize(
    "damage, said", [(lambda data: b"?" * 40, "not a tf.train.Example"), (None, "want one image; four")]
)
def test_a_record_that_is_damaged(voc, tmp_path, damage, said):
    images, _ = annotations.read(voc)
    detection.convert(tmp_path / "all", "records", images, {"cat": 1, "dog": 2})
    card = records_format.read_card(tmp_path / "all")
    data = next(records_format.serialised(tmp_path / "all", card))
    data = damage(data) if damage else data.replace(b"objects/label", b"objects/lobel")
    with pytest.raises(DataError, match=said):
        box_records.annotated(data, card, Place("here"))


def test_several_folders_of_voc_come_one_after_the_other(voc, tmp_path):
    other = shutil.copytree(voc, tmp_path / "VOC2")
    (other / "ImageSets" / "test.txt").write_text("a\n")
    images, ordered = annotations.read_all([voc, other], names="ImageSets/test.txt")
    assert [each.path for each in images] == [voc / "JPEGImages" / "b.jpg", other / "JPEGImages" / "a.jpg"]
    assert ordered is None
    (tmp_path / "boxes.csv").write_text("image,label,xmin,ymin,xmax,ymax\n")
    with pytest.raises(DataError, match="several sources must all be folders"):
        annotations.read_all([voc, tmp_path / "boxes.csv"])


def records(path):
    database = Database(path)
    return [caffe_pb2.AnnotatedDatum.FromString(value) for value in database.read(0, database.count)]


def test_voc(voc, tmp_path, image):
    images, ordered = annotations.read(voc)
    assert [each.path.name for each in images] == ["a.jpg", "b.jpg"] and ordered is None
    assert [each.path.name for each in annotations.read(voc, names=voc / "ImageSets" / "test.txt")[0]] == ["b.jpg"]
    assert [each.path.name for each in annotations.read(voc, names="ImageSets/test.txt")[0]] == ["b.jpg"]
    labels = detection.labels_of(images)
    assert labels == {"cat": 1, "dog": 2}
    assert detection.convert(tmp_path / "lmdb", "lmdb", images, labels)[0] == {"cat": 2, "dog": 2}
    first, _ = records(tmp_path / "lmdb")
    assert first.datum.encoded and first.datum.data == image
    assert (first.datum.height, first.datum.width) == (20, 40)
    (dog, cat) = first.annotation_group
    assert (dog.group_label, cat.group_label) == (2, 1)
    bounds = dog.annotation[0].bbox
    corners = [bounds.xmin, bounds.ymin, bounds.xmax, bounds.ymax]
    np.testing.assert_allclose(corners, [0.1, 0.1, 0.5, 0.5], rtol=1e-6)
    assert not bounds.difficult and cat.annotation[0].bbox.difficult


def test_coco(tmp_path, image):
    (tmp_path / "x.jpg").write_bytes(image)
    found = {
        "images": [{"id": 7, "file_name": "x.jpg", "width": 40, "height": 20}],
        "categories": [{"id": 9, "name": "zebra"}, {"id": 3, "name": "ant"}],
        "annotations": [{"image_id": 7, "category_id": 9, "bbox": [4, 2, 16, 8], "iscrowd": 1}],
    }
    (tmp_path / "c.json").write_text(json.dumps(found))
    images, ordered = annotations.read(tmp_path / "c.json")
    assert ordered == ("ant", "zebra")
    assert images[0].boxes == (annotations.Box("zebra", 4, 2, 20, 10, True),)
    assert detection.labels_of(images, ordered) == {"ant": 1, "zebra": 2}
    (tmp_path / "c.json").write_text(json.dumps({"images": []}))
    with pytest.raises(DataError, match="not annotations of COCO's form"):
        annotations.read(tmp_path / "c.json")


def test_csv(tmp_path, image):
    path = tmp_path / "boxes.csv"
    path.write_text("image,label,xmin,ymin,xmax,ymax,difficult\nx.jpg,dog,1,2,3,4,\ny.jpg,,,,,\nx.jpg,cat,0,0,9,9,1\n")
    images, _ = annotations.read(path)
    assert [(each.path.name, len(each.boxes)) for each in images] == [("x.jpg", 2), ("y.jpg", 0)]
    assert images[0].boxes[1].difficult
    for text, said in (
        ("image,label\nx,y\n", "columns are missing"),
        ("image,label,xmin,ymin,xmax,ymax\nx.jpg,dog,a,2,3,4\n", "boxes.csv:2: corners that are no numbers"),
        ("image,label,xmin,ymin,xmax,ymax\nx.jpg,,1,2,3,4\n", "boxes.csv:2: a box without a label"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=said):
            annotations.read(path)


@pytest.mark.parametrize(
    "corners, said",
    [
        ((5, 2, 3, 4), "corners out of order"),
        ((50, 2, 60, 4), "outside of the image"),
        ((float("nan"), 0, 1, 1), "not finite"),
    ],
)
def test_what_is_no_box(tmp_path, image, corners, said):
    (tmp_path / "x.jpg").write_bytes(image)
    box = annotations.Box("dog", *corners)
    annotated = annotations.Annotated(tmp_path / "x.jpg", (box,), None, annotations.Place("boxes.csv", 2))
    with pytest.raises(DataError, match=f"boxes.csv:2: .*{said}"):
        detection.convert(tmp_path / "lmdb", "lmdb", [annotated], {"dog": 1})
    assert not (tmp_path / "lmdb").exists()


@pytest.mark.parametrize("text", ["<annotation><object>", "<annotation><object><name>x</name></object></annotation>"])
def test_damaged_xml(voc, text):
    (voc / "Annotations" / "a.xml").write_text(text)
    with pytest.raises(DataError, match=r"a\.xml: (not XML|no number in bndbox/xmin)"):
        annotations.read(voc)


@pytest.mark.parametrize("name", ["boxes.csv", "boxes.json"])
def test_a_pipe_is_no_file(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="cannot be read"):
        annotations.read(tmp_path / name)


def test_sizes_that_contradict(voc, tmp_path):
    (voc / "JPEGImages" / "a.jpg").write_bytes(cv2.imencode(".jpg", np.zeros((9, 9, 3), np.uint8))[1].tobytes())
    images, _ = annotations.read(voc)
    with pytest.raises(DataError, match="another size than the image"):
        detection.convert(tmp_path / "lmdb", "lmdb", images, {"dog": 1, "cat": 2})


def test_the_command(voc, tmp_path):
    (voc / "ImageSets" / "both.txt").write_text("a\nb\n")
    other = shutil.copytree(voc, tmp_path / "VOC2")

    def run(*words):
        words = ["data_prep.detection", f"--source={voc},{other}", "--names=ImageSets/test.txt", *words]
        return subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True)

    ran = run(f"--output={tmp_path / 'out' / 'train_lmdb'}")
    assert ran.returncode == 0, ran.stderr
    assert "2 images, 0 of them without boxes; 4 boxes of 2 classes" in ran.stdout
    assert labelmap.read(tmp_path / "out" / "labelmap.prototxt") == {"cat": 1, "dog": 2}
    assert (tmp_path / "out" / "train_name_size.txt").read_text() == "b 20 40\nb 20 40\n"
    shards = (f"--output={tmp_path / 'out' / 'val'}", "--backend=records")
    assert run(*shards).returncode == 0
    assert "Nothing to do" in run(*shards).stdout
    ran = run(*shards, "--names=ImageSets/both.txt")
    assert ran.returncode == 1 and "made with --names=ImageSets/test.txt, want ImageSets/both.txt" in ran.stderr
    (tmp_path / "other").write_text(labelmap.text({"dog": 1}))
    ran = run(f"--output={tmp_path / 'out' / 'test_lmdb'}", f"--labelmap={tmp_path / 'other'}")
    assert ran.returncode == 1 and "a class without a label, got cat" in ran.stderr and "Traceback" not in ran.stderr
