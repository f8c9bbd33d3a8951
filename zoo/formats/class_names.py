"""What classes are called: ImageNet's synsets in words, the names of small sets, and files of labels."""

import functools
import pathlib
import re

from zoo.errors import DataError, Place, did_you_mean
from zoo.formats import labelmap, records

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MNIST = tuple(map(str, range(10)))
_TABLE = pathlib.Path(__file__).with_name("ilsvrc2012_synsets.tsv")
_SYNSET = re.compile(r"n\d{8}", re.ASCII)


@functools.cache
def synsets():
    """Returns {synset: words, such as "tench, Tinca tinca"} of ILSVRC2012's classes, in the order of their labels."""
    lines = _TABLE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines if not line.startswith("#"))


def words(name):
    """Returns the words of a class that is called by its synset; None for any other name."""
    return synsets().get(name) if _SYNSET.fullmatch(name) else None


def short(name):
    """Returns the first of the words of a class that is called by its synset; any other name as it is.

    Example:
        >>> short("n01440764"), short("n01440764 tench, Tinca tinca"), short("cat")
        ('tench', 'tench', 'cat')
    """
    synset, _, said = name.partition(" ")
    found = words(synset)
    return (said or found).partition(",")[0] if found else name


def full(name):
    """Returns a synset with its words, such as "n01440764 tench, Tinca tinca"; any other name as it is."""
    found = words(name)
    return f"{name} {found}" if found else name


def imagenet():
    """Returns ILSVRC2012's names by label, as the lines of Caffe's synset_words.txt: "n01440764 tench, Tinca tinca"."""
    return tuple(map(full, synsets()))


KNOWN = {"imagenet": imagenet, "cifar10": lambda: CIFAR10, "mnist": lambda: MNIST}


def of(which):
    """Returns the names by label that `which` stands for.

    Args:
        which: a name of `KNOWN`; a file with a name a line from label 0; or a split of data_prep, whose card says them.

    Raises:
        DataError: there is none of these, or the file is no text.
    """
    if which in KNOWN:
        return KNOWN[which]()
    path = pathlib.Path(which)
    if not path.is_file() and records.card_path(which).is_file():
        path = records.card_path(which)
    if path.suffix == ".json" and path.is_file():
        return tuple(map(full, records.read_card(path.with_suffix("")).classes))
    if not path.exists() and len(path.parts) == 1 and not path.suffix:
        hint = did_you_mean(which, KNOWN)
        raise DataError("no such names of labels", got=repr(which), want=f"{', '.join(KNOWN)}, or a file", hint=hint)
    lines = labelmap.read_text(path).splitlines()
    names = tuple(line.strip() for line in lines)
    if not any(names) or "\0" in "".join(names):
        raise DataError("no names of labels", at=Place(str(path)), want="a name a line, from label 0 on")
    return names


def of_count(count):
    """Returns the names for a net of `count` classes, where nobody says them: ILSVRC2012's for 1,000, else numbers."""
    return imagenet() if count == len(synsets()) else tuple(map(str, range(count)))


def short_names(count, given=()):
    """Returns the `short` names of `count` classes: those given where they are as many, else `of_count`'s."""
    return tuple(map(short, given if len(given) == count else of_count(count)))
