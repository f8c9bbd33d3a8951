"""Every file in configs/ is whole: its header, its solver, its nets for both phases, its parameters and its sizes."""

import importlib.util
import pathlib
import re
from typing import NamedTuple

import numpy as np
import pytest

from zoo.converters.solver import solver_def
from zoo.formats import prototxt
from zoo.netdef.deploy import deploy
from zoo.netdef.net import net_def, net_def_for_state
from zoo.netdef.netdef import ParamKey
from zoo.netdef.shape_inference import infer_shapes

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "configs").glob("*.prototxt"))
PHASES = ("TRAIN", "TEST")


class Facts(NamedTuple):
    """What is known of a net from elsewhere.

    Attributes:
        parameters: learned and fixed weights, shared ones once, BatchNorm's sums left out.
        data: {data layer: the tops' shapes without the batch}, in Caffe's order.
        batches: batch sizes of TRAIN and TEST.
        sizes: {blob: shape without the batch} where the authors publish it.
        statistics: BatchNorm's sums: two a channel and one factor a layer.
        outputs: the TEST net's outputs, in Caffe's order.
    """

    parameters: int
    data: dict
    batches: tuple[int, int]
    sizes: dict
    statistics: int = 0
    outputs: tuple[str, ...] = ("accuracy", "loss")


def pictures(size, name="data", channels=3):
    """Data of a Data layer with images and labels."""
    return {name: ((channels, size, size), ())}


CLASSIFIED = ("accuracy", "accuracy_top5", "loss")
GOOGLENET_OUTPUTS = tuple(f"loss{i}/{what}" for i in (1, 2, 3) for what in (f"loss{i}", "top-1", "top-5"))
VOC = {"data": ((3, 375, 500),), "label": ((1, 375, 500),)}
VGG_BODY = 14714688  # its thirteen convolutions
FCN_BODY = VGG_BODY + (7 * 7 * 512 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 21  # 134 M in table 1 of the paper

FACTS = {
    # 10 classes. (5*5*1+1)*20 + (5*5*20+1)*50 + (4*4*50+1)*500 + (500+1)*10.
    "lenet": Facts(431080, pictures(28, "mnist", 1), (64, 100), {"pool2": (50, 4, 4)}),
    # LeNet with (500+1)*5 in place of (500+1)*10.
    "lenet_finetune": Facts(428575, pictures(28, "mnist", 1), (64, 100), {"pool2": (50, 4, 4)}),
    # (5*5*3+1)*32 + (5*5*32+1)*32 + (5*5*32+1)*64 + (4*4*64+1)*64 + (64+1)*10.
    "cifar10_quick": Facts(145578, pictures(32, "cifar"), (100, 100), {"pool1": (32, 16, 16), "pool3": (64, 4, 4)}),
    # The same convolutions, then (4*4*64+1)*10.
    "cifar10_full": Facts(89578, pictures(32, "cifar"), (100, 100), {"norm2": (32, 8, 8), "pool3": (64, 4, 4)}),
    # The same.
    "cifar10_sigmoid": Facts(89578, pictures(32, "cifar"), (111, 1000), {"pool2": (32, 8, 8), "pool3": (64, 4, 4)}),
    # (5*5*3+1)*192 + (192+1)*160 + (160+1)*96, (5*5*96+1)*192 + 2*(192+1)*192, (3*3*192+1)*192 + (192+1)*(192+10).
    "cifar10_nin": Facts(966986, pictures(32), (128, 100), {"cccp2": (96, 32, 32), "cccp6": (10, 8, 8)}),
    # Table 6 of the paper says 0.27 M. 27*16, six of 9*16*16, 9*16*32, five of 9*32*32, 9*32*64, five of 9*64*64
    # weights; two numbers of a Scale for 7*16 + 6*32 + 6*64 channels; (64+1)*10.
    "cifar10_resnet20": Facts(
        269722,
        pictures(32),
        (128, 100),
        {"res1_3": (16, 32, 32), "res2_3": (32, 16, 16), "res3_3": (64, 8, 8)},
        statistics=2 * (7 * 16 + 6 * 32 + 6 * 64) + 19,
    ),
    # Layer by layer in models/bvlc_alexnet at Caffe's HEAD; Krizhevsky, Sutskever and Hinton say 60 million.
    "alexnet": Facts(60965224, pictures(227), (256, 50), {"conv1": (96, 55, 55), "pool5": (256, 6, 6)}),
    "caffenet": Facts(
        60965224, pictures(227), (256, 50), {"norm1": (96, 27, 27), "pool5": (256, 6, 6)}, outputs=CLASSIFIED
    ),
    # Without the auxiliary classifiers 6,998,552, which test_googlenet_without_its_auxiliary_classifiers counts.
    "googlenet": Facts(
        13378280,
        pictures(224),
        (32, 50),
        {"inception_3a/output": (256, 28, 28), "inception_4e/output": (832, 14, 14), "pool5/7x7_s1": (1024, 1, 1)},
        outputs=GOOGLENET_OUTPUTS,
    ),
    # torchvision.models.vgg16 and keras.applications.VGG16 say the same; the paper's table 2 says 138 M.
    "vgg16": Facts(138357544, pictures(224), (64, 50), {"pool5": (512, 7, 7)}, outputs=CLASSIFIED),
    # torchvision.models.resnet50 has 25,557,032; He's release gives conv1 64 biases more.
    "resnet50": Facts(
        25557032 + 64,
        pictures(224),
        (256, 50),
        {"pool1": (64, 56, 56), "res3a": (512, 28, 28), "res5c": (2048, 7, 7), "pool5": (2048, 1, 1)},
        statistics=53120 + 53,
        outputs=CLASSIFIED,
    ),
    # torchvision.models.densenet121.
    "densenet121": Facts(
        7978856,
        pictures(224),
        (256, 50),
        {"pool1": (64, 56, 56), "pool2": (128, 28, 28), "concat_5_16": (1024, 7, 7)},
        statistics=83648 + 121,
        outputs=CLASSIFIED,
    ),
    # keras.applications.MobileNet: 4,253,864, of which 4,231,976 are trainable and 21,888 are moving statistics.
    "mobilenet_v1": Facts(
        4231976,
        pictures(224),
        (256, 50),
        {"conv1": (32, 112, 112), "conv6/sep": (1024, 7, 7), "pool6": (1024, 1, 1)},
        statistics=21888 + 27,
        outputs=CLASSIFIED,
    ),
    # Besides the body, one bilinear kernel a class.
    "fcn32s": Facts(FCN_BODY + 21 * 64 * 64, VOC, (1, 1), {"score": (21, 375, 500)}),
    # Besides the body, two fixed scales, two scores, three bilinear kernels a class.
    "fcn8s": Facts(
        FCN_BODY + (512 + 256) + (512 + 1 + 256 + 1) * 21 + 21 * (4 * 4 + 4 * 4 + 16 * 16),
        VOC,
        (1, 1),
        {"score": (21, 375, 500)},
    ),
    # A LeNet with (10+1)*2 more; its twin has the same parameters.
    "siamese_mnist": Facts(
        431080 + 22,
        pictures(28, "pair_data", 2),
        (64, 100),
        {"data_p": (1, 28, 28), "feat": (2,), "feat_p": (2,)},
        outputs=("loss",),
    ),
    # 8801 words of 1000; two LSTM of 4*1000 rows, the second with the image's 1000 features; 8801 scores.
    "lstm_captioner": Facts(
        8801 * 1000 + 4000 * (1000 + 1 + 1000) + 4000 * (1000 + 1 + 1000 + 1000) + (1000 + 1) * 8801,
        {},
        (20, 20),
        {},
        outputs=("accuracy", "cross_entropy_loss"),
    ),
    # Convolutions 3 x 3: 3 to 16, 32, four of 64 channels; on three maps 6 boxes of 4 numbers and 4 classes.
    "ssd_digits": Facts(
        (27 + 1) * 16 + (9 * 16 + 1) * 32 + (9 * 32 + 1) * 64 + 3 * (9 * 64 + 1) * 64 + 6 * (9 * 64 + 1) * 24,
        {},
        (16, 10),
        {"conv3b": (64, 24, 24), "f1": (64, 12, 12), "f2": (64, 6, 6)},
        outputs=("mAP",),
    ),
    # VGG-16's convolutions; fc6, fc7; SSD's eight; a scale a channel; on six maps 4, 6, 6, 6, 4, 4 boxes of 25 numbers.
    "ssd300_vgg16": Facts(
        VGG_BODY
        + (9 * 512 + 1) * 1024
        + (1024 + 1) * 1024
        + (1024 + 1) * 256
        + (9 * 256 + 1) * 512
        + (512 + 1) * 128
        + (9 * 128 + 1) * 256
        + 2 * ((256 + 1) * 128 + (9 * 128 + 1) * 256)
        + 512
        + 25
        * sum(
            boxes * (9 * channels + 1) for boxes, channels in zip((4, 6, 6, 6, 4, 4), (512, 1024, 512, 256, 256, 256))
        ),
        {},
        (32, 8),
        {
            "conv4_3_norm": (512, 38, 38),
            "fc7": (1024, 19, 19),
            "conv6_2": (512, 10, 10),
            "conv7_2": (256, 5, 5),
            "conv8_2": (256, 3, 3),
            "conv9_2": (256, 1, 1),
            "mbox_priorbox": (2, 8732 * 4),
            "mbox_conf": (8732 * 21,),
        },
        outputs=("detection_eval",),
    ),
    # MobileNet's 3,206,976 without its classifier; SSD's eight convolutions with two numbers a channel for Scale.
    "mobilenet_ssd": Facts(
        4231976
        - (1024 + 1) * 1000
        + sum(
            read * thin + 9 * thin * wide + 2 * (thin + wide)
            for read, thin, wide in ((1024, 256, 512), (512, 128, 256), (256, 128, 256), (256, 64, 128))
        )
        + 25
        * sum(boxes * (channels + 1) for boxes, channels in zip((3, 6, 6, 6, 6, 6), (512, 1024, 512, 256, 256, 128))),
        {},
        (24, 8),
        {
            "conv11": (512, 19, 19),
            "conv13": (1024, 10, 10),
            "conv14_2": (512, 5, 5),
            "conv15_2": (256, 3, 3),
            "conv16_2": (256, 2, 2),
            "conv17_2": (128, 1, 1),
            "mbox_priorbox": (2, 1917 * 4),
            "mbox_conf": (1917 * 21,),
        },
        statistics=21888 + 27 + 2 * (256 + 512 + 128 + 256 + 128 + 256 + 64 + 128) + 8,
        outputs=("detection_eval",),
    ),
}

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


def definition(path, phase):
    """The NetDef of the net in the file, for the state that its solver gives it."""
    solver = solver_def(prototxt.read_solver(path))
    source = solver.train if phase == "TRAIN" else solver.tests[0]
    return net_def_for_state(source.net, source.state(source.net.message))


def count(net, planned):
    """Returns (parameters, statistics) of planned layers, shared blobs once."""
    seen, totals = set(), [0, 0]
    for layer in planned:
        for index, spec in enumerate(layer.blobs):
            key = ParamKey(layer.definition.name, index)
            owner = net.owners.get(key, key)
            if owner not in seen:
                seen.add(owner)
                totals[not spec.trainable] += spec.count
    return tuple(totals)


every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
every_phase = pytest.mark.parametrize("phase", PHASES)


def test_every_file_has_its_facts():
    assert {path.stem for path in FILES} == set(FACTS)


def test_the_table_lists_every_file_with_its_parameters():
    rows = {}
    for line in (ROOT / "configs" / "README.md").read_text(encoding="utf-8").splitlines():
        found = re.match(r"\| \[(\w+)\]\((\w+)\.prototxt\) \|[^|]*\| ([\d,]+)(?: \+ ([\d,]+))?", line)
        if found:
            assert found[1] == found[2]
            rows[found[1]] = tuple(int((number or "0").replace(",", "")) for number in found.groups()[2:])
    assert rows == {name: (facts.parameters, facts.statistics) for name, facts in FACTS.items()}


@every_file
def test_the_header_says_command_and_score(path):
    text = header(path)
    assert re.search(rf"^#   python -m zoo\.train --config=configs/{path.name}( |$)", text, re.M)
    assert re.search(r"^# (Score|Measured)", text, re.M)  # whose it is, or what a run of ours gave
    for module in re.findall(r"python -m ([\w.]+)", text):
        assert importlib.util.find_spec(module), f"{module}: no such command"


@every_file
def test_the_solver_holds_one_net_and_a_whole_recipe(path):
    solver = solver_def(prototxt.read_solver(path))
    assert solver.train.field == "net_param"
    assert [source.field for source in solver.tests] == ["net_param"]
    assert len(solver.test_iter) == 1
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
    assert count(net, planned) == (facts.parameters, facts.statistics)
    shapes = {str(ref): shape for layer in planned for ref, shape in zip(layer.definition.tops, layer.tops)}
    for blob, size in facts.sizes.items():
        assert shapes[blob][1:] == size, blob
    if path.stem not in DETECTORS or phase == "TRAIN":  # SSD's test nets have no loss
        assert any(weight for layer in planned for weight in layer.loss_weights)
    if phase == "TEST":
        assert tuple(map(str, net.outputs)) == facts.outputs


@every_file
@every_phase
def test_batch_sizes_are_the_stated_ones(path, phase):
    sizes = set()
    for layer in definition(path, phase).layers:
        for param in ("data_param", "hdf5_data_param"):
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
    assert count(net, main) == (6998552, 0)
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


def feed(ref, shape, rng):
    """One made-up value for a data top of Caffe shape `shape`, in Keras's order."""
    if str(ref) == "label" and shape[-1] == 8:
        value = np.resize(np.float32([0, 1, 0, 0.2, 0.2, 0.5, 0.5, 0]), shape)
    elif str(ref) == "label" and len(shape) == 4:
        value = rng.choice([0, 1, 20, 255], shape)
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
    net = build(wanted, shapes, seed=1)
    assert net.parameter_count() == facts.parameters + facts.statistics
    rng = np.random.default_rng(0)
    feeds = {ref: feed(ref, net.shapes[ref], rng) for ref in net.inputs}
    values = net.run(feeds)
    for ref in wanted.outputs:
        value = np.asarray(values[ref])
        assert np.isfinite(value).all(), ref
    losses = {str(ref): float(np.sum(values[ref])) for ref, _ in net.losses}
    assert losses and min(losses.values()) >= 0
    if path.stem.startswith("fcn"):  # the scores start at zero, so every class is alike; 255 does not count
        labels = next(value for ref, value in feeds.items() if str(ref) == "label")
        assert losses["loss"] == pytest.approx(np.sum(labels != 255) * np.log(21), rel=1e-4)
