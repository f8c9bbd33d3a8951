"""SSD's layer types: what they refuse, and what neither the recorded cases nor the case table ask."""

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.one_layer_net import assign, gradients, one_layer, run
from zoo import reference
from zoo.errors import ZooError
from zoo.formats import name_sizes
from zoo.formats.prototxt import parse_net
from zoo.layers.base.registry import lookup
from zoo.layers.ops.boxes import pixel_overlap
from zoo.layers.ops.layout import from_caffe, to_caffe
from zoo.netdef.net import net_def
from zoo.reference.forks.ssd import detection_evaluate

DETECTION = ((1, 24), (1, 12), (1, 2, 24))
MAPS = ((2, 3, 3, 5), (2, 1, 90, 60))


def detection(body="num_classes: 2", bottoms=DETECTION):
    return one_layer("DetectionOutput", f"detection_output_param {{ {body} }}", bottoms)


@pytest.mark.parametrize(
    "body, bottoms, said",
    [
        ("", DETECTION, "num_classes must be given"),
        ("num_classes: 1", DETECTION, "no class but the background"),
        ("num_classes: 2 background_label_id: -1", DETECTION, "no background_label_id of -1"),
        ("num_classes: 2 nms_param { nms_threshold: -0.1 }", DETECTION, "nms_threshold must not be negative"),
        ("num_classes: 2 nms_param { eta: 0 }", DETECTION, "eta must be above 0"),
        ("num_classes: 2 nms_param { top_k: 3 } top_k: 4", DETECTION, "top_k is given twice"),
        ("num_classes: 3", DETECTION, r"scores, bottom 1, do not fit the priors.*\(items, 18\)"),
        ("num_classes: 2 share_location: false", DETECTION, r"offsets, bottom 0, do not fit.*\(items, 48\)"),
        ("num_classes: 2", ((2, 24), (1, 12), (1, 2, 24)), "different numbers of items"),
        ("num_classes: 2", ((1, 24), (1, 12), (1, 1, 24)), "priors, bottom 2, are boxes and variances"),
    ],
)
def test_detection_output_refuses(body, bottoms, said):
    with pytest.raises(ZooError, match=said):
        detection(body, bottoms)


def test_detection_output_takes_what_writes_files_and_images():
    extra = "save_output_param { output_directory: 'out' } visualize: true visualize_threshold: 0.6 save_file: 'a'"
    net = detection(f"num_classes: 2 {extra}", (*DETECTION, (1, 3, 9, 9)))
    assert net.layers[-1].tops == ((1, 1, 6, 7),)
    assert detection("num_classes: 2 keep_top_k: 4").layers[-1].tops == ((1, 1, 4, 7),)


@pytest.mark.parametrize(
    "body, said",
    [
        ("", "min_size must be given"),
        ("min_size: 0", "min_size must be positive"),
        ("min_size: 3 max_size: 3", "max_size must exceed"),
        ("min_size: 3 min_size: 4 max_size: 5", "max_size does not fit min_size"),
        ("min_size: 3 variance: 1 variance: 2", "variance is given once, or four times"),
        ("min_size: 3 aspect_ratio: 0", "aspect_ratio must be positive"),
        ("min_size: 3 img_size: 3 img_h: 2 img_w: 3", "img_size and img_h, img_w exclude each other"),
        ("min_size: 3 img_h: 2", "img_w must be positive"),
        ("min_size: 3 step: 0", "step must be positive"),
        ("min_size: 3 step: 2 step_w: 1 step_h: 1", "step and step_h, step_w exclude each other"),
    ],
)
def test_prior_box_refuses(body, said):
    with pytest.raises(ZooError, match=said):
        one_layer("PriorBox", f"prior_box_param {{ {body} }}", MAPS)


def test_prior_box_cuts_sizes_to_whole_numbers():
    body = "prior_box_param { min_size: 30.7 max_size: 60.9 step: 8 img_size: 100 }"
    boxes = run(one_layer("PriorBox", body, MAPS), *(np.zeros(shape) for shape in MAPS))[0, 0].reshape(-1, 4)
    want = np.array([30, np.sqrt(30 * 60)]) / 100
    assert boxes[:2, 2] - boxes[:2, 0] == pytest.approx(want, rel=1e-6)


def test_permute_refuses():
    with pytest.raises(ZooError, match="an axis is named twice"):
        one_layer("Permute", "permute_param { order: 1 order: 1 }", ((2, 3, 4),))
    with pytest.raises(ZooError, match="no such axis"):
        one_layer("Permute", "permute_param { order: 3 }", ((2, 3, 4),))


def test_normalize_of_another_fork_is_refused_by_name():
    with pytest.raises(ZooError, match="Normalize of happynear/caffe-windows.*not supported"):
        one_layer("Normalize", "normalize_param { }", ((2, 3, 4, 5),))


@pytest.mark.parametrize("portable", [False, True])
def test_normalize_with_a_scale_of_zero(portable):
    body = "norm_param { across_spatial: false channel_shared: false }"
    net = one_layer("Normalize", body, ((2, 3, 4, 5),), portable=portable)
    assign(net, [0.0, 2.0, 3.0])
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    y = run(net, x)
    assert not y[:, 0].any()
    assert np.isfinite(y).all()
    (dx,) = gradients(net, x)
    assert not dx[:, 0].any()
    assert np.isfinite(dx).all()


def test_normalize_in_place_gives_no_gradient():
    """The fork overwrites the top's gradient before it subtracts from it."""
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    from zoo.converters.build import build
    from zoo.formats.prototxt import parse_net
    from zoo.netdef.net import net_def

    text = """layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 5 } } }
        layer { name: "l" type: "Normalize" bottom: "x" top: "x" }"""
    net = build(net_def(parse_net(text), "TEST"))
    (dx,) = gradients(net, x)
    assert not dx.any()
    assert np.square(run(net, x)).sum((1, 2, 3)) == pytest.approx([1, 1], rel=1e-5)


@pytest.mark.parametrize(
    "body, said",
    [
        ("", "num_classes must be given"),
        ("num_classes: 3 background_label_id: 3", "no class is the background"),
        ("num_classes: 3 overlap_threshold: 0", "overlap_threshold must be positive"),
        ("num_classes: 3 name_size_file: 'x'", 'file of names and sizes "x" is not there'),
        (
            "num_classes: 3 name_size_file: 'x' resize_param { resize_mode: FIT_SMALL_SIZE height: 3 }",
            "resize_param needs height and width, above 0, got 3 x 0",
        ),
    ],
)
def test_detection_evaluate_refuses(body, said):
    with pytest.raises(ZooError, match=said):
        one_layer("DetectionEvaluate", f"detection_evaluate_param {{ {body} }}", ((1, 1, 4, 7), (1, 1, 3, 8)))


@pytest.mark.parametrize(
    "text, said",
    [
        ("a 3 4\nb 3\n", "sizes.txt:2: no name with a size, got b 3"),
        ("a 3 -4\n", "no name with a size"),
        ("\n", "no names and sizes"),
        ("a 3 0\n", "no name with a size"),
        (f"a 3 {'9' * 5000}\n", "no name with a size"),
    ],
)
def test_a_name_size_file_that_is_damaged(text, said, tmp_path):
    (tmp_path / "sizes.txt").write_text(text)
    with pytest.raises(ZooError, match=said):
        name_sizes.read(tmp_path / "sizes.txt")


@pytest.mark.parametrize(
    "resize",
    [
        "",
        "resize_param { resize_mode: FIT_LARGE_SIZE_AND_PAD height: 30 width: 40 }",
        "resize_param { resize_mode: FIT_SMALL_SIZE height: 30 width: 40 height_scale: 60 width_scale: 50 }",
    ],
)
def test_boxes_in_pixels_of_their_images(tmp_path, resize):
    """Batch after batch, through the end of the file, with images that have no row and take no size."""
    sizes = [("a", (7, 9)), ("b", (30, 4)), ("c", (500, 353)), ("d", (12, 12)), ("e", (2, 60))]
    (tmp_path / "sizes.txt").write_text(name_sizes.text(sizes))
    body = f"num_classes: 3 evaluate_difficult_gt: false name_size_file: '{tmp_path}/sizes.txt' {resize}"
    bottoms = ((1, 1, 24, 7), (1, 1, 10, 8))
    text = f"detection_evaluate_param {{ {body} }}"
    net = one_layer("DetectionEvaluate", text, bottoms)
    plain = one_layer(
        "DetectionEvaluate", "detection_evaluate_param { num_classes: 3 evaluate_difficult_gt: false }", bottoms
    )
    rng, done, differ = np.random.default_rng(0), 0, 0
    grid = np.array([[0, 0, 0.3, 0.4], [0.2, 0.1, 0.6, 0.5], [0.5, 0.5, 1, 1]])
    for _ in range(4):
        images, label = rng.integers(0, 4, (24, 1)), rng.integers(1, 3, (24, 1))
        shift = rng.normal(size=(24, 4)) * 0.07
        found = np.concatenate([images, label, rng.uniform(size=(24, 1)), grid[rng.integers(0, 3, 24)] + shift], 1)
        found[rng.permutation(24)[:8]] = -1
        there = [rng.integers(0, 4, (10, 1)), rng.integers(1, 3, (10, 1)), np.zeros((10, 1))]
        there = np.concatenate([*there, grid[rng.integers(0, 3, 10)], rng.integers(0, 2, (10, 1))], 1)
        found, there = np.float32(found)[None, None], np.float32(there)[None, None]
        definition = net.layers[-1].definition
        want = detection_evaluate(definition, found, there, done)
        top = run(net, found, there)
        rows = net.layers[-1].type.real_rows(top)
        np.testing.assert_allclose(top[0, 0, :rows], want[0, 0, :rows], rtol=1e-6)
        assert rows == want.shape[2]
        if not done:
            model = one_layer(
                "DetectionEvaluate", f"detection_evaluate_param {{ {body} }}", bottoms, portable=True
            ).model()
            exported = tf.nest.flatten(model([from_caffe(tf.constant(x)) for x in (found, there)]))[0]
            np.testing.assert_array_equal(to_caffe(exported), top)
        differ += (top != run(plain, found, there)).any()
        done += len(set(found[0, 0, :, 0]) - {-1})
    assert done > len(sizes) and differ


def test_boxes_apart_share_a_pixel():
    one, other = np.float32([0, 0, 3, 3]), np.float32([5, 0, 8, 3])
    assert pixel_overlap(one, other, np) == pytest.approx(1 / 31)
    assert pixel_overlap(one, one, np) == 1 and pixel_overlap(one, np.float32([3, 0, 5, 3]), np) == pytest.approx(
        4 / 24
    )


def test_detection_evaluate_takes_a_padded_top_and_a_shorter_one_alike():
    net = one_layer("DetectionEvaluate", "detection_evaluate_param { num_classes: 3 }", ((1, 1, 6, 7), (1, 1, 2, 8)))
    found = np.array([[0, 1, 0.9, 0, 0, 1, 1], [0, 2, 0.8, 0, 0, 1, 1], [1, 1, 0.7, 0, 0, 0.4, 0.4]])
    there = np.array([[0, 1, 0, 0, 0, 1, 1, 0], [1, 1, 0, 0, 0, 1, 1, 0]])
    padded = np.concatenate([found, np.full((3, 7), -1)])
    want = [[-1, 1, 2, -1, -1], [-1, 2, 0, -1, -1], [0, 1, 0.9, 1, 0], [0, 2, 0.8, 0, 1], [1, 1, 0.7, 0, 1]]
    kind = net.layers[-1].type
    for detections in (padded, found):
        top = run(net, detections[None, None], there[None, None])
        assert kind.real_rows(top) == 5
        assert top[0, 0, :5] == pytest.approx(np.array(want))


def test_detection_output_is_exported_with_a_top_k_only_where_priors_are_many():
    bottoms = ((1, 9000), (1, 4500), (1, 2, 9000))
    body = "detection_output_param { num_classes: 2 nms_param { %s } }"
    with pytest.raises(ZooError, match=r"top_k is not given.*2250 priors"):
        one_layer("DetectionOutput", body % "", bottoms, portable=True)
    one_layer("DetectionOutput", body % "top_k: 400", bottoms, portable=True)
    one_layer("DetectionOutput", body % "", bottoms)


@pytest.mark.parametrize("eta", [1, 0.95])
@pytest.mark.parametrize("number, keep", [(2500, 40), (2500, 2), (300, 1000), (2500, -1)])
def test_detection_output_of_many_candidates(number, keep, eta):
    """More than are sorted at first, many of them with equal scores, against the reference implementation."""
    text = f"""num_classes: 4 nms_param {{ nms_threshold: 0.6 top_k: 60 eta: {eta} }} keep_top_k: {keep}
        code_type: CENTER_SIZE confidence_threshold: 0.01"""
    net = detection(text, ((1, 4 * number), (1, 4 * number), (1, 2, 4 * number)))
    rng = np.random.default_rng(number)
    corners = rng.uniform(0, 0.7, (number, 2))
    prior = np.concatenate([corners, corners + rng.uniform(0.1, 0.3, (number, 2))], axis=1).ravel()
    offsets = rng.normal(size=(1, 4 * number)) * 0.5
    scores = np.round(rng.dirichlet(np.ones(4), number) * 200).reshape(1, -1) / 200
    priors = np.stack([prior, np.tile([0.1, 0.1, 0.2, 0.2], number)])[None]
    arrays = [array.astype(np.float32) for array in (offsets, scores, priors)]
    fed = {ref.name: array for ref, array in zip(net.inputs, arrays)}
    (want,) = (reference.run(net.definition.message, {}, fed)[ref.name] for ref in net.outputs())
    got = run(net, *arrays)
    assert want.shape[2] == keep or want.shape[2] > 60
    assert net.layers[-1].type.real_rows(got) == want.shape[2]
    assert got[:, :, : want.shape[2]] == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize("body", ["min_size: 20.5", "min_size: 120.7 aspect_ratio: 2", "min_size: 90.5 clip: false"])
def test_prior_boxes_as_opencv_has_them(body, tmp_path):
    """Fractions of a size are kept, and boxes are clipped unless the text says not to."""
    cv2 = pytest.importorskip("cv2")
    if not hasattr(cv2.dnn, "readNetFromCaffe"):
        pytest.skip("this OpenCV reads no Caffe nets")
    text = f"""input: "data" input_dim: [1, 1, 64, 64]
      layer {{ name: "p" type: "Pooling" bottom: "data" top: "p" pooling_param {{ kernel_size: 32 stride: 32 }} }}
      layer {{ name: "b" type: "PriorBox" bottom: "p" bottom: "data" top: "b"
        prior_box_param {{ {body} variance: 0.1 }} }}"""
    (tmp_path / "net.prototxt").write_text(text)
    theirs = cv2.dnn.readNetFromCaffe(str(tmp_path / "net.prototxt"))
    theirs.setInput(np.zeros((1, 1, 64, 64), np.float32))
    (layer,) = (each for each in net_def(parse_net(f'{text} fork: "opencv"'), "TEST").layers if each.type == "PriorBox")
    ours = lookup(layer)(layer).values(((1, 1, 2, 2), (1, 1, 64, 64)))
    np.testing.assert_allclose(ours, theirs.forward(), atol=1e-6)
