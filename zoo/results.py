"""Measures models of configs/: trains each by its recipe, scores it, writes its row in configs/results.csv.

  python -m zoo.results lenet siamese_mnist --data_dir=data      trains and scores one after the other
  python -m zoo.results lenet --set='max_iter: 500'              a shorter recipe; its row says so
  python -m zoo.results --readme                                 configs/README.md again, of headers and rows

It runs in a checkout whose files are committed, so that a row can say which commit ran, and it writes a row only for
what it has trained itself, from the first iteration to the last: it continues its own run directories, in runs/results,
and no others. Ctrl-C or a kill stops a run; the same command continues it. The score is the test output that the
config's header names (accuracy where it names none), as the mean over the test after the last iteration. What data a
config needs, and the commands that prepare them, its header says.
"""

import pathlib
import shlex

from absl import flags, logging

from zoo import change_flags, command, config_flag, given_files
from zoo.errors import OutputError, ZooError, did_you_mean
from zoo.report import Report

README = flags.DEFINE_bool("readme", False, "Write configs/README.md again, and train nothing.")
SET = change_flags.define_set()
WEIGHTS = flags.DEFINE_list("weights", [], "Weights files to start from; the row names them.")
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where data sources are looked for first.")
RUNS = flags.DEFINE_string("runs", "runs/results", "Where the run directories are, one for each config and change.")
RESTART = flags.DEFINE_bool("restart", False, "Start over; what is in the run directory is moved aside.")

TERMINATED = 143  # 128 + SIGTERM, as zoo.train ends
MOST = 100  # configs in one command


def main(*names):
    """Reads the flags, trains and scores what is asked for."""
    folder = config_flag.checkout()
    known = {path.stem: path for path in sorted(folder.glob("*.prototxt"))}
    if bool(names) == README.value:
        want = "names of configs to measure, or --readme"
        raise ZooError("nothing to do" if not names else "--readme measures nothing", want=want)
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or ", ".join(known)
            raise ZooError("no such config in configs/", got=name, hint=hint)
    if README.value:
        page = _write_page(folder)
        return Report().text(str(page)).note_made("page", page)
    given_files.check(WEIGHTS.value)
    command.quiet_tensorflow()
    from zoo.catalogue import readme, results_file

    report = Report(f"Measured: {', '.join(names)}.")
    for number, name in enumerate(names, 1):
        logging.info("Config %d of %d: %s", number, len(names), name)
        code = _measure(known[name], report)
        if code is not None:
            report.code = code
            return report.then_typed("continue", command.same())
    return (
        report.made("rows", folder / results_file.NAME)
        .made("page", folder / readme.NAME)
        .then("look", "zoo.list", names[0])
    )


def _measure(path, report):
    """Measures one config and writes its row; returns None, or an exit code where the run was stopped."""
    from zoo.catalogue import checkout, readme, results_file
    from zoo.training.measuring import measure, run_dir_of
    from zoo.training.run_options import RunOptions

    written = [f"{path.parent.name}/{name}" for name in (results_file.NAME, readme.NAME)]
    commit = checkout.commit(path.parents[1], written)
    said = _said()
    options = RunOptions(data_dir=DATA_DIR.value, weights=WEIGHTS.value, restart=RESTART.value)
    run_dir = run_dir_of(RUNS.value, path.stem, said)
    row, result = measure(path, run_dir, commit, said, change_flags.given(SET.value), options)
    if row is None:
        at = f"iteration {result.session.state.iteration}"
        report.heading = f"{path.stem}: stopped at {at}, nothing written of it. The same command continues."
        return TERMINATED if result.terminated else 0
    results_file.put(path.parent / results_file.NAME, row)
    _write_page(path.parent)
    text = f"{row.output} {row.score} after {row.iterations} iterations and {row.seconds} s"
    report.score(path.stem, float(row.score), text=text)
    return None


def _said():
    """Returns what is changed of the recipe, as it was typed."""
    changes = [f"--set={shlex.quote(SET.value)}"] if SET.value.strip() else []
    names = [pathlib.Path(path).name for path in WEIGHTS.value]
    return " ".join([*changes, *([f"--weights={shlex.quote(','.join(names))}"] if names else [])])


def _write_page(folder):
    from zoo.catalogue import readme, results_file
    from zoo.formats import atomic

    page = readme.text(sorted(folder.glob("*.prototxt")), results_file.read(folder / results_file.NAME))
    with atomic.replacing(folder / readme.NAME, OutputError) as file:
        file.write(page.encode())
    return folder / readme.NAME


if __name__ == "__main__":
    command.run(main, arguments=MOST)
