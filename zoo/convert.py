"""Turns a Caffe net and its weights into files for Keras, TensorFlow and Caffe, and shows that they compute the same.

  python -m zoo.convert --config=deploy.prototxt --weights=net.caffemodel --output=net.keras --verify
  python -m zoo.convert --config=train_val.prototxt --weights=net.caffemodel --output=net.keras,net_saved/,net.prototxt
  python -m zoo.convert --config=configs/lenet.prototxt --weights=lenet.caffemodel --input_shape='data: 1,1,28,28' \\
      --output=lenet.keras --summary
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
  .caffemodel       weights of the current form, binary; .caffemodel.h5: HDF5
  .prototxt         the net of the current form; what it is fed is said in comments
  .step.stablehlo   of a solver: one iteration of training (forward, backward, update) as StableHLO, experimental;
                    state and a batch go in; the new state, the loss and the net's outputs come out. Alone in its list
  .stablehlo        the net to deploy as StableHLO for one batch size, experimental; parameters are arguments
Next to a .keras file and a SavedModel goes a .json with the sources, the preprocessing and which Keras layers each
Caffe layer became, and a .mean.npy where the net subtracts a mean image. Next to a .stablehlo file goes a .json that
says what its arguments and results are, and a .npz with the arrays to start from. It names no device and holds no
variables: JAX runs it without TensorFlow, see docs/stablehlo.md.

--verify runs what was written on random inputs and compares it with the NumPy reference implementation, and with
OpenCV where it can read the net. Where a net picks places or boxes by comparing numbers that rounding alone tells
apart, an output can differ though nothing is wrong: then each layer is compared on the reference's own values, and
the net with the reference's choices, and it is said how many choices differ.

Exit code 0: done; 1: the input is invalid, and one message says why; 2: the files are written, but what they compute
differs.
"""

import os
import sys

from absl import flags

from zoo import change_flags, command, config_flag, user_code
from zoo.errors import OutputError, Place, UnsupportedError, ZooError
from zoo.formats import limits
from zoo.formats.layer_keys import said

CONFIG = config_flag.define("Net or solver file (prototxt), or the name of a packaged config such as lenet.")
WEIGHTS = flags.DEFINE_list(
    "weights", [], "Weights files (.caffemodel, .caffemodel.h5, our .keras). Default: what fillers give."
)
OUTPUT = flags.DEFINE_list(
    "output", [], "What to write: NAME.keras, DIRECTORY/, NAME.caffemodel[.h5], NAME.prototxt, NAME[.step].stablehlo."
)
PHASE = flags.DEFINE_enum("phase", "TEST", ["TEST", "TRAIN"], "What the net is filtered for. TRAIN keeps Dropout.")
LEVEL = flags.DEFINE_integer("level", None, "Level of the net's state.")
STAGE = flags.DEFINE_list("stage", [], "Stages of the net's state.")
INPUT_SHAPE = flags.DEFINE_multi_string(
    "input_shape", [], "Caffe shape of an input, where the files do not say it: 'data: 1,3,227,227'."
)
BATCH = flags.DEFINE_string(
    "batch", "", 'Size of a batch: "any", or a number. Default: any where the net allows it, else as the file has it.'
)
OUTPUTS = flags.DEFINE_list("outputs", [], "Blobs that the net returns. Default: those that no layer reads.")
DEPLOY = flags.DEFINE_bool("deploy", True, "--nodeploy keeps data layers, losses and all phases; for .prototxt only.")
SET = change_flags.define_set()
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where mean files and data are looked for first.")
VERIFY = flags.DEFINE_bool("verify", False, "Compare what was written with independent implementations.")
TOLERANCE = flags.DEFINE_float(
    "tolerance", 1e-4, "What --verify allows, in parts of an output's largest value.", lower_bound=0
)
SUMMARY = flags.DEFINE_bool("summary", False, "Print layers, shapes, parameters and multiply-adds.")
limits.define_flags(limits.MEMORY_BYTES)

DIFFERS = 2
_ENDINGS = {
    ".keras": "keras",
    "/": "saved_model",
    ".caffemodel": "caffemodel",
    ".caffemodel.h5": "caffemodel",
    ".prototxt": "prototxt",
    ".step.stablehlo": "step",
    ".stablehlo": "stablehlo",
}


def main():
    """Reads the flags, converts, writes, verifies; returns the exit code."""
    outputs = [(_kind(path), path) for path in OUTPUT.value]
    config_flag.check(CONFIG.value)
    if not _text_alone(outputs):
        command.quiet_tensorflow()  # text alone needs none of it
    user_code.load()
    from zoo.export import targets

    for kind, path in outputs:
        _check_new(path, [other for _, other in outputs])
        targets.check(path.rstrip("/") if kind == "saved_model" else path)
    if not DEPLOY.value:
        return _upgrade(outputs)
    kinds = {kind for kind, _ in outputs}
    if kinds & {"step", "stablehlo"} and VERIFY.value:
        hint = "run them with python -m zoo.export.stablehlo.in_jax, see docs/stablehlo.md"
        raise UnsupportedError("--verify does not run .stablehlo files", hint=hint)
    if "step" in kinds:
        return _step(outputs)
    if "stablehlo" in kinds and BATCH.value == "any":
        raise UnsupportedError("a .stablehlo file is for one batch size", got="--batch=any", want="--batch=N")
    if not outputs and not SUMMARY.value:
        raise OutputError("nothing to do", want="--output=NAME.keras (or another ending, see --help), or --summary")
    return _convert(outputs)


def _text_alone(outputs):
    """Whether all that is asked for is prototxt, which holds no parameters and needs no Keras."""
    return not (WEIGHTS.value or SUMMARY.value) and all(kind == "prototxt" for kind, _ in outputs)


def _kind(path):
    for ending, kind in _ENDINGS.items():
        if path.endswith(ending):
            return kind
    if path.endswith(".onnx"):
        hint = 'write a .keras file and see docs/layers.md for what its model.export(NAME, format="onnx") does'
        raise UnsupportedError("ONNX output is not supported", got=path, hint=hint)
    hint = "a SavedModel directory ends in /"
    raise UnsupportedError("unknown kind of output", got=path, want=", ".join(_ENDINGS), hint=hint)


def _check_new(path, outputs):
    """Refuses to write one path twice, or over what is read."""
    if outputs.count(path) > 1:
        raise OutputError("it is listed twice in --output", at=Place(path))
    for read in (CONFIG.value, *WEIGHTS.value):
        if os.path.exists(path) and os.path.exists(read) and os.path.samefile(path, read):
            raise OutputError("is an input file and cannot be overwritten", at=Place(path))


def _upgrade(outputs):
    """Writes the whole net in the current form."""
    from zoo.export import prototxt_file
    from zoo.netdef.config import open_config
    from zoo.netdef.upgrade import upgrade_net

    if not outputs or any(kind != "prototxt" for kind, _ in outputs) or WEIGHTS.value or SUMMARY.value:
        raise UnsupportedError("--nodeploy upgrades a prototxt and nothing else", want="--output=NAME.prototxt alone")
    config = open_config(CONFIG.value).changed(change_flags.given(SET.value), DATA_DIR.value)
    net = upgrade_net(config.net("TRAIN", DATA_DIR.value))
    for _, path in outputs:
        prototxt_file.write(path, net.message)
        prototxt_file.check(path, net.message)
        print(f"{path}: the whole net in the current form, {len(net.message.layer)} layers")
    return 0


def _step(outputs):
    """Writes the training step of a solver."""
    if PHASE.present:
        what, hint = "a training step is of phase TRAIN and takes no --phase", "leave it out"
        raise UnsupportedError(what, got=f"--phase={PHASE.value}", hint=hint)
    given = {"--summary": SUMMARY, "--outputs": OUTPUTS, "--batch": BATCH}
    others = [name for name, flag in given.items() if flag.value]
    if len(outputs) > 1 or others:
        got = ", ".join([*(path for _, path in outputs), *others])
        raise UnsupportedError("a .step.stablehlo file is written alone", got=got, want="--output=NAME.step.stablehlo")
    from zoo.converters.solver import solver_def
    from zoo.export import input_shapes
    from zoo.export.metadata import sources
    from zoo.export.stablehlo.step import step_program
    from zoo.netdef.config import net_state, open_config
    from zoo.training.pure_step import open_step

    config = open_config(CONFIG.value).changed(change_flags.given(SET.value), DATA_DIR.value)
    solver, shapes = solver_def(config.solver()), input_shapes.parse(INPUT_SHAPE.value)
    state = net_state(LEVEL.value, STAGE.value)
    step = open_step(solver, shapes, data_dir=DATA_DIR.value, state=state, weights=WEIGHTS.value)
    (_, path), notes = outputs[0], {"sources": sources(CONFIG.value, WEIGHTS.value or solver.weights)}
    _write_program(step_program(step, notes), path)
    return 0


def _write_program(program, path):
    """Writes a StableHLO `Program` and says what it takes."""
    from zoo.export.stablehlo.program import write

    print(", ".join(write(program, path)))
    print(f"    python -m zoo.export.stablehlo.in_jax {path} --batches=FILE.npz")
    count = sum(value.role == "state" for value in program.arguments)
    print(f"state: {count} arrays, in {path}.npz")
    for value in program.arguments[count:]:
        print(f"input {value.name}: {', '.join(map(str, value.shape))}")


def _convert(outputs):
    from zoo.export import input_shapes
    from zoo.export.conversion import convert

    command.say("Building the net ...")
    conversion = convert(
        CONFIG.value,
        WEIGHTS.value,
        phase=PHASE.value,
        level=LEVEL.value,
        stages=STAGE.value,
        shapes=input_shapes.parse(INPUT_SHAPE.value),
        batch=_batch(),
        outputs=OUTPUTS.value,
        data_dir=DATA_DIR.value,
        changes=change_flags.given(SET.value),
    )
    if not _text_alone(outputs):
        _say_weights(conversion)  # a prototxt holds none
    if SUMMARY.value:
        from zoo.export.tables import summary

        print("\n".join(summary(conversion)))
    if not outputs:
        return 0
    kinds = {kind for kind, _ in outputs}
    exported = None
    if kinds & {"keras", "saved_model"}:
        from zoo.export.keras_model import keras_model

        exported = keras_model(conversion)
    if kinds & {"keras", "saved_model", "stablehlo"}:
        for layer in conversion.net.layers:
            if lost := layer.type.forgets():
                print(f"WARNING: {layer.definition.at()}: not carried from batch to batch: {lost}", file=sys.stderr)
    for kind, path in outputs:
        _write(kind, path, conversion, exported)
    _say_use(conversion, exported)
    if not VERIFY.value:
        return 0
    command.say("Verifying: what was written is compared with the reference implementation ...")
    return _verify(outputs, conversion, exported)


def _batch():
    if BATCH.value in ("", "any"):
        return BATCH.value or None
    if not BATCH.value.isdigit() or int(BATCH.value) < 1:
        raise ZooError("--batch", got=BATCH.value, want='"any" or a number')
    return int(BATCH.value)


def _say_weights(conversion):
    for path, loaded in zip(conversion.weights, conversion.loaded if conversion.weights else ()):
        print(f"weights of {path}: {len(loaded.copied)} layers")
        if loaded.skipped:
            print(f"  not in the net to deploy: {said(loaded.skipped)}")
    if not conversion.weights:
        print("WARNING: no --weights: all parameters are filler values, none is trained", file=sys.stderr)
    elif conversion.filled:
        names = said(conversion.filled)
        print(f"WARNING: not in the weights files, filled instead: {names}", file=sys.stderr)


def _write(kind, path, conversion, exported):
    from zoo.export import metadata, prototxt_file

    if kind == "keras":
        from zoo.export import keras_file

        keras_file.write(exported, conversion, path)
    elif kind == "saved_model":
        from zoo.export import saved_model

        saved_model.write(exported, conversion.outputs, path.rstrip("/"))
    elif kind == "prototxt":
        prototxt_file.write(path, conversion.message, metadata.comments(conversion))
    elif kind == "stablehlo":
        from zoo.export.stablehlo.deploy import deploy_program

        notes = {"sources": metadata.sources(conversion.config, conversion.weights)}
        notes["preprocessing"] = {blob: known.as_dict() for blob, known in conversion.preprocessing.items()}
        _write_program(deploy_program(conversion, notes), path)
        return
    else:
        from zoo.converters import weights
        from zoo.formats import caffemodel

        for layer in [] if path.endswith(".h5") else weights.lost(conversion.net):
            what = "no .caffemodel gives it its parameters back: an earlier layer has its name"
            print(f"WARNING: {layer.at()}: {what} (a .keras file does)", file=sys.stderr)
        arrays, shared = weights.arrays(conversion.net), weights.shared(conversion.net)
        caffemodel.write(path, arrays, conversion.message, shared=shared)
    extra = metadata.write(path.rstrip("/"), conversion, exported) if kind in ("keras", "saved_model") else []
    print(f"{path}" + "".join(f", {name}" for name in extra))
    for line in _how_to_load(kind, path, conversion):
        print(f"    {line}")


def _how_to_load(kind, path, conversion):
    blobs, several = list(conversion.outputs), len(conversion.preprocessing) > 1
    given = "{" + ", ".join(f'"{name}": ...' for name in conversion.preprocessing) + "}" if several else "x"
    if kind == "keras":
        item = f'["{blobs[0]}"]' if len(blobs) > 1 else ""
        return [f'model = keras.saving.load_model("{path}")', f"{_word(blobs[0])} = model({given}){item}"]
    if kind == "saved_model":
        served = f'{_word(blobs[0])} = module.serve({given})["{blobs[0]}"]'
        return [f'module = tf.saved_model.load("{path}")', served]
    if kind == "caffemodel":
        return ["--weights of zoo.train and of this command, or Caffe's own -weights"]
    return []


def _word(blob):
    return blob if blob.isidentifier() else "y"


def _say_use(conversion, exported):
    from zoo.export.metadata import how_to_use

    print("\n".join(how_to_use(conversion, exported)))


def _verify_text(outputs, conversion):
    from zoo.export import prototxt_file

    for _, path in outputs:
        print(f"verify {path}")
        prototxt_file.check(path, conversion.message)
        print("  reads back as the same net")
    print("verified")
    return 0


def _verify(outputs, conversion, exported):
    if all(kind == "prototxt" for kind, _ in outputs):
        return _verify_text(outputs, conversion)
    tf = command.quiet_tensorflow()
    from zoo.export import keras_file, prototxt_file, saved_model, verify
    from zoo.export.tables import verdicts

    tf.config.experimental.enable_tensor_float_32_execution(False)  # a GPU's short cut, good to 1e-3 only
    comparison, right, rows = None, True, []
    for kind, path in outputs:
        print(f"verify {path}")
        if kind == "prototxt":
            prototxt_file.check(path, conversion.message)
            print("  reads back as the same net")
        elif kind == "caffemodel":
            count, wrong = verify.same_bytes(conversion, path)
            print("\n".join(f"  {line}" for line in wrong) or f"  {count} parameter blobs, the same bytes")
            right = right and not wrong
        else:
            comparison = comparison or verify.Comparison(conversion)
            load = keras_file.load if kind == "keras" else saved_model.load
            written = load(path.rstrip("/")), exported.inputs, TOLERANCE.value
            found = comparison.compare(*written)
            print("\n".join(f"  {line}" for line in verdicts(found)))
            instead, lines = comparison.explain(*written, found)
            if instead:
                print("  looked at again, with the reference's choices between near-equal numbers:")
                print("\n".join(f"  {line}" for line in verdicts(instead)))
            print("".join(f"  {line}\n" for line in lines), end="")
            again = {row.output for row in found if row.decides and not row.equal} if instead else set()
            right = right and all(row.equal for row in found if row.decides and row.output not in again)
            right = right and all(row.equal for row in instead)
            rows += [*found, *instead]
    for reader, why in (comparison.silent if comparison else {}).items():
        print(f"  not compared with {reader}: {why}")
    if any(row.verdict.endswith(verify.EMPTY) for row in rows):
        print("  that no box was found shows little: compare what it comes from, with --outputs=BLOB,...")
    if any(row.verdict.endswith(verify.SAME) for row in rows):
        print("  an output that no input changes shows little: compare what it comes from, with --outputs=BLOB,...")
    if any(row.verdict == verify.NOTHING for row in rows) and conversion.filled:
        print("  BatchNorm's sums are 0 without weights, which blows up what follows: give --weights")
    chosen = any(row.verdict == verify.CHOICES for row in rows)
    good = "verified, but for choices between near-equal numbers" if chosen else "verified"
    print(good if right else f"NOT verified within {TOLERANCE.value:g} of the largest value")
    return 0 if right else DIFFERS


if __name__ == "__main__":
    command.run(main)
