"""The hyper-parameters of a run: what people vary for a better score, and no other field of a solver. No TensorFlow."""

import time

from tensorboard.plugins.hparams import summary_v2

from zoo.training.board.values import as_written

# Of a solver; cadences, paths and what a run prints are none.
FIELDS = (
    "type", "base_lr", "lr_policy", "gamma", "power", "stepsize", "stepvalue", "momentum", "momentum2", "rms_decay",
    "delta", "weight_decay", "regularization_type", "clip_gradients", "iter_size", "max_iter", "random_seed",
)  # fmt: skip
# Those that a solver has whether or not its text says so, as columns stay comparable by them.
ALWAYS = ("type", "base_lr", "lr_policy", "momentum", "weight_decay", "max_iter")


def hyper_parameters(solver, batches=()):
    """Returns {name: number or text} of a run.

    Args:
        solver: the SolverParameter.
        batches: Caffe shapes of the training net's inputs; axis 0 of the first is the batch_size.
    """
    found = {}
    for name in FIELDS:
        descriptor = solver.DESCRIPTOR.fields_by_name[name]
        value = getattr(solver, name)
        if descriptor.is_repeated:
            given, value = bool(value), ", ".join(map(str, value))
        else:
            given = solver.HasField(name)
        if given or name in ALWAYS:
            found[name] = as_written(value)
    first = next((shape for shape in batches if shape), None)
    if first:
        found["batch_size"] = first[0]
    return found


def start(values, name):
    """Returns the Summary that begins a run in the tab HPARAMS, called by `name` and the time of its start."""
    trial = f"{name} {time.strftime('%Y-%m-%d %H:%M:%S')}"  # else runs of the same values would be one row
    return summary_v2.hparams_pb(values, trial_id=trial)
