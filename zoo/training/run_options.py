"""How a solver is trained, apart from what the solver says itself. No flags here, and nothing heavy is imported."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.errors import SolverError, did_you_mean
from zoo.training.signals import EFFECTS, SNAPSHOT, STOP

MOST_PROFILED = 200  # whose operations are all in memory when the profile is made
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


@dataclass(frozen=True)
class RunOptions:
    """The options of one training run; checked where they are made.

    Attributes:
        data_dir: where data sources are looked for first; None looks in the working directory first.
        level: level of the training net's state, or None.
        stages: stages of the training net's state.
        weights: weights files to start from, copied by layer name.
        snapshot: what to resume from: a .solverstate of Caffe's or ours, or a checkpoint of another run directory.
        restart: move what is in the run directory aside and start over.
        keep_checkpoints: how many of the newest checkpoints stay; None keeps all.
        keep_snapshots: how many of the newest of Caffe's pairs stay; None keeps all.
        on_sigint, on_sighup: what those signals ask for, as in `Signals`.
        summaries: whether curves are written for TensorBoard.
        histograms: whether histograms are among them.
        images: whether images are: inputs, predictions, filters, activations, mistakes, the confusion matrix.
        final_test: whether the end is scored where no test is due there.
        log_nets: whether the log begins with how each net is made, layer by layer, as Caffe's does.
        epoch_lines: whether lines in epochs and items follow Caffe's, as `EpochLines` says them.
        snapshot_start: whether a snapshot is taken before the first iteration.
        own_prefix: whether snapshots go where the solver's snapshot_prefix says, from the working directory as in
            Caffe, and not into the run directory.
        precision: what layers compute in, one of PRECISIONS.
        ram_cache: whether decoded training images are kept in memory.
        verify_shards: whether the SHA-256 of each shard that is read is checked, once, in the background.
        allow_paths: whether an absolute snapshot_prefix and the paths of HDF5Output and DetectionOutput hold; without,
            all is written into the run directory.
        profile: (first, last) of the iterations, `last` excluded, of which it is said where their time goes; or None.

    Raises:
        SolverError: a value that is none of those above, or options that contradict each other.
    """

    data_dir: str | os.PathLike[str] | None = None
    level: int | None = None
    stages: Sequence[str] = ()
    weights: Sequence[str | os.PathLike[str]] = ()
    snapshot: str | os.PathLike[str] | None = None
    restart: bool = False
    keep_checkpoints: int | None = 5
    keep_snapshots: int | None = None
    on_sigint: str = STOP
    on_sighup: str = SNAPSHOT
    summaries: bool = True
    histograms: bool = True
    images: bool = True
    final_test: bool = True
    log_nets: bool = True
    epoch_lines: bool = False
    snapshot_start: bool = False
    own_prefix: bool = False
    precision: str = "float32"
    ram_cache: bool = False
    verify_shards: bool = True
    allow_paths: bool = False
    profile: tuple[int, int] | None = None

    def __post_init__(self):
        for name in ("stages", "weights"):
            value = getattr(self, name)
            if isinstance(value, str | os.PathLike):
                raise SolverError(f"{name} is not a list", got=repr(value), want=f"[{str(value)!r}]")
            object.__setattr__(self, name, tuple(value))
        for name, known in (("precision", PRECISIONS), ("on_sigint", EFFECTS), ("on_sighup", EFFECTS)):
            value = getattr(self, name)
            if value not in known:
                want, hint = f"one of {', '.join(known)}", did_you_mean(value, known)
                raise SolverError(f"no such {name}", got=repr(value), want=want, hint=hint)
        for name in ("keep_checkpoints", "keep_snapshots"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SolverError(f"{name} is not positive", got=value, want="1 or more, or None to keep all")
        if self.profile is not None:
            first, last = self.profile
            if not 0 <= first < last <= first + MOST_PROFILED:
                want = f"FIRST:LAST, from FIRST to before LAST, at most {MOST_PROFILED} iterations"
                raise SolverError("no iterations to profile", got=f"{first}:{last}", want=want)
        if self.snapshot and self.weights:
            got = f"snapshot {self.snapshot} and weights {', '.join(map(str, self.weights))}"
            raise SolverError("a run starts from a snapshot or from weights, not both", got=got, want="one of them")
