"""Recurrent layers: the state between batches, sequences that begin, exposed states, refusals."""

import numpy as np
import pytest

from tests.layers.one_layer_net import gradients, one_layer, run
from zoo.errors import NetError

RNG = np.random.default_rng(8)
BODY = "recurrent_param {{ num_output: 3 weight_filler {{ type: 'uniform' min: -1 max: 1 }} {} }}".format
T, N, K = 6, 2, 5
X = RNG.normal(size=(T, N, K)).astype(np.float32)
CONT = np.ones((T, N), np.float32)
CONT[0] = 0
CONT[4, 1] = 0
BOTH = pytest.mark.parametrize("type_", ["RNN", "LSTM"])


def net(type_, steps=T, more="", bottoms=(), tops=1, **build):
    return one_layer(type_, BODY(more), [(steps, N, K), (steps, N), *bottoms], tops, seed=4, **build)


@BOTH
def test_two_halves_are_the_whole(type_):
    whole = run(net(type_), X, CONT)
    half = net(type_, T // 2)
    halves = [run(half, X[i : i + 3], CONT[i : i + 3]) for i in (0, 3)]
    assert np.allclose(np.concatenate(halves), whole, atol=1e-6)
    assert not np.allclose(run(half, X[:3], CONT[:3] * 0 + 1), halves[0])  # cont 1 resumes from the last half
    assert np.allclose(run(half, X[:3], CONT[:3]), halves[0], atol=1e-6)


@BOTH
def test_a_sequence_that_begins_forgets(type_):
    whole = run(net(type_), X, CONT)
    alone = run(net(type_, 2), X[4:], CONT[4:])
    assert np.allclose(whole[4:, 1], alone[:, 1], atol=1e-6)
    assert not np.allclose(whole[4:, 0], alone[:, 0], atol=1e-3)


@BOTH
def test_no_gradient_reaches_the_batch_before_or_cont(type_):
    half = net(type_, 3)
    run(half, X[:3], CONT[:3])
    of_x, of_cont = gradients(half, X[3:], np.ones((3, N)))
    assert of_x.any()
    assert not of_cont.any()


@BOTH
def test_the_functional_model_carries_the_state_too(type_):
    whole = run(net(type_), X, CONT)
    model = net(type_, 3).model()
    halves = [np.asarray(model([X[i : i + 3], CONT[i : i + 3]])) for i in (0, 3)]
    assert np.allclose(np.concatenate(halves), whole, atol=1e-6)


@BOTH
def test_an_exported_model_begins_with_zeros(type_):
    whole = run(net(type_), X, CONT)
    model = net(type_, 3, portable=True).model()
    assert np.allclose(model([X[:3], CONT[:3]]), whole[:3], atol=1e-6)
    assert np.allclose(model([X[:3], np.ones((3, N), np.float32)]), whole[:3], atol=1e-6)


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize(("type_", "states"), [("RNN", 1), ("LSTM", 2)])
def test_exposed_states_go_round(type_, states, portable):
    whole = run(net(type_), X, CONT)
    bottoms = [(1, N, 3)] * states
    half = net(type_, 3, "expose_hidden: true", bottoms, 1 + states, portable=portable)
    first = run(half, X[:3], CONT[:3], *[np.full((1, N, 3), 9.0)] * states)  # forgotten, as cont is 0
    second = run(half, X[3:], CONT[3:], *first[1:])
    assert np.allclose(np.concatenate([first[0], second[0]]), whole, atol=1e-6)
    if type_ == "LSTM":
        assert np.array_equal(first[1][0], first[0][-1])
    assert not any(g.any() for g in gradients(half, X[3:], CONT[3:], *first[1:], top=1))
    assert not any(g.any() for g in gradients(half, X[3:], CONT[3:], *first[1:])[2:])


def test_lstm_unit_by_hand():
    c, gates = RNG.normal(size=(1, N, 3)), RNG.normal(size=(1, N, 12))
    i, f, o, g = np.split(gates, 4, axis=2)
    s = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    for cont in (np.array([[1.0, 0.0]]), np.array([[0.3, 1.0]])):
        want = cont[..., None] * s(f) * c + s(i) * np.tanh(g)
        unit = one_layer("LSTMUnit", "", [(1, N, 3), (1, N, 12), (1, N)], 2)
        got_c, got_h = run(unit, c, gates, cont)
        assert np.allclose(got_c, want, atol=1e-6)
        assert np.allclose(got_h, s(o) * np.tanh(want), atol=1e-6)


@pytest.mark.parametrize(
    ("bottoms", "more", "tops", "match"),
    [
        ([(T, N), (T, N)], "", 1, "x needs 3 or more axes"),
        ([(T, N, K), (T, 1)], "", 1, r"cont needs the time and stream axes of x, got \(6, 1\), want \(6, 2\)"),
        ([(T, N, K), (T, N), (3, 4)], "", 1, "the static input needs a stream axis"),
        ([(T, N, K), (T, N), (N, 4), (N, 4)], "", 1, "wrong number of bottoms, got 4, want 2 to 3"),
        ([(T, N, K), (T, N), (1, N, 3)], "expose_hidden: true", 3, "wrong number of bottoms, got 3, want 4 to 5"),
        ([(T, N, K), (T, N), (1, N, 3), (1, N, 4)], "expose_hidden: true", 3, "hidden input does not fit"),
        ([(T, N, K), (T, N), (1, N, 3), (1, N, 3)], "expose_hidden: true", 1, "wrong number of tops, got 1, want 3"),
        ([(T, N, K), (T, N)], "num_output: 0", 1, "num_output must be given"),
    ],
)
def test_what_is_refused(bottoms, more, tops, match):
    with pytest.raises(NetError, match=match):
        body = BODY(more) if "num_output" not in more else f"recurrent_param {{ {more} }}"
        one_layer("LSTM", body, bottoms, tops)
