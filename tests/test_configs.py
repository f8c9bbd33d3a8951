"""Every file in configs/ is whole: its header, its solver, its nets for both phases, its parameters and its sizes."""

import functools
import importlib.util
import pathlib
import re

import numpy as np
import pytest

from tests.configs.facts import FACTS
from zoo.api import costs
from zoo.converters.solver import solver_def
from zoo.formats import config_header, prototxt
from zoo.netdef.cost import cost
from zoo.netdef.deploy import deploy
from zoo.netdef.net import net_def, net_def_for_state
from zoo.netdef.shape_inference import infer_shapes

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "configs").glob("*.prototxt"))
PHASES = ("TRAIN", "TEST")
SCORES = ("Accuracy", "SoftmaxWithLoss", "Data", "EuclideanLoss")


DETECTORS = {"ssd_digits": 96, "ssd300_vgg16": 300, "mobilenet_ssd": 300}  # with the size of their images


def data_shapes(name, batch, net):
    """What the data decide of a NetDef: {first top of a layer: shapes of its tops}."""
    if name == "lstm_captioner":
        shapes = {"sentences": ((20, batch),) * 3, "images": ((batch, 1000),)}
    elif name in DETECTORS:
        size = DETECTORS[name]
        shapes = {"data": ((batch, 3, size, size), (1, 1, 3 * batch, 8))}
    else:
        shapes = {layer: tuple((batch, *shape) for shape in tops) for layer, tops in FACTS[name].data.items()}
    return by_top(net, shapes)


def by_top(net, shapes):
    """{layer name: shapes of its tops} by the first of them."""
    return {layer.tops[0]: shapes[layer.name] for layer in net.layers if layer.name in shapes}


def header(path):
    """The comment that opens the file, as one text."""
    lines = path.read_text(encoding="utf-8").split("\n")
    end = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(lines[:end])


@functools.cache
def solver_of(path):
    """The solver in the file."""
    return solver_def(prototxt.read_solver(path))


@functools.cache
def definition(path, phase):
    """The NetDef of the net in the file, for the state that its solver gives it."""
    solver = solver_of(path)
    source = solver.train if phase == "TRAIN" else solver.tests[0]
    return net_def_for_state(source.net, source.state(source.net.message))


every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
every_phase = pytest.mark.parametrize("phase", PHASES)


def test_every_file_has_its_facts():
    assert {path.stem for path in FILES} == set(FACTS)


@every_file
def test_the_keys_of_the_header_are_true(path):
    facts, said = FACTS[path.stem], config_header.read(path)
    learned, _, sums = said.parameters.replace(",", "").partition(" + ")
    assert (int(learned), int(sums or 0)) == (facts.parameters, facts.statistics)
    assert said.score in facts.outputs
    if said.flops is not None:
        assert said.flops == (facts.flops[0] if facts.flops else costs.of(path, said).flops)
    else:
        assert said.multiply_adds == "by the number of words" or "any x any" in said.input


@every_file
def test_the_header_says_command_and_score(path):
    text = header(path)
    assert re.search(rf"^#   python -m zoo\.train --config=configs/{path.name}( |$)", text, re.M)
    assert re.search(r"^# (Score|Measured)", text, re.M)  # whose it is, or what a run of ours gave
    assert f"{FACTS[path.stem].parameters:,}" in text or path.stem.startswith("lenet")
    for module in re.findall(r"python -m ([\w.]+)", text):
        assert importlib.util.find_spec(module), f"{module}: no such command"


@every_file
def test_the_solver_holds_one_net_and_a_whole_recipe(path):
    solver = solver_of(path)
    assert solver.train.field == "net_param"
    assert {source.field for source in solver.tests} == {"net_param"}
    assert len(solver.test_iter) == len(solver.tests) == (2 if path.stem == "mnist_autoencoder" else 1)
    assert solver.snapshot_prefix == path.stem
    assert solver.max_iter > 0
    assert solver.random_seed is not None


@every_file
@every_phase
def test_parameters_sizes_and_outputs_are_the_published_ones(path, phase):
    facts = FACTS[path.stem]
    net = definition(path, phase)
    planned = infer_shapes(net, data_shapes(path.stem, facts.batches[PHASES.index(phase)], net))
    assert net.phase == phase
    assert cost(net, planned)[:2] == (facts.parameters, facts.statistics)
    shapes = {str(ref): shape for layer in planned for ref, shape in zip(layer.definition.tops, layer.tops)}
    for blob, size in facts.sizes.items():
        assert shapes[blob][1:] == size, blob
    if path.stem not in DETECTORS or phase == "TRAIN":  # SSD's test nets have no loss
        assert any(weight for layer in planned for weight in layer.loss_weights)
    if phase == "TEST":
        assert tuple(map(str, net.outputs)) == facts.outputs


@every_file
def test_the_deploy_net_takes_the_published_multiply_adds(path):
    """And gives a prediction for one input, without losses, scores and labels."""
    facts = FACTS[path.stem]
    if facts.flops is None:
        pytest.skip("nothing published, and its data have no one shape")
    net = definition(path, "TEST")
    tops = {top.name: (1, *shape) for top, shape in data_of(net, facts) if top.name != "label"}
    net = net_def(deploy(net, tops), "TEST")
    planned = infer_shapes(net)
    counted, published = facts.flops
    assert cost(net, planned).flops == counted
    assert published is None or counted == pytest.approx(published, rel=0.02)
    assert not any(layer.loss_weights[0] for layer in planned if layer.loss_weights)
    assert [planned[-1].tops[0][0], *(layer.type for layer in net.layers if layer.type in SCORES)] == [1]


def data_of(net, facts):
    """Yields (top, shape without the batch) of the data layers of `net`."""
    for layer in net.layers:
        yield from zip(layer.tops, facts.data.get(layer.name, ()))


@every_file
@every_phase
def test_batch_sizes_are_the_stated_ones(path, phase):
    sizes = set()
    for layer in definition(path, phase).layers:
        for param in ("data_param", "hdf5_data_param", "image_data_param", "dense_image_data_param"):
            if layer.message.HasField(param) and not (path.stem == "lstm_captioner" and layer.name == "images"):
                sizes.add(getattr(layer.message, param).batch_size)
    assert sizes == {FACTS[path.stem].batches[PHASES.index(phase)]}


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_the_deploy_net_of_a_detector_gives_its_boxes(name):
    size = DETECTORS[name]
    net = net_def(
        deploy(definition(ROOT / "configs" / f"{name}.prototxt", "TEST"), {"data": (1, 3, size, size)}), "TEST"
    )
    last = infer_shapes(net)[-1]
    assert [layer.type for layer in net.layers][:: len(net.layers) - 1] == ["Input", "DetectionOutput"]
    assert last.tops == ((1, 1, 200 if size == 300 else 50, 7),)  # keep_top_k


def test_googlenet_without_its_auxiliary_classifiers():
    net = definition(ROOT / "configs" / "googlenet.prototxt", "TRAIN")
    planned = infer_shapes(net, data_shapes("googlenet", 2, net))
    main = [layer for layer in planned if not layer.definition.name.startswith(("loss1/", "loss2/"))]
    assert cost(net, main)[:2] == (6998552, 0)
    weights = {str(top): w for layer in planned for top, w in zip(layer.definition.tops, layer.loss_weights) if w}
    assert weights == pytest.approx({"loss1/loss1": 0.3, "loss2/loss2": 0.3, "loss3/loss3": 1.0})


def test_siamese_twins_share_every_parameter():
    net = definition(ROOT / "configs" / "siamese_mnist.prototxt", "TRAIN")
    twins = {layer.name for layer in net.layers if layer.name.endswith("_p")}
    shared = {str(key): str(owner) for key, owner in net.owners.items() if key.layer in twins}
    assert shared == {
        f"{name}_p/{index}": f"{name}/{index}" for name in ("conv1", "conv2", "ip1", "ip2", "feat") for index in (0, 1)
    }


@pytest.mark.parametrize(
    ("name", "upscaling"), [("fcn32s", ["upscore"]), ("fcn8s", ["upscore2", "upscore_pool4", "upscore8"])]
)
def test_fcn_upsampling_stays_bilinear(name, upscaling):
    net = definition(ROOT / "configs" / f"{name}.prototxt", "TRAIN")
    found = {layer.name: layer.message for layer in net.layers if layer.type == "Deconvolution"}
    assert list(found) == upscaling
    for message in found.values():
        assert [param.lr_mult for param in message.param] == [0]
        assert message.convolution_param.weight_filler.type == "bilinear"
        assert message.convolution_param.group == message.convolution_param.num_output == 21


LABELS = {"segnet_basic": [0, 1, 10, 11]}  # of the configs for segmentation, with the one that is ignored


def feed(name, ref, shape, rng):
    """One made-up value for a data top of Caffe shape `shape` of the config `name`, in Keras's order."""
    if str(ref) == "label" and shape[-1] == 8:
        value = np.resize(np.float32([0, 1, 0, 0.2, 0.2, 0.5, 0.5, 0]), shape)
    elif str(ref) == "label" and len(shape) == 4:
        value = rng.choice(LABELS.get(name, [0, 1, 20, 255]), shape)
    elif str(ref) in ("label", "sim"):
        value = rng.integers(0, 2, shape)
    elif str(ref) == "cont_sentence":
        value = np.arange(shape[0])[:, None] > np.zeros(shape)
    elif str(ref) in ("input_sentence", "target_sentence"):
        value = rng.integers(0, 8801, shape)
    else:
        value = rng.normal(size=shape)
    value = np.asarray(value, np.float32)
    return value.transpose(0, 2, 3, 1) if value.ndim == 4 else value


@pytest.mark.slow
@every_file
def test_one_forward_pass(path):
    from zoo.converters.build import build

    facts = FACTS[path.stem]
    # Sums that nothing was added to yet give variance 0: each BatchNorm multiplies by 316, and a deep net overflows.
    phase = "TRAIN" if facts.statistics or path.stem in DETECTORS else "TEST"
    wanted = definition(path, phase)
    shapes = data_shapes(path.stem, 1, wanted)
    if path.stem.startswith("fcn"):
        shapes = by_top(wanted, {"data": ((1, 3, 45, 70),), "label": ((1, 1, 45, 70),)})
    if path.stem == "segnet_basic":
        shapes = by_top(wanted, {"data": ((1, 3, 40, 48), (1, 1, 40, 48))})
    net = build(wanted, shapes, seed=1)
    assert net.parameter_count() == facts.parameters + facts.statistics
    rng = np.random.default_rng(0)
    feeds = {ref: feed(path.stem, ref, net.shapes[ref], rng) for ref in net.inputs}
    values = net.run(feeds)
    for ref in wanted.outputs:
        value = np.asarray(values[ref])
        assert np.isfinite(value).all(), ref
    losses = {str(ref): float(np.sum(values[ref])) for ref, _ in net.losses}
    assert losses and min(losses.values()) >= 0
    if path.stem.startswith("fcn"):  # the scores start at zero, so every class is alike; 255 does not count
        labels = next(value for ref, value in feeds.items() if str(ref) == "label")
        assert losses["loss"] == pytest.approx(np.sum(labels != 255) * np.log(21), rel=1e-4)
