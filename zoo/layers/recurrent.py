"""RNN, LSTM and LSTMUnit: sequences as (time, stream, ...), unrolled over the fixed number of time steps."""

from zoo.layers.base.blobs import BlobMap, BlobSpec
from zoo.layers.base.geometry import count
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import keras, ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import to_caffe
from zoo.layers.ops.variables import inject


class _Recurrent(LayerType):
    """Bottoms x (T, N, ...), cont (T, N)[, a static input (N, ...)] -> top (T, N, num_output).

    cont is 0 where a sequence begins, else 1. The hidden state carries over from one batch to the next where cont is 1.
    With expose_hidden it is given and returned instead, each (1, N, num_output), behind the other bottoms and tops; no
    gradient passes there, as in Caffe. An exported model carries nothing: there each batch begins with zeros.
    """

    bottom_count = (2, None)
    top_count = (1, None)
    fields = ("recurrent_param",)
    reads_bottom_in_backward = True
    aliases_bottom = None
    aliases_gradient = True
    mixes_batch = False
    no_gradient_bottoms = (1,)
    pixel_map = None
    hidden: tuple[str, ...]  # names of the hidden values, in the order in which they are exposed
    gates: int  # rows of the weights of x for each output

    def read(self, p):
        self.num_output, self.expose = p.num_output, p.expose_hidden
        self.weight_filler, self.bias_filler = p.weight_filler, p.bias_filler
        p.no_effect("debug_info")
        if self.num_output < 1:
            raise p.error("num_output must be given and positive", "num_output", got=self.num_output)
        exposed = len(self.hidden) if self.expose else 0
        self._check_count("bottom", len(self.layer.bottoms), (2 + exposed, 3 + exposed))
        self._check_count("top", len(self.layer.tops), 1 + exposed)
        self.static = len(self.layer.bottoms) == 3 + exposed

    def top_shapes(self, bottoms):
        x, cont = bottoms[:2]
        if len(x) < 3 or x[0] < 1:
            raise self.error("x needs 3 or more axes: time, stream and values", "bottom", got=x)
        if cont != x[:2]:
            raise self.error("cont needs the time and stream axes of x", "bottom", got=cont, want=x[:2])
        if self.static and (len(bottoms[2]) < 2 or bottoms[2][0] != x[1]):
            raise self.error("the static input needs a stream axis and values", "bottom", got=bottoms[2])
        state = (1, x[1], self.num_output)
        for shape in bottoms[2 + self.static :]:
            if shape != state:
                raise self.error("hidden input does not fit", "bottom", got=shape, want=state)
        return ((*x[:2], self.num_output),) + (state,) * (len(self.layer.tops) - 1)

    def _weight(self, outputs, inputs, name):
        order = BlobMap((outputs, inputs), (1, 0), (inputs, outputs))
        return BlobSpec((outputs, inputs), name, self.weight_filler, order)

    def blobs(self, bottoms):
        """Weight of x, bias, weight of the static input, weight of the hidden state."""
        rows = self.gates * self.num_output
        x = self._weight(rows, count(bottoms[0], 2), "kernel_x")
        bias = BlobSpec((rows,), "bias", self.bias_filler)
        static = (self._weight(rows, count(bottoms[2], 1), "kernel_static"),) if self.static else ()
        return (x, bias, *static, self._weight(rows, self.num_output, "kernel_h"))

    def dense(self, site, part, kernel, bias=None):
        """Returns a Dense layer over given variables."""
        given = {"kernel": kernel} if bias is None else {"kernel": kernel, "bias": bias}
        units = kernel.shape[1]
        return inject(keras.layers.Dense(units, use_bias=bias is not None, name=f"{site.name}__{part}"), given)

    def cell(self, site, variables):
        """Returns ``step(sum of the inputs' parts, cont (N, 1), state or None) -> (output, state)`` from the rest."""
        raise NotImplementedError

    def build(self, site):
        """Plain Keras, but for the state that is carried from batch to batch."""
        kernel, bias, *rest = site.variables
        of_x = self.dense(site, "x", kernel, bias)
        of_static = self.dense(site, "static", rest.pop(0)) if self.static else None
        step = self.cell(site, rest)
        steps, streams = site.bottoms[0][:2]
        x_size = count(site.bottoms[0], 2)
        static_size = count(site.bottoms[2], 1) if self.static else 0
        carry = None
        if not (self.expose or site.portable):
            from zoo.layers.keras_layers.carried_state import LoadState, StoreState

            variables = [site.state(name, (streams, self.num_output)) for name in self.hidden]
            carry = LoadState(variables, name=site.name), StoreState(variables, name=f"{site.name}__keep")

        def recurrent(x, cont, *others):
            x = of_x(ops.reshape(to_caffe(x), (steps, -1, x_size)))
            if self.static:
                x = x + of_static(ops.reshape(to_caffe(others[0]), (-1, static_size)))
            cont = ops.reshape(_plain(cont, x), (steps, -1, 1))
            state = None
            if self.expose:
                state = [_plain(value, x)[0] for value in others[self.static :]]
            elif carry:
                state = carry[0](x)
            tops = []
            for t in range(steps):
                top, state = step(x[t], cont[t], state)
                tops.append(top)
            top = ops.stack(tops, axis=0)
            if self.expose:
                return (top, *(ops.expand_dims(ops.stop_gradient(value), 0) for value in state))
            return carry[1]([top, *state]) if carry else top

        return recurrent

    def integers(self, bottoms):
        """cont is 0 or 1."""
        return {1: 2}

    def forgets(self):
        """The hidden state, unless it is given and returned."""
        return "" if self.expose else "the hidden state: every batch begins with zeros (expose_hidden gives it)"

    def fixes_batch(self, bottoms):
        """Axis 0 is time."""
        return f'axis 0 is time in layer "{self.layer.name}"'

    def flops(self, bottoms, tops):
        """One for each weight and step."""
        weights = sum(blob.count for blob in self.blobs(bottoms) if len(blob.shape) == 2)
        return weights * count(bottoms[0], 0, 2)


@layer_type("RNN", source="rnn_layer.cpp:42-231, recurrent_layer.cpp:14-288")
class RNN(_Recurrent):
    """h_t = tanh(W_xh x_t + b_h + W_xs s + W_hh (cont_t h_{t-1})); the top is o_t = tanh(W_ho h_t + b_o), not h_t.

    Blobs, H = num_output: W_xh (H, K), b_h (H,)[, W_xs (H, K')], W_hh (H, H), W_ho (H, H), b_o (H,).
    Bottoms, tops and the state that is carried on: as `_Recurrent` says.
    """

    hidden = ("h",)
    gates = 1

    def blobs(self, bottoms):
        """Those that every recurrent layer has, then W_ho and b_o."""
        n = self.num_output
        return (*super().blobs(bottoms), self._weight(n, n, "kernel_o"), BlobSpec((n,), "bias_o", self.bias_filler))

    def cell(self, site, variables):
        """One time step."""
        of_h = self.dense(site, "h", variables[0])
        output = self.dense(site, "o", *variables[1:])

        def step(x, cont, state):
            h = ops.tanh(x if state is None else of_h(state[0] * cont) + x)
            return ops.tanh(output(h)), [h]

        return step


@layer_type("LSTM", source="lstm_layer.cpp:46-239, recurrent_layer.cpp:14-288")
class LSTM(_Recurrent):
    """(i, f, o, g) = W_xc x_t + b_c + W_xs s + W_hc (cont_t h_{t-1}), then LSTMUnit; the top is h_t.

    Blobs, H = num_output: W_xc (4H, K), b_c (4H,)[, W_xs (4H, K')], W_hc (4H, H).
    Bottoms, tops and the state that is carried on: as `_Recurrent` says.
    """

    hidden = ("h", "c")
    gates = 4

    def cell(self, site, variables):
        """One time step."""
        of_h = self.dense(site, "h", variables[0])

        def step(x, cont, state):
            if state is None:
                c, h = lstm_unit(None, x, cont)
            else:
                h, c = state
                c, h = lstm_unit(c, of_h(h * cont) + x, cont)
            return h, [h, c]

        return step


@layer_type("LSTMUnit", source="lstm_unit_layer.cpp:20-121")
class LSTMUnit(LayerType):
    """c = cont s(f) c_prev + s(i) tanh(g), h = s(o) tanh(c), s the sigmoid.

    Bottoms c_prev (1, N, H), the gates i, f, o, g (1, N, 4H) and cont (1, N) -> tops c and h (1, N, H). No blobs. The
    gradient is the true one, which is Caffe's where cont is 0 or 1.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = (2,)
    pixel_map = None
    bottom_count = 3
    top_count = 2

    def integers(self, bottoms):
        """cont is 0 or 1."""
        return {2: 2}

    def top_shapes(self, bottoms):
        c, gates, cont = bottoms
        if len(c) != 3 or c[0] != 1 or gates != (1, c[1], 4 * c[2]) or cont != c[:2]:
            raise self.error("bottoms do not fit", "bottom", got=bottoms, want="(1, N, H), (1, N, 4H) and (1, N)")
        return c, c

    def build(self, site):
        return lambda c, gates, cont: lstm_unit(
            ops.cast(c, gates.dtype), gates, ops.expand_dims(_plain(cont, gates), -1)
        )


def lstm_unit(c_prev, gates, cont):
    """Returns (c, h), each (..., H), of `gates` (..., 4H) and `cont` (..., 1); c_prev None means zeros."""
    i, f, o, g = ops.split(gates, 4, axis=-1)
    c = ops.sigmoid(i) * ops.tanh(g)
    if c_prev is not None:
        c = ops.where(ops.equal(cont, 0), 0.0, cont * ops.sigmoid(f)) * c_prev + c
    return c, ops.sigmoid(o) * ops.tanh(c)


def _plain(x, like):
    """Returns `x` without gradient, in the precision of `like`."""
    return ops.cast(ops.stop_gradient(x), like.dtype)
