"""Whether a run directory is continued with what it was begun with: its fingerprint, noted in its card and compared."""

import pathlib

from absl import logging

from zoo.errors import CheckpointError, WeightsError
from zoo.formats import run_card, weightsfile
from zoo.training import checkpoint_files, fingerprint

_WEIGHTS, _SNAPSHOT = "weights", "snapshot"


def compared(run_dir, session, begun, weights=(), snapshot=None):
    """Compares what `run_dir` was begun with and what it is continued with.

    Args:
        run_dir: the run directory.
        session: the `Session` that is to train.
        begun: path of the checkpoint that the run resumes from, or None where it starts.
        weights: files that were named to start from, besides the solver's.
        snapshot: what was named to resume from.

    Returns:
        (the `RunCard` to write, whether `weights` and `snapshot` are what the run is known to have begun with: then
        its checkpoint holds them).

    Raises:
        CheckpointError: it was begun with something else; the error says with what, and both ways on.
        WeightsError: weights cannot be read.
    """
    there = weights_there(session.solver, weights, begun)
    given = fingerprint.of_files(_WEIGHTS, there) | _of_snapshot(snapshot)
    old, start = run_card.read(run_dir), {}
    if begun and old:
        _compare(run_dir, old.parts, {**session.fingerprint, **given})
        start = {name: text for name, text in old.parts.items() if _is_start(name)}
    elif begun:
        logging.warning(
            "%s was started by a version that did not note config and data, so whether they are the same is not known. "
            "They are noted now.",
            run_dir,
        )
    card = run_card.RunCard(
        session.nets.train.definition.name, session.data.titles(), {**session.fingerprint, **start, **given}
    )
    return card, bool(begun and old)


def weights_there(solver, weights, begun):
    """Returns the paths of the weights that a run starts from: the solver's, then `weights`.

    The solver's that are no longer there are left out where the run has `begun`: its checkpoint holds them.

    Raises:
        WeightsError: one of the others cannot be read.
    """
    there = [path for path in solver.weights if not begun or pathlib.Path(path).is_file()]
    for path in (*there, *weights):
        weightsfile.check(path, WeightsError)
    return [*there, *weights]


def _of_snapshot(path):
    if not path:
        return {}
    own = checkpoint_files.at(path)
    return fingerprint.of_files(_SNAPSHOT, [f"{own}.index" if own else path])


def _is_start(name):
    return name.partition(" ")[0] in (_WEIGHTS, _SNAPSHOT)


def _compare(run_dir, old, new):
    unknown = {name for name in new if name.startswith("solver ") and name not in old}  # fields of a later version
    not_given = {name for name in old if _is_start(name) and name not in new}
    differ = fingerprint.differences(old, new, but=fingerprint.MAY_CHANGE | unknown | not_given)
    if differ:
        raise CheckpointError(
            f"{run_dir} was started with something else: {fingerprint.listed(differ, 'then', 'now')}",
            hint="to start over: --restart, which moves the old run aside, or another --run_dir; to resume the old "
            "run: the config, data and weights that it had",
        )
    changed = fingerprint.differences(old, new, but=(old.keys() | new.keys()) - fingerprint.MAY_CHANGE)
    if changed:
        logging.info("Changed since it was last run: %s", fingerprint.listed(changed, "then", "now"))
