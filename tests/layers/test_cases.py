"""Every registered layer type, driven by the one case table against the reference implementation of Caffe."""

import pathlib
import subprocess
import sys
import warnings

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.cases import ALL, CASES
from tests.layers.cases.running import as_caffe, expected, feeds_of, last_values, net_of, real_values, weights_of
from tests.layers.golden import BACKWARD, FORWARD, close
from zoo import (
    layers,  # noqa: F401  (registers every type)
    reference,
)
from zoo.layers.base.registry import find, layer_types
from zoo.layers.ops.layout import from_caffe

# Differences are taken in float64 with this step, which leaves errors of some 1e-10; what BACKWARD allows for is that
# the gradient itself is computed in float32, as sums of up to some hundred products.
STEP = 1e-5

NOT_COMPUTED = {"HDF5Output", "Python"}  # one writes a file, the other is the user's own code

PLAIN_KERAS = pathlib.Path(__file__).with_name("plain_keras.py")


def every(cases):
    """Parametrizes a test over `cases`; test_every_registered_type_has_cases fails where one is skipped."""
    known = set(layer_types())
    absent = pytest.mark.skip(reason="no such type is registered")
    params = [pytest.param(case, id=case.id, marks=[] if case.kind in known else [absent]) for case in cases]
    return pytest.mark.parametrize("case", params)


def test_every_registered_type_has_cases():
    computing = {name for name in layer_types() if not find(name).is_source}
    assert computing - NOT_COMPUTED == set(CASES)
    assert {find(kind).type for kind in CASES} <= set(reference.layer_types())
    assert len({case.id for case in ALL}) == len(ALL)


@every(ALL)
def test_shapes_and_forward(case):
    """What integers said, what ran, and the reference implementation agree in shape; and the two in value."""
    net, arrays = net_of(case), case.feeds()
    after = {}
    want = expected(case, net, arrays, after=after)
    values = net.run(feeds_of(net, arrays))
    real = real_values(net, values)
    for ref, value in values.items():
        static, ran = net.shapes[ref], as_caffe(value).shape
        assert len(static) == len(ran)
        assert static[case.dynamic :] == ran[case.dynamic :], f"{ref}: {static} by integers, {ran} at run time"
        assert static >= ran  # a dynamic axis 0 is planned at its largest
    for name, ref in last_values(net).items():
        close(name, real[ref], want[name], FORWARD)
    for layer in net.layers:
        for index, parameter in enumerate(layer.parameters):
            kept = after.get(layer.definition.name, weights_of(case, net)[layer.definition.name])
            close(f"parameter {index} afterwards", parameter.array(), kept[index], FORWARD)


@every([case for case in ALL if case.gradient != ()])
def test_gradient_is_the_derivative(case):
    """Along random directions in each input and parameter, against differences of the reference implementation."""
    net, arrays = net_of(case), case.feeds()
    weights = weights_of(case, net)
    feeds, last, rng = feeds_of(net, arrays), last_values(net), case.rng("gradient")
    tops = case.tops if case.gradient is None else case.gradient
    smooth = [ref for ref in net.inputs if case.inputs[ref.name].smooth]
    learned = [
        (layer.definition.name, index, parameter)
        for layer in net.layers
        for index, parameter in enumerate(layer.parameters)
        if parameter.variable.trainable
    ]
    assert smooth or learned, "nothing to differentiate by: say gradient=()"
    variables = [feeds[ref] for ref in smooth] + [parameter.variable.value for _, _, parameter in learned]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        values = net.run(feeds)
        pulls = {top: rng.normal(size=as_caffe(values[last[top]]).shape).astype(np.float32) for top in tops}
        total = tf.add_n([tf.reduce_sum(values[last[top]] * from_caffe(tf.constant(pulls[top]))) for top in tops])
    gradients = tape.gradient(total, variables, unconnected_gradients="zero")

    def objective(inputs, parameters):
        got = expected(case, net, inputs, np.float64, parameters)
        return sum(np.vdot(got[top], pulls[top]) for top in tops)

    def check(what, array, gradient, moved):
        """Compares gradient . v with the difference of the objective at ``moved(array +- step v)``."""
        assert gradient.shape == array.shape
        for _ in range(2):
            v = rng.normal(size=array.shape)
            difference = (moved(array + STEP * v) - moved(array - STEP * v)) / (2 * STEP)
            scale = max(np.abs(gradient * v).sum(), abs(difference), 1e-3)
            error = abs(np.vdot(gradient, v) - difference) / scale
            assert error <= BACKWARD, f"{what}: gradient gives {np.vdot(gradient, v):.6g}, differences {difference:.6g}"

    for ref, gradient in zip(smooth, gradients):
        array = arrays[ref.name].astype(np.float64)
        check(ref.name, array, as_caffe(gradient), lambda x, name=ref.name: objective({**arrays, name: x}, weights))
    for (name, index, parameter), gradient in zip(learned, gradients[len(smooth) :]):

        def moved(x, name=name, index=index):
            return objective(arrays, {**weights, name: [*weights[name][:index], x, *weights[name][index + 1 :]]})

        array = weights[name][index].astype(np.float64)
        check(f"{name}/{index}", array, parameter.spec.to_caffe(np.asarray(tf.convert_to_tensor(gradient))), moved)


@every(ALL)
def test_parameters_come_back_byte_for_byte(case):
    net = net_of(case)
    for name, arrays in weights_of(case, net).items():
        (layer,) = (layer for layer in net.layers if layer.definition.name == name)
        for parameter, array in zip(layer.parameters, arrays, strict=True):
            spec = parameter.spec
            moved = spec.to_keras(array)
            assert moved.shape == spec.keras_shape == tuple(parameter.variable.shape)
            for back in (spec.to_caffe(moved), parameter.array()):
                assert back.shape == spec.shape
                assert np.ascontiguousarray(back).tobytes() == array.tobytes()


@every([case for case in ALL if not case.batch_fixed])
def test_any_batch(case):
    """A model with its batch size left open takes two items more than the file says."""
    net, arrays = net_of(case), case.feeds(more=2)
    last = last_values(net)
    want = expected(case, net, arrays)
    model = net.model(list(last.values()), any_batch=True)
    feeds = feeds_of(net, arrays)
    got = model([feeds[ref] for ref in net.inputs], training=case.phase == "TRAIN")
    got = got if isinstance(got, list | tuple) else [got]
    for name, value in zip(last, got, strict=True):
        close(name, as_caffe(value), want[name], FORWARD)


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    """Saves every registered case as it is exported, and lets a process with plain Keras run them all."""
    folder, known = tmp_path_factory.mktemp("plain_keras"), set(layer_types())
    for case in ALL:
        if case.kind in known:
            try:
                _save(case, folder)
            except Exception as error:  # one case's, said in its own test
                (folder / f"{case.id}.keras").unlink(missing_ok=True)
                (folder / f"{case.id}.error").write_text(f"{type(error).__name__}: {error}")
    run = subprocess.run([sys.executable, "-I", PLAIN_KERAS, folder], capture_output=True, text=True, cwd=folder)
    assert run.returncode == 0, run.stderr[-2000:]
    return folder


def _save(case, folder):
    net = net_of(case, portable=True)
    with warnings.catch_warnings():
        # Keras 3.15 saves a variable by np.array(variable), whose __array__ takes no copy (NumPy 2.4 says so).
        warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy", DeprecationWarning)
        net.model(list(last_values(net).values())).save(folder / f"{case.id}.keras")
    feeds = feeds_of(net, case.feeds())
    inputs = {f"input{i}": np.asarray(feeds[ref]) for i, ref in enumerate(net.inputs)}
    np.savez(folder / f"{case.id}.inputs.npz", training=case.phase == "TRAIN", **inputs)


@every(ALL)
def test_saved_and_loaded_by_plain_keras(case, plain):
    problem = plain / f"{case.id}.error"
    assert not problem.exists(), problem.read_text()
    net = net_of(case, portable=True)
    want = expected(case, net, case.feeds())
    with np.load(plain / f"{case.id}.outputs.npz") as data:
        got = [data[f"arr_{i}"] for i in range(len(data.files))]
    last = last_values(net)
    real = real_values(net, {**feeds_of(net, case.feeds()), **dict(zip(last.values(), got, strict=True))})
    for name, ref in last.items():
        close(name, real[ref], want[name], FORWARD)
