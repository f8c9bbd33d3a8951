"""Lstm of Junhyuk Oh, as caffe_ocr has it."""

from zoo.layers.base.blobs import BlobMap, BlobSpec
from zoo.layers.base.geometry import count
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import keras, ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import to_caffe
from zoo.layers.ops.variables import inject, reader


@layer_type("Lstm", source="senlinuc/caffe_ocr@master lstm_layer_Junhyuk.cpp:13-305")
class Lstm(LayerType):
    """(i, f, o, g) = W x_t + b + U h_{t-1}; c_t = s(f) c_{t-1} + s(i) tanh(g); h_t = s(o) tanh(c_t).

    At t = 0 there is neither U h nor c before. With a second bottom, marks of which 0 starts a sequence, the state goes
    on from the last batch, and U h and c count where the mark is not 0. clipping_threshold bounds the gradients of i,
    f, o and g before their functions. As the fork's CPU code has it: every item gets U h of item 0, but the gradient of
    U is as if it had its own, and counts all steps after the first, whatever the marks say, and of the first that of
    item 0; the mark of step t and item n is read at place t + n.
    Bottoms (T,N,I)[, marks (T N)] -> top (T,N,H), H = num_output. Blobs: W (4H,I), U (4H,H), b (4H).
    """

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = True
    no_gradient_bottoms = (1,)
    pixel_map = None
    bottom_count = (1, 2)
    fields = ("lstm_param",)

    def read(self, p):
        """Takes lstm_param; batch_size is not read, as in the fork. Raises NetError without num_output."""
        p.no_effect("batch_size")
        self.size, self.clip = p.num_output, p.clipping_threshold
        self.fillers = p.weight_filler, p.bias_filler
        if self.size < 1:
            raise p.error("num_output is missing", "num_output", got=self.size, want="1 or more")

    def top_shapes(self, bottoms):
        """(T,N,H). Raises NetError for bottoms that are none such."""
        shape = bottoms[0]
        if len(shape) != 3:
            raise self.error("Lstm takes (T,N,I)", "bottom", got=shape, want="3 axes")
        if len(bottoms) > 1:
            marks, least = bottoms[1], shape[0] + shape[1] - 1
            if not marks or marks[0] != count(marks) or marks[0] < least:
                raise self.error("the marks are one line", "bottom", got=marks, want=f"({shape[0] * shape[1]},)")
        return ((*shape[:2], self.size),)

    def blobs(self, bottoms):
        """Weights of x and of the state, and the bias."""
        rows = 4 * self.size
        weight, bias = self.fillers

        def matrix(columns, name):
            return BlobSpec((rows, columns), name, weight, BlobMap((rows, columns), (1, 0), (columns, rows)))

        return matrix(bottoms[0][2], "kernel_x"), matrix(self.size, "kernel_h"), BlobSpec((rows,), "bias", bias)

    def build(self, site):
        """Plain Keras, but for the state that is carried from batch to batch and clipped gradients."""
        kernel_x, kernel_h, bias = site.variables
        of_x = inject(keras.layers.Dense(4 * self.size, name=f"{site.name}__x"), {"kernel": kernel_x, "bias": bias})
        weight = reader(kernel_h, site.name, site.portable)
        steps, items = site.bottoms[0][:2]
        clip, carry = (lambda x: x), None
        if self.clip > 0 and not site.portable:
            from zoo.layers.keras_layers.clipped_gradient import ClippedGradient

            clip = ClippedGradient(self.clip, name=f"{site.name}__clip")
        if len(site.bottoms) > 1 and not site.portable:
            from zoo.layers.keras_layers.carried_state import LoadState, StoreState

            state = [site.state(name, (items, self.size)) for name in ("h", "c")]
            carry = LoadState(state, name=f"{site.name}__load"), StoreState(state, name=f"{site.name}__keep")

        def lstm(x, marks=None):
            u, gates_x = weight(x), of_x(x)
            h = c = ops.zeros_like(gates_x[0, :, : self.size])
            if marks is not None:
                marks = ops.cast(ops.not_equal(ops.reshape(to_caffe(marks), (-1,)), 0), gates_x.dtype)
                h, c = carry[0](x) if carry else (h, c)
            tops = []
            for t in range(steps):
                gates = gates_x[t]
                cont = 1.0 if marks is None else ops.reshape(marks[(slice(t, t + items),)], (-1, 1))
                if t or marks is not None:
                    gates = gates + cont * ops.matmul(h[:1, :], ops.stop_gradient(u)) + _counted(h, u, first=t == 0)
                i, f, o, g = ops.split(clip(gates), 4, axis=-1)
                c = ops.sigmoid(f) * cont * c + ops.sigmoid(i) * ops.tanh(g)
                h = ops.sigmoid(o) * ops.tanh(c)
                tops.append(h)
            top = ops.stack(tops, axis=0)
            return carry[1]([top, h, c]) if carry else top

        return lstm

    def integers(self, bottoms):
        """Marks are 0 or 1."""
        return {1: 2} if len(bottoms) > 1 else {}

    def forgets(self):
        """The state, where there are marks."""
        return "the state: every batch begins with zeros" if len(self.layer.bottoms) > 1 else ""

    def fixes_batch(self, bottoms):
        """Axis 0 is time."""
        return f'axis 0 is time in layer "{self.layer.name}"'

    def flops(self, bottoms, tops):
        """One for each weight and step."""
        return count(bottoms[0], 0, 2) * 4 * self.size * (bottoms[0][2] + self.size)


def _counted(h, u, first):
    """Returns 0, with the gradient that the fork adds up for `u`: of every item, or of the first alone."""
    fixed = ops.stop_gradient(h)
    product = ops.matmul(fixed[:1, :] if first else fixed, u)
    nothing = product - ops.stop_gradient(product)
    return ops.pad(nothing, [(0, h.shape[0] - 1), (0, 0)]) if first else nothing
