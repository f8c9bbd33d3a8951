"""Trains a config once for each of several values, one run after the other, and compares the scores.

  python -m zoo.sweep --config=lenet --sweep='base_lr: 0.005|0.01|0.02' --set='max_iter: 500'
  python -m zoo.sweep --config=lenet --sweep='base_lr: 0.01|0.02' --sweep='batch_size: 32|64' --epochs=1
  python -m zoo.sweep --config=lenet --sweep='layer { name: "conv1" convolution_param { num_output: 10|20|40 } }'
  tensorboard --logdir runs/sweep_lenet/hparams            its tab HPARAMS compares the runs

A --sweep is what --set takes, with values separated by |, or a short name of zoo.train such as batch_size; of several,
all combinations are run. Each run has a directory in --sweep_dir, called after its values. The same command again goes
on: what is done is not run again, what was stopped continues. A run that fails is said in the table, and the others are
run all the same.

--train_flags go to each run: --train_flags=--no_cuda,--keep=1. Double quotes hold together a flag with a comma in it:
--train_flags='--no_cuda,"--weights=a.caffemodel,b.caffemodel"'.

At the end: a table, the same as sweep.csv in --sweep_dir, and for TensorBoard the swept values and the test scores; and
which run is the best: by the output that the config's header names as its score, else by the highest accuracy, else by
the lowest loss.
Exit code: 0 all done; 1 an error, or a run that failed; 130 stopped by Ctrl-C, run the same again.
"""

import pathlib
import time

from absl import flags

from zoo import command, config_flag
from zoo.errors import ZooError
from zoo.formats import config_header
from zoo.formats.sweep_values import Trial, trials
from zoo.progress import waiting
from zoo.report import Report
from zoo.training import sweeping
from zoo.training.shorthand import FIELDS

CONFIG = config_flag.define("Solver file (prototxt), or the name of a packaged config such as lenet.")
SWEEP = flags.DEFINE_multi_string(
    "sweep", [], "What to vary: 'base_lr: 0.01|0.02', 'batch_size: 32|64', or fields of a layer; may be given again."
)
SWEEP_DIR = flags.DEFINE_string("sweep_dir", None, "Where the runs go, a directory each. Default: runs/sweep_NAME.")
SET = flags.DEFINE_string("set", "", "Changes of every run, as --set of zoo.train.")
TRAIN = flags.DEFINE_list(
    "train_flags",
    [],
    "More flags of zoo.train for every run, separated by commas: --no_cuda,--keep=1. One with a comma in it stands in "
    "double quotes: '\"--weights=a,b\",--keep=1'.",
)
EPOCHS = flags.DEFINE_float("epochs", None, "Passes over the training data of every run.", lower_bound=0)
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where data sources are looked for first.")

SHORT = (*FIELDS, "batch_size", "test_batch_size", "epochs")
_GIVEN = ("config", "data_dir", "set", "epochs")  # flags of zoo.train that this command has too
_ELSE = ("run_dir", "dry_run", "print_config")  # those with which a run would not be one of the sweep
_STOPPED = 130


def main():
    """Reads the flags, runs what is not done, says and writes how the runs compare."""
    config = CONFIG.value
    config_flag.check(config)
    found = trials(SWEEP.value, SHORT)
    _check_train_flags(found[0].short)
    _check_changes(config, found)
    folder = pathlib.Path(SWEEP_DIR.value or f"runs/sweep_{pathlib.Path(config).stem}")
    notes, spent = {}, []
    for number, trial in enumerate(found, 1):
        run_dir, words = folder / trial.name, _words(config, trial)
        notes[trial] = sweeping.noted(run_dir, words)
        left = "" if notes[trial] else sweeping.left(spent, len(found) - number + 1)
        print(f"{number} of {len(found)}: {trial.name}{': done before' if notes[trial] else left}", flush=True)
        if notes[trial]:
            continue
        begun = time.monotonic()
        with waiting(f"    training, its log is {run_dir / sweeping.LOG}"):
            notes[trial] = sweeping.run(run_dir, words)
        spent.append(time.monotonic() - begun)
        if notes[trial].get("stopped"):
            return Report("Stopped. The same command continues.", _STOPPED).then_typed("continue", command.same())
        print(f"    {sweeping.outcome(notes[trial])}", flush=True)
    rows = sweeping.rows(notes)
    sweeping.write_csv(folder / "sweep.csv", rows)
    sweeping.write_hparams(folder, notes)
    return _report(folder, notes, rows)


def _report(folder, notes, rows):
    """Returns the `Report` of all runs: how they compare, and where their curves are."""
    failed = sum("error" in note for note in notes.values())
    report = Report(code=int(failed > 0)).text("\n".join(["", *sweeping.table(rows), ""]))
    best = f"{len(notes)} run{'s' * (len(notes) != 1)}"
    all_failed = failed == len(notes)
    report.text(f"{best}{(', ' + ('all' if all_failed else f'{failed} of them') + ' FAILED') if failed else ''}.")
    report.more["runs"] = [
        {"name": trial.name, "run_dir": folder / trial.name, "values": trial.values, **note}
        for trial, note in notes.items()
    ]
    report.more["best"] = _best(report, notes)
    report.made("table", folder / "sweep.csv").then("curves", "tensorboard.main", "--logdir", str(folder))
    return report.then("HParams", "tensorboard.main", "--logdir", str(folder / "hparams"))


def _best(report, notes):
    """Says which run is the best and how it is converted; returns it as JSON has it, None where no score says which."""
    header = config_header.of(CONFIG.value)
    found = sweeping.best(notes, header.score if header else "accuracy")
    if found is None or len(notes) < 2:
        return None
    trial, output, value, way = found
    report.row("best", f"{trial.name}, of which {output} is {way}: {value:.4g}")
    if "convert" in notes[trial]:
        report.then_typed("convert it", notes[trial]["convert"])
    return {"name": trial.name, "output": output, "value": value}


def _check_train_flags(swept):
    """Raises ZooError for one of --train_flags that would overrule what the table says of the runs."""
    for word in TRAIN.value:
        name = word.lstrip("-").partition("=")[0].replace("-", "_")
        if name in _GIVEN:
            raise ZooError("--train_flags has a flag of zoo.sweep's own", got=word, want=f"--{name} by itself")
        if name in swept or name in _ELSE:
            want = "one value for all runs, that of --sweep or this" if name in swept else "flags of runs to compare"
            raise ZooError("--train_flags has a flag that does not fit a sweep", got=word, want=want)


def _check_changes(config, found):
    """Raises ZooError where what is swept fits the config with none of its values: every run would fail in this way."""
    from zoo.netdef.changes import Change
    from zoo.netdef.config import open_config

    if any(word.lstrip("-").startswith("import=") for word in TRAIN.value):
        return  # layer types with fields that only a run knows
    wrong = None
    for trial in found:
        changes = [Change(text, said) for text, said in ((SET.value, "--set"), (trial.text, "--sweep")) if text.strip()]
        try:
            open_config(config).changed(changes, DATA_DIR.value)
            return
        except ZooError as error:
            wrong = wrong or error
    if wrong is not None:
        raise wrong


def _words(config, trial: Trial):
    """Returns the flags of zoo.train for one run, but for its directory."""
    text = " ".join(part for part in (SET.value, trial.text) if part.strip())
    words = [f"--config={config_flag.typed(config)}", f"--data_dir={DATA_DIR.value}"]
    words += [f"--set={text}"] if text else []
    epochs = [f"--epochs={EPOCHS.value:g}"] if EPOCHS.value is not None else []
    return [*words, *epochs, *(f"--{name}={value}" for name, value in trial.short.items()), *TRAIN.value]


if __name__ == "__main__":
    command.run(main)
