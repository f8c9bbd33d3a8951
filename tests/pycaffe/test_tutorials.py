"""Scripts as tutorials for pycaffe have them, with one changed import: each runs from top to bottom."""

# ruff: noqa: C408  (such scripts write dict(...))

import logging
import sys

import h5py
import numpy as np
import pytest

import zoo.pycaffe as caffe
from tests.pycaffe.nets import write
from zoo.errors import PrototxtError, SolverError, WeightsError, ZooError
from zoo.formats import solverstate
from zoo.pycaffe import layers as L
from zoo.pycaffe import params as P

RNG = np.random.default_rng(12)


def test_classification(shared):
    """Load a trained net, look into it, prepare an image, classify it."""
    caffe.set_mode_cpu()
    folder = shared / "pretrained"
    model = str(folder / "cifar10_quick_v1.prototxt")
    net = caffe.Net(model, str(folder / "cifar10_quick_v1_iter_4000.caffemodel"), caffe.TEST)
    transformer = caffe.io.Transformer({"data": net.blobs["data"].data.shape})
    transformer.set_transpose("data", (2, 0, 1))
    transformer.set_mean("data", np.array([120.0, 122.0, 125.0]))
    transformer.set_raw_scale("data", 255)
    transformer.set_channel_swap("data", (2, 1, 0))
    net.blobs["data"].reshape(50, 3, 32, 32)
    picture = next((shared / "imagenet_sample").glob("*.JPEG"))
    image = caffe.io.load_image(str(picture))
    net.blobs["data"].data[...] = transformer.preprocess("data", image)
    output = net.forward()
    prob = output["prob"][0]
    assert output["prob"].shape == (50, 10)
    assert prob.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(output["prob"], np.tile(prob, (50, 1)), rtol=1e-4, atol=1e-6)
    shapes = {name: blob.data.shape for name, blob in net.blobs.items()}
    assert shapes["conv1"] == (50, 32, 32, 32)
    assert {name: blobs[0].data.shape for name, blobs in net.params.items()}["conv1"] == (32, 3, 5, 5)
    feat = net.blobs["conv1"].data[0, :36]
    assert feat.shape == (32, 32, 32)


LENET_SOLVER = """
train_net: "{train}" test_net: "{test}" test_iter: 4 test_interval: 500
base_lr: 0.01 momentum: 0.9 weight_decay: 0.0005 lr_policy: "inv" gamma: 0.0001 power: 0.75
display: 1000 max_iter: 60 snapshot: 40 snapshot_prefix: "{prefix}" random_seed: 3
"""


def small_lenet(data):
    n = caffe.NetSpec()
    n.data, n.label = data()
    n.conv1 = L.Convolution(n.data, kernel_size=3, num_output=6, weight_filler=dict(type="xavier"))
    n.pool1 = L.Pooling(n.conv1, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    n.fc1 = L.InnerProduct(n.pool1, num_output=20, weight_filler=dict(type="xavier"))
    n.relu1 = L.ReLU(n.fc1, in_place=True)
    n.score = L.InnerProduct(n.relu1, num_output=4, weight_filler=dict(type="xavier"))
    n.loss = L.SoftmaxWithLoss(n.score, n.label)
    n.acc = L.Accuracy(n.score, n.label)
    return n.to_proto()


def memory(batch):
    return lambda: L.MemoryData(batch_size=batch, channels=1, height=8, width=8, ntop=2)


@pytest.fixture
def squares():
    """Images whose class is the quarter that is bright."""
    label = RNG.integers(0, 4, 160).astype(np.float32)
    data = RNG.normal(scale=0.5, size=(160, 1, 8, 8)).astype(np.float32)
    for picture, k in zip(data, label.astype(int)):
        picture[0, 4 * (k // 2) : 4 * (k // 2) + 4, 4 * (k % 2) : 4 * (k % 2) + 4] += 1
    return data, label


@pytest.fixture
def solver(tmp_path, squares):
    train = write(tmp_path, str(small_lenet(memory(16))), "train.prototxt")
    test = write(tmp_path, str(small_lenet(memory(40))), "test.prototxt")
    file = write(tmp_path, LENET_SOLVER.format(train=train, test=test, prefix=tmp_path / "snap"), "solver.prototxt")
    solver = caffe.SGDSolver(file)
    solver.net.set_input_arrays(*squares)
    solver.test_nets[0].set_input_arrays(*squares)
    return solver


def test_learning_a_net(solver):
    """The solver's nets run by hand, its loop, and a loop of one's own."""
    assert [(k, v.data.shape) for k, v in solver.net.blobs.items()][0] == ("data", (16, 1, 8, 8))
    start = solver.net.forward()["loss"].copy()
    solver.test_nets[0].forward()
    solver.step(1)
    assert solver.iter == 1
    assert np.abs(solver.net.params["conv1"][0].diff[:, 0]).max() > 0
    niter, losses, accuracy = 40, [], {}
    for it in range(niter):
        solver.step(1)
        losses.append(solver.net.blobs["loss"].data.copy())
        solver.test_nets[0].forward(start="conv1")
        if it % 20 == 0:
            correct = 0
            for _ in range(4):
                solver.test_nets[0].forward()
                net = solver.test_nets[0]
                correct += (net.blobs["score"].data.argmax(1) == net.blobs["label"].data).sum()
            accuracy[it] = correct / 160
    assert np.mean(losses[-5:]) < 0.5 * start
    solver.solve()
    assert solver.iter == 60
    (result,) = solver.test_all()
    assert result["acc"] > 0.9 > accuracy[0]


def test_what_a_step_leaves_in_the_gradients(solver):
    """After a step each diff is what was subtracted: at momentum 0.9, the second is mostly the first again."""
    before = solver.net.params["score"][0].data.copy()
    solver.step(1)
    after = solver.net.params["score"][0].data
    np.testing.assert_allclose(solver.net.params["score"][0].diff, before - after, atol=1e-7)


def test_updates_by_hand(solver):
    """forward, backward and an update without the solver's loop; weights written between steps count."""
    solver.net.clear_param_diffs()
    solver.net.forward()
    solver.net.backward()
    weight, bias = solver.net.params["score"]
    old, grad = weight.data.copy(), weight.diff.copy()
    solver.apply_update()
    np.testing.assert_allclose(weight.data, old - 0.01 * (grad + 0.0005 * old), rtol=1e-5, atol=1e-7)
    for blob in (weight, bias):
        blob.data[...] = 0
    solver.net.forward()
    assert not solver.net.blobs["score"].data.any()
    solver.step(1)
    assert float(solver.net.blobs["loss"].data) == pytest.approx(np.log(4), rel=1e-5)
    assert weight.data.any()
    np.testing.assert_array_equal(solver.test_nets[0].params["score"][0].data, weight.data)


def test_snapshots(solver, squares, tmp_path):
    solver.step(39)
    assert not list(tmp_path.glob("snap*"))
    solver.step(1)  # due at 40
    assert sorted(p.name for p in tmp_path.glob("snap*")) == ["snap_iter_40.caffemodel", "snap_iter_40.solverstate"]
    solver.net.set_input_arrays(*squares)
    solver.step(5)
    want = {name: blobs[0].data.copy() for name, blobs in solver.net.params.items()}
    again = caffe.get_solver(str(tmp_path / "solver.prototxt"))
    again.net.set_input_arrays(*squares)
    again.restore(str(tmp_path / "snap_iter_40.solverstate"))
    assert again.iter == 40
    again.step(5)
    for name, array in want.items():
        np.testing.assert_allclose(again.net.params[name][0].data, array, rtol=1e-5, atol=1e-7)
    again.snapshot()
    assert solverstate.read(tmp_path / "snap_iter_45.solverstate").iteration == 45
    with pytest.raises(WeightsError, match="no such file"):
        again.restore(str(tmp_path / "gone.solverstate"))


def test_a_changed_parameter_of_the_solver(solver):
    solver.step(2)
    assert solver.lr == pytest.approx(0.01 * (1 + 0.0001 * 2) ** -0.75)
    history = solver.optimizer.history([p.variable for p in solver.net._engine.net.learnable()])
    solver.param.base_lr = 0.5
    assert solver.lr == pytest.approx(0.5 * (1 + 0.0001 * 2) ** -0.75)
    kept = solver.optimizer.history([p.variable for p in solver.net._engine.net.learnable()])
    assert any(h.any() for h in history)
    for a, b in zip(history, kept):
        np.testing.assert_allclose(a, b)
    solver.param.type = "Adam"
    with pytest.raises(SolverError, match="type of a solver"):
        solver.step(1)


def test_gradients_in_a_snapshot(solver, tmp_path):
    solver.param.snapshot_diff = True
    solver.param.snapshot_format = 0
    solver.step(1)
    solver.snapshot()
    with h5py.File(tmp_path / "snap_iter_1.caffemodel.h5") as tree:
        for name, blobs in solver.net.params.items():
            for k, blob in enumerate(blobs):
                assert blob.diff.any()
                np.testing.assert_array_equal(tree[f"diff/{name}/{k}"], blob.diff)
                np.testing.assert_array_equal(tree[f"data/{name}/{k}"], blob.data)


def test_a_rate_lowered_elsewhere(solver, squares, tmp_path):
    """A run whose stepvalues were others goes on with as many steps as it had made."""
    solver.param.lr_policy, solver.param.gamma = "multistep", 0.1
    solver.param.stepvalue.extend([3, 50])
    solver.step(5)
    assert solver.lr == pytest.approx(0.001)
    solver.snapshot()
    file = tmp_path / "solver.prototxt"
    file.write_text(file.read_text().replace('"inv"', '"multistep" stepvalue: 7 stepvalue: 9').replace("0.0001", "0.1"))
    again = caffe.SGDSolver(str(file))
    again.net.set_input_arrays(*squares)
    again.restore(str(tmp_path / "snap_iter_5.solverstate"))
    rates = []
    for base in (0.01, 0.01, 0.01, 0.01, 0.1, 0.1):
        again.param.base_lr = base
        rates.append(again.lr)
        again.step(1)
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3], rtol=1e-5)


def test_debug_info(solver, caplog):
    solver.param.debug_info = True
    solver.param.display = 2
    with caplog.at_level(logging.INFO, "absl"):
        solver.step(2)
    lines = [record.getMessage().strip() for record in caplog.records]
    forward = [line for line in lines if line.startswith("[Forward]")]
    assert sum("Layer conv1, top blob conv1 data: " in line for line in forward) == 1  # of two steps, one is displayed
    assert any(line.startswith("[Forward] Layer score, param blob 1 data: ") for line in forward)
    assert any(line.startswith("[Backward] Layer score, bottom blob fc1 diff: ") for line in lines)
    assert sum(line.startswith("[Backward] All net params (data, diff): L1 norm = (") for line in lines) == 1


def test_callbacks(solver):
    seen = []
    solver.add_callback(lambda: seen.append("start"), lambda: seen.append(solver.net.params["score"][1].diff.any()))
    solver.step(2)
    assert seen == ["start", True, "start", True]


def test_solvers_by_class_and_by_file(tmp_path, solver):
    file = tmp_path / "solver.prototxt"
    file.write_text(file.read_text() + 'type: "Nesterov"')
    assert type(caffe.get_solver(str(file))) is caffe.NesterovSolver
    assert type(caffe.SGDSolver(str(file)).optimizer).__name__ == "SGD"
    assert type(caffe.AdamSolver(str(file)).optimizer).__name__ == "Adam"
    other = caffe.Net(str(tmp_path / "train.prototxt"), caffe.TRAIN)
    solver.share_weights(other)
    assert np.shares_memory(other.params["fc1"][0].data, solver.net.params["fc1"][0].data)
    with pytest.raises(PrototxtError, match="no such file"):
        caffe.get_solver(str(tmp_path / "gone.prototxt"))
    file.write_text('net: "gone.prototxt" base_lr: 1 lr_policy: "fixed" max_iter: 1')
    with pytest.raises(ZooError, match=r"solver.prototxt:1: .*gone.prototxt"):
        caffe.SGDSolver(str(file))
    no_loss = 'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 1 } } }'
    file.write_text(f"net_param {{ {no_loss} }} base_lr: 1 lr_policy: \"fixed\" max_iter: 1 snapshot_prefix: 'x'")
    with pytest.raises(SolverError, match="no loss"):
        caffe.SGDSolver(str(file))


def test_net_surgery(tmp_path):
    """Filters edited by hand, and inner products cast into convolutions for images of any size."""
    head = """layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
    layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3
      weight_filler { type: "gaussian" std: 1 } } }
    layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }\n"""
    fc = (
        head
        + """layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc" inner_product_param { num_output: 5
      weight_filler { type: "gaussian" std: 1 } } }"""
    )
    full = (
        head
        + """layer { name: "fc-conv" type: "Convolution" bottom: "pool" top: "fc"
      convolution_param { num_output: 5 kernel_size: 3 } }"""
    )
    net = caffe.Net(write(tmp_path, fc, "fc.prototxt"), caffe.TEST)
    x = RNG.normal(size=(1, 3, 8, 8)).astype(np.float32)
    before = net.forward(data=x)["fc"].copy()
    conv0 = net.blobs["conv"].data.copy()
    net.params["conv"][1].data[0] = 1.0
    net.forward()
    np.testing.assert_allclose(net.blobs["conv"].data[:, 0], conv0[:, 0] + 1, rtol=1e-4, atol=1e-5)
    net.params["conv"][1].data[0] = 0
    net.save(str(tmp_path / "fc.caffemodel"))
    net_full = caffe.Net(write(tmp_path, full, "full.prototxt"), str(tmp_path / "fc.caffemodel"), caffe.TEST)
    net_full.params["fc-conv"][0].data.flat = net.params["fc"][0].data.flat
    net_full.params["fc-conv"][1].data[...] = net.params["fc"][1].data
    np.testing.assert_allclose(net_full.forward(data=x)["fc"][..., 0, 0], before, rtol=1e-4, atol=1e-4)
    net_full.blobs["data"].reshape(1, 3, 12, 10)
    big = np.zeros((1, 3, 12, 10), np.float32)
    big[:, :, 4:, 2:] = x
    out = net_full.forward(data=big)["fc"]
    assert out.shape == (1, 5, 3, 2)
    np.testing.assert_allclose(out[:, :, 2, 1], before, rtol=1e-4, atol=1e-4)


def test_gradient_ascent(tmp_path):
    """The image changed by the gradient of a layer in the middle, at growing sizes."""
    text = """force_backward: true
    layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
    layer { name: "c1" type: "Convolution" bottom: "data" top: "c1" convolution_param { num_output: 4 kernel_size: 3
      weight_filler { type: "xavier" } } }
    layer { name: "r1" type: "ReLU" bottom: "c1" top: "c1" }
    layer { name: "a" type: "Convolution" bottom: "c1" top: "a" convolution_param { num_output: 2 kernel_size: 1
      weight_filler { type: "xavier" } } }
    layer { name: "b" type: "Convolution" bottom: "c1" top: "b" convolution_param { num_output: 2 kernel_size: 1 } }"""
    caffe.set_random_seed(6)
    net = caffe.Net(write(tmp_path, text), caffe.TEST)
    src, dst = net.blobs["data"], net.blobs["a"]
    for size in (8, 10):
        src.reshape(1, 3, size, size)
        src.data[0] = RNG.normal(scale=0.1, size=(3, size, size))
        values = []
        for _ in range(5):
            net.forward(end="a")
            values.append((dst.data**2).sum())
            dst.diff[:] = dst.data
            net.backward(start="a")
            gradient = src.diff[0]
            src.data[:] += 0.5 / np.abs(gradient).mean() * gradient
        assert values == sorted(values)
        assert values[-1] > 10 * values[0]


def test_modules_that_import_caffe(tmp_path, monkeypatch):
    """A file of Python layers that cannot be changed says `import caffe`."""
    monkeypatch.syspath_prepend(tmp_path)
    write(
        tmp_path,
        "import caffe\nfrom caffe import layers as L, params as P\nfrom caffe.proto import caffe_pb2\nimport caffe.io\n"
        "class Twice(caffe.Layer):\n"
        "    def setup(self, bottom, top): pass\n"
        "    def reshape(self, bottom, top): top[0].reshape(*bottom[0].shape)\n"
        "    def forward(self, bottom, top): top[0].data[...] = 2 * bottom[0].data\n",
        "twice_layers.py",
    )
    for name in [name for name in sys.modules if name.partition(".")[0] == "caffe"]:
        monkeypatch.delitem(sys.modules, name)
    caffe.install()
    try:
        text = """layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 3 } } }
        layer { name: "t" type: "Python" bottom: "data" top: "t"
          python_param { module: "twice_layers" layer: "Twice" } }"""
        net = caffe.Net(write(tmp_path, text), caffe.TEST)
        np.testing.assert_array_equal(net.forward(data=np.array([1, 2, 3]))["t"], [2, 4, 6])
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("caffe", "twice_layers")]:
            del sys.modules[name]


def test_the_process(capsys):
    assert {"Convolution", "Python", "HDF5Output", "SoftmaxWithLoss"} <= set(caffe.layer_type_list())
    assert caffe.__version__ == "1.0.0"
    assert (caffe.TRAIN, caffe.TEST) == (0, 1)
    assert (caffe.solver_count(), caffe.solver_rank(), caffe.has_nccl()) == (1, 0, False)
    timer = caffe.Timer()
    timer.start()
    timer.stop()
    assert 0 <= timer.ms < 1000
