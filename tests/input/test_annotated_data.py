"""AnnotatedData: boxes follow their images, every batch is a function of where it stands."""

import shutil

import cv2
import numpy as np
import pytest

from data_prep import annotations, detection
from data_prep.common import write_arrays
from zoo.errors import DataError, NetError, UnsupportedError
from zoo.formats.database_writer import DatabaseWriter
from zoo.formats.prototxt import parse_net
from zoo.input.pipeline import data_layer
from zoo.netdef.net import net_def

SIZE = "resize_param { height: 24 width: 32 resize_mode: WARP }"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Three images of several sizes: one red box, none, and a green and a red one."""
    folder, images = tmp_path_factory.mktemp("annotated"), []
    for number, (size, boxes) in enumerate(
        (
            ((40, 60), [("red", 6, 4, 30, 20)]),
            ((30, 30), []),
            ((50, 40), [("green", 0, 0, 20, 25), ("red", 20, 25, 40, 50)]),
        )
    ):
        pixels = np.zeros((*size, 3), np.uint8)
        for name, x1, y1, x2, y2 in boxes:
            pixels[y1:y2, x1:x2] = (0, 0, 255) if name == "red" else (0, 255, 0)
        cv2.imwrite(str(folder / f"{number}.png"), pixels)
        boxes = tuple(annotations.Box(*box) for box in boxes)
        images.append(annotations.Annotated(folder / f"{number}.png", boxes, None, annotations.Place("here")))
    for backend in ("lmdb", "records"):
        detection.convert(folder / backend, backend, images, {"red": 1, "green": 2})
    return folder / "lmdb"


def layer(source, transform=SIZE, more="", batch=3, tops='top: "data" top: "label"'):
    return f"""layer {{ name: "d" type: "AnnotatedData" {tops} data_param {{ source: "{source}" batch_size: {batch} }}
      transform_param {{ {transform} }} {more} }}"""


def feed(text, phase="TRAIN", seed=3):
    return data_layer(net_def(parse_net(text), phase).layers[0], phase, seed=seed)


def batches(found, count, **options):
    """Images channels-last, labels (1, 1, R, 8)."""
    tops = [[top.numpy() for top in tops] for tops in found.rows(0, **options).take(count)]
    return [[images, *(label.transpose(0, 3, 1, 2) for label in labels)] for images, *labels in tops]


def test_rows_and_images(source):
    found = feed(layer(source, f"{SIZE} mean_value: [1, 2, 3] scale: 0.5"))
    assert found.shapes == ((3, 3, 24, 32), (1, 1, 6, 8))
    ((images, labels),) = batches(found, 1)
    assert images.shape == (3, 24, 32, 3) and labels.shape == (1, 1, 6, 8)
    assert labels[0, 0, :, :2].tolist() == [[0, 1], [2, 2], [2, 1], [-1, -1], [-1, -1], [-1, -1]]
    np.testing.assert_allclose(labels[0, 0, 0, 3:7], [0.1, 0.1, 0.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(images[1], np.broadcast_to(-np.array([0.5, 1, 1.5]), (24, 32, 3)))


def test_mirrored_boxes_follow(source):
    """Over many batches both ways come, and the red pixels lie within the red box each time."""
    found, seen = feed(layer(source, f"{SIZE} mirror: true", batch=1)), set()
    for images, labels in batches(found, 30)[::3]:
        _, _, _, x1, _, x2, _, _ = labels[0, 0, 0]
        columns = np.nonzero(images[0, :, :, 2] > 127)[1]
        assert abs(columns.min() - x1 * 32) <= 1.5 and abs(columns.max() + 1 - x2 * 32) <= 1.5
        seen.add(round(float(x1), 3))
    assert seen == {0.1, 0.5}


AUGMENTED = f"""{SIZE} mirror: true
  distort_param {{ brightness_prob: 0.5 brightness_delta: 32 hue_prob: 0.5 hue_delta: 18 random_order_prob: 0.1 }}
  expand_param {{ prob: 0.5 max_expand_ratio: 4 }} emit_constraint {{ emit_type: CENTER }}"""
SAMPLERS = """annotated_data_param { batch_sampler { max_sample: 1 max_trials: 1 }
  batch_sampler { sampler { min_scale: 0.3 min_aspect_ratio: 0.5 max_aspect_ratio: 2 }
    sample_constraint { min_jaccard_overlap: 0.5 } max_sample: 1 max_trials: 50 } }"""


def test_a_batch_is_a_function_of_where_it_stands(source):
    text = layer(source, AUGMENTED, SAMPLERS)
    once, again = batches(feed(text), 4), batches(feed(text), 4)
    for one, two in zip(once, again):
        for a, c in zip(one, two):
            np.testing.assert_array_equal(a, c)
    later = [top.numpy() for top in next(iter(feed(text).dataset(2)))]
    np.testing.assert_array_equal(later[0], once[2][0])
    assert any((a[0] != c[0]).any() for a, c in zip(once, batches(feed(text, seed=4), 4)))
    for _, labels in once:
        corners = labels[0, 0, labels[0, 0, :, 0] >= 0, 3:7]
        assert (corners >= 0).all() and (corners <= 1).all()


def test_shards_give_the_batches_of_the_database(source):
    """Bit for bit, from any batch on, whole and in parts."""
    one, two = (feed(layer(path, AUGMENTED, SAMPLERS, batch=4)) for path in (source, source.with_name("records")))
    assert one.shapes == two.shapes
    for options in ({}, {"joined": 3, "part": (2, 4)}):
        for a, b in zip(batches(one, 2, **options), batches(two, 2, **options), strict=True):
            for first, second in zip(a, b, strict=True):
                np.testing.assert_array_equal(first, second)
    for first, second in zip(next(iter(one.dataset(5))), next(iter(two.dataset(5)))):
        np.testing.assert_array_equal(first.numpy(), second.numpy())
    assert two.fingerprint().startswith("3 records in 3 shards, ")
    for name in ("records.json", "records-*.tfrecord"):
        assert feed(layer(source.with_name(name), batch=4)).fingerprint() == two.fingerprint()


def test_a_damaged_shard(source, tmp_path):
    shutil.copytree(source.parent, tmp_path / "copy")
    found = feed(layer(tmp_path / "copy" / "records"))
    (shard,) = (tmp_path / "copy").glob("records-00001-*")
    data = bytearray(shard.read_bytes())
    data[-20] ^= 1
    shard.write_bytes(data)
    with pytest.raises(DataError, match="a damaged or exchanged shard"), found.reading():
        batches(found, 1)
    with pytest.raises(DataError, match="a damaged shard"):
        feed(layer(tmp_path / "copy" / "records"))
    shard.write_bytes(data[:-1])
    with pytest.raises(DataError, match="a damaged shard, got .* bytes"):
        feed(layer(tmp_path / "copy" / "records"))


def test_labels_are_no_boxes_and_boxes_no_label(source, tmp_path):
    write_arrays(tmp_path, "train", np.zeros((2, 4, 4, 3), np.uint8), np.zeros(2, int), 1, "ab", "make it", {})
    with pytest.raises(DataError, match="has no boxes, got records with one label"):
        feed(layer(tmp_path / "train"))
    path = source.with_name("records")
    data = f'layer {{ name: "d" type: "Data" top: "data" data_param {{ source: "{path}" batch_size: 1 }} }}'
    with pytest.raises(DataError, match="has records with boxes, want records with one label"):
        feed(data)


def test_parts_of_a_batch_count_their_own_rows(source):
    text = layer(source, batch=4)
    ((whole, _),) = batches(feed(text), 1)
    ((half, labels),) = batches(feed(text), 1, part=(1, 2))
    np.testing.assert_array_equal(half, whole[1::2])
    assert labels.shape == (1, 1, 4, 8) and set(labels[0, 0, :, 0]) == {1.0, -1.0}
    ((joined, labels),) = batches(feed(text), 1, joined=2)
    assert joined.shape[0] == 8 and labels.shape == (1, 1, 16, 8)


def test_one_top(source):
    found = feed(layer(source, tops='top: "data"'))
    assert found.shapes == ((3, 3, 24, 32),) and len(batches(found, 1)[0]) == 1


def test_noise_comes_after_resizing(source):
    plain = feed(layer(source, SIZE), "TEST")
    changed = feed(layer(source, f"{SIZE} noise_param {{ inverse: true prob: 0 }}"), "TEST")
    ((images, boxes),), ((inverse, same),) = batches(plain, 1), batches(changed, 1)
    np.testing.assert_array_equal(inverse, 255 - images)
    np.testing.assert_array_equal(same, boxes)


def test_crop(source):
    found = feed(layer(source, f"{SIZE} crop_h: 8 crop_w: 16"), "TEST")
    ((images, labels),) = batches(found, 1)
    assert images.shape == (3, 8, 16, 3)
    np.testing.assert_allclose(labels[0, 0, 0, 3:7], [0, 0, 0.5, 0.5], atol=1e-6)


@pytest.mark.parametrize(
    "transform, error, said",
    [
        ("", NetError, "resize_param is missing"),
        ("resize_param { height: 3 }", NetError, "needs height and width"),
        ("resize_param { height: 3 width: 3 resize_mode: FIT_SMALL_SIZE }", UnsupportedError, "FIT_SMALL_SIZE"),
        (f"{SIZE} noise_param {{ convert_to_lab: true }}", UnsupportedError, "bytes of Lab's float values"),
        (f"{SIZE} noise_param {{ saltpepper: true }}", NetError, "saltpepper needs saltpepper_param"),
        (f"{SIZE} noise_param {{ saltpepper_param {{ value: 256 }} }}", NetError, "saltpepper_param is out of range"),
        (f"{SIZE} force_gray: true noise_param {{ jpeg: 50 }}", NetError, "jpeg is for images in colour"),
        (f"{SIZE} noise_param {{ saltpepper_param {{ value: [1, 2] }} }}", NetError, "wrong number of noise_param"),
        (f"{SIZE} crop_h: 3", NetError, "crop_size, or crop_h and crop_w"),
        (f"{SIZE} mean_value: [1, 2]", NetError, "wrong number of mean_value"),
    ],
)
def test_refusals(source, transform, error, said):
    with pytest.raises(error, match=said):
        feed(layer(source, transform))


def test_what_is_no_such_database(source, tmp_path):
    with pytest.raises(DataError, match="gone. is not there, tried .*data_prep.detection"):
        feed(layer(tmp_path / "gone"))
    with DatabaseWriter(tmp_path / "lmdb", "lmdb") as writer:
        writer.put(b"0", b"\x08\x03")
    with pytest.raises(DataError, match="record 0: not an AnnotatedDatum"):
        feed(layer(tmp_path / "lmdb"))
