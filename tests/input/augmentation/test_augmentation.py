"""Boxes follow their pixels through every step; each step is a function of its generator."""

import cv2
import numpy as np
import pytest

from zoo.formats import caffe_pb2
from zoo.input.augmentation import boxes as b
from zoo.input.augmentation.colour import distort, linear
from zoo.input.augmentation.framing import crop, expand, resize
from zoo.input.augmentation.sampling import chosen, regions, sampled_region, satisfies

HEIGHT, WIDTH = 60, 80
BOXES = np.float32([[1, 0, 0.25, 0.25, 0.5, 0.75, 0], [2, 1, 0.6, 0.1, 0.9, 0.4, 1]])


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def image():
    """Black, with the boxes filled in colours of their own."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for box, colour in zip(BOXES, ((0, 0, 255), (0, 255, 0))):
        x1, y1, x2, y2 = np.rint(box[b.CORNERS] * (WIDTH, HEIGHT, WIDTH, HEIGHT)).astype(int)
        image[y1:y2, x1:x2] = colour
    return image


def follows(image, boxes, tolerance=2):
    """Asserts that each box bounds the pixels of its colour."""
    for box in boxes:
        channel = {1: 2, 2: 1}[int(box[b.LABEL])]
        rows, columns = np.nonzero(image[:, :, channel] > 127)
        want = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        height, width = image.shape[:2]
        got = box[b.CORNERS] * (width, height, width, height)
        np.testing.assert_allclose(got, want, atol=tolerance)


def test_expand(rng, image):
    p = caffe_pb2.ExpansionParameter(prob=1, max_expand_ratio=3)
    larger, boxes = expand(rng, image, BOXES, p, fill=(10, 20, 30))
    assert larger.shape[0] > HEIGHT and larger.shape[1] > WIDTH
    assert tuple(larger[0, 0]) in ((10, 20, 30), (0, 0, 0))
    follows(larger, boxes)
    same, boxes = expand(rng, image, BOXES, caffe_pb2.ExpansionParameter(prob=1, max_expand_ratio=1))
    assert same is image and boxes is BOXES


def test_crop_clips_boxes_and_drops_those_outside(image):
    shown, boxes = crop(image, BOXES, (0.375, 0.5, 0.7, 1.0))
    assert shown.shape == (30, 26, 3)
    assert boxes[:, b.LABEL].tolist() == [1]
    follows(shown, boxes)


@pytest.mark.parametrize(
    "constraint, left",
    [({"emit_type": "CENTER"}, [2]), ({"emit_type": "MIN_OVERLAP", "emit_overlap": 0.3}, [1, 2]), (None, [1, 2])],
)
def test_emit_constraint(image, constraint, left):
    """A crop from x = 0.4 on shows 40 % of the first box, whose centre is left out."""
    constraint = constraint and caffe_pb2.EmitConstraint(**constraint)
    _, boxes = crop(image, BOXES, (0.4, 0.0, 1.0, 1.0), constraint)
    assert boxes[:, b.LABEL].tolist() == left


def test_mirrored(image):
    follows(image[:, ::-1], b.mirrored(BOXES))


@pytest.mark.parametrize("size", [(30, 30), (50, 90), (90, 50)])
@pytest.mark.parametrize("mode", ["WARP", "FIT_LARGE_SIZE_AND_PAD"])
def test_resize(rng, image, size, mode):
    p = caffe_pb2.ResizeParameter(height=size[0], width=size[1], resize_mode=mode, interp_mode=["LINEAR", "NEAREST"])
    shown, boxes = resize(rng, image, BOXES, p)
    assert shown.shape == (*size, 3)
    follows(shown, boxes)


def test_warp_is_opencvs_resize(rng, image):
    p = caffe_pb2.ResizeParameter(height=31, width=17, interp_mode=["AREA"])
    np.testing.assert_array_equal(resize(rng, image, BOXES, p)[0], cv2.resize(image, (17, 31), interpolation=3))
    gray = image[:, :, :1]
    assert resize(rng, gray, BOXES, p)[0].shape == (31, 17, 1)


def test_sampled_regions_lie_inside_and_have_their_ratio(rng):
    sampler = caffe_pb2.Sampler(min_scale=0.3, max_scale=1, min_aspect_ratio=0.5, max_aspect_ratio=2)
    for _ in range(200):
        x1, y1, x2, y2 = sampled_region(rng, sampler)
        assert -1e-6 <= x1 < x2 <= 1 + 1e-6 and -1e-6 <= y1 < y2 <= 1 + 1e-6
        assert 0.3 - 1e-6 <= np.sqrt((x2 - x1) * (y2 - y1)) <= 1 + 1e-6
        assert 0.5 - 1e-6 <= (x2 - x1) / (y2 - y1) <= 2 + 1e-6


def test_samplers_keep_what_they_promise(rng):
    sampler = caffe_pb2.BatchSampler(max_sample=3, max_trials=50)
    sampler.sampler.min_scale, sampler.sampler.max_scale = 0.3, 1
    sampler.sampler.min_aspect_ratio, sampler.sampler.max_aspect_ratio = 0.5, 2
    sampler.sample_constraint.min_jaccard_overlap = 0.3
    found = regions(rng, BOXES, [sampler])
    assert 0 < len(found) <= 3
    for region in found:
        assert b.jaccard(region, BOXES[:, b.CORNERS]).max() >= 0.3
    assert chosen(rng, BOXES, []) == b.WHOLE
    sampler.sample_constraint.min_jaccard_overlap = 2
    assert chosen(rng, BOXES, [sampler]) == b.WHOLE


def test_constraints():
    constraint = caffe_pb2.SampleConstraint(min_object_coverage=0.9)
    assert satisfies((0.2, 0.2, 0.6, 0.8), BOXES, constraint)
    assert not satisfies((0.3, 0.3, 0.4, 0.4), BOXES, constraint)
    assert satisfies((0.3, 0.3, 0.4, 0.4), BOXES, caffe_pb2.SampleConstraint(min_sample_coverage=0.99))
    assert satisfies((0.3, 0.3, 0.4, 0.4), BOXES[:0], caffe_pb2.SampleConstraint())


def test_overlaps():
    corners = np.float32([[0, 0, 0.5, 1], [0.75, 0, 1, 1], [0.6, 0, 0.4, 1]])
    np.testing.assert_allclose(b.jaccard((0.25, 0, 0.75, 1), corners), [1 / 3, 0, 0], rtol=1e-6)


def test_distortion(rng, image):
    p = caffe_pb2.DistortionParameter(
        brightness_prob=1, brightness_delta=32, contrast_prob=1, contrast_lower=0.5, contrast_upper=1.5,
        hue_prob=1, hue_delta=18, saturation_prob=1, saturation_lower=0.5, saturation_upper=1.5, random_order_prob=1,
    )  # fmt: skip
    once, again = (distort(np.random.default_rng(9), image, p) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert once.shape == image.shape and once.dtype == np.uint8 and (once != image).any()
    np.testing.assert_array_equal(distort(rng, image, caffe_pb2.DistortionParameter()), image)


@pytest.mark.parametrize("factor, shift", [(1, 20.5), (1.37, 0), (0.5, 3.25)])
def test_linear_is_opencvs(factor, shift):
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(linear(values, factor, shift), cv2.convertScaleAbs(values, alpha=factor, beta=shift))
    assert linear(np.uint8([0, 10, 255]), 1, -20.5).tolist() == [0, 0, 234]
