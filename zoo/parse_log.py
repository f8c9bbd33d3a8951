"""Writes the tables of a training log, LOG.train and LOG.test, as Caffe's tools/extra/parse_log.sh and parse_log.py do.

  python -m zoo.parse_log runs/lenet/train.log              writes train.log.train and train.log.test next to it
  python -m zoo.parse_log caffe.log.gz tables               writes them into the directory tables, which has to exist
  python -m zoo.parse_log caffe.INFO . --csv                with the columns of parse_log.py

LOG is a log of ours or of Caffe's own, gzipped or not (.gz is left away from the names). The columns are

  LOG.train   #Iters Seconds TrainingLoss LearningRate      with --csv: NumIters,Seconds,LearningRate, train outputs
  LOG.test    #Iters Seconds TestAccuracy TestLoss          with --csv: NumIters,Seconds,LearningRate, test outputs

TestAccuracy and TestLoss are the outputs called accuracy and loss; others stand under their own names. Seconds count
from the line "Solving". An iteration that is said twice, as by a run that was stopped and resumed, is one row, the
later. What the log does not say is nan. `python -m zoo.plot_log LOG.train` draws the columns.
"""

import os
import pathlib

from absl import flags

from zoo import command
from zoo.errors import DataError, Place, ZooError
from zoo.formats import limits, log_tables, training_log
from zoo.formats.atomic import replacing
from zoo.report import Report

CSV = flags.DEFINE_bool("csv", False, "Write CSV with the columns of parse_log.py, not those of parse_log.sh.")
DELIMITER = flags.DEFINE_string("delimiter", ",", "With --csv: what stands between two columns.")
VERBOSE = flags.DEFINE_bool("verbose", True, "Say which files were written, and with how many rows.")
limits.define_flags()


def main(log=None, folder=None):
    """Reads the log and writes its tables."""
    if log is None:
        raise ZooError("which log?", want="python -m zoo.parse_log LOG [OUT_DIR]", hint="see --help")
    if len(DELIMITER.value) != 1 or DELIMITER.value in "\r\n\"'.+-" or DELIMITER.value.isalnum():
        raise ZooError("--delimiter", got=repr(DELIMITER.value), want="one character that no number has")
    path = pathlib.Path(log)
    folder = path.parent if folder is None else pathlib.Path(folder)
    if not os.path.isdir(folder):
        raise DataError("no such directory", at=Place(str(folder)), want="one that is there, for the tables")
    found = training_log.read(path)
    tables = log_tables.csv_of_log(found) if CSV.value else log_tables.of_log(found)
    report, written = Report(), {}
    for kind, table in zip(("train", "test"), tables):
        target = folder / f"{path.name.removesuffix('.gz')}.{kind}"
        if not table.rows:
            report.text(f"{target}: not written, for the log has no lines of a {kind} net's")
            continue
        text = log_tables.as_csv(table, DELIMITER.value) if CSV.value else log_tables.as_text(table)
        with replacing(target, DataError) as file:
            file.write(text.encode())
        written[target] = table.headers
        report.text(f"{target}: {len(table.rows)} rows of {' '.join(table.headers)}").note_made(kind, target)
    for target, (x, *others) in list(written.items())[:1]:
        y = "TrainingLoss" if "TrainingLoss" in others else others[-1]
        report.then("draw", "zoo.plot_log", target, x, y, f"{path.name.removesuffix('.gz')}.png")
    return report if VERBOSE.value else report.silent()


if __name__ == "__main__":
    command.run(main, arguments=2)
