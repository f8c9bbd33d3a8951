"""LSTM and RNN, step by step from zero or exposed state, and the LSTM's unit alone."""

import numpy as np

from zoo.reference.neuron import sigmoid_of


def _unit(cell, gates, cont):
    """One step of the cell; gates are (N, 4D) in the order in, forget, out, new (lstm_unit_layer.cpp:40-69)."""
    i, f, o, g = np.split(gates, 4, -1)
    forget = np.where(cont == 0, 0, cont * sigmoid_of(f))
    cell = forget * cell + sigmoid_of(i) * np.tanh(g)
    return cell, sigmoid_of(o) * np.tanh(cell)


def lstm_unit(layer, cell, gates, cont):
    """(1,N,D) cell, (1,N,4D) gates, (1,N) cont -> next cell, hidden (lstm_unit_layer.cpp:20-69)."""
    return _unit(cell, gates, cont[..., None])


def _sequence(layer, bottoms, states):
    """Returns (x as (T,N,D), cont as (T,N,1), static as (N,Ds) or None, first states).

    As recurrent_layer.cpp:13-275; `states` is how many are carried, two for an LSTM.
    """
    p = layer.message.recurrent_param
    x, cont, *rest = bottoms
    exposed = states if p.expose_hidden else 0
    static = rest.pop(0).reshape(x.shape[1], -1) if len(rest) > exposed else None
    if len(rest) != exposed:
        raise layer.error("wrong number of bottoms", got=len(bottoms), want=f"{2 + exposed} or {3 + exposed}")
    shape = (x.shape[1], p.num_output)
    first = [h.reshape(shape) for h in rest] if exposed else [np.zeros(shape)] * states
    return x.reshape(*x.shape[:2], -1), cont[..., None], static, first


def lstm(layer, *bottoms):
    """h_t = o tanh(c_t), c_t = cont f c + i g (lstm_layer.cpp:46-238). Tops: h of all steps, last h, last c."""
    x, cont, static, (hidden, cell) = _sequence(layer, bottoms, 2)
    weight_x, bias, *weight_static, weight_h = layer.blobs
    inputs = x @ weight_x.T + bias
    if static is not None:
        inputs = inputs + static @ weight_static[0].T
    steps = []
    for gates, go_on in zip(inputs, cont):
        cell, hidden = _unit(cell, gates + (go_on * hidden) @ weight_h.T, go_on)
        steps.append(hidden)
    return np.stack(steps), hidden[None], cell[None]


def rnn(layer, *bottoms):
    """h = tanh(W_hh cont h + W_xh x + b), o = tanh(W_ho h + b_o) (rnn_layer.cpp:41-230). Tops: o, last h."""
    x, cont, static, (hidden,) = _sequence(layer, bottoms, 1)
    weight_x, bias, *weight_static, weight_h, weight_out, bias_out = layer.blobs
    inputs = x @ weight_x.T + bias
    if static is not None:
        inputs = inputs + static @ weight_static[0].T
    steps = []
    for given, go_on in zip(inputs, cont):
        hidden = np.tanh((go_on * hidden) @ weight_h.T + given)
        steps.append(np.tanh(hidden @ weight_out.T + bias_out))
    return np.stack(steps), hidden[None]


LAYERS = {"LSTM": lstm, "LSTMUnit": lstm_unit, "RNN": rnn}
