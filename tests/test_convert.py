"""The command from outside: what it writes, what it says, its exit codes."""

import json
import os
import pathlib
import subprocess
import sys

import cv2
import keras
import numpy as np
import pytest

from tests.export import small_net
from tests.layers.golden import FORWARD, close
from tests.training.fork_server import ForkServer
from zoo import reference
from zoo.formats import caffemodel, prototxt

ROOT = pathlib.Path(__file__).resolve().parents[1]
CIFAR = ("cifar10_quick_v1.prototxt", "cifar10_quick_v1_iter_4000.caffemodel")


@pytest.fixture(scope="module")
def command():
    """Runs `python -m zoo.convert` with the arguments given; returns its process."""
    with ForkServer() as server:

        def run(*args, **options):
            return server.run(*args, module="zoo.convert", **options)

        yield run


@pytest.fixture
def files(tmp_path):
    """(deploy prototxt, weights, {layer: arrays}, directory to write in)."""
    arrays = small_net.random_weights(small_net.DEPLOY, tmp_path / "small.caffemodel")
    (tmp_path / "out").mkdir()
    config = small_net.write(tmp_path / "small.prototxt", small_net.DEPLOY)
    return config, str(tmp_path / "small.caffemodel"), arrays, tmp_path / "out"


def error(process):
    """Returns the message of a command that must have failed with exit code 1 and no traceback."""
    assert process.returncode == 1, (process.stdout, process.stderr)
    assert process.stderr.startswith("error: ") and "Traceback" not in process.stderr, process.stderr
    return process.stderr


def same(got, want):
    """Asserts two {layer: arrays} the same in every byte and shape."""
    assert {name for name, blobs in got.items() if blobs} == {name for name, blobs in want.items() if blobs}
    for name, blobs in want.items():
        assert [a.shape for a in got[name]] == [a.shape for a in blobs]
        assert [a.tobytes() for a in got[name]] == [a.tobytes() for a in blobs]


def test_every_form_at_once_verified(command, files):
    config, weights, arrays, out = files
    names = ["x.keras", "saved/", "x.caffemodel", "x.caffemodel.h5", "x.prototxt"]
    output = ",".join(f"{out}/{name}" for name in names)
    done = command(f"--config={config}", f"--weights={weights}", f"--output={output}", "--verify", "--summary")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    text = done.stdout
    assert "\n7 files written, verified.\n" in text and "DIFFERS" not in text
    assert text.count("NumPy  ") == 2 and text.count("OpenCV") == 2
    assert f"{sum(len(b) for b in arrays.values())} parameter blobs, the same bytes" in text
    assert "output prob: any, 5\n" in text
    expected = {"x.keras", "x.keras.json", "saved", "saved.json", "x.caffemodel", "x.caffemodel.h5", "x.prototxt"}
    assert set(os.listdir(out)) == expected
    same(caffemodel.read(out / "x.caffemodel"), arrays)
    same(caffemodel.read(out / "x.caffemodel.h5"), arrays)
    message = prototxt.read_net(out / "x.prototxt").message
    assert not message.HasField("state")
    assert message.layer[0].type == "Input" and message.layer[-1].name == "prob"
    x = np.random.default_rng(1).normal(size=(3, 3, 19, 17)).astype(np.float32)
    want = reference.run(message, caffemodel.read(out / "x.caffemodel"), {"data": x})["prob"]
    model = keras.saving.load_model(out / "x.keras")
    close("prob", np.asarray(model(x.transpose(0, 2, 3, 1))), want, 2 * FORWARD)  # some fifteen layers deep
    assert json.loads((out / "x.keras.json").read_text()) == json.loads((out / "saved.json").read_text())


def test_what_was_written_converts_to_the_same_again(command, files):
    """prototxt + weights -> new prototxt + caffemodel -> .keras, the same as in one step."""
    config, weights, _, out = files
    first = f"--output={out}/a.prototxt,{out}/a.caffemodel,{out}/a.keras"
    assert command(f"--config={config}", f"--weights={weights}", first).returncode == 0
    again = (f"--config={out}/a.prototxt", f"--weights={out}/a.caffemodel")
    assert command(*again, f"--output={out}/b.prototxt,{out}/b.caffemodel,{out}/b.keras").returncode == 0
    assert (out / "a.caffemodel").read_bytes() == (out / "b.caffemodel").read_bytes()
    assert prototxt.read_net(out / "a.prototxt").message == prototxt.read_net(out / "b.prototxt").message
    x = np.random.default_rng(1).normal(size=(2, 19, 17, 3)).astype(np.float32)
    one, two = (keras.saving.load_model(out / f"{name}.keras")(x) for name in "ab")
    np.testing.assert_array_equal(one, two)


def test_a_v1_net_and_its_binary_become_current_ones(command, shared, tmp_path):
    """Shapes of four numbers become Caffe's of today; every byte of the weights stays."""
    config, weights = (shared / "pretrained" / name for name in CIFAR)
    output = f"--output={tmp_path}/v2.caffemodel,{tmp_path}/v2.prototxt,{tmp_path}/v2.keras"
    done = command(f"--config={config}", f"--weights={weights}", output, "--verify")
    assert done.returncode == 0, done.stderr
    _, layers = caffemodel.read_layers(tmp_path / "v2.caffemodel")
    assert {layer.type for layer in layers} >= {"Convolution", "Pooling", "InnerProduct"}
    old, new = caffemodel.read(weights), caffemodel.read(tmp_path / "v2.caffemodel")
    assert old.legacy and not new.legacy
    for name, blobs in new.items():
        assert [a.tobytes() for a in blobs] == [a.tobytes() for a in old.get(name, [])]
    assert new["ip1"][0].shape == (64, 1024) and new["conv1"][1].shape == (32,)
    message = prototxt.read_net(tmp_path / "v2.prototxt").message
    with np.load(shared / "pretrained" / "cifar10_quick_v1.npz") as data:
        x, want = data["in/data"], data["out/prob"]
    close("prob", reference.run(message, new, {"data": x})["prob"], want, FORWARD)
    got = keras.saving.load_model(tmp_path / "v2.keras")(x.transpose(0, 2, 3, 1))
    close("prob", np.asarray(got), want, FORWARD)


def test_lenet_from_its_solver_and_the_weights_of_caffe(command, shared, tmp_path):
    weights = shared / "pretrained" / "lenet_iter_10000.caffemodel"
    flags = [f"--weights={weights}", f"--output={tmp_path}/lenet.keras", "--verify", f"--data_dir={tmp_path}"]
    config = f"--config={ROOT / 'configs' / 'lenet.prototxt'}"
    done = command(config, *flags)
    assert done.returncode == 0 and "multiply by 0.00390625" in done.stdout, done.stderr
    with np.load(shared / "pretrained" / "lenet.npz") as data:
        got = keras.saving.load_model(tmp_path / "lenet.keras")(data["in/data"].transpose(0, 2, 3, 1))
        close("prob", np.asarray(got), data["out/prob"], FORWARD)


def test_nodeploy_upgrades_as_caffe_does(command, shared, tmp_path):
    for name in ("v0_padding", "v1_lenet", "v2_old_bits"):
        config = shared / "golden" / "upgrade" / f"{name}.prototxt"
        done = command(f"--config={config}", f"--output={tmp_path}/{name}.prototxt", "--nodeploy")
        assert done.returncode == 0, done.stderr
        want = (config.parent / f"{name}.upgraded.prototxt").read_text()
        assert (tmp_path / f"{name}.prototxt").read_text() == want


def test_missing_weights_are_said_loudly(command, files):
    config, weights, arrays, out = files
    done = command(f"--config={config}", f"--output={out}/x.caffemodel")
    assert done.returncode == 0 and "WARNING: no --weights" in done.stderr
    del arrays["fc1"]
    caffemodel.write(weights, arrays)
    done = command(f"--config={config}", f"--weights={weights}", f"--output={out}/x.caffemodel")
    assert done.returncode == 0 and "WARNING: not in the weights files, filled instead: fc1" in done.stderr


def test_what_cannot_be_compared_is_not_called_verified(command, files):
    """BatchNorm's sums are 0 without weights, so that its output is 1/sqrt(eps) times too large, layer upon layer."""
    *_, out = files
    norm = 'layer {{ name: "b{0}" type: "BatchNorm" bottom: "data" top: "data" batch_norm_param {{ eps: 1e-30 }} }}'
    config = small_net.write(out / "net.prototxt", small_net.INPUT + "\n".join(norm.format(i) for i in range(6)))
    done = command(f"--config={config}", f"--output={out}/x.keras", "--verify")
    assert done.returncode == 2, done.stderr
    assert "nothing finite to compare" in done.stdout and "NOT verified" in done.stdout
    assert "give --weights or --draw_weights" in done.stdout
    done = command(f"--config={config}", f"--output={out}/drawn.keras", "--verify", "--draw_weights")
    assert done.returncode == 0 and "verified" in done.stdout and "DIFFERS" not in done.stdout, done.stdout
    assert "all parameters are drawn at random" in done.stdout and "WARNING: no --weights" not in done.stderr
    done = command(f"--config={config}", f"--output={out}/x.keras", "--draw_weights", "--weights=a.caffemodel")
    assert "--draw_weights says nothing here" in error(done)


def test_a_difference_has_an_exit_code_of_its_own(command, files):
    config, weights, _, out = files
    flags = (f"--config={config}", f"--weights={weights}", f"--output={out}/x.keras", "--verify")
    done = command(*flags, "--tolerance=1e-12")
    assert done.returncode == 2 and "DIFFERS" in done.stdout and "NOT verified" in done.stdout
    assert (out / "x.keras").exists()


def test_onnx(command, files):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    config, weights, _, out = files
    done = command(f"--config={config}", f"--weights={weights}", f"--output={out}/x.onnx", "--verify", "--any_size")
    assert done.returncode == 1 and "height and width cannot be left open" in done.stderr
    cv2.imwrite(str(out / "a.png"), np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8))
    flags = (f"--config={config}", f"--weights={weights}", f"--output={out}/x.onnx", "--verify", f"--images={out}")
    done = command(*flags)
    assert done.returncode == 0 and " written, verified.\n" in done.stdout, (done.stdout, done.stderr)
    assert f"verify {out}/x.onnx in ONNX Runtime on 1 of 1 images in {out}" in done.stdout


def test_bad_flags_are_one_message(command, files):
    config, weights, _, out = files
    here = f"--config={config}"
    assert "nothing to do" in error(command(here))
    for flag in ("--preprocess=BGR", "--any_size"):
        said = f"{flag.partition('=')[0]} says nothing here, want --output=NAME.onnx"
        assert said in error(command(here, f"--output={out}/x.keras", flag))
        assert said in error(command(here, f"--output={out}/x.prototxt", "--nodeploy", flag))
    assert "--verify says nothing here" in error(command(here, f"--output={out}/x.prototxt", "--nodeploy", "--verify"))
    for flag in (
        "--batch=2",
        "--outputs=fc1",
        "--input_shape=data: 1,3,19,17",
        "--phase=TEST",
        "--level=0",
        "--stage=x",
    ):
        said = error(command(here, f"--output={out}/x.prototxt", "--nodeploy", flag))
        assert f"{flag.partition('=')[0]} says nothing here, want a net to deploy" in said
    assert "--tolerance says nothing here" in error(command(here, f"--output={out}/x.keras", "--tolerance=1e-5"))
    assert "--images says nothing here, want --verify" in error(command(here, "--images=x", f"--output={out}/x.keras"))
    assert "want --output=NAME.tflite" in error(command(here, "--quantize=int8", f"--output={out}/x.keras"))
    assert "--representative says nothing here" in error(
        command(here, "--representative=x", f"--output={out}/x.tflite")
    )
    assert "text and weights belong together" in error(command(here, "--fold", f"--output={out}/x.caffemodel"))
    assert "unknown kind of output, got" in error(command(here, f"--output={out}/x.h5"))
    assert "cannot be written, got no directory" in error(command(here, f"--output={out}/no/x.keras"))
    assert "it is listed twice in --output" in error(command(here, f"--output={out}/x.keras,{out}/x.keras"))
    for number in ("0", "²", "9" * 30):
        assert 'want "any" or a number' in error(command(here, f"--output={out}/x.keras", f"--batch={number}"))
    assert "no images, want .jpg" in error(command(here, f"--output={out}/x.keras", "--verify", f"--images={out}"))
    assert "invalid input shape" in error(command(here, f"--output={out}/x.keras", "--input_shape=1,2"))
    assert "and nothing else" in error(command(here, f"--output={out}/x.keras", "--nodeploy"))
    assert "is an input file and cannot be overwritten" in error(command(here, f"--output={config}"))
    assert "is an input file" in error(command(here, f"--weights={weights}", f"--output={weights}"))
    assert os.listdir(out) == []


def test_bad_files_are_one_message(command, files):
    config, weights, arrays, out = files
    output = f"--output={out}/x.keras"
    assert "a binary file, where prototxt is wanted" in error(command(f"--config={weights}", output))
    assert "this is text, such as a prototxt" in error(command(f"--config={config}", f"--weights={config}", output))
    assert "no such file" in error(command(f"--config={config}x", output))
    (out / "cut").write_bytes(pathlib.Path(weights).read_bytes()[:-100])
    assert "cut" in error(command(f"--config={config}", f"--weights={out}/cut", output))
    wrong = {**arrays, "conv1": [arrays["conv1"][0][:5]], "fc1": [arrays["fc1"][0].T, arrays["fc1"][1]]}
    caffemodel.write(out / "wrong", wrong)
    said = error(command(f"--config={config}", f"--weights={out}/wrong", output))
    assert "2 problems" in said and "small.prototxt:" in said
    assert "got (5, 3, 5, 3), want (6, 3, 5, 3)" in said and "got (200, 9), want (9, 200)" in said
    assert sorted(os.listdir(out)) == ["cut", "wrong"]


@pytest.mark.parametrize("name", ["x.keras", "x.caffemodel", "x.caffemodel.h5", "saved/", "x.prototxt"])
def test_a_full_disk_is_one_message_and_leaves_nothing(command, files, name):
    config, weights, _, out = files
    flags = (f"--config={config}", f"--weights={weights}", f"--output={out}/{name}")
    assert "cannot be written" in error(command(*flags, file_size=500))
    assert os.listdir(out) == []


def test_help_teaches(command):
    done = command("--help")
    assert "python -m zoo.convert --config=deploy.prototxt" in done.stdout and "--input_shape" in done.stdout


@pytest.mark.slow
def test_alexnet(tmp_path):
    """The whole of AlexNet, in a process of its own: seconds and memory are printed, the second bounded."""
    config = ROOT / "configs" / "alexnet.prototxt"
    code = f"""
import resource, subprocess, sys, time
began = time.monotonic()
done = subprocess.run([sys.executable, "-m", "zoo.convert", "--config={config}",
                       "--output={tmp_path}/alexnet.keras", *sys.argv[1:]])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
print(f"{{time.monotonic() - began:.1f}} s, {{peak:.2f}} GiB")
sys.exit(done.returncode or (9 if peak > 2.5 else 0))
"""
    for extra in ([], ["--verify"]):
        done = subprocess.run([sys.executable, "-c", code, *extra], cwd=ROOT, capture_output=True, text=True)
        print(done.stdout.splitlines()[-1])
        assert done.returncode == 0, done.stdout + done.stderr
    assert ", verified." in done.stdout
    model = keras.saving.load_model(tmp_path / "alexnet.keras")
    assert model.input_shape == (None, 227, 227, 3) and model.count_params() == 60_965_224


@pytest.mark.slow
def test_the_face_detector(command, shared, tmp_path):
    """An SSD net by other people: the boxes of the .keras file are those of NumPy and of OpenCV."""
    net = shared / "pretrained_forks" / "res10_ssd_face.prototxt"
    if not net.exists():
        pytest.skip("needs ../shared/pretrained_forks/res10_ssd_face")
    weights, file = net.with_suffix(".caffemodel"), tmp_path / "face.keras"
    done = command(f"--config={net}", f"--weights={weights}", f"--output={file}", "--verify")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("  detection_out ")]
    assert [row[1] for row in rows] == ["NumPy", "OpenCV"]
    assert all(row[-1] == "equal" for row in rows), done.stdout
    assert keras.saving.load_model(file).output_shape == (1, 200, 7, 1)


def test_layers_without_names(command, tmp_path):
    """Their .caffemodel goes to the first of them alone, as in Caffe; a .keras file to each."""
    ip = """layer { type: "InnerProduct" bottom: "%s" top: "%s"
      inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }"""
    text = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }'
    config = small_net.write(tmp_path / "net.prototxt", "\n".join([text, ip % ("x", "y"), ip % ("y", "z")]))
    output = f"--output={tmp_path}/a.keras,{tmp_path}/a.caffemodel"
    done = command(f"--config={config}", output, "--verify", "--summary")
    assert done.returncode == 0 and " written, verified.\n" in done.stdout, done.stderr
    assert 'net.prototxt:4: layer "" (InnerProduct): no .caffemodel gives it its parameters back' in done.stderr
    again = command(
        f"--config={config}", f"--weights={tmp_path}/a.keras", f"--output={tmp_path}/b.caffemodel", "--verify"
    )
    assert again.returncode == 0 and "weights of" in again.stdout and "filled" not in again.stderr, again.stderr
    assert (tmp_path / "a.caffemodel").read_bytes() == (tmp_path / "b.caffemodel").read_bytes()
    binary = command(f"--config={config}", f"--weights={tmp_path}/a.caffemodel", f"--output={tmp_path}/c.keras")
    assert "not in the weights files, filled instead: (no name)#2" in binary.stderr
    hdf5 = error(command(f"--config={config}", f"--weights={tmp_path}/a.keras", f"--output={tmp_path}/a.caffemodel.h5"))
    assert "no name for an HDF5 group" in hdf5 and not (tmp_path / "a.caffemodel.h5").exists()


def test_a_state_that_the_files_do_not_carry_on_is_said(command, tmp_path):
    config = tmp_path / "lstm.prototxt"
    config.write_text(
        """
        layer { name: "in" type: "Input" top: "x" top: "cont" input_param {
          shape { dim: 3 dim: 2 dim: 4 } shape { dim: 3 dim: 2 } } }
        layer { name: "l.stm" type: "LSTM" bottom: "x" bottom: "cont" top: "h" recurrent_param { num_output: 2 } }
        """
    )
    for ending in (".keras", ".stablehlo"):
        done = command(f"--config={config}", f"--output={tmp_path}/x{ending}")
        assert done.returncode == 0, done.stderr
        said = f'WARNING: {config}:4: layer "l.stm" (LSTM): not carried from batch to batch: the hidden state'
        assert said in done.stderr


def test_a_training_step_as_stablehlo(command, tmp_path):
    path = tmp_path / "lenet.step.stablehlo"
    shape = "--input_shape=data: 2,1,28,28"
    text = error(command("--config=lenet", shape, f"--output={path}", "--phase=TEST"))
    assert "takes no --phase, got --phase=TEST" in text
    assert "is written alone, got" in error(command("--config=lenet", shape, f"--output={path},x.keras"))
    assert "--verify does not run" in error(command("--config=lenet", shape, f"--output={path}", "--verify"))
    assert not os.listdir(tmp_path)
    done = command("--config=lenet", shape, f"--output={path}", '--set=type: "Adam"')
    with np.load(f"{path}.npz") as state:
        assert any(name.startswith("history/second/") for name in state)
    assert done.returncode == 0 and "input data: 2, 28, 28, 1\ninput label: 2\n" in done.stdout, done.stderr
    assert set(os.listdir(tmp_path)) == {path.name + end for end in ("", ".json", ".npz")}


def test_a_folded_pair_computes_what_the_net_computed(command, shared, tmp_path):
    """What Caffe itself would run: a prototxt and a .caffemodel, which convert again like any others."""
    net = shared / "pretrained_forks" / "res10_ssd_face.prototxt"
    if not net.exists():
        pytest.skip("needs ../shared/pretrained_forks/res10_ssd_face")
    first = (f"--config={net}", f"--weights={net.with_suffix('.caffemodel')}", "--outputs=layer_64_1_conv2_h")
    pair = f"--output={tmp_path}/f.prototxt,{tmp_path}/f.caffemodel"
    done = command(*first, pair, "--fold", "--verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " layers folded into the layer before, " in done.stdout and ", verified." in done.stdout
    types = [layer.type for layer in prototxt.read_net(tmp_path / "f.prototxt").message.layer]
    assert types == ["Input", "Scale", "Convolution", "ReLU", "Pooling", "Convolution", "ReLU", "Convolution"]
    again = f"--output={tmp_path}/again.caffemodel"
    done = command(f"--config={tmp_path}/f.prototxt", f"--weights={tmp_path}/f.caffemodel", again)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again.caffemodel").read_bytes() == (tmp_path / "f.caffemodel").read_bytes()
