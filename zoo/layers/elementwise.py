"""Activations without parameters that act on each value alone, one formula each. Any shape -> the same; no blobs."""

import math

from zoo.layers.base.families import PointwiseType
from zoo.layers.base.lazy import keras, ops
from zoo.layers.base.registry import layer_type


class _Elementwise(PointwiseType):
    """A function of each value."""

    in_place = True

    def as_in_place(self, site, forward, backward):
        """Returns `forward`; with Caffe's gradient where the layer works in place, save in exports."""
        if site.portable or not self.overwrites:
            return forward
        from zoo.layers.keras_layers.in_place import InPlace

        return InPlace(forward, backward, site.name)


@layer_type("Sigmoid", source="sigmoid_layer.cpp:8-38")
class Sigmoid(_Elementwise):
    """y = 1 / (1 + exp(-x))."""

    reads_bottom_in_backward = False
    fields = ("sigmoid_param",)

    def read(self, p):
        p.no_effect("engine")

    def build(self, site):
        """Keras's sigmoid."""
        return keras.layers.Activation("sigmoid", name=site.name)


@layer_type("TanH", source="tanh_layer.cpp:10-38")
class TanH(_Elementwise):
    """y = tanh(x)."""

    reads_bottom_in_backward = False
    fields = ("tanh_param",)

    def read(self, p):
        p.no_effect("engine")

    def build(self, site):
        """Keras's tanh."""
        return keras.layers.Activation("tanh", name=site.name)


@layer_type("ELU", source="elu_layer.cpp:8-37")
class ELU(_Elementwise):
    """y = x for x > 0, alpha (exp(x) - 1) otherwise; the gradient at 0 is alpha. In place it goes by the sign of y."""

    reads_bottom_in_backward = True
    fields = ("elu_param",)

    def read(self, p):
        self.alpha = p.alpha

    def build(self, site):
        """Keras's ELU for alpha 1; by selection otherwise, for the gradient at 0."""
        if self.alpha == 1:
            return keras.layers.ELU(name=site.name)

        def elu(x):
            return ops.where(x > 0, x, self.alpha * ops.expm1(ops.where(x > 0, 0.0, x)))

        return self.as_in_place(site, elu, lambda x, y, dy: ops.where(y > 0, dy, dy * (self.alpha + y)))


@layer_type("BNLL", source="bnll_layer.cpp:10-38")
class BNLL(_Elementwise):
    """y = log(1 + exp(x)), without overflow. The gradient is that at x, in place that at y."""

    reads_bottom_in_backward = True

    def build(self, site):
        """Keras's softplus."""
        if self.overwrites:
            return self.as_in_place(site, ops.softplus, lambda x, y, dy: dy * ops.sigmoid(y))
        return keras.layers.Activation("softplus", name=site.name)


@layer_type("AbsVal", source="absval_layer.cpp:8-35")
class AbsVal(_Elementwise):
    """y = |x|; the gradient is the sign, 0 at 0. Not in place."""

    reads_bottom_in_backward = True
    in_place = False

    def build(self, site):
        """keras.ops.abs."""
        return ops.abs


@layer_type("Swish", source="swish_layer.cpp:9-59")
class Swish(_Elementwise):
    """y = x / (1 + exp(-beta x))."""

    reads_bottom_in_backward = False
    fields = ("swish_param",)

    def read(self, p):
        self.beta = p.beta

    def build(self, site):
        """Keras's silu for beta 1."""
        if self.beta == 1:
            return keras.layers.Activation("silu", name=site.name)
        return lambda x: x * ops.sigmoid(self.beta * x)


@layer_type("Threshold", source="threshold_layer.cpp:7-23")
class Threshold(_Elementwise):
    """y = 1 where x > threshold, else 0. No gradient."""

    reads_bottom_in_backward = False
    fields = ("threshold_param",)

    def read(self, p):
        self.threshold = p.threshold

    def build(self, site):
        """A comparison."""
        return lambda x: ops.cast(ops.stop_gradient(x) > self.threshold, x.dtype)


@layer_type("Clip", source="clip_layer.cpp:8-43")
class Clip(_Elementwise):
    """y = max(min, min(x, max)); the gradient passes from min to max, both included, and in place everywhere."""

    reads_bottom_in_backward = True
    fields = ("clip_param",)

    def read(self, p):
        """Reads clip_param, whose fields are both required."""
        self.min, self.max = p.min, p.max

    def build(self, site):
        """By selection, for the gradient at the bounds."""
        low, high = self.min, self.max

        def clip(x):
            if low > high:
                return ops.full_like(x, low)
            inside = ops.logical_and(x >= low, x <= high)
            return ops.where(inside, x, ops.clip(ops.stop_gradient(x), low, high))

        return self.as_in_place(site, clip, lambda x, y, dy: dy if low <= high else ops.zeros_like(dy))


@layer_type("Power", source="power_layer.cpp:9-88")
class Power(_Elementwise):
    """y = (shift + scale x)^power.

    The gradient is the true one. Caffe's, power * scale * y / (shift + scale x), is NaN where that base is 0 and power
    is neither 1 nor 2; here it is 0 for powers above 1. In place Caffe writes the derivative, taken at y, over the
    top's gradient before it multiplies by that: the square of the derivative comes out, whatever the loss was.
    """

    reads_bottom_in_backward = True
    fields = ("power_param",)

    def read(self, p):
        self.power, self.scale, self.shift = p.power, p.scale, p.shift
        if self.power * self.scale == 0 and self.power != 0:
            try:
                math.pow(self.shift, self.power)
            except (ValueError, OverflowError):
                raise p.error(
                    "with scale 0 the value is shift^power, which is no number",
                    "power",
                    got=f"{self.shift:g}^{self.power:g}",
                ) from None

    def build(self, site):
        """Plain operators where the power is simple."""
        power, scale, shift = self.power, self.scale, self.shift
        if power * scale == 0:
            value = 1.0 if power == 0 else math.pow(shift, power)
            return lambda x: ops.full_like(x, value)

        def derivative(y):
            if power == 1:
                return ops.full_like(y, scale)
            if power == 2:
                return 2 * scale * (scale * y + shift)
            return power * scale * y / (scale * y + shift)

        raised = {1: lambda z: z, 2: ops.square, 0.5: ops.sqrt}.get(power, lambda z: ops.power(z, power))

        def affine(x):
            z = x if scale == 1 else x * scale
            return z if shift == 0 else z + shift

        def powered(x):
            return raised(affine(x)) if (power, scale, shift) != (1, 1, 0) else x

        return self.as_in_place(site, powered, lambda x, y, dy: ops.square(derivative(y)))


@layer_type("Exp", source="exp_layer.cpp:8-59")
class Exp(_Elementwise):
    """y = base^(shift + scale x); base -1 means e."""

    reads_bottom_in_backward = False
    fields = ("exp_param",)

    def read(self, p):
        log_base = _log_base(p)
        self.inner, self.outer = log_base * p.scale, math.exp(log_base * p.shift)

    def build(self, site):
        """exp(inner x) times base^shift, as Caffe splits it."""
        return lambda x: ops.exp(x * self.inner) * self.outer


@layer_type("Log", source="log_layer.cpp:8-76")
class Log(_Elementwise):
    """y = log_base(shift + scale x); base -1 means e. In place the gradient is a square, as that of Power."""

    reads_bottom_in_backward = True
    fields = ("log_param",)

    def read(self, p):
        log_base = _log_base(p)
        if log_base == 0:
            raise p.error("the logarithm to base 1 does not exist", "base", got="1")
        self.factor, self.scale, self.shift = 1 / log_base, p.scale, p.shift

    def build(self, site):
        """log(shift + scale x) / log(base)."""
        factor, scale, shift = self.factor, self.scale, self.shift
        return self.as_in_place(
            site,
            lambda x: ops.log(x * scale + shift) * factor,
            lambda x, y, dy: ops.square(scale * factor / (y * scale + shift)),
        )


def _log_base(p):
    if p.base == -1:
        return 1.0
    if not (p.base > 0 and math.isfinite(p.base)):
        raise p.error("base must be positive", "base", got=f"{p.base:g}", want="a positive number, or -1 for e")
    return math.log(p.base)
