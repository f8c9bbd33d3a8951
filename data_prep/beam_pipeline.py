"""The pipeline of `data_prep.beam`, as a process: ``python -m data_prep.beam_pipeline DIRECTORY OPTION ...``.

DIRECTORY holds the jobs. The process leads a group of its own, to which the workers of a local runner belong: all of
them end when the command that started it does, which is seen by the end of the input.
"""

import contextlib
import os
import pathlib
import signal
import sys
import threading
import traceback

from data_prep import dask_cluster
from data_prep.beam import JOB, work


def run(folder, args):
    """Runs the pipeline on the jobs in `folder` with Beam's options `args`; returns at its end, or raises its error.

    It is one line of steps that make no output at a bundle's end: of another, Beam's runner for Dask would run a part
    only, and report success.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    names = sorted(str(path) for path in pathlib.Path(folder).glob(f"*{JOB}"))
    on_dask = args[0] == f"--runner={dask_cluster.RUNNER}"
    with (
        dask_cluster.watched(args, folder, len(names)) if on_dask else contextlib.nullcontext(args) as args,
        beam.Pipeline(options=PipelineOptions(args)) as pipeline,
    ):
        _ = pipeline | "Jobs" >> beam.Create(names) | "Spread" >> beam.Reshuffle() | "Make" >> beam.Map(work)


def _end():
    """Ends this process and all of its group at once."""
    sys.stderr.flush()
    os.killpg(0, signal.SIGKILL)


def _follow():
    while os.read(0, 4096):  # not by sys.stdin, whose lock Python wants at its end
        pass
    _end()


def _lost(args):
    """Says by what error a thread ended, and ends all where it watched workers: Beam would wait for them for ever."""
    traceback.print_exception(args.exc_type, args.exc_value, args.exc_traceback)
    if args.thread is not None and args.thread.name in ("run_worker", dask_cluster.__name__):
        _end()


def main():
    """Runs the pipeline that the command line says."""
    folder, *args = sys.argv[1:]
    threading.Thread(target=_follow, daemon=True).start()
    threading.excepthook = _lost
    try:
        run(folder, args)
    except BaseException:
        traceback.print_exc()
        _end()


if __name__ == "__main__":
    main()
