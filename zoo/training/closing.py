"""What a run says when it ends: its scores and of when they are, what it wrote, and what to type next."""

import pathlib
import shlex

from zoo.report import Report


def report(result, run_dir, config, *, data_dir=None, changes="", batch_size=None, allowed=(), page=None):
    """Returns the `Report` of a run.

    Args:
        result: the run's `Result`.
        run_dir: its directory.
        config: path of the solver file.
        data_dir: --data_dir where it was given.
        changes: --set, as it was typed.
        batch_size: --test_batch_size, where it was given.
        allowed: flags that the config needs in every command, such as "--allow_python_layers".
        page: path of the run's page, or None where none was written.
    """
    session, iteration = result.session, result.session.state.iteration
    said = Report(f"{'Done' if result.done else 'Stopped'} at iteration {iteration}.")
    said.more = {"iteration": iteration, "done": result.done, "run_dir": str(run_dir), "data": session.data.titles()}
    if result.began == iteration and result.done:
        _nothing_trained(said, session.solver.max_iter, iteration, run_dir, changes)
    for title in session.data.titles():
        said.row("data", title)
    for name, score in result.scores.items():
        said.score(name, score.value, f"test {name} = {score.value:.4f} ({_when(score, iteration)})")
    said.made("checkpoints", pathlib.Path(run_dir, "checkpoints"))
    if result.weights:
        said.made("weights", result.weights)
    else:
        said.row("weights", f"none of iteration {iteration} were written")
    said.then("curves", "tensorboard.main", "--logdir", str(pathlib.Path(run_dir).parent))
    if page:
        said.made("page", page, f"{page} (net, weights and curves, for a browser)")
    if result.weights:
        changed = [f"--set={changes}"] if changes.strip() else []
        sized = [f"--batch_size={batch_size}"] if batch_size else []
        _next(said, result, config, data_dir, [*changed, *allowed], sized)
    return said if result.done else said.text("  The same command continues.")


def _when(score, iteration):
    if score.iteration == iteration:
        return f"after {iteration} iterations"
    return f"after {score.iteration} iterations, NOT the {iteration} that are trained"


def _nothing_trained(said, max_iter, iteration, run_dir, changes):
    if not iteration:
        said.text("  NOTHING WAS TRAINED: max_iter is 0.")
        return
    why = f"the run in {run_dir} had {iteration} iterations behind it, and max_iter is {max_iter}."
    said.text(f"  NOTHING WAS TRAINED: {why}")
    if changes.strip():
        said.text(f"  --set={shlex.quote(changes)} has changed nothing of what was trained.")
    said.text(f"  To train on: --set='max_iter: {2 * iteration}'. To train again: --restart, or another --run_dir.")


def dry_run(result):
    """Returns the `Report` of a dry run: what was tried, and that nothing is left of it."""
    session = result.session
    said = Report(f"Dry run: {session.state.iteration} iteration trained, then tested; nothing was kept.")
    for title in session.data.titles():
        said.row("data", title)
    for name, score in result.scores.items():
        said.score(name, score.value, f"test {name} = {score.value:.4f} (of one batch)")
    return said.text("  The same command without --dry_run trains.")


def _next(said, result, config, data_dir, given, sized):
    quoted = [f"--config={config}", f"--weights={result.weights}", *given]
    data = [f"--data_dir={data_dir}"] if data_dir else []
    if result.session.solver.tests:
        said.then("score again", "zoo.evaluate", *quoted, *data, *sized)
    name = f"{result.weights.removesuffix('.h5').removesuffix('.caffemodel')}.keras"
    said.then("convert", "zoo.convert", *quoted, f"--output={name}", "--verify")
