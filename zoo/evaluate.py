"""Scores weights on a net's test data, as `caffe test` does.

  python -m zoo.evaluate --config=configs/lenet.prototxt --weights=lenet_iter_10000.caffemodel
  python -m zoo.evaluate --config=train_val.prototxt --weights=A.caffemodel --iterations=100
  python -m zoo.evaluate --config=configs/lenet.prototxt --snapshot=lenet_iter_10000.solverstate

The config is a net with TEST data layers, or a solver, whose first test net is taken with its test_iter.
"""

import contextlib
import pathlib
import re

from absl import flags

from zoo import change_flags, command, config_flag, given_files, user_code
from zoo.errors import SolverError, WeightsError
from zoo.formats import limits, shard_check
from zoo.report import Report

CONFIG = config_flag.define("Net or solver file (prototxt), or the name of a packaged config such as lenet.")
WEIGHTS = flags.DEFINE_list("weights", [], "Weights files (.caffemodel, .caffemodel.h5, our .keras), by layer name.")
SNAPSHOT = flags.DEFINE_string("snapshot", None, "A .solverstate(.h5), whose weights are scored instead of --weights.")
ITERATIONS = flags.DEFINE_integer(
    "iterations", None, "Batches to score. Default: the solver's test_iter, or 50.", lower_bound=1
)
BATCH_SIZE = flags.DEFINE_integer("batch_size", None, "Items in a batch. Default: as the config says.", lower_bound=1)
SET = change_flags.define_set()
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where data sources are looked for first.")
ALLOW_PATHS = flags.DEFINE_bool(
    "allow_paths",
    False,
    "Let HDF5Output and DetectionOutput layers of the config write where they say. Without, a path that leads out "
    "of the working directory keeps its last part alone.",
)
LEVEL = flags.DEFINE_integer("level", None, "Level of the net's state.")
STAGE = flags.DEFINE_list("stage", [], "Stages of the net's state.")
VERIFY_SHARDS = shard_check.define_flag()
limits.define_flags(limits.MEMORY_BYTES)


def main():
    """Reads the flags, scores, and returns how good the weights are."""
    config_flag.check(CONFIG.value)
    if bool(WEIGHTS.value) == bool(SNAPSHOT.value):
        got = "both" if SNAPSHOT.value else "neither"
        raise WeightsError("which weights?", got=got, want="--weights=X.caffemodel or --snapshot=X.solverstate")
    given_files.check(WEIGHTS.value or [SNAPSHOT.value])
    command.quiet_tensorflow()
    user_code.load()
    from zoo.layers.ops import output_paths
    from zoo.training import snapshots
    from zoo.training.caffe_log import number
    from zoo.training.evaluation import evaluate

    weights = WEIGHTS.value or [snapshots.weights_of(SNAPSHOT.value)]
    definition, iterations, ap_version = _test_net()
    paths = contextlib.nullcontext() if ALLOW_PATHS.value else output_paths.below(".")
    with paths, shard_check.check_if(VERIFY_SHARDS.value) as shards:
        scores, loss = evaluate(definition, weights, ITERATIONS.value or iterations, DATA_DIR.value, shards, ap_version)
    batches = ITERATIONS.value or iterations
    report = Report(f"Scored on {batches} batch{'es' * (batches != 1)} of the test data.")
    for name, value in (scores if "loss" in scores else {**scores, "loss": loss}).items():
        report.score(name, value, f"{name} = {number(value)}")
    report.more = {"batches": batches, "weights": weights}
    stem = re.sub(r"(\.caffemodel(\.h5)?|\.keras)$", "", pathlib.Path(weights[-1]).name)
    given = [*command.again("config"), f"--weights={','.join(weights)}", *command.again("set"), *user_code.given()]
    return report.then("convert", "zoo.convert", *given, f"--output={stem}.onnx", "--verify")


def _test_net():
    """Returns (the TEST NetDef, how many batches the config asks for, its ap_version)."""
    from zoo.converters.solver import solver_def
    from zoo.netdef.config import open_config
    from zoo.training.shorthand import batch_size

    config = open_config(CONFIG.value).changed(change_flags.given(SET.value), DATA_DIR.value)
    if BATCH_SIZE.value is not None:
        where = {"data_dir": DATA_DIR.value, "level": LEVEL.value, "stages": STAGE.value}
        config = config.changed(batch_size(config, "TEST", BATCH_SIZE.value, "--batch_size", **where), DATA_DIR.value)
    iterations, ap_version = 50, "Integral"
    if config.is_solver:
        solver = solver_def(config.parsed)
        if not solver.tests:
            raise SolverError("the solver has no test net", at=solver.train.at, want="test_iter and a net to test")
        iterations, ap_version = solver.test_iter[0], solver.ap_version
    definition = config.definition("TEST", LEVEL.value, tuple(STAGE.value), DATA_DIR.value)
    return definition, iterations, ap_version


if __name__ == "__main__":
    command.run(main)
