"""BatchNorm, LRN, MVN, Softmax, Scale and Bias."""

from tests.layers.cases.case import Case, fixed, normal, uniform

X = {"x": normal(2, 3, 4, 5)}
MANY = {"x": normal(2, 7, 5, 6)}
STATISTICS = {1: lambda rng, shape: rng.uniform(0.5, 9, size=shape), 2: lambda rng, shape: [2.71]}
EMPTY = {i: lambda rng, shape: rng.normal(size=shape) * 0 for i in range(3)}


def batch_norm(name, body="", inputs=X, phase="TEST", **more):
    more.setdefault("parameters", STATISTICS)
    return Case("BatchNorm", name, inputs, f"batch_norm_param {{ {body} }}", phase=phase, **more)


def affine(type_, name, inputs, body="", **more):
    return Case(type_, name, inputs, f"{type_.lower()}_param {{ {body} }}", **more)


def lrn(name, body, inputs=MANY):
    return Case("LRN", name, inputs, f"lrn_param {{ {body} }}")


def scale(name, inputs, body="", **more):
    return affine("Scale", name, inputs, body, **more)


def bias(name, inputs, body="", **more):
    return affine("Bias", name, inputs, body, **more)


def two(second, smaller=True):
    """A bottom and a factor; a factor that begins after axis 0 has no batch axis."""
    return {"x": normal(2, 3, 4, 5), "f": fixed(normal(*second)) if smaller else normal(*second)}


CASES = [
    batch_norm("stored", "eps: 0.01"),
    batch_norm("rows", "", {"x": normal(5, 3)}),
    batch_norm("volumes", "", {"x": normal(2, 3, 2, 4, 3)}),
    batch_norm("line-as-long-as-deep", "", {"x": normal(2, 4, 4)}),
    batch_norm("nothing-stored", "eps: 0.5", parameters=EMPTY),
    batch_norm("in-place", tops=("x",)),
    batch_norm("of-the-batch", "moving_average_fraction: 0.9", phase="TRAIN"),
    batch_norm("of-the-batch-rows", "eps: 0.002", {"x": normal(5, 3)}, "TRAIN"),
    batch_norm("stored-in-train", "use_global_stats: true", phase="TRAIN"),
    batch_norm("of-the-batch-in-test", "use_global_stats: false"),
    lrn("across", "local_size: 5 alpha: 0.8 beta: 0.75 k: 2"),
    lrn("across-wide", "local_size: 9 alpha: 1.3 beta: 0.6"),
    lrn("across-one", "local_size: 1 alpha: 0.5 beta: 1.2 k: 1.5"),
    lrn("within", "norm_region: WITHIN_CHANNEL local_size: 3 alpha: 0.9 beta: 0.7"),
    lrn("within-ignores-k", "norm_region: WITHIN_CHANNEL local_size: 5 alpha: 0.9 beta: 0.7 k: 3"),
    Case("MVN", "planes", {"x": uniform(-1, 4, 2, 3, 4, 5)}),
    Case("MVN", "across", {"x": uniform(-1, 4, 2, 3, 4, 5)}, "mvn_param { across_channels: true }"),
    Case("MVN", "centred", X, "mvn_param { normalize_variance: false }"),
    Case("MVN", "centred-across", X, "mvn_param { normalize_variance: false across_channels: true }"),
    # Caffe's gradient leaves eps out (mvn_layer.cpp:73-128), so that it is no derivative where eps is large.
    Case("MVN", "large-eps", X, "mvn_param { eps: 0.7 }", gradient=()),
    Case("MVN", "rows", {"x": normal(3, 6)}, "mvn_param { across_channels: true }"),
    Case("Softmax", "channels", X),
    Case("Softmax", "rows", {"x": uniform(-30, 30, 3, 8)}),
    Case("Softmax", "last", X, "softmax_param { axis: -1 }"),
    Case("Softmax", "middle", {"x": normal(2, 3, 6)}, "softmax_param { axis: 2 }"),
    Case("Softmax", "in-place", {"x": normal(3, 8)}, tops=("x",)),
    scale("channels", X),
    scale("with-bias", X, "bias_term: true"),
    scale("to-the-end", X, "axis: 1 num_axes: -1 bias_term: true"),
    scale("two-axes", X, "axis: 2 num_axes: 2"),
    scale("channels-and-rows", X, "axis: 1 num_axes: 2 bias_term: true"),
    scale("last", X, "axis: -1"),
    scale("scalar", X, "num_axes: 0 bias_term: true"),
    scale("items", {"x": normal(3, 8)}, "axis: 0", batch_fixed="a factor for each item"),
    scale("rows", {"x": normal(3, 8)}, "bias_term: true", tops=("x",)),
    scale("volumes", {"x": normal(2, 3, 2, 4, 3)}, "bias_term: true"),
    # Keras adds what it takes for a bias along the last axis, wherever it stands, if that axis is as long (ops.add).
    scale("line-as-long-as-deep", {"x": normal(2, 4, 4)}, "bias_term: true"),
    scale("as-high-as-deep", {"x": normal(2, 4, 4, 5)}, "axis: 2 bias_term: true"),
    scale("as-wide-as-deep", {"x": normal(2, 4, 3, 4)}, "axis: 3 bias_term: true"),
    scale("two-bottoms", two((2, 3), smaller=False), "axis: 0"),
    scale("two-bottoms-bias", two((3, 4)), "axis: 1 bias_term: true"),
    scale("two-bottoms-whole", two((2, 3, 4, 5), smaller=False), "axis: 0"),
    scale("two-bottoms-last", two((4, 5)), "axis: -2"),
    bias("channels", X),
    bias("to-the-end", X, "axis: 1 num_axes: -1"),
    bias("two-axes", X, "axis: 2 num_axes: 2"),
    bias("scalar", X, "num_axes: 0"),
    bias("rows", {"x": normal(3, 8)}, tops=("x",)),
    bias("line-as-long-as-deep", {"x": normal(2, 4, 4)}),
    bias("as-high-as-deep", {"x": normal(2, 4, 4, 5)}, "axis: 2"),
    bias("as-wide-as-deep", {"x": normal(2, 4, 3, 4)}, "axis: -1"),
    bias("two-bottoms-as-high-as-deep", {"x": normal(2, 4, 4, 5), "f": fixed(normal(4))}, "axis: 2"),
    bias("items-as-many-as-columns", {"x": normal(4, 4), "f": normal(4)}, "axis: 0"),
    bias("two-bottoms", two((2, 3), smaller=False), "axis: 0"),
    bias("two-bottoms-last", two((4, 5)), "axis: -2"),
]
