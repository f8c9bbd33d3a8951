"""Real Caffe's recorded layer cases as saved models, run by a Keras that has nothing of ours.

The tests do so with the TensorFlow backend. By hand, with any Python that has Keras and the backend:

    python -m tests.layers.exported write FOLDER
    KERAS_BACKEND=torch OTHER_PYTHON -I tests/layers/plain_keras.py FOLDER
    python -m tests.layers.exported compare FOLDER          # a table of what is equal and what is not
"""

import pathlib
import subprocess
import sys
import warnings

import numpy as np
import tensorflow as tf

from tests.conftest import SHARED
from tests.layers import golden
from zoo.formats.prototxt import parse_net
from zoo.keras_internals import all_layers
from zoo.layers.ops.layout import from_caffe, to_caffe
from zoo.netdef.net import net_def
from zoo.netdef.padding import without_padding
from zoo.netdef.shape_inference import infer_shapes

PLAIN_KERAS = pathlib.Path(__file__).with_name("plain_keras.py")


def write(paths, folder):
    """Saves the recorded cases in `paths` to `folder`; one that is refused leaves <case>.error with the reason."""
    for path in paths:
        try:
            _write(golden.Case(path), folder / path.stem)
        except Exception as error:  # one case's, said by `compare`; the others go on
            _add(folder / path.stem, ".keras").unlink(missing_ok=True)
            _add(folder / path.stem, ".error").write_text(f"{type(error).__name__}: {error}")


def run(folder, python=sys.executable):
    """Runs what `folder` has in a process that has Keras and nothing of ours."""
    done = subprocess.run([python, "-I", PLAIN_KERAS, folder], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]


def compare(path, folder):
    """Asserts that every recorded output came out of the saved model, in exact shape and within the tolerance."""
    problem = _add(folder / path.stem, ".error")
    assert not problem.exists(), problem.read_text()
    case = golden.Case(path)
    planned = infer_shapes(net_def(parse_net(case.prototxt), case.phase))
    with np.load(_add(folder / path.stem, ".outputs.npz")) as data:
        got = [data[f"arr_{i}"] for i in range(len(data.files))]
    values = {ref: np.asarray(to_caffe(tf.constant(value))) for ref, value in zip(_tops(planned), got, strict=True)}
    real = without_padding(planned, values)
    named = {ref.name: real[ref] for ref in real}  # a later version replaces an earlier one
    for name, want in case.group("out").items():
        golden.close(f"out/{name}", named[name], want, golden.FORWARD)


def _add(path, ending):
    return path.with_name(path.name + ending)


def _tops(layers):
    return list(dict.fromkeys(top for layer in layers for top in layer.definition.tops))


def _write(case, stem):
    net = case.build(portable=True)
    model = net.model(_tops(net.layers))
    foreign = {type(layer).__module__ for layer in all_layers(model)} | {type(op).__module__ for op in model.operations}
    assert all(module.split(".")[0] == "keras" for module in foreign), f"not Keras's own: {foreign}"
    dotted = [variable.path for variable in model.variables if "." in variable.path]
    assert not dotted, f"no parameter of PyTorch's may be called {dotted}"
    with warnings.catch_warnings():  # as zoo.export.keras_file.no_copy_warning
        warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy", DeprecationWarning)
        model.save(_add(stem, ".keras"))
    feeds = [np.asarray(from_caffe(tf.constant(case.group("in")[ref.name]))) for ref in net.inputs]
    inputs = {f"input{i}": array for i, array in enumerate(feeds)}
    np.savez(_add(stem, ".inputs.npz"), training=case.phase == "TRAIN", **inputs)


def main(verb, folder):
    """Does `verb`, "write" or "compare", for every recorded case, or every one that was run."""
    golden_files = SHARED / "golden"
    paths = sorted([*(golden_files / "layers").glob("*.npz"), *(golden_files / "fork_layers").glob("*.npz")])
    if verb == "write":
        write(paths, folder)
        return
    found = {}
    for path in paths:
        if not any(_add(folder / path.stem, ending).exists() for ending in (".outputs.npz", ".error")):
            continue
        try:
            compare(path, folder)
            said = "equal"
        except AssertionError as error:
            said = str(error).splitlines()[0][:160]
        found.setdefault(path.stem.rpartition("-")[0], []).append(said)
    for family, said in found.items():
        wrong = [each for each in said if each != "equal"]
        print(f"{family:34} {len(said) - len(wrong)} of {len(said)} {wrong[0] if wrong else ''}")


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
