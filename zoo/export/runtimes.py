"""The programs that run converted files: each opens one and is a function {blob: array} -> {blob: array}, as Caffe's.

Each raises `Absent` where its package is not installed, or where the program says itself that it takes no such net.
"""

import contextlib
import importlib
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from zoo.errors import Place, UnsupportedError
from zoo.export import opencv
from zoo.export.targets.base import Absent

PATIENCE = 600  # seconds for a process
THREADS = "ZOO_RUNTIME_THREADS"  # how many threads a runtime may use; without it, as many as it likes


def keras(path, conversion):
    """A .keras file in this process."""
    from zoo.export import keras_file
    from zoo.export.caffe_order import in_caffe_order

    load = keras_file.load(path)
    run = in_caffe_order(conversion, load, conversion.exported.inputs)
    run.compiled = in_caffe_order(conversion, load.compiled, conversion.exported.inputs)
    return run


def saved_model(path, conversion):
    """A SavedModel's endpoint in this process."""
    from zoo.export import saved_model
    from zoo.export.caffe_order import in_caffe_order

    return in_caffe_order(conversion, saved_model.load(path), conversion.exported.inputs)


def numpy_reference(path, conversion):
    """A weights file with the net to deploy, in the reference implementation."""
    from zoo import reference
    from zoo.formats import caffemodel

    weights = caffemodel.read(path)
    named = {layer.definition.key: weights.get(layer.definition.name, []) for layer in conversion.array_net.layers}

    def run(arrays):
        values = reference.run(conversion.message, named, arrays, phase=conversion.phase)
        return {blob: values[blob] for blob in conversion.outputs}

    return run


def jax(path):
    """A .stablehlo file to deploy, for batches of its own size."""
    try:
        from zoo.export.stablehlo import in_jax
    except ImportError as cause:
        raise _missing(cause, "jax") from cause
    logging.getLogger("jax").setLevel(logging.ERROR)  # it tells which devices are not here
    program = in_jax.load(path)
    state = program.start()

    def run(arrays):
        given = program.run(state, {blob: channels_last(array) for blob, array in arrays.items()})
        return {blob: channels_first(np.asarray(array)) for blob, array in given.items()}

    return run


def onnx_runtime(path, names, blobs):
    """A .onnx file in ONNX Runtime, on the CPU; `names` are its inputs and `blobs` its outputs, in order."""
    ort = _package("onnxruntime")
    options = ort.SessionOptions()
    options.log_severity_level = 3  # errors alone
    options.intra_op_num_threads = int(os.environ.get(THREADS, 0))
    try:
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as cause:  # each of its faults is a class of its own, under Exception
        raise Absent(f"it cannot read this file: {first_line(cause)}") from cause
    inputs = [one.name for one in session.get_inputs()]

    def run(arrays):
        feeds = dict(zip(inputs, (arrays[name] for name in names)))
        return dict(zip(blobs, session.run(None, feeds)))

    return run


def openvino(path, names, blobs):
    """A .onnx file in OpenVINO's own reader, on the CPU, in float32; its inputs and outputs as for `onnx_runtime`."""
    ov = _package("openvino")
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    if THREADS in os.environ:
        settings["INFERENCE_NUM_THREADS"] = os.environ[THREADS]
    try:
        compiled = ov.Core().compile_model(path, "CPU", settings)
    except RuntimeError as cause:
        raise Absent(f"it cannot read this file: {_last_line(cause)}") from cause

    def run(arrays):
        try:
            given = compiled([arrays[name] for name in names])
        except RuntimeError as cause:
            raise Absent(f"it cannot run this file: {_last_line(cause)}") from cause
        return {blob: np.array(given[index]) for index, blob in enumerate(blobs)}

    return run


def opencv_onnx(path, names, blobs):
    """A .onnx file in OpenCV's reader, in a process of its own."""

    def run(arrays):
        feeds = {name: arrays[name] for name in names}
        given, said, run.milliseconds = opencv.run_onnx(path, feeds, {blob: blob for blob in blobs})
        if given is None:
            raise Absent(said)
        return given

    return run


def litert(path, names, outputs):
    """A .tflite file in the LiteRT interpreter.

    Args:
        names: {blob: name of the input}.
        outputs: the blobs that it gives.
    """
    interpreters = _package("ai_edge_litert.interpreter", "ai-edge-litert")
    threads = int(os.environ.get(THREADS, 0)) or os.cpu_count()
    try:
        with quiet_stderr():
            interpreter = interpreters.Interpreter(model_path=path, num_threads=threads)
            runner = interpreter.get_signature_runner()
    except (ValueError, RuntimeError) as cause:
        raise Absent(f"it cannot read this file: {first_line(cause)}") from cause

    def run(arrays):
        with quiet_stderr():  # its delegate greets
            given = runner(**{names[blob]: channels_last(array) for blob, array in arrays.items()})
        return {blob: channels_first(np.array(given[blob])) for blob in outputs}

    return run


def keras_on(backend, path, names, blobs):
    """A .keras file on another backend of Keras, in a process of its own that has nothing of this package.

    The process is of the Python that ZOO_KERAS_JAX or ZOO_KERAS_TORCH names, by default of this one.

    Args:
        backend: "jax" or "torch".
        names: {blob: name of the input}.
        blobs: the outputs.
    """
    python = _python_for(backend)
    script = pathlib.Path(__file__).with_name("keras_elsewhere.py")

    def run(arrays):
        with tempfile.TemporaryDirectory() as folder:
            said = {"keras": os.path.abspath(path), "inputs": [names[blob] for blob in arrays]}
            pathlib.Path(folder, "asked.json").write_text(json.dumps(said))
            np.savez(pathlib.Path(folder, "inputs.npz"), *map(channels_last, arrays.values()))
            command = [python, "-I", str(script), folder]
            environment = {**os.environ, "KERAS_BACKEND": backend}
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment)
            except subprocess.TimeoutExpired:
                raise Absent(f"it was not done after {PATIENCE} s") from None
            except OSError as cause:
                raise Absent(f"cannot run {python}: {cause.strerror}") from None
            if done.returncode:
                raise Absent((done.stderr.strip().splitlines() or ["it ended without a word"])[-1][:200])
            with np.load(pathlib.Path(folder, "outputs.npz")) as found:
                run.milliseconds = float(found["milliseconds"])
                keys = blobs if len(blobs) > 1 else [""]
                return {blob: channels_first(found[f"output/{key}"]) for blob, key in zip(blobs, keys)}

    return run


def check_keras_on(backend):
    """Looks whether the Python for `keras_on` has what that needs, without loading it.

    Raises:
        UnsupportedError: it lacks Keras or the backend, or cannot be started.
    """
    python, wanted = _python_for(backend), ("keras", backend)
    at = Place("" if python == sys.executable else _variable_of(backend))
    code = "import importlib.util as u, sys; print(*[name for name in sys.argv[1:] if u.find_spec(name) is None])"
    try:
        done = subprocess.run([python, "-I", "-c", code, *wanted], capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise UnsupportedError(f"{python} gave no answer in {PATIENCE} s", at=at) from None
    except OSError as cause:
        raise UnsupportedError(f"cannot run {python}", at=at, got=cause.strerror, want="a Python") from None
    if done.returncode:
        raise UnsupportedError(f"{python} is no Python", at=at, got=first_line(done.stderr))
    if missing := done.stdout.split():
        hint = f"pip install {' '.join(missing)}, or name another Python that has it in {_variable_of(backend)}"
        what = f"{' and '.join(missing)} not installed, for --backends={backend}"
        raise UnsupportedError(what, at=at, hint=hint)


def _variable_of(backend):
    return f"ZOO_KERAS_{backend.upper()}"


def _python_for(backend):
    return os.environ.get(_variable_of(backend), sys.executable)


def channels_last(array):
    """Returns an array of Caffe's order as Keras has it: (N,C,H,W) -> (N,H,W,C); other ranks as they are."""
    return np.ascontiguousarray(np.moveaxis(array, 1, -1)) if np.ndim(array) == 4 else array


def channels_first(array):
    """Returns an array of Keras's order as Caffe has it: (N,H,W,C) -> (N,C,H,W); other ranks as they are."""
    return np.ascontiguousarray(np.moveaxis(array, -1, 1)) if np.ndim(array) == 4 else array


def _package(module, package=None):
    try:
        return importlib.import_module(module)
    except ImportError as cause:
        raise _missing(cause, package or module) from cause


def _missing(cause, package):
    missing = isinstance(cause, ModuleNotFoundError)
    return Absent(f"{package} is not installed" if missing else f"{package} cannot be loaded: {first_line(cause)}")


def first_line(cause):
    """Returns the first line of an exception's text, cut to 200 characters."""
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0][:200]


def _last_line(cause):
    return (str(cause).strip().splitlines() or [type(cause).__name__])[-1][:200]


@contextlib.contextmanager
def quiet_stderr():
    """Keeps from people what C++ writes on stderr."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
