"""A net's names, numbers, shapes and outputs as OpenCV 4 has them, side by side where that is installed."""

import gc
import time
import weakref

import cv2
import numpy as np
import pytest

import zoo.cv
from tests.cv import nets
from zoo.converters import sized_nets
from zoo.cv import runner
from zoo.errors import NetError, WeightsError, ZooError


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return nets.files(tmp_path_factory.mktemp("cv"))


@pytest.fixture(scope="module")
def pair(paths):
    return nets.both(*paths)


@pytest.fixture
def blob():
    return np.random.default_rng(1).random((1, 3, 8, 8)).astype(np.float32)


def test_names_and_numbers(pair):
    ours, theirs = pair
    assert ours.getLayerNames() == theirs.getLayerNames()
    assert np.array_equal(ours.getUnconnectedOutLayers(), theirs.getUnconnectedOutLayers())
    assert ours.getUnconnectedOutLayers().dtype == theirs.getUnconnectedOutLayers().dtype
    assert ours.getUnconnectedOutLayersNames() == theirs.getUnconnectedOutLayersNames() == ("prob", "fl")
    for name in ("_input", "data", "conv1", "pooled", "pool", "fl", "nothing"):
        assert ours.getLayerId(name) == theirs.getLayerId(name)
    for number in range(11):
        mine, other = ours.getLayer(number), theirs.getLayer(number)
        assert (mine.name, mine.type) == (other.name, other.type)
        assert len(mine.blobs) == len(other.blobs)
        for got, want in zip(mine.blobs, other.blobs):
            assert got.shape == want.shape
            assert np.array_equal(got, want)
    assert ours.getLayer("ip").name == "ip"
    assert ours.getLayer(0).outputNameToIndex("data") == 0
    assert ours.getLayersCount("Pooling") == theirs.getLayersCount("Pooling") == 1
    assert ours.getLayerTypes() == theirs.getLayerTypes()
    assert not ours.empty()
    assert zoo.cv.Net().empty()


def test_layers_of_one_name():
    nets.opencv()
    text = "".join(f'layer {{ name: "{name}" type: "ReLU" bottom: "x" top: "x" }}' for name in ("a", "a", "b", "a"))
    text = b'input: "x" input_dim: 1 input_dim: 1 input_dim: 2 input_dim: 2\n' + text.encode()
    names = zoo.cv.readNetFromCaffe(text).getLayerNames()
    assert names == cv2.dnn.readNetFromCaffe(np.frombuffer(text, np.uint8)).getLayerNames() == ("a", "a_1", "b", "a_2")


@pytest.mark.parametrize(
    "ask",
    [
        (),
        ("prob",),
        ("conv1",),
        ("relu1",),
        ("cut",),
        (["prob", "conv1", "cut"],),
        (("fl",),),
        (None, "cut"),
        ([],),
    ],
    ids=str,
)
def test_forward(pair, blob, ask):
    outputs = []
    for net in pair:
        net.setInput(blob)
        got = net.forward(*ask)
        outputs.append(got if isinstance(got, tuple) else (got,))
    assert len(outputs[0]) == len(outputs[1])
    for got, want in zip(*outputs):
        assert got.dtype == np.float32
        assert got.flags.writeable
        assert got.flags.c_contiguous
        assert nets.alike(got, want)


def test_of_layers_in_place_each_has_its_own_output(pair, blob):
    net = pair[0]
    net.setInput(blob - 5)
    assert net.forward("conv1").min() < 0
    assert net.forward("relu1").min() == 0


def test_silence_gives_what_it_is_given():
    """The last layer of the colorization net is one, and `forward` is asked for the last layer."""
    nets.opencv()
    text = b"""input: "x" input_dim: 1 input_dim: 1 input_dim: 2 input_dim: 2
    layer { name: "a" type: "ReLU" bottom: "x" top: "a" }
    layer { name: "b" type: "Power" bottom: "x" top: "b" power_param { scale: 2 } }
    layer { name: "s" type: "Silence" bottom: "a" bottom: "b" }"""
    given = np.random.default_rng(8).normal(size=(1, 1, 2, 2)).astype(np.float32)
    found = []
    for read in (zoo.cv.readNetFromCaffe, cv2.dnn.readNetFromCaffe):
        net = read(np.frombuffer(text, np.uint8))
        assert net.getUnconnectedOutLayersNames() == ("s",)
        net.setInput(given)
        found.append([net.forward(), *net.forwardAndRetrieve(["s"])[0]])
    assert len(found[0]) == len(found[1]) == 3
    assert all(np.array_equal(*pair) for pair in zip(*found))


def test_an_input_that_no_output_needs_is_not_asked_for():
    """Texts of the old form have one layer with all inputs, as Faster R-CNN's."""
    nets.opencv()
    text = np.frombuffer(
        b"""input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8
        input: "im_info" input_dim: 1 input_dim: 3 input_dim: 1 input_dim: 1
        layer { name: "a" type: "ReLU" bottom: "data" top: "a" }
        layer { name: "b" type: "ReLU" bottom: "im_info" top: "b" }""",
        np.uint8,
    )
    ours, theirs = zoo.cv.readNetFromCaffe(text), cv2.dnn.readNetFromCaffe(text)
    for shape in ((1, 3, 8, 8), (2, 3, 9, 7)):
        ours.setInput(np.ones(shape), "data")
        assert ours.forward("a").shape == shape
    with pytest.raises(NetError, match='input "im_info" was not given'):
        ours.forward("b")
    ours.setInput(np.zeros((1, 3, 1, 1)), "im_info")
    assert [array.shape for array in ours.forward(["b", "a"])] == [(1, 3, 1, 1), (2, 3, 9, 7)]
    shapes = [(1, 3, 8, 8), (1, 3, 1, 1)]
    assert ours.getFLOPS(shapes) == theirs.getFLOPS(shapes)
    assert str(ours.getLayersShapes(shapes)) == str(theirs.getLayersShapes(shapes))


def test_what_is_returned_stays(pair, blob):
    net = pair[0]
    net.setInput(blob)
    first = net.forward("prob")
    kept = first.copy()
    net.setInput(blob * 3)
    second = net.forward("prob")
    assert np.array_equal(first, kept)
    first[:] = 7
    assert np.array_equal(net.forward("prob"), second)
    blob[:] = 0  # what was set is a copy
    assert np.array_equal(net.forward("prob"), second)


def test_forward_into_arrays(pair, blob):
    net = pair[0]
    net.setInput(blob)
    target = np.empty((1, 5), np.float32)
    (got,) = net.forward(target, "prob")
    assert got is target
    assert np.array_equal(target, net.forward("prob"))


def test_forward_and_retrieve(pair, blob):
    found = []
    for net in pair:
        net.setInput(blob)
        found.append(net.forwardAndRetrieve(["cut"]))  # with "prob" as well, OpenCV overwrites the second output
    assert [[a.shape for a in tops] for tops in found[0]] == [[a.shape for a in tops] for tops in found[1]]
    assert all(nets.alike(a, b) for mine, other in zip(*found) for a, b in zip(mine, other))
    assert [len(tops) for tops in pair[0].forwardAndRetrieve(["prob", "cut"])] == [1, 2]


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (1, 3, 10, 12), (5, 3, 8, 8)], ids=str)
def test_another_size(pair, shape):
    given = np.random.default_rng(2).random(shape).astype(np.float32)
    for net in pair:
        net.setInput(given)
    assert nets.alike(pair[0].forward("pool"), pair[1].forward("pool"))
    if shape[2:] == (8, 8):
        assert nets.alike(pair[0].forward("prob"), pair[1].forward("prob"))
    else:
        with pytest.raises(NetError, match=r'net.prototxt:9: layer "ip" .*size for which .* no parameters.*\(5, 60\)'):
            pair[0].forward("prob")


@pytest.mark.parametrize("kind", ["float64", "uint8", "int32"])
def test_numbers_of_other_types(pair, kind):
    given = (np.random.default_rng(3).random((1, 3, 8, 8)) * 9).astype(kind)
    for net in pair:
        net.setInput(given)
    assert nets.alike(pair[0].forward("fl"), pair[1].forward("fl"))


@pytest.mark.parametrize(("scale", "mean"), [(0.007843, (127.5, 100, 80)), (2.0, 1.0), (0.3, ()), (1.0, (1, 2, 3))])
def test_scale_and_mean(pair, scale, mean):
    given = (np.random.default_rng(4).random((1, 3, 8, 8)) * 255).astype(np.float32)
    for net in pair:
        net.setInput(given, "data", scale, mean)
    assert nets.alike(pair[0].forward("conv1"), pair[1].forward("conv1"))


def test_parameters_are_set(paths, blob):
    ours, theirs = nets.both(*paths)
    kernel = np.random.default_rng(5).random((4, 3, 3, 3)).astype(np.float32)
    ours.setInput(blob)
    ours.forward("conv1")  # OpenCV's keeps the parameters that it has run with
    for net in (ours, theirs):
        net.setInput(blob)
        net.setParam("conv1", 0, kernel)
    assert np.array_equal(ours.getParam("conv1", 0), kernel)
    assert nets.alike(ours.forward("conv1"), theirs.forward("conv1"))
    with pytest.raises(NetError, match="does not fit"):
        ours.setParam("conv1", 0, kernel[:2])
    with pytest.raises(NetError, match="no blob 7"):
        ours.getParam("conv1", 7)


def test_what_is_no_layer_and_an_input_of_another_size(paths, blob):
    net = zoo.cv.readNetFromCaffe(*paths)
    net.setInput(blob[:, :2])
    with pytest.raises(
        WeightsError, match=r'got \(4, 3, 3, 3\), want \(4, 2, 3, 3\) .the input "data" is \(.*2, .*: is that'
    ):
        net.forward("conv1")
    net.setInput(blob)
    with pytest.raises(cv2.error, match=r"outputs are asked for by the names of layers, got \[3\]"):
        net.forward(3)
    with pytest.raises(cv2.error, match="a layer is asked for by its number, got 'conv1' .net.getLayerId"):
        net.getFLOPS("conv1", blob.shape)


def test_a_layer_without_weights_takes_those_given(paths, blob):
    """As OpenCV's colorization sample gives two layers theirs, in shapes of as many values."""
    ours = zoo.cv.readNetFromCaffe(paths[0])
    ours.setInput(blob)
    with pytest.raises(WeightsError, match=r'net.prototxt:3: layer "conv1" .*no weights'):
        ours.forward("pool")
    for name, arrays in nets.weights().items():
        ours.getLayer(ours.getLayerId(name)).blobs = [array.reshape(1, -1) for array in arrays]
    want = zoo.cv.readNetFromCaffe(*paths)
    want.setInput(blob)
    assert np.array_equal(ours.forward("fl"), want.forward("fl"))


def test_a_layer_given_fewer_blobs_has_no_bias(paths, blob):
    """As OpenCV's colorization sample gives a convolution its kernel alone."""
    ours, theirs = nets.both(*paths)
    kernel = np.random.default_rng(5).random((4, 3, 3, 3)).astype(np.float32)
    for net in (ours, theirs):
        net.getLayer("conv1").blobs = [kernel]
        net.setInput(blob)
    assert nets.alike(ours.forward("conv1"), theirs.forward("conv1"))
    assert len(theirs.getLayer("conv1").blobs) == len(zoo.cv.readNetFromCaffe(paths[0]).getLayer("conv1").blobs) + 1
    late = zoo.cv.readNetFromCaffe(*paths)
    late.setInput(blob)
    late.forward("conv1")
    late.getLayer("conv1").blobs = [kernel]
    assert np.array_equal(late.forward("conv1"), ours.forward("conv1"))


def test_more_blobs_than_a_layer_has_are_one_error(paths, blob):
    net = zoo.cv.readNetFromCaffe(*paths)
    net.setInput(blob)
    right = [np.array(array) for array in net.getLayer("conv1").blobs]
    net.getLayer("conv1").blobs = [*right, np.zeros(4), np.zeros(4)]
    net.getLayer("relu1").blobs = [np.zeros(1)]
    with pytest.raises(WeightsError) as error:
        net.forward("pool")
    assert 'layer "conv1" (Convolution): more blobs were given than the layer has, got 4, want 2' in str(error.value)
    assert 'layer "relu1" (ReLU): more blobs were given than the layer has, got 1, want 0' in str(error.value)
    net.getLayer("conv1").blobs, net.getLayer("relu1").blobs = right, []
    assert net.forward("pool").shape == (1, 4, 3, 3)
    with pytest.raises(WeightsError, match='layer "conv1": more blobs were given than the layer has, got 3, want 2'):
        net.setParam("conv1", 2, np.zeros(4))
    with pytest.raises(WeightsError, match="got 3, want 2"):
        net.getLayer("conv1").blobs = [*right, np.zeros(4)]
    assert net.forward("pool").shape == (1, 4, 3, 3)


def test_costs(pair):
    ours, theirs = pair
    shape = (1, 3, 8, 8)
    assert ours.getFLOPS(shape) == theirs.getFLOPS(shape)
    for number in range(1, 11):
        assert ours.getFLOPS(number, [shape]) == theirs.getFLOPS(number, [shape])
    assert ours.getMemoryConsumption(shape) == theirs.getMemoryConsumption(shape)
    for got, want in zip(ours.getLayersShapes(shape), theirs.getLayersShapes(shape)):
        assert str(got) == str(want)


def test_time(pair, blob):
    net = pair[0]
    net.setInput(blob)
    begun = time.perf_counter()
    net.forward("fl")
    passed = time.perf_counter() - begun
    ticks, each = net.getPerfProfile()
    assert 0 < ticks / cv2.getTickFrequency() <= passed
    assert each.shape == (10,)
    assert each.sum() == pytest.approx(ticks)


def test_what_is_accepted(pair):
    net = pair[0]
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    net.setPreferableTarget(cv2.dnn.DNN_TARGET_CUDA)
    net.enableFusion(False)
    net.enableWinograd(True)
    net.setInputShape("data", (1, 3, 8, 8))


def only_inputs():
    net = zoo.cv.readNetFromCaffe(b'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 } } }')
    net.setInput(np.zeros(2))
    return net


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda net: net.setInput(np.zeros((1, 3, 8, 8)), "nothing"), 'Requested blob "nothing" not found'),
        (lambda net: net.setInput("cat.jpg"), "an input is an array of numbers"),
        (lambda net: net.forward("conv2"), r'Requested layer "conv2" not found \(did you mean "conv1"'),
        (lambda net: net.forward("pooled"), r'"pooled" not found \(a blob is asked for by the layer .*"pool"'),
        (lambda net: net.forward(outputBlob=1), "no such arguments, got outputBlob"),
        (lambda net: net.forward([1]), "by the names of layers"),
        (lambda net: net.getLayer(11), "Layer with requested id=11 not found, want 0 to 10"),
        (lambda net: net.getLayer(None), "by its name or its number"),
        (lambda net: net.getLayer("nothing"), 'layer "nothing" not found'),
        (lambda net: setattr(net.getLayer(0), "blobs", []), "the layer of inputs has no parameters"),
        (lambda net: setattr(net.getLayer("conv1"), "blobs", ["a"]), 'of layer "conv1" are arrays of numbers'),
        (lambda net: net.getFLOPS(()), "a shape for each input is needed, got 0, want 1"),
        (lambda net: net.dump(), "Net.dump is not offered"),
        (lambda net: zoo.cv.Net().getLayerNames(), "the net is empty"),
        (lambda net: only_inputs().forward(), "the net has no layer to run"),
    ],
)
def test_mistakes(pair, ask, says):
    with pytest.raises(cv2.error, match=says) as caught:
        ask(pair[0])
    assert isinstance(caught.value, ZooError)


def test_what_is_not_there(pair, paths):
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pair[0].nothing
    with pytest.raises(NetError, match='input "data" was not given'):
        zoo.cv.readNetFromCaffe(*paths).forward()


def recorded(shared, name):
    folder = shared / ("pretrained_forks" if "res10" in name else "pretrained")
    with np.load(folder / f"{name}.npz") as data:
        inputs = {key[3:]: data[key] for key in data if key.startswith("in/")}
    return str(folder / f"{name}.prototxt"), str(next(folder.glob(f"{name}*.caffemodel"))), inputs


@pytest.mark.parametrize("name", ["lenet", "cifar10_quick_v1", "mtcnn_det1", "mtcnn_det2", "mtcnn_det3"])
def test_trained_nets(shared, name):
    text, weights, inputs = recorded(shared, name)
    ours, theirs = nets.both(text, weights)
    assert ours.getLayerNames() == theirs.getLayerNames()
    outputs = ours.getUnconnectedOutLayersNames()
    assert outputs == theirs.getUnconnectedOutLayersNames()
    for net in (ours, theirs):
        for key, array in inputs.items():
            net.setInput(array, key)
    for got, want in zip(ours.forward(outputs), theirs.forward(outputs)):
        assert nets.alike(got, want, 5e-6)


def test_boxes_of_the_face_detector(shared):
    text, weights, inputs = recorded(shared, "res10_ssd_face")
    ours, theirs = nets.both(text, weights)
    (photographs,) = inputs.values()
    for given in (photographs[:1], photographs[1:3], np.zeros((1, 3, 300, 300), np.float32)):
        found = []
        for net in (ours, theirs):
            net.setInput(given)
            found.append(net.forward())
        assert found[0].shape == (1, 1, 200 * len(given), 7)
        assert nets.alike(*found, 2e-5)
    assert ours.getMemoryConsumption((1, 3, 300, 300)) == theirs.getMemoryConsumption((1, 3, 300, 300))


BOXES = """
layer { name: "loc" type: "Input" top: "loc" input_param { shape { dim: 2 dim: 80 } } }
layer { name: "conf" type: "Input" top: "conf" input_param { shape { dim: 2 dim: 80 } } }
layer { name: "prior" type: "Input" top: "prior" input_param { shape { dim: 1 dim: 2 dim: 80 } } }
layer { name: "out" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "prior" top: "out"
  detection_output_param { num_classes: 4 share_location: true background_label_id: 0 keep_top_k: KEEP
    confidence_threshold: 0.3 code_type: CENTER_SIZE
    nms_param { nms_threshold: 0.45 top_k: 10 } } }
"""


@pytest.mark.parametrize("keep", [6, 70])
def test_boxes_of_several_classes_are_in_the_order_of_scores(keep):
    nets.opencv()
    rng = np.random.default_rng(7)
    corner, size = rng.random((20, 2)) * 0.7, rng.random((20, 2)) * 0.3
    prior = np.stack([np.hstack([corner, corner + size]).ravel(), np.full(80, 0.1)])[None]
    given = {"loc": rng.normal(size=(2, 80)), "conf": rng.random((2, 80)), "prior": prior}
    text = np.frombuffer(BOXES.replace("KEEP", str(keep)).encode(), np.uint8)
    found = []
    for net in (zoo.cv.readNetFromCaffe(text), cv2.dnn.readNetFromCaffe(text)):
        for name, array in given.items():
            net.setInput(array.astype(np.float32), name)
        found.append(net.forward())
    assert found[0].shape == (1, 1, 2 * keep, 7)
    assert len(np.unique(found[0][0, 0, :keep, 1])) > 1
    assert nets.alike(*found, 1e-5)


def test_nets_that_serve_one_size_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(runner, "KEPT", 3)
    monkeypatch.setattr(sized_nets, "KEPT", 3)
    made, plain = [], sized_nets.build
    monkeypatch.setattr(sized_nets, "build", lambda *args, **more: made.append(plain(*args, **more)) or made[-1])
    net = zoo.cv.readNetFromCaffe(
        b"""input: "x" input_dim: 1 input_dim: 2 input_dim: 4 input_dim: 4
        layer { name: "m" type: "MVN" bottom: "x" top: "m" mvn_param { across_channels: true } }
        layer { name: "f" type: "Flatten" bottom: "m" top: "f" }"""
    )
    for width in range(3, 13):
        net.setInput(np.arange(8.0 * width).reshape(1, 2, 4, width))
        assert net.forward().shape == (1, 8 * width)
    living = [weakref.ref(each) for each in made]
    made.clear()
    gc.collect()
    assert len(living) == 10 and sum(each() is not None for each in living) <= 4  # SizedNets has four open ones


def test_new_sizes_are_not_compiled_again(shared, monkeypatch):
    text, weights, _ = recorded(shared, "mtcnn_det1")
    net = zoo.cv.readNetFromCaffe(text, weights)
    compiled = []
    plain = runner._Part._compiled
    monkeypatch.setattr(runner._Part, "_compiled", lambda *args: compiled.append(1) or plain(*args))
    _, theirs = nets.both(text, weights)
    outputs = net.getUnconnectedOutLayersNames()
    for shape in ((1, 3, 40, 50), (1, 3, 41, 53), (2, 3, 33, 64), (1, 3, 90, 91)):
        given = np.random.default_rng(6).random(shape).astype(np.float32)
        for each in (net, theirs):
            each.setInput(given)
        fresh = zoo.cv.readNetFromCaffe(text, weights)
        fresh.setInput(given)
        got = net.forward(outputs)
        assert all(nets.alike(a, b, 1e-6) for a, b in zip(got, fresh.forward(outputs)))
        assert all(nets.alike(a, b, 5e-5) for a, b in zip(got, theirs.forward(outputs)))
    assert len(compiled) == 2 + 4  # its own size, all others, and each fresh net's one
