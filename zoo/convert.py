"""Turns a Caffe net and its weights into files for Keras, TensorFlow, ONNX and Caffe, and shows that they agree.

  python -m zoo.convert --config=deploy.prototxt --weights=net.caffemodel --output=net.keras --verify
  python -m zoo.convert --config=train_val.prototxt --weights=net.caffemodel --output=net.keras,net_saved/,net.prototxt
  python -m zoo.convert --config=configs/lenet.prototxt --weights=lenet.caffemodel --output=lenet.keras --summary
  python -m zoo.convert --config=old.prototxt --output=new.prototxt --nodeploy       upgrades a file, nothing else
  python -m zoo.convert --config=deploy.prototxt --weights=net.caffemodel --output=net.stablehlo --batch=16
  python -m zoo.convert --config=solver.prototxt --input_shape='data: 64,1,28,28' --output=lenet.step.stablehlo
  python -m zoo.convert --config=deploy.prototxt --summary                           writes nothing

The config is a net or a solver, of any generation of Caffe's. What is converted is the net to deploy: data layers
become inputs, losses become their predictions (SoftmaxWithLoss becomes "prob"), Accuracy goes.

What --output makes, by its ending; several may stand in one list:
  .keras            one file that plain Keras 3 loads; spatial tensors are channels-last, (N,H,W,C). It also says
                    which of Caffe's blobs its arrays are, so that every --weights takes it as it takes a .caffemodel
  /                 a SavedModel directory, for TensorFlow, with the endpoint "serve"
  .onnx             the net to deploy for ONNX Runtime, OpenCV 5, OpenVINO and others, in Caffe's order (N,C,H,W), with
                    standard operators only (opset 17); a layer type without an exact form is refused. Above 2 GB
                    the arrays go into NAME.onnx.data. See docs/onnx.md
  .caffemodel       weights of the current form, binary; .caffemodel.h5: HDF5
  .prototxt         the net of the current form; what it is fed is said in comments
  .step.stablehlo   of a solver: one iteration of training (forward, backward, update) as StableHLO, experimental;
                    state and a batch go in; the new state, the loss and the net's outputs come out. Alone in its list
  .stablehlo        the net to deploy as StableHLO for one batch size, experimental; parameters are arguments
  .tflite           one file for LiteRT, of its built-in operators alone; fed channels-last. --quantize=float16 halves
                    it; --quantize=int8 quarters it, with the ranges that real inputs have: the net's own data layer
                    reads them, or --representative says where they are (docs/quantized.md)
Next to a .keras file and a SavedModel goes a .json with the sources, the preprocessing and which Keras layers each
Caffe layer became, and a .mean.npy where the net subtracts a mean image. Next to a .stablehlo file goes a .json that
says what its arguments and results are, and a .npz with the arrays to start from. It names no device and holds no
variables: JAX runs it without TensorFlow, see docs/stablehlo.md.

--fold writes a net with fewer layers, of every form: what BatchNorm, Scale, Bias and the like do to a channel goes into
the weights of the layer next to them. It is said how many went where, and why others stay. --verify compares it with
the net as it was. What is trained further should not be folded.

--verify runs what was written, each file in the program that it is for, on random inputs and with --images on real
ones, prepared as the net's data layer does; and compares it with the NumPy reference implementation, and with OpenCV
where it can read the net. The last table has the worst output of each file and program, sizes and times. A program
that is not installed is named as not checked (pip install 'caffe-model-zoo[targets]' has all but PyTorch). One that
was asked for by name, with --backends, has to be there and has to run the file. The environment variables ZOO_OPENCV
(for .onnx files), ZOO_KERAS_JAX and ZOO_KERAS_TORCH name the Python of another installation that has the program.
Where a net picks places or boxes by comparing numbers that rounding alone tells apart, an output can differ though
nothing is wrong: then each layer is compared on the reference's own values, and the net with the reference's choices,
and it is said how many choices differ.

Exit code 0: done; 1: the input is invalid, and one message says why; 2: the files are written, but what they compute
differs, or no program is here that could run one of them, or a backend of --backends failed.
"""

import os

from absl import flags

from zoo import change_flags, command, config_flag, given_files, image_paths, user_code
from zoo.errors import DataError, Place, UnsupportedError, ZooError
from zoo.formats import limits, weightsfile

CONFIG = config_flag.define("Net or solver file (prototxt), or the name of a packaged config such as lenet.")
WEIGHTS = flags.DEFINE_list(
    "weights", [], "Weights files (.caffemodel, .caffemodel.h5, our .keras). Default: what fillers give."
)
DRAW_WEIGHTS = flags.DEFINE_bool(
    "draw_weights",
    False,
    "Without --weights: parameters drawn at random so that values keep their size from layer to layer, for --verify. "
    "What fillers give may be zeros, with which an output says nothing.",
)
OUTPUT = flags.DEFINE_list(
    "output",
    [],
    "What to write, by ending: .keras, / (SavedModel), .onnx, .caffemodel[.h5], .prototxt, .tflite, [.step].stablehlo.",
)
PHASE = flags.DEFINE_enum(
    "phase", None, ["TEST", "TRAIN"], "What the net is filtered for. TRAIN keeps Dropout. Default: TEST."
)
LEVEL = flags.DEFINE_integer("level", None, "Level of the net's state.")
STAGE = flags.DEFINE_list("stage", [], "Stages of the net's state.")
INPUT_SHAPE = flags.DEFINE_multi_string(
    "input_shape", [], "Caffe shape of an input, where the files do not say it: 'data: 1,3,227,227'."
)
BATCH = flags.DEFINE_string(
    "batch", "", 'Size of a batch: "any", or a number. Default: any where the net allows it, else as the file has it.'
)
OUTPUTS = flags.DEFINE_list("outputs", [], "Blobs that the net returns. Default: those that no layer reads.")
ANY_SIZE = flags.DEFINE_bool(
    "any_size", False, "Leave height and width of the inputs of a .onnx file open, where the net allows it."
)
PREPROCESS = flags.DEFINE_enum(
    "preprocess",
    None,
    ["BGR", "RGB"],
    "Put what the data layer did to images (channel order, mean, scale) into a .onnx file, which then takes pixels "
    "0..255 with their channels in this order, already resized and cropped.",
)
DEPLOY = flags.DEFINE_bool("deploy", True, "--nodeploy keeps data layers, losses and all phases; for .prototxt only.")
SET = change_flags.define_set()
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where mean files and data are looked for first.")
FOLD = flags.DEFINE_bool(
    "fold",
    False,
    "Fold BatchNorm, Scale, Bias and Power with power 1 into the convolution or inner product before them, or after "
    "them where that is exact. .caffemodel and .prototxt then belong together: write both.",
)
VERIFY = flags.DEFINE_bool("verify", False, "Compare what was written with independent implementations.")
TOLERANCE = flags.DEFINE_float(
    "tolerance",
    None,
    "What --verify allows, in parts of an output's largest value. Default: 1e-4; of quantized files 0.01 (float16) or "
    "0.2 (int8).",
    lower_bound=0,
)
IMAGES = flags.DEFINE_string(
    "images", "", "Directory of images, or a list of them (.txt), that --verify runs on, next to random inputs."
)
BACKENDS = flags.DEFINE_list(
    "backends", [], "Backends of Keras (jax, torch) on which --verify runs a .keras file, too, each in its own process."
)
QUANTIZE = flags.DEFINE_enum("quantize", None, ["float16", "int8"], "What a .tflite file is quantized to.")
REPRESENTATIVE = flags.DEFINE_string(
    "representative",
    "",
    "Real inputs for --quantize=int8: a directory of images, a list of them (.txt), an .npz with an array (N,C,H,W) "
    "for each input, or another source (shards, a database) for the net's data layer. Default: that layer as it is.",
)
SUMMARY = flags.DEFINE_bool("summary", False, "Print layers, shapes, parameters and multiply-adds.")
limits.define_flags(limits.MEMORY_BYTES)


def main():
    """Reads the flags, converts, writes, verifies; returns the exit code."""
    from zoo.export.request import Request
    from zoo.export.targets import target

    request = Request(
        config=CONFIG.value,
        targets=[target(path) for path in OUTPUT.value],
        weights=WEIGHTS.value,
        drawn=DRAW_WEIGHTS.value,
        phase=PHASE.value or "",
        level=LEVEL.value,
        stages=STAGE.value,
        input_shapes=INPUT_SHAPE.value,
        batch=_batch(),
        outputs=OUTPUTS.value,
        deploy=DEPLOY.value,
        changes=change_flags.given(SET.value),
        data_dir=DATA_DIR.value,
        fold=FOLD.value,
        summary=SUMMARY.value,
        verify=VERIFY.value,
        any_size=ANY_SIZE.value,
        pixels=PREPROCESS.value or "",
        tolerance=TOLERANCE.value,
        images=IMAGES.value,
        backends=BACKENDS.value,
        quantize=QUANTIZE.value or "",
        representative=REPRESENTATIVE.value,
        images_of=_images_of,
        prepare=_prepare,
        open_step=_open_step,
    )
    _check(request)
    config_flag.check(CONFIG.value)
    given_files.check(WEIGHTS.value, outputs=[target.place for target in request.targets], directory=True)
    if not request.without_keras:
        command.quiet_tensorflow()
    user_code.load()
    from zoo.export import converting

    return converting.run(request)


def _batch():
    if BATCH.value in ("", "any"):
        return BATCH.value or None
    number = BATCH.value
    if not (number.isascii() and number.isdigit() and len(number) < 19 and int(number) > 0):
        raise ZooError("--batch", got=number, want='"any" or a number')
    return int(number)


def _check(request):
    """Refuses flags that nothing would read."""
    endings = {ending for target in request.targets for ending in target.endings}
    wanted = {
        "--draw_weights": (request.drawn and bool(request.weights), "a net without --weights"),
        "--verify": (request.verify and not (request.deploy and request.targets), "--output of a net to deploy"),
        "--tolerance": (request.tolerance is not None and not request.verify, "--verify"),
        "--any_size": (request.any_size and ".onnx" not in endings, "--output=NAME.onnx"),
        "--preprocess": (request.pixels and ".onnx" not in endings, "--output=NAME.onnx"),
        "--images": (request.images and not request.verify, "--verify"),
        "--backends": (request.backends and not (request.verify and ".keras" in endings), "--verify of a .keras file"),
        "--quantize": (request.quantize and ".tflite" not in endings, "--output=NAME.tflite"),
        "--representative": (request.representative and request.quantize != "int8", "--quantize=int8"),
    }
    if not request.deploy:  # the whole net is written as it is: nothing is filtered, fed or cut out
        given = {
            "--phase": request.phase,
            "--level": request.level is not None,
            "--stage": request.stages,
            "--input_shape": request.input_shapes,
            "--batch": request.batch,
            "--outputs": request.outputs,
        }
        wanted |= {flag: (value, "a net to deploy, without --nodeploy") for flag, value in given.items()}
    for flag, (unread, want) in wanted.items():
        if unread:
            raise UnsupportedError(f"{flag} says nothing here", want=want)
    if request.fold and {".prototxt", ".caffemodel"} & endings and not {".prototxt", ".caffemodel"} <= endings:
        what = "a folded net's text and weights belong together"
        raise UnsupportedError(what, want="--output=NAME.prototxt,NAME.caffemodel")
    if request.images and not _images_of(request.images):
        raise DataError("no images", at=Place(request.images), want=", ".join(image_paths.SUFFIXES))
    if request.representative.endswith(".npz"):
        weightsfile.check(request.representative, DataError)
    if unknown := set(request.backends) - {"jax", "torch"}:
        raise ZooError("--backends", got=", ".join(sorted(unknown)), want="jax, torch")


def _images_of(path):
    """Returns the paths of images in a directory, or of those that a list names."""
    if os.path.isfile(path) and path.endswith(".txt"):
        return [image for image, _ in image_paths.listed(path)]
    return image_paths.inside(path)


def _prepare(conversion, paths):
    """Returns {input: array} of images, prepared as the config's data layer does."""
    import numpy as np

    command.quiet_tensorflow()  # which no .onnx file has needed until now
    from zoo.api.loaded import preprocessed
    from zoo.pycaffe.config_classifier import Preparation

    images = preprocessed(conversion, Preparation(), paths)  # which refuses a net with several inputs
    return {conversion.inputs[0].name: np.ascontiguousarray(images.transpose(0, 3, 1, 2))}


def _open_step(*args, **kwargs):
    from zoo.training.pure_step import open_step

    return open_step(*args, **kwargs)


if __name__ == "__main__":
    command.run(main)
