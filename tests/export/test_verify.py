"""That a difference is found, wherever it lies, and that what is no difference is none."""

import math
import sys

import keras
import numpy as np
import pytest

from tests.cv import nets
from tests.export import small_net
from zoo.errors import UnsupportedError
from zoo.export import keras_file, opencv, verify
from zoo.export.caffe_order import in_caffe_order
from zoo.export.conversion import convert
from zoo.export.random_inputs import random_inputs
from zoo.export.targets import target
from zoo.formats import caffemodel
from zoo.netdef import forks


def row(got, want, tolerance=1e-4):
    return verify.compare("b", "NumPy", np.array(got, np.float32), np.array(want, np.float32), tolerance)


def test_differences_are_in_parts_of_the_largest_value():
    assert row([1.0, 200.0], [1.01, 200.0]).equal
    assert not row([1.0, 200.0], [1.1, 200.0]).equal
    assert row([1.0, 200.0], [1.1, 200.0]).verdict == "DIFFERS"
    assert row([1.0, 200.0], [1.1, 200.0]).relative == pytest.approx(0.1 / 200, rel=1e-3)
    assert row([[0.0], [0.0]], [[0.0], [0.0]]).equal
    assert row([0.0, 1e-9], [0.0, 0.0]).relative == math.inf
    assert not row([0.0, 1e-9], [0.0, 0.0]).equal


def test_rows_in_another_order_and_zeros_behind_them_are_the_same_rows():
    ours = [[0, 1, 0.5], [0, 2, 0.9], [1, 1, 0.7]]
    theirs = [[0, 2, 0.9], [0, 1, 0.5], [1, 1, 0.7], [0, 0, 0], [0, 0, 0]]
    got, want = (verify.sorted_rows(np.array(rows)[None, None]) for rows in (ours, theirs))
    assert row(got, want).equal
    assert not row(got, verify.sorted_rows(np.array(theirs[1:])[None, None])).equal


def test_what_is_not_finite_must_be_so_in_the_same_places():
    inf, nan = math.inf, math.nan
    assert row([1.0, -inf, nan], [1.0, -inf, nan]).equal
    for got in ([1.0, inf, nan], [1.0, -inf, 2.0], [nan, -inf, nan], [inf, -inf, nan]):
        assert not row(got, [1.0, -inf, nan]).equal
    assert row([nan, nan], [nan, nan]).verdict == verify.NOTHING
    assert not row([nan, nan], [nan, nan]).equal


def test_another_shape_is_another_answer():
    assert not row([[1.0, 2.0]], [1.0, 2.0]).equal
    assert "1x2" in row([[1.0, 2.0]], [1.0, 2.0]).verdict


def test_agreement_that_says_little_is_said():
    assert "same for every input" in row([[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]]).verdict
    assert row([[0.4, 0.6], [0.5, 0.5]], [[0.4, 0.6], [0.5, 0.5]]).verdict == "equal"


@pytest.fixture
def converted(small, tmp_path):
    """(conversion, path of its .keras file)."""
    conversion = convert(small[0], [small[1]], outputs=["prob", "branch/a"])
    target(str(tmp_path / "x.keras")).write(conversion)
    return conversion, tmp_path / "x.keras"


def test_both_implementations_agree_with_the_file(converted):
    conversion, path = converted
    comparison = verify.Comparison(conversion, batch=3)
    assert not comparison.silent
    rows = comparison.compare(target(str(path)).readers(conversion)[0].open(), 1e-4)
    assert [(r.output, r.by.split()[0], r.decides) for r in rows] == [
        ("prob", "NumPy", True),
        ("branch/a", "NumPy", True),
        ("prob", "OpenCV", False),
        ("branch/a", "OpenCV", False),
    ]
    assert rows[0].shape == (3, 5) and rows[1].shape == (3, 4, 4, 5)
    assert all(r.verdict == "equal" and r.relative < 1e-5 for r in rows)


@pytest.mark.parametrize("layer", ["conv1", "bn1", "scale1", "branch__a", "prelu", "fc1", "softmax"])
def test_one_wrong_weight_is_found(layer, converted, tmp_path):
    """A change of one value by a tenth of the largest of its array, in the file that plain Keras loads."""
    conversion, path = converted
    model = keras.saving.load_model(path)
    names = [v.path for v in model.variables if f"{v.path.split('/')[0]}__".startswith(f"{layer}__")]
    assert names, [v.path for v in model.variables]
    variable = next(v for v in model.variables if v.path == names[0])
    array = np.asarray(variable).copy()
    array.flat[array.size // 2] += 0.1 * np.abs(array).max() + 0.1
    variable.assign(array)
    with keras_file.no_copy_warning():
        model.save(tmp_path / "wrong.keras")
    comparison = verify.Comparison(conversion)
    rows = comparison.compare(target(str(tmp_path / "wrong.keras")).readers(conversion)[0].open(), 1e-4)
    assert {r.output for r in rows if r.decides and r.verdict == "DIFFERS"} >= {"prob"}


def test_the_reference_takes_the_weights_of_the_file_and_not_ours(small, monkeypatch):
    """A mistake in the way from a blob to a variable must not reach the reference implementation."""
    conversion = convert(small[0], [small[1]])
    layer = next(layer for layer in conversion.net.layers if layer.definition.name == "conv1")
    kernel = layer.parameters[0].variable
    kernel.assign(np.asarray(kernel)[::-1])  # a filter mirrored
    model = conversion.exported.model
    run = in_caffe_order(conversion, lambda feeds, training: model(feeds["data"]), {"data": "data"})
    rows = verify.Comparison(conversion).compare(run, 1e-4)
    assert [r.verdict for r in rows] == ["DIFFERS", "differs"]


def test_weights_are_compared_byte_by_byte(small, tmp_path):
    conversion = convert(small[0], [small[1]])
    arrays = {name: [a.copy() for a in blobs] for name, blobs in small[2].items()}
    path = tmp_path / "w.caffemodel"
    caffemodel.write(path, arrays, conversion.message)
    count = sum(len(blobs) for blobs in arrays.values())
    assert verify.same_bytes(conversion, path) == (count, [])
    arrays["fc1"][1][3] = np.nextafter(arrays["fc1"][1][3], np.float32(9))
    del arrays["prelu"]
    caffemodel.write(path, arrays, conversion.message)
    assert verify.same_bytes(conversion, path) == (
        count,
        ['blob 0 of layer "prelu" is missing', 'blob 1 of layer "fc1" DIFFERS'],
    )


def test_a_type_without_a_reference_implementation_cannot_be_verified(tmp_path):
    text = small_net.INPUT + 'layer { name: "d" type: "Dropout" bottom: "data" top: "d" }'
    conversion = convert(small_net.write(tmp_path / "net.prototxt", text), phase="TRAIN")
    with pytest.raises(UnsupportedError, match='layer "d" .Dropout.: random in TRAIN'):
        verify.Comparison(conversion)


# ---- random inputs ---------------------------------------------------------------------------------------------


def test_images_are_noise_in_the_range_of_their_preprocessing(tmp_path):
    conversion = convert(
        small_net.write(tmp_path / "net.prototxt", small_net.TRAIN_VAL), shapes={"data": (1, 3, 19, 17)}
    )
    x = random_inputs(conversion, 5)["data"]
    assert x.shape == (5, 3, 19, 17) and x.dtype == np.float32
    mean = np.array([104, 117, 123])
    np.testing.assert_allclose(x.min((0, 2, 3)), -mean * 0.017, atol=0.05)
    np.testing.assert_allclose(x.max((0, 2, 3)), (255 - mean) * 0.017, atol=0.05)
    assert not np.array_equal(x[0], x[1])


def test_indices_and_markers_are_integers_in_range(tmp_path):
    text = """
    layer { name: "in" type: "Input" top: "word" input_param { shape { dim: 9 dim: 4 } } }
    layer { name: "in2" type: "Input" top: "cont" input_param { shape { dim: 9 dim: 4 } } }
    layer { name: "e" type: "Embed" bottom: "word" top: "e" embed_param { input_dim: 7 num_output: 3 } }
    layer { name: "l" type: "LSTM" bottom: "e" bottom: "cont" top: "l" recurrent_param { num_output: 2 } }
    """
    conversion = convert(small_net.write(tmp_path / "net.prototxt", text))
    assert "time" in conversion.fixed
    x = random_inputs(conversion)
    assert set(np.unique(x["word"])) <= set(range(7)) and len(np.unique(x["word"])) > 3
    assert set(np.unique(x["cont"])) == {0, 1}


def test_the_size_of_an_image_is_one_that_its_map_covers(tmp_path):
    text = """
    layer { name: "in" type: "Input" top: "scores" top: "offsets" top: "im_info" input_param {
      shape { dim: 1 dim: 18 dim: 4 dim: 5 } shape { dim: 1 dim: 36 dim: 4 dim: 5 } shape { dim: 1 dim: 3 } } }
    layer { name: "p" type: "Python" bottom: "scores" bottom: "offsets" bottom: "im_info" top: "rois"
      python_param { module: "rpn.proposal_layer" layer: "ProposalLayer" param_str: "'feat_stride': 16" } }
    """
    x = random_inputs(convert(small_net.write(tmp_path / "net.prototxt", text)))
    assert x["im_info"].tolist() == [[64, 80, 1]] and x["scores"].min() < 0


# ---- OpenCV ----------------------------------------------------------------------------------------------------


def test_what_opencv_cannot_read_is_said(small, tmp_path):
    got, said = opencv.run('layer { name: "x" type: "Nonsense" bottom: "y" top: "x" }', small[1], {}, {"x": ("x", 0)})
    assert got is None and said.startswith("it cannot read or run this net")


@pytest.mark.parametrize("mode", ["", "round_mode: FLOOR", "round_mode: CEIL"])
def test_opencv_is_asked_in_its_own_words(mode, tmp_path):
    nets.opencv()
    text = f"""layer {{ name: "data" type: "Input" top: "x" input_param {{ shape {{ dim: 1 dim: 1 dim: 8 dim: 8 }} }} }}
    layer {{ name: "pool" type: "Pooling" bottom: "x" top: "y"
      pooling_param {{ kernel_size: 3 stride: 2 pad: 1 {mode} }} }}"""
    path = small_net.write(tmp_path / "net.prototxt", text)
    found = verify.Comparison(convert(path, batch=1))
    assert found.silent == {}
    first, second = (values["y"] for values in found.found.values())
    assert first.shape == second.shape == ((1, 1, 4, 4) if "FLOOR" in mode else (1, 1, 5, 5))
    np.testing.assert_array_equal(first, second)


def test_opencv_is_not_needed(converted, monkeypatch, tmp_path):
    """A Python without cv2: one whose only path is an empty directory."""
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\nexec {sys.executable} -c \"import sys; sys.exit('it is not installed')\"\n")
    fake.chmod(0o755)
    monkeypatch.setattr(opencv.sys, "executable", str(fake))
    conversion, path = converted
    comparison = verify.Comparison(conversion)
    assert comparison.silent == {"OpenCV": "it is not installed"}
    assert all(r.equal for r in comparison.compare(target(str(path)).readers(conversion)[0].open(), 1e-4))


TIES = """
input: "data" input_shape { dim: 1 dim: 8 dim: 8 dim: 8 }
layer { name: "near" type: "Deconvolution" bottom: "data" top: "near"
  convolution_param { num_output: 4 kernel_size: 2 stride: 2 bias_term: false } }
layer { name: "pool" type: "Pooling" bottom: "near" top: "pool" top: "mask"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "up" type: "Upsample" bottom: "pool" bottom: "mask" top: "up" upsample_param { scale: 2 } }
layer { name: "last" type: "Convolution" bottom: "up" top: "last"
  convolution_param { num_output: 3 kernel_size: 3 bias_term: false } }
"""


@pytest.fixture
def ties(tmp_path, monkeypatch):
    """(conversion, run) of a net whose pooling chooses among four numbers that are equal but for rounding."""
    rng = np.random.default_rng(0)
    near = np.repeat(rng.normal(size=(8, 4, 1, 1)), 4, axis=2).reshape(8, 4, 2, 2)
    near = near * (1 + 1.2e-7 * rng.integers(-1, 2, near.shape))
    arrays = {"near": [near.astype(np.float32)], "last": [rng.normal(size=(3, 4, 3, 3)).astype(np.float32)]}
    caffemodel.write(tmp_path / "ties.caffemodel", arrays)
    config = small_net.write(tmp_path / "ties.prototxt", TIES)
    conversion = convert(config, [str(tmp_path / "ties.caffemodel")], outputs=["last", "mask"])
    exported = conversion.exported
    monkeypatch.setattr(verify.Comparison, "_ask_opencv", lambda *_: None)

    def run(feeds, training):
        return exported.model(feeds["data"], training=training)

    return conversion, in_caffe_order(conversion, run, exported.inputs)


def test_a_choice_between_near_equal_numbers_is_no_difference(ties):
    conversion, run = ties
    comparison = verify.Comparison(conversion)
    rows = comparison.compare(run, 1e-4)
    assert [row.verdict for row in rows] == ["DIFFERS", "DIFFERS"]
    again, lines = comparison.explain(run, 1e-4, rows)
    assert [(row.output, row.verdict) for row in again] == [
        ("last", verify.CHOICES),
        ("what mask is chosen from", verify.CHOICES),
    ]
    assert all(row.equal and row.relative < 1e-6 for row in again)
    assert "each of 4 layers alone" in lines[0]
    assert lines[1].startswith('"mask" of layer "pool": ') and " of 256 chosen otherwise, between" in lines[1]


def test_ties_hide_no_difference_of_the_file(ties):
    conversion, run = ties
    comparison = verify.Comparison(conversion)

    def wrong(arrays):
        return {blob: np.float32(1.01) * value for blob, value in run(arrays).items()}

    rows = comparison.compare(wrong, 1e-4)
    again, lines = comparison.explain(wrong, 1e-4, rows)
    assert not again and lines == ["last: the file does not give what the net that it was made of gives"]


def test_ties_hide_no_layer_that_differs(ties):
    conversion, run = ties
    (last,) = (layer for layer in conversion.net.layers if layer.definition.name == "last")
    last.parameters[0].assign(1.001 * last.parameters[0].array())
    comparison = verify.Comparison(conversion)
    rows = comparison.compare(run, 1e-4)
    again, lines = comparison.explain(run, 1e-4, rows)
    assert not again and len(lines) == 1
    assert 'layer "last" (Convolution): fed what the reference gives it, it differs by 1.0e-03' in lines[0]


def test_that_no_box_was_found_is_said(tmp_path, monkeypatch):
    text = """
    input: "loc" input_shape { dim: 1 dim: 8 } input: "conf" input_shape { dim: 1 dim: 4 }
    input: "prior" input_shape { dim: 1 dim: 2 dim: 8 }
    layer { name: "det" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "prior" top: "det"
      detection_output_param { num_classes: 2 keep_top_k: 2 nms_param { top_k: 2 } confidence_threshold: THRESHOLD } }
    """
    monkeypatch.setattr(verify.Comparison, "_ask_opencv", lambda *_: None)
    said = []
    for threshold in ("2", "-2"):
        config = small_net.write(tmp_path / "net.prototxt", text.replace("THRESHOLD", threshold))
        conversion = convert(config)
        run = in_caffe_order(conversion, conversion.exported.model, conversion.exported.inputs)
        (row,) = verify.Comparison(conversion).compare(run, 1e-4)
        said.append(row.verdict)
    assert said == ["equal, but no box was found", "equal"]


def test_the_reference_reads_a_net_as_fork_asks(tmp_path):
    text = """
    input: "map" input_shape { dim: 1 dim: 2 dim: 3 dim: 4 }
    input: "image" input_shape { dim: 1 dim: 3 dim: 60 dim: 80 }
    layer { name: "p" type: "PriorBox" bottom: "map" bottom: "image" top: "p" prior_box_param { min_size: 30.5 } }
    """
    forks.ask(["textboxes"])
    try:
        conversion = convert(small_net.write(tmp_path / "net.prototxt", text))
        run = in_caffe_order(conversion, conversion.exported.model, conversion.exported.inputs)
        rows = verify.Comparison(conversion).compare(run, 1e-5)
    finally:
        forks.ask([])
    assert conversion.shapes[conversion.outputs["p"]] == (1, 2, 3 * 4 * 2 * 4)
    assert rows[0].verdict == "equal"
