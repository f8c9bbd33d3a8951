"""BN of SegNet, of PSPNet and of happynear, and NVIDIA's BatchNorm of two versions."""

from tests.layers.cases.case import Case, normal

X = {"x": normal(3, 4, 5, 6)}
ROWS = {"x": normal(7, 3)}
SPREAD = {3: lambda rng, shape: rng.uniform(0.3, 4, size=shape)}
FILLERS = {
    "segnet": 'scale_filler { type: "constant" value: 1 } shift_filler { type: "constant" value: 0.001 }',
    "psp": 'slope_filler { type: "constant" value: 1 } bias_filler { type: "constant" value: 0 }',
}


def bn(variant, name, body="", inputs=X, phase="TEST", **more):
    text = f"bn_param {{ {FILLERS.get(variant, FILLERS['psp'])} {body} }}"
    before = f'fork: "{variant}"' if variant == "happynear" else ""
    parameters = {} if variant == "segnet" else SPREAD
    return Case("BN", name, inputs, text, phase=phase, parameters=parameters, variant=variant, before=before, **more)


def nvidia(name, body="", inputs=X, phase="TEST", **more):
    parameters = {1: lambda rng, shape: rng.uniform(0.3, 4, size=shape)}
    text = f"batch_norm_param {{ {body} }}"
    return Case("BatchNorm", name, inputs, text, phase=phase, parameters=parameters, variant="nvidia", **more)


def nvidia15(name, body="", inputs=X, phase="TEST", **more):
    parameters = {3: lambda rng, shape: rng.uniform(0.3, 4, size=shape)}
    text, fork = f"batch_norm_param {{ {body} }}", 'fork: "nvidia15"'
    more |= {"phase": phase, "after": fork, "parameters": parameters, "variant": "nvidia15"}
    return Case("BatchNorm", name, inputs, text, **more)


CASES = [
    # With global statistics the gradient is the fork's own; see tests/layers/forks/test_batch_norm_nvidia.py.
    nvidia15("test", "scale_filler { value: 1 } eps: 0.01", gradient=()),
    nvidia15("train", "scale_filler { value: 1 } bias_filler { value: 0.5 } eps: 0.001", phase="TRAIN"),
    nvidia15("train-rows", "moving_average_fraction: 0.9 engine: CUDNN", ROWS, "TRAIN"),
    nvidia15("global-in-train", "use_global_stats: true", {"x": normal(2, 3, 5)}, "TRAIN", gradient=()),
    nvidia15("batch-in-test", "use_global_stats: false", tops=("x",)),
    nvidia("test", "scale_bias: true eps: 0.01"),
    nvidia("least-eps", "scale_filler { value: 1 } eps: 1e-9"),
    nvidia("train", "bias_filler { value: 0.5 } eps: 0.001", phase="TRAIN"),
    nvidia("train-rows", "scale_bias: true moving_average_fraction: 0.9", ROWS, "TRAIN"),
    nvidia("no-scale", "engine: CAFFE use_global_stats: true", phase="TRAIN"),
    nvidia("no-scale-in-test", "engine: DEFAULT"),
    bn("segnet", "learn"),
    bn("segnet", "learn-in-train", phase="TRAIN"),
    bn("segnet", "statistics", tops=("y", "mean", "variance"), gradient=("y",)),
    bn("segnet", "mean", "bn_mode: LEARN", tops=("y", "mean"), gradient=("y",)),
    bn("segnet", "inference", "bn_mode: INFERENCE"),
    bn("segnet", "in-place", tops=("x",)),
    # The gradient of the scale is the fork's own; see tests/layers/forks/test_bn.py.
    bn("segnet", "inference-in-place", "bn_mode: INFERENCE", tops=("x",), gradient=()),
    # In TEST the gradient is the fork's own; see tests/layers/forks/test_bn.py.
    bn("psp", "test", "eps: 0.01", gradient=()),
    bn("psp", "rows", "", ROWS, gradient=()),
    bn("psp", "lines", "", {"x": normal(2, 4, 4)}, gradient=()),
    bn("psp", "train", "momentum: 0.8", phase="TRAIN"),
    bn("psp", "train-rows", "momentum: 0.5 eps: 0.001", ROWS, "TRAIN"),
    bn("psp", "frozen", "frozen: true engine: CAFFE", phase="TRAIN"),
    bn("psp", "in-place", tops=("x",), gradient=()),
    bn("happynear", "test", gradient=()),
    bn("happynear", "train", "momentum: 0.8 eps: 0.01", phase="TRAIN"),
    bn("happynear", "train-rows", "", ROWS, "TRAIN"),
    bn("happynear", "frozen", "frozen: true", phase="TRAIN"),
]
