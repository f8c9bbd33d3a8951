"""Names of classes: the table of ILSVRC2012's words, the small sets, and files."""

import re

import pytest

from zoo.errors import DataError
from zoo.formats import class_names


def test_the_table_of_synsets(shared):
    table = class_names.synsets()
    assert len(table) == 1000 and list(table) == sorted(table)
    assert all(re.fullmatch(r"n\d{8}", synset) and words.strip() == words != "" for synset, words in table.items())
    assert table["n01440764"] == "tench, Tinca tinca" and list(table).index("n02123045") == 281
    sample = sorted((shared / "imagenet_sample").glob("n*.JPEG"))
    for path in sample:  # called after their synset and its first words
        synset, _, name = path.stem.partition("_")
        assert table[synset].replace("'", "").replace(" ", "_").startswith(name.replace("'", ""))
    assert len(sample) == 100


def test_words():
    assert class_names.words("n01440764") == "tench, Tinca tinca"
    assert class_names.words("n00000000") is None and class_names.words("tench") is None
    assert class_names.short("n01440764") == "tench" and class_names.short("cat") == "cat"
    assert class_names.short("n01440764 tench, Tinca tinca") == "tench"
    assert class_names.of_count(1000)[1] == "n01443537 goldfish, Carassius auratus"
    assert class_names.of_count(3) == ("0", "1", "2")


def test_named_sets_and_files(tmp_path):
    assert class_names.of("cifar10")[9] == "truck" and class_names.of("mnist")[9] == "9"
    assert class_names.of("imagenet") == class_names.of_count(1000)
    (tmp_path / "names.txt").write_text("dog\n\nfire engine\n")
    assert class_names.of(str(tmp_path / "names.txt")) == ("dog", "", "fire engine")


@pytest.mark.parametrize(
    "which, content, said",
    [
        ("cifar1", None, r"no such names of labels, got 'cifar1', want imagenet, .*did you mean \"cifar10\""),
        ("none.txt", None, "cannot read the labels, got No such file"),
        ("empty.txt", b"\n", "empty.txt: no names of labels"),
        ("binary.txt", b"\xff\xfe", "cannot read the labels"),
        ("card.json", b"{}", "card.json"),
    ],
)
def test_mistakes(tmp_path, which, content, said):
    if content is not None:
        (tmp_path / which).write_bytes(content)
    with pytest.raises(DataError, match=said):
        class_names.of(str(tmp_path / which) if "." in which else which)


def test_names_that_are_given_count_where_they_fit():
    assert class_names.short_names(2, ("cat", "n02114548")) == ("cat", "white wolf")
    assert class_names.short_names(3, ("cat", "dog")) == ("0", "1", "2")
    assert class_names.short_names(1000)[0] == "tench"
