"""MarginInnerProduct: SphereFace's inner product with an angular margin at the label."""

from zoo.layers.base.blobs import BlobSpec
from zoo.layers.base.geometry import canonical_axis, count
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.batch_norm import keeper, keeps
from zoo.layers.ops.layout import from_caffe, to_caffe
from zoo.layers.ops.losses import NAN, Labels
from zoo.layers.ops.variables import reader


@layer_type("MarginInnerProduct", source="wy1iu/sphereface@master margin_inner_product_layer.cpp:10-398")
class MarginInnerProduct(LayerType):
    """y = x w, but |x| psi(cos of x and w) at the label, of which the share 1 / (1 + lambda) is taken.

    The rows of the weight are normalised where they lie, at each forward pass. lambda = max(base (1 + gamma t)^-power,
    lambda_min) in the t-th pass, counted on from `iteration`. With z = cos: SINGLE plain; DOUBLE 2 sign(z) z^2 - 1;
    TRIPLE and QUADRUPLE the pieces of +-cos(3a) and +-cos(4a), lowered so that they fall all the way to z = -1.

    Gradients are the fork's own and not derivatives: the weight gets dy x as if it were plain, and x at the label the
    margin's gradient made of a part along w and one along x, both divided by the root of the sum of their squares.

    Bottoms: x (N, ...) and one label for each line of values from `axis` on -> tops: y (N, ..., num_output)[, lambda,
    (1,), without gradient]. A label that no class has makes its line NaN. Blob: weight (num_output, K). An exported net
    has no memory: it keeps the weight as it is and the lambda of the first pass.
    """

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = (1,)
    pixel_map = None
    bottom_count = 2
    top_count = (1, 2)
    fields = ("margin_inner_product_param",)

    def read(self, p):
        """Reads margin_inner_product_param."""
        self.classes, self.margin, self.filler, self.axis = p.num_output, p.enum("type"), p.weight_filler, p.axis
        self.base, self.gamma, self.power, self.start = p.base, p.gamma, p.power, p.iteration
        self.least = p.lambda_min
        if self.classes < 1:
            raise p.error("num_output must be given and positive", "num_output", got=self.classes)

    def _axis(self, bottom):
        field = "margin_inner_product_param.axis"
        axis = canonical_axis(self.axis, len(bottom), self.layer.at(field))
        if axis == 0:
            raise self.error("axis 0 is the items, each with a label", field, got=self.axis, want="1 or more")
        return axis

    def top_shapes(self, bottoms):
        """As the class says."""
        x, label = bottoms
        before = x[: self._axis(x)]
        if count(label) != count(before):
            raise self.error("expects one label for each line", "bottom", got=label, want=f"{count(before)} labels")
        return ((*before, self.classes), (1,))[: len(self.layer.tops)]

    def forgets(self):
        """The number of the pass, on which lambda depends."""
        steady = self.margin == "SINGLE" and len(self.layer.tops) == 1
        return "" if steady or not self.gamma else "the number of passes: lambda stays that of the first"

    def lookups(self, bottoms):
        """Labels of its classes."""
        return {1: (self.classes, None)}

    def blobs(self, bottoms):
        """Weight."""
        inputs = count(bottoms[0], self._axis(bottoms[0]))
        return (BlobSpec((self.classes, inputs), "kernel", self.filler, overwritten=True),)

    def build(self, site):
        """In float32; each of the two gradients comes from its own term."""
        x_shape = site.bottoms[0]
        axis = self._axis(x_shape)
        inputs = count(x_shape, axis)
        read_weight = reader(site.variables[0], f"{site.name}__kernel", site.portable, "float32")
        read_passes, keep = self._memory(site)

        def product(x, label):
            raw, passes = read_weight(x), read_passes(x)
            unit = ops.stop_gradient(raw / ops.sqrt(ops.sum(ops.square(raw), axis=1, keepdims=True)))
            weight = unit + (raw - ops.stop_gradient(raw))
            share = ops.maximum(self.base * ops.power(1.0 + self.gamma * passes, -self.power), self.least)
            dtype, x = x.dtype, ops.reshape(ops.cast(to_caffe(x), "float32"), (-1, inputs))
            labels = Labels(label, self.classes)
            value, along_w, along_x = self._lines(ops.stop_gradient(x), unit, labels, share)
            steady = ops.stop_gradient(x)
            of_x = along_w * ops.matmul(x, ops.transpose(unit)) + along_x * ops.sum(x * steady, axis=1, keepdims=True)
            moves = of_x + ops.matmul(steady, ops.transpose(weight))
            y = ops.cast(value + (moves - ops.stop_gradient(moves)), dtype)
            y = from_caffe(ops.reshape(keep(y, [unit, passes]), (-1, *x_shape[1:axis], self.classes)))
            return (y, ops.reshape(ops.stop_gradient(share), (1,)))[: len(site.tops)]

        return product

    def _memory(self, site):
        """Returns (``f(x) -> the number of this pass``, ``f(y, [weight, number]) -> y`` that remembers them)."""
        if not keeps(site):
            return lambda x: ops.max(ops.zeros_like(x)) + (self.start + 1.0), lambda y, values: y
        from zoo.layers.keras_layers.carried_state import LoadState

        done = site.state("passes", ())
        load = LoadState([done], name=f"{site.name}__passes", dtype="float32", autocast=False)
        store = keeper(site, [site.variables[0], done])
        return (
            lambda x: load(x)[0] + (self.start + 1.0),
            lambda y, values: store(y, [values[0], values[1] - self.start]),
        )

    def _lines(self, x, w, labels, share):
        """Returns (y, and what the gradient of x takes of w and of x), each (lines, classes)."""
        plain = ops.matmul(x, ops.transpose(w))
        plain = ops.where(labels.possible[:, None], plain, NAN)
        if self.margin == "SINGLE":
            return plain, ops.ones_like(plain), ops.zeros_like(plain)
        size = ops.sqrt(ops.sum(ops.square(x), axis=1, keepdims=True))
        psi, of_w, of_x = _MARGINS[self.margin](plain / size)
        of_x = -of_x / size
        norm = ops.sqrt(ops.square(of_w) + ops.square(of_x))
        at_label = ops.one_hot(labels.safe, self.classes) > 0
        y = (ops.where(at_label, size * psi, plain) + share * plain) / (1 + share)
        along_w = (ops.where(at_label, of_w / norm, 1.0) + share) / (1 + share)
        return y, along_w, ops.where(at_label, of_x / norm / (1 + share), 0.0)


def _double(z):
    sign = ops.sign(z)
    square = sign * ops.square(z)
    return 2 * square - 1, 4 * sign * z, 2 * square + 1


def _triple(z):
    sign = ops.sign(ops.absolute(z) - 0.5)
    lowered, square = ops.sign(z) * (1 + sign) - 2, ops.square(z)
    cube = square * z
    return sign * (4 * cube - 3 * z) + lowered, sign * (12 * square - 3), 8 * sign * cube - lowered


def _quadruple(z):
    square = ops.square(z)
    sign = ops.sign(z) * ops.sign(2 * square - 1)
    lowered, fourth = 2 * ops.sign(z) + sign - 3, ops.square(square)
    of_x = sign * (24 * fourth - 8 * square - 1) - lowered
    return sign * (8 * fourth - 8 * square + 1) + lowered, sign * (32 * square * z - 16 * z), of_x


# Of the cosine: psi, and the shares of w and of -x / |x| in its gradient before they are normalised.
_MARGINS = {"DOUBLE": _double, "TRIPLE": _triple, "QUADRUPLE": _quadruple}
