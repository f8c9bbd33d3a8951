"""`import zoo`: its names are those of zoo.api, and mistakes are said."""

import importlib

import pytest

import zoo


def test_every_name_is_there_and_is_what_it_is_called():
    assert set(zoo._HOME) == set(zoo.__all__) - {"__version__"}
    for name, home in zoo._HOME.items():
        assert getattr(zoo, name) is getattr(importlib.import_module(home), name)
        assert getattr(zoo, name).__doc__
    assert set(zoo.__all__) <= set(dir(zoo))


def test_another_name_is_none():
    with pytest.raises(AttributeError, match="module 'zoo' has no attribute 'lode'") as raised:
        _ = zoo.lode
    assert raised.value.name == "lode" and raised.value.obj is zoo  # by which Python says "Did you mean: 'load'?"
