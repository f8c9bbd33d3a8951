"""batch_sampler: crops that hold enough of some object (sampler.cpp)."""

import math

import numpy as np

from zoo.input.augmentation.boxes import CORNERS, WHOLE, area, intersection, jaccard


def sampled_region(rng, sampler):
    """Returns a region of random size, shape and place inside the image (SampleBBox)."""
    scale = rng.uniform(sampler.min_scale, sampler.max_scale)
    ratio = rng.uniform(sampler.min_aspect_ratio, sampler.max_aspect_ratio)
    ratio = min(max(ratio, scale**2), 1 / scale**2)
    width, height = scale * math.sqrt(ratio), scale / math.sqrt(ratio)
    left, top = rng.uniform(0, max(1 - width, 0)), rng.uniform(0, max(1 - height, 0))
    return left, top, left + width, top + height


def satisfies(region, boxes, constraint):
    """Returns whether a region meets a SampleConstraint with one of the boxes (SatisfySampleConstraint).

    The tests follow each other for each box, and a box that passed one counts even where it fails a later one: SSD's
    code keeps what it found before.
    """
    corners = boxes[:, CORNERS]
    size, own = area(corners), area(np.asarray(region))
    shared = intersection(region, corners)
    measures = {
        "jaccard_overlap": jaccard(region, corners),
        "sample_coverage": shared / own if own > 0 else np.zeros_like(shared),
        "object_coverage": np.divide(shared, size, out=np.zeros_like(shared), where=size > 0),
    }
    asked = {
        name: values
        for name, values in measures.items()
        if constraint.HasField(f"min_{name}") or constraint.HasField(f"max_{name}")
    }
    if not asked:
        return True
    found = False
    for index in range(len(boxes)):
        for name, values in asked.items():
            least, most = f"min_{name}", f"max_{name}"
            if constraint.HasField(least) and values[index] < getattr(constraint, least):
                break
            if constraint.HasField(most) and values[index] > getattr(constraint, most):
                break
            found = True
        else:
            if found:
                return True
    return found


def regions(rng, boxes, samplers):
    """Returns the regions that the samplers find for the boxes of an image, if any (GenerateBatchSamples)."""
    found = []
    for sampler in samplers:
        if not sampler.use_original_image:
            continue
        count = 0
        for _ in range(sampler.max_trials):
            if sampler.HasField("max_sample") and count >= sampler.max_sample:
                break
            region = sampled_region(rng, sampler.sampler)
            if satisfies(region, boxes, sampler.sample_constraint):
                found.append(region)
                count += 1
    return found


def chosen(rng, boxes, samplers):
    """Returns one of the regions that the samplers find, each as likely; the whole image where they find none."""
    found = regions(rng, boxes, samplers)
    return found[rng.integers(len(found))] if found else WHOLE
