"""What a run says when it ends: its scores and of when they are, what it wrote, and what to type next."""

import pathlib
import shlex


def lines(result, run_dir, config, *, python="python", data_dir=None, changes="", batch_size=None, allowed=()):
    """Returns the closing lines of a run, as a list of str.

    Args:
        result: the run's `Result`.
        run_dir: its directory.
        config: path of the solver file.
        python: what starts Python in the user's shell.
        data_dir: --data_dir where it was given.
        changes: --set, as it was typed.
        batch_size: --test_batch_size, where it was given.
        allowed: flags that the config needs in every command, such as "--allow_python_layers".
    """
    session, iteration = result.session, result.session.state.iteration
    said = [f"{'Done' if result.done else 'Stopped'} at iteration {iteration}."]
    if result.began == iteration and result.done:
        said += _nothing_trained(session.solver.max_iter, iteration, run_dir, changes)
    said += [f"  data:        {title}" for title in session.data.titles()]
    said += [f"  test {name} = {score.value:.4f} ({_when(score, iteration)})" for name, score in result.scores.items()]
    said.append(f"  checkpoints: {pathlib.Path(run_dir, 'checkpoints')}")
    said.append(f"  weights:     {result.weights or f'none of iteration {iteration} were written'}")
    said.append(
        f"  curves:      {python} -m tensorboard.main --logdir {shlex.quote(str(pathlib.Path(run_dir).parent))}"
    )
    if result.weights:
        changed = [f"--set={changes}"] if changes.strip() else []
        sized = [f"--batch_size={batch_size}"] if batch_size else []
        said += _next(result, config, python, data_dir, [*changed, *allowed], sized)
    return said if result.done else [*said, "  The same command continues."]


def _when(score, iteration):
    if score.iteration == iteration:
        return f"after {iteration} iterations"
    return f"after {score.iteration} iterations, NOT the {iteration} that are trained"


def _nothing_trained(max_iter, iteration, run_dir, changes):
    if not iteration:
        return ["  NOTHING WAS TRAINED: max_iter is 0."]
    why = f"the run in {run_dir} had {iteration} iterations behind it, and max_iter is {max_iter}."
    set_ = [f"  --set={shlex.quote(changes)} has changed nothing of what was trained."] if changes.strip() else []
    more = f"  To train on: --set='max_iter: {2 * iteration}'. To train again: --restart, or another --run_dir."
    return [f"  NOTHING WAS TRAINED: {why}", *set_, more]


def dry_run(result):
    """Returns the closing lines of a dry run: what was tried, and that nothing is left of it."""
    session = result.session
    said = [f"Dry run: {session.state.iteration} iteration trained, then tested; nothing was kept."]
    said += [f"  data:        {title}" for title in session.data.titles()]
    said += [f"  test {name} = {score.value:.4f} (of one batch)" for name, score in result.scores.items()]
    return [*said, "  The same command without --dry_run trains."]


def _next(result, config, python, data_dir, given, sized):
    quoted = [f"--config={config}", f"--weights={result.weights}", *given]
    data = [f"--data_dir={data_dir}"] if data_dir else []
    said = []
    if result.session.solver.tests:
        said.append(f"  score again: {python} -m zoo.evaluate {_typed([*quoted, *data, *sized])}")
    name = f"{result.weights.removesuffix('.h5').removesuffix('.caffemodel')}.keras"
    said.append(f"  convert:     {python} -m zoo.convert {_typed([*quoted, f'--output={name}'])} --verify")
    return said


def _typed(words):
    return " ".join(shlex.quote(word) for word in words)
