"""Trains a net as a Caffe solver file says, on data prepared by data_prep.

  python -m data_prep.mnist                                     once
  python -m zoo.train --config=configs/lenet.prototxt           trains; the same command again continues
  python -m zoo.train --config=configs/lenet.prototxt --restart --set='base_lr: 0.02 max_iter: 500'
  python -m zoo.train --config=configs/lenet.prototxt --run_dir=runs/b --lr=0.02 --batch_size=128 --epochs=2
  python -m zoo.train --config=configs/lenet.prototxt --run_dir=runs/c \\
      --set='layer { name: "conv1" convolution_param { num_output: 30 } }'
  tensorboard --logdir runs                                     curves, while it trains or after

The config is a SolverParameter with its net inside (net_param), or one that names its net's file (net:, train_net:).

The run directory is runs/NAME, after the config: runs/lenet for configs/lenet.prototxt; where the name says too little,
its directory is added: runs/vgg_solver for models/vgg/solver.prototxt. It remembers config, data and weights, and does
not resume with others. In it: checkpoints/ from which the run resumes bit for bit, snapshots/ in Caffe's form (where an
absolute snapshot_prefix says with --allow_paths), train.log, TensorBoard's files, and net.html, a page of the net and
its curves. One trainer at a time.
Ctrl-C takes a snapshot and stops, kill (SIGTERM) too, kill -HUP takes one and trains on.
Exit code: 0 done or stopped by Ctrl-C; 1 an error, said in one message; 143 stopped by SIGTERM, run the same again.
"""

import contextlib
import dataclasses
import pathlib
import tempfile

from absl import flags, logging

from zoo import change_flags, command, config_flag, given_files, user_code
from zoo.errors import Place, SolverError, ZooError
from zoo.formats import limits, shard_check
from zoo.report import Report
from zoo.training.run_options import PRECISIONS, RunOptions
from zoo.training.signals import EFFECTS

CONFIG = config_flag.define("Solver file (prototxt), or the name of a packaged config such as lenet.")
RUN_DIR = flags.DEFINE_string("run_dir", None, "Where checkpoints, log and curves go. Default: runs/NAME, see above.")
DATA_DIR = flags.DEFINE_string(
    "data_dir", "data", "Where data sources are looked for first; then the working directory, then next to the config."
)
WEIGHTS = flags.DEFINE_list(
    "weights", [], "Weights files (.caffemodel, .caffemodel.h5, our .keras) to start from, by layer name."
)
SNAPSHOT = flags.DEFINE_string(
    "snapshot",
    None,
    "What a new run directory resumes from: a .solverstate(.h5) or a checkpoint (ckpt-N).",
)
RESTART = flags.DEFINE_bool("restart", False, "Start over; what is in the run directory is moved aside.")
SHORTHAND = change_flags.define_shorthand()
GPU = flags.DEFINE_string(
    "gpu",
    None,
    'Which GPUs TensorFlow sees: "all", "none" or indices such as "0,2". Default: as solver_mode and device_id say.',
)
NO_CUDA = flags.DEFINE_bool("no_cuda", False, "Train on the CPU, whatever GPUs there are: --gpu=none.")
PRINT_CONFIG = flags.DEFINE_bool(
    "print_config",
    False,
    "Print the config as it would train and do nothing else: upgraded, with --set and the other flags in it, nets of "
    "other files put in, every default, and where each value comes from. It is prototxt and may be kept as a file.",
)
STRATEGY = flags.DEFINE_enum(
    "strategy",
    "auto",
    ["auto", "one", "mirrored", "multiworker"],
    "What trains: one device; all GPUs of this machine; the processes of TF_CONFIG or of a Slurm step, in each of which"
    " this command runs. auto: whichever of these there is.",
)
GLOBAL_BATCH = flags.DEFINE_bool(
    "global_batch",
    False,
    "Split the file's batch among the devices. Otherwise each device takes a whole one, as in Caffe, so that N devices"
    " train on N times the batch.",
)
JOIN_TIMEOUT = flags.DEFINE_integer(
    "join_timeout", 600, "Seconds that each of several processes waits for the others to start.", lower_bound=1
)
PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    PRECISIONS,
    "What layers compute in. Parameters, losses and statistics are float32 always; float16 has its loss scaled.",
)
CACHE = flags.DEFINE_enum(
    "cache",
    "none",
    ["none", "ram"],
    "Where decoded training images stay: ram keeps those of JPEG or PNG shards, so that later epochs neither read nor"
    " decode. They have to fit. Crops and mirrors are drawn as without it, so results are the same to the bit.",
)
DETERMINISTIC = flags.DEFINE_bool("deterministic", False, "Make runs on a GPU repeatable to the bit, and slower.")
LEVEL = flags.DEFINE_integer("level", None, "Level of the training net's state.")
STAGE = flags.DEFINE_list("stage", [], "Stages of the training net's state.")
SIGINT = flags.DEFINE_enum("sigint_effect", "stop", EFFECTS, "What Ctrl-C asks for.")
SIGHUP = flags.DEFINE_enum("sighup_effect", "snapshot", EFFECTS, "What SIGHUP asks for.")
KEEP = flags.DEFINE_integer("keep", 5, "How many of the newest checkpoints are kept; 0 keeps all.", lower_bound=0)
KEEP_SNAPSHOTS = flags.DEFINE_integer(
    "keep_snapshots",
    0,
    "How many of the newest pairs .caffemodel and .solverstate are kept; 0 keeps all.",
    lower_bound=0,
)
ALLOW_PATHS = flags.DEFINE_bool(
    "allow_paths",
    False,
    "Write snapshots where an absolute snapshot_prefix of the config says, and what HDF5Output and DetectionOutput "
    "layers write where they say. Without it these go to snapshots/ and outputs/ in the run directory, and the log "
    "says so.",
)
SUMMARIES = flags.DEFINE_bool(
    "summaries",
    True,
    "Write what TensorBoard shows: curves, the nets as graphs, hyper-parameters, and what the next two flags say. "
    "docs/tensorboard.md has it in pictures.",
)
FINAL_TEST = flags.DEFINE_bool(
    "final_test", True, "Test once more at the end where no test is due there; its line is not one of Caffe's."
)
SNAPSHOT_START = flags.DEFINE_bool(
    "snapshot_start", False, "Take a snapshot of what fillers or weights give, before the first iteration: X_iter_0."
)
OWN_PREFIX = flags.DEFINE_bool(
    "own_prefix",
    False,
    "Write snapshots where the config's snapshot_prefix says, from the working directory as Caffe does. Without it "
    "they go to snapshots/ in the run directory, under the last part of that name.",
)
LOG_NETS = flags.DEFINE_bool(
    "log_nets", True, "Begin the log with how each net is made, layer by layer and with all shapes, as Caffe does."
)
EPOCH_LINES = flags.DEFINE_bool(
    "epoch_lines",
    False,
    "After Caffe's lines, say the same in epochs and items, as PyTorch's MNIST example does: 'Train Epoch: 1 "
    "[640/60000 (1%)]  Loss: 2.300039', 'Test set: Average loss: 0.0513, Accuracy: 9837/10000 (98%)'.",
)
PAGE = flags.DEFINE_bool(
    "page",
    True,
    "At the end write net.html in the run directory: the net with its weights' statistics, and the curves, as one page "
    "for a browser that needs neither a network nor TensorBoard.",
)
PROFILE = flags.DEFINE_string(
    "profile",
    None,
    "Iterations to profile, such as 10:20 for those from 10 to 19: where their time goes, by layer and by operation, "
    "is said and written to profile/ in the run directory, with a trace for chrome://tracing or ui.perfetto.dev. "
    "TensorBoard's graph shows it as compute time.",
)
HISTOGRAMS = flags.DEFINE_bool(
    "histograms",
    True,
    "Write histograms of weights and gradients, and the first filters, at display iterations: so rarely that they take "
    "at most 1 % of the time.",
)
IMAGES = flags.DEFINE_bool(
    "images",
    True,
    "Write images after tests: what the net takes test items for, the activations of one of them, the items it is most "
    "surely wrong about, the confusion matrix, accuracies by class; as rarely, and after the last test.",
)
VERIFY_SHARDS = shard_check.define_flag()
limits.define_flags(limits.MEMORY_BYTES)

TERMINATED = 143  # 128 + SIGTERM: stopped from outside with a snapshot taken; the same command resumes


def main():
    """Reads the flags, opens the session, runs the loop, says the result."""
    if PRINT_CONFIG.value:
        return _print_config()
    config_flag.check(CONFIG.value)
    given_files.check(WEIGHTS.value, SNAPSHOT.value)
    command.quiet_tensorflow()
    user_code.load()
    from zoo.converters.solver import solver_def
    from zoo.netdef.config import open_config
    from zoo.training import folders, precision, strategy
    from zoo.training.trainer import train

    options, shorthand = _options(), SHORTHAND()
    if shorthand.dry_run:
        options = dataclasses.replace(options, profile=None)  # of iterations that it does not make
    where = {"data_dir": DATA_DIR.value, "level": LEVEL.value, "stages": STAGE.value}
    config = shorthand.applied(open_config(CONFIG.value), **where)
    solver = solver_def(config.solver())
    if not solver.message.HasField("max_iter") and shorthand.epochs is None:
        hint = "write max_iter: 10000, for instance, or say --set='max_iter: 10000' or --epochs=5"
        what = "the solver does not say how long to train: max_iter"
        raise SolverError(what, at=config.solver().at(), got="none", hint=hint)
    _choose_gpus(_gpus(), solver)
    if DETERMINISTIC.value:
        precision.be_deterministic()
    replicas = strategy.choose(STRATEGY.value, GLOBAL_BATCH.value, JOIN_TIMEOUT.value)
    config = shorthand.ended(config, devices=1 if GLOBAL_BATCH.value else replicas.count, **where)
    with _run_dir(shorthand, folders) as run_dir:
        result = train(solver_def(config.solver()), run_dir, options, replicas)
        page = _page(result, run_dir) if PAGE.value and replicas.chief and not shorthand.dry_run else None
    report = _report(result, run_dir, shorthand, page) if replicas.chief else Report()
    report.code = TERMINATED if result.terminated and not result.done else 0
    return report


def _print_config():
    from zoo.errors import raise_together
    from zoo.netdef import shown
    from zoo.netdef.config import open_config
    from zoo.netdef.shape_inference import refusals

    user_code.load()
    shorthand = SHORTHAND()
    where = {"data_dir": DATA_DIR.value, "level": LEVEL.value, "stages": STAGE.value}
    config = shorthand.ended(shorthand.applied(open_config(CONFIG.value), **where), **where)
    for phase in ("TRAIN", "TEST"):
        raise_together(refusals(config.definition(phase, LEVEL.value, tuple(STAGE.value), DATA_DIR.value)))
    text = "\n".join(shown.lines(shown.whole(config.solver(), DATA_DIR.value)))
    report = Report().text(text)
    report.more["config"] = text
    return report


@contextlib.contextmanager
def _run_dir(shorthand, folders):
    """Yields the run directory; that of a dry run is gone afterwards."""
    if not shorthand.dry_run:
        yield pathlib.Path(RUN_DIR.value or folders.default(CONFIG.value))
        return
    with tempfile.TemporaryDirectory(prefix="zoo-dry-run-") as folder:
        yield pathlib.Path(folder)


def _options():
    """Returns the `RunOptions` of the flags."""
    return RunOptions(
        data_dir=DATA_DIR.value,
        level=LEVEL.value,
        stages=STAGE.value,
        weights=WEIGHTS.value,
        snapshot=SNAPSHOT.value,
        restart=RESTART.value,
        keep_checkpoints=KEEP.value or None,
        keep_snapshots=KEEP_SNAPSHOTS.value or None,
        on_sigint=SIGINT.value,
        on_sighup=SIGHUP.value,
        summaries=SUMMARIES.value,
        histograms=HISTOGRAMS.value,
        images=IMAGES.value,
        final_test=FINAL_TEST.value,
        log_nets=LOG_NETS.value,
        epoch_lines=EPOCH_LINES.value,
        snapshot_start=SNAPSHOT_START.value,
        own_prefix=OWN_PREFIX.value,
        precision=PRECISION.value,
        ram_cache=CACHE.value == "ram",
        verify_shards=VERIFY_SHARDS.value,
        allow_paths=ALLOW_PATHS.value,
        profile=_profile(),
    )


def _profile():
    """Returns --profile as (first, last), or None."""
    if PROFILE.value is None:
        return None
    first, mark, last = PROFILE.value.partition(":")
    if not (mark and first.isdecimal() and last.isdecimal()):
        raise SolverError("--profile says no iterations", got=PROFILE.value, want="FIRST:LAST, such as 10:20")
    return int(first), int(last)


def _gpus():
    """Returns what --gpu or --no_cuda says."""
    if NO_CUDA.value and GPU.value not in (None, "none"):
        raise SolverError("--no_cuda and --gpu contradict each other", got=f"--gpu={GPU.value}", want="one of them")
    return "none" if NO_CUDA.value else GPU.value


def _choose_gpus(which, solver):
    """Makes TensorFlow see the GPUs that --gpu names or, without it, the solver: Caffe's own reading of its fields."""
    tf = command.quiet_tensorflow()
    gpus = tf.config.list_physical_devices("GPU")
    said = "--gpu"
    if which is None:
        said = "device_id" if solver.message.HasField("device_id") else "solver_mode"
        which = "none" if solver.solver_mode == "CPU" else str(solver.device_id) if said == "device_id" else "all"
        if which == "none" and gpus:
            logging.info("solver_mode: CPU, so no GPU is used; --gpu=all uses them")
        if not gpus:
            if which != "none" and (solver.solver_mode or said == "device_id"):
                asked = f"device_id: {which}" if said == "device_id" else "solver_mode: GPU"
                logging.info("%s, but TensorFlow sees no GPU on this machine: training on the CPU", asked)
            return
    indices = which.split(",")
    if which == "none":
        tf.config.set_visible_devices([], "GPU")
    elif all(index.isdecimal() and int(index) < len(gpus) for index in indices):
        tf.config.set_visible_devices([gpus[int(index)] for index in indices], "GPU")
    elif which != "all":
        want = "all, none" + "".join(f", {index}" for index in range(len(gpus)))
        at = Place(CONFIG.value) if said == "device_id" else None
        raise SolverError(f"{said} names no GPU of this machine", at=at, got=which, want=want)


def _page(result, run_dir):
    """Returns the path of the run's page; None, with a warning, where it cannot be written, as the run is done."""
    from zoo.pages import run_page

    try:
        return run_page.write(result.session, run_dir)
    except ZooError as error:
        logging.warning("no page of the run: %s", error)
        return None


def _report(result, run_dir, shorthand, page):
    from zoo.training import closing

    if shorthand.dry_run:
        return closing.dry_run(result)
    return closing.report(
        result,
        run_dir,
        config_flag.typed(CONFIG.value),
        data_dir=DATA_DIR.value if flags.FLAGS["data_dir"].present else None,
        changes=shorthand.set,
        batch_size=shorthand.test_batch_size,
        allowed=user_code.given(),
        page=page,
    )


if __name__ == "__main__":
    command.run(main)
