"""Keys that tell layers apart: the name, or the name and a number."""

import time

from zoo.formats.layer_keys import UniqueNames, layer_keys, said


def test_a_key_is_the_name_where_that_is_unique():
    assert layer_keys(["data", "conv", "relu"]) == ["data", "conv", "relu"]
    assert layer_keys([]) == []


def test_later_layers_of_a_name_are_numbered_and_no_key_is_given_twice():
    assert layer_keys(["a", "a", "b", "a"]) == ["a", "a#2", "b", "a#3"]
    assert layer_keys(["", "in", "", ""]) == ["", "in", "#2", "#3"]
    assert layer_keys(["a", "a", "a#2", "a#2", "a"]) == ["a", "a#3", "a#2", "a#2#2", "a#4"]


def test_a_hundred_thousand_layers_without_names_take_no_time():
    begin = time.process_time()
    assert len(set(layer_keys([""] * 100_000))) == 100_000
    assert time.process_time() - begin < 5


def test_unique_names_go_by_what_is_taken():
    names = UniqueNames(["a", "a_2"], mark="_")
    assert [names("a"), names("a"), names("b")] == ["a_3", "a_4", "b"]
    names.taken.add("b_2")
    assert names("b") == "b_3"


def test_in_a_line():
    assert said(["a", "", "#2"]) == "a, (no name), (no name)#2" and said([]) == "none"
