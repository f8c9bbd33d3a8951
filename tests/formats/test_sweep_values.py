import pytest

from zoo.errors import ZooError
from zoo.formats.sweep_values import Trial, trials


def test_all_combinations_the_last_fastest():
    found = trials(["base_lr: 0.1|0.2", "batch_size: 3 | 4"], ["batch_size"])
    assert [trial.name for trial in found] == [f"base_lr={a},batch_size={b}" for a in ("0.1", "0.2") for b in (3, 4)]
    assert (found[2].text, found[2].short, found[2].values) == (
        "base_lr: 0.2",
        {"batch_size": "3"},
        {"base_lr": "0.2", "batch_size": "3"},
    )


def test_fields_of_layers_and_what_stays():
    found = trials(
        ['layer { name: "a/b" convolution_param { num_output: 1|2 pad: 3 } }', 'type: "SGD"|"Adam" gamma: 1']
    )
    assert found[3].text == 'layer { name: "a/b" convolution_param { num_output: 2 pad: 3 } } type: "Adam" gamma: 1'
    assert found[3].name == "a_b.num_output=2,type=_Adam_"


def test_a_short_name_among_other_fields_is_a_field():
    first, _ = trials(["momentum: 0.8|0.9 weight_decay: 0.1"], ["momentum"])
    assert (first.text, first.short) == ("momentum: 0.8 weight_decay: 0.1", {})


def test_trials_are_told_apart():
    assert len({*trials(["gamma: 1|2|3"])}) == 3
    assert Trial("a", {}) == Trial("a", {})


@pytest.mark.parametrize(
    "texts, says",
    [
        ([], "--sweep is missing"),
        (["base_lr: 0.1"], "--sweep varies nothing, got base_lr: 0.1, want a name, a colon, and values separated by"),
        (["base_lr: 1|1"], "--sweep has a value twice, got base_lr: 1"),
        (["base_lr: 1|2", "base_lr: 3|4"], "base_lr is swept twice"),
        (
            ["a: 1|2|3|4|5|6|7|8|9|10|11", "b: 1|2|3|4|5|6|7|8|9|10", "c: 1|2|3|4|5|6|7|8|9|10"],
            "too many runs, got 1100",
        ),
    ],
)
def test_mistakes(texts, says):
    with pytest.raises(ZooError, match=says):
        trials(texts)
