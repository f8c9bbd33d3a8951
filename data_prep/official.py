"""How many images the data sets have that these commands know by name; a source that has others is noted, no more."""

import re

IMAGES = {
    "MNIST": {"train": 60_000, "test": 10_000},
    "CIFAR-10": {"train": 50_000, "test": 10_000},
    "ILSVRC2012": {"train": 1_281_167, "val": 50_000},
}
ILSVRC_CLASSES = 1000
_SYNSET = re.compile(r"n\d{8}", re.ASCII)


def noted(name, split, count):
    """Returns what a card says in `made` of a source with `count` images: {"note": text}, or {} where that is right.

    Args:
        name: of the data set, one of `IMAGES`.
        split: its split.
        count: images in the source.
    """
    want = IMAGES[name][split]
    return {} if count == want else {"note": f"the source has {count} images, {name}'s {split} has {want}"}


def is_ilsvrc(classes):
    """Whether class names are those of a data set with as many classes as ILSVRC2012, called as its are: n01440764."""
    return len(classes) == ILSVRC_CLASSES and all(_SYNSET.fullmatch(name) for name in classes)
