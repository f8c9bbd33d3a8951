"""Shards made on Apache Beam, where one machine is too small: the jobs of the process pool, and so the same bytes.

What that pool sends through pipes goes through files here, in a directory next to the shards: a job in, a note or an
error out. They are text, JSON: others may write to that storage, and what is read from it must not be able to run code.
All that is asked of a runner is that it calls `work` at least once for each name of a job. It may try again, make a
shard twice at once, or continue after the command was killed. The pipeline is a process of its own
(`data_prep.beam_pipeline`), what it and its workers say goes into a log, and an error of ours arrives as it is.
"""

import contextlib
import io
import json
import logging
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from data_prep import dask_cluster, leftovers, shards
from zoo import terminal
from zoo.errors import DataError, Place, ZooError, did_you_mean

JOB, NOTE, ERROR = ".job", ".note", "error"
EVERY = 0.5  # seconds between two looks at the notes
LATE = 60  # seconds by which the listing of a network's directory may be old
SHOWN = 200  # characters of what Python says of a file that somebody else wrote
SHARED = "the output directory and the images have to lie on storage that all workers share, under the same names"


def options(runner, text, processes, scheduler=None):
    """Returns the pipeline options, a list of text, for --runner=`runner` and --beam_options=`text`.

    The DirectRunner gets as many worker processes as `processes` unless `text` says otherwise, the DaskRunner the
    address of its `scheduler`.

    Raises:
        DataError: Apache Beam or Dask is not installed, or does not know the runner or the options.
    """
    known = _beam(runner)
    if runner == dask_cluster.CLASS:
        runner = dask_cluster.RUNNER
    names = [*known.StandardOptions.KNOWN_RUNNER_NAMES, dask_cluster.RUNNER]
    if "." not in runner and runner not in names:
        hint = did_you_mean(runner, names)
        raise DataError("--runner is not a runner that Apache Beam knows", got=runner, want=", ".join(names), hint=hint)
    try:
        given = shlex.split(text or "")
    except ValueError as e:
        raise DataError("--beam_options cannot be read", got=text, want="--name=value ...", hint=str(e)) from e
    wrong = next((one for one in given if not one.startswith("--") or one.split("=")[0] == "--runner"), None)
    if wrong:
        raise DataError("--beam_options", got=wrong, want="--name=value ..., the runner by --runner")
    defaults = []
    if runner == "DirectRunner":
        # Without the last it would fetch another runner, Prism, from the net, and have that run in one process.
        defaults = ["--direct_running_mode=multi_processing", f"--direct_num_workers={processes}"]
        defaults += ["--allow_unsafe_triggers"]  # of which there are none here
    elif runner == dask_cluster.RUNNER:
        defaults = dask_cluster.options(scheduler, given)
    if scheduler and runner != dask_cluster.RUNNER:
        want = f"--runner={dask_cluster.RUNNER}"
        raise DataError("--dask_scheduler is that of another runner", got=f"--runner={runner}", want=want)
    args = [f"--runner={runner}", *defaults, *given]
    _check(known, args, runner in (*known.StandardOptions.LOCAL_RUNNERS, dask_cluster.RUNNER))
    return args


def _beam(runner):
    """Returns Beam's module of options."""
    logging.disable(logging.WARNING)  # it warns of parts that are not installed
    try:
        from apache_beam.options import pipeline_options
    except ImportError as e:
        hint = "pip install -r requirements-beam.txt"
        raise DataError(f"--runner={runner} needs Apache Beam", got=str(e), hint=hint) from e
    finally:
        logging.disable(logging.NOTSET)
    return pipeline_options


def _check(known, args, all_known):
    said = io.StringIO()
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stderr(said):
            parsed = known.PipelineOptions(args)
            values, all_values = parsed.get_all_options(), parsed.get_all_options(retain_unknown_options=True)
    except SystemExit:
        got = said.getvalue().strip().splitlines()[-1].partition("error: ")[2]
        raise DataError("--beam_options that Apache Beam does not take", got=got) from None
    finally:
        logging.disable(logging.NOTSET)
    strangers = sorted(set(all_values) - set(values))
    if strangers and all_known:  # other runners have options that only their servers know
        hint = did_you_mean(strangers[0], values)
        raise DataError("--beam_options that Apache Beam does not know", got=f"--{strangers[0]}", hint=hint)


def log_path(folder, split):
    """Returns the path of what the pipeline of a split says; the file stays where the pipeline failed."""
    return pathlib.Path(folder, f"{split}{leftovers.LOG}")


def make_all(jobs, args):
    """Yields (index, `shards.Note`) for each of `jobs`, a list, as it is finished, on Beam with the options `args`.

    An error ends it once the shards in the making are done; they stay.

    Raises:
        DataError: what a worker raised, or a pipeline that did not come to its end, or that left shards out.
    """
    folder, split = os.path.abspath(jobs[0].folder), jobs[0].split
    log = log_path(folder, split)
    with _run_folder(folder, jobs) as run, _pipeline(run, args, log) as process, _reader(log) as said:
        left, end = {job.index for job in jobs}, None
        while left:
            ended = process.poll() is not None  # before the look: what came last is then seen
            end = end or (time.monotonic() if ended else None)
            _pass_on(said, split)
            names = set(os.listdir(run))  # on network storage newer than what is known of one file
            for index in sorted(index for index in left if f"{index:05d}{NOTE}" in names):
                left.discard(index)
                yield index, _get(run / f"{index:05d}{NOTE}", shards.Note.from_json)
            if ended and ERROR in names:
                log.unlink(missing_ok=True)
                raise _get(run / ERROR, _error)
            if ended and left and (process.returncode or time.monotonic() - end > LATE):
                _raise(log, args, process.returncode, f"{len(jobs) - len(left)} of {len(jobs)} shards")
            if left:
                time.sleep(EVERY)
        with contextlib.suppress(subprocess.TimeoutExpired):  # of a host that hangs, whose shard another has made
            process.wait(LATE)
        _pass_on(said, split)
    log.unlink(missing_ok=True)


def work(path):
    """Makes the shard of the job in the file at `path`; called by Beam's workers, wherever they are."""
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    path = pathlib.Path(path)
    error = path.with_name(ERROR)
    if error.exists():
        return
    try:
        job = _get(path, shards.Job.from_json)
    except OSError as e:
        what = "a worker does not see what the command wrote"
        raise DataError(what, at=Place(str(path)), got=e.strerror, hint=SHARED) from e
    try:
        _put(path.with_suffix(NOTE), shards.make(job).to_json())
    except ZooError as e:
        try:
            _put(error, json.dumps({"error": str(e)}))
        except OSError:
            raise e from None  # the log has it then


@contextlib.contextmanager
def _run_folder(folder, jobs):
    """Gives a new directory with the jobs in it, and removes it."""
    run = None
    try:
        run = pathlib.Path(tempfile.mkdtemp(prefix=leftovers.BEAM_RUNS, dir=folder))
        run.chmod(0o755)  # workers may run as somebody else
        for job in jobs:
            _put(run / f"{job.index:05d}{JOB}", job._replace(folder=folder).to_json())
        yield run
    except OSError as e:
        raise DataError("cannot write", at=Place(str(folder)), got=e.strerror or str(e)) from e
    finally:
        if run:
            shutil.rmtree(run, ignore_errors=True)


@contextlib.contextmanager
def _pipeline(run, args, log):
    """Gives the process of the pipeline; at the end of the block neither it nor a local worker of it is left."""
    root = str(pathlib.Path(__file__).resolve().parents[1])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])}
    command = [sys.executable, "-m", "data_prep.beam_pipeline", str(run), *args]
    with open(log, "wb") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=said, stderr=said, env=env, start_new_session=True
        )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                with contextlib.suppress(OSError):
                    _put(run / ERROR, json.dumps({"error": "the command was ended"}))  # for workers elsewhere
                os.killpg(process.pid, signal.SIGKILL)


def _reader(log):
    return open(log, encoding="utf-8", errors="replace")


def _pass_on(said, split):
    """Says what a pipeline wrote into its log, open as `said`, for the user."""
    for line in said:
        if line.startswith(dask_cluster.NOTICE):
            terminal.step_aside()
            print(f"{split}: {line.removeprefix(dask_cluster.NOTICE).rstrip()}", file=sys.stderr, flush=True)


def _raise(log, args, code, made):
    """Raises what the log of a pipeline says that ended too early, with the exit `code`, when so much was `made`."""
    if not code:
        hint = f"all that it said is in {log}; the same command again makes the others"
        raise DataError(f"the pipeline of {args[0]} reports success, and left shards out", got=made, hint=hint)
    with _reader(log) as file:
        text = file.read()
    ours = re.findall(r"^zoo\.errors\.\w+: (.*?)(?: \[while running .*)?$", text, re.MULTILINE)
    if ours:
        raise DataError(ours[-1])
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    hint = f"all that it said is in {log}; rerun the command to resume"
    raise DataError(f"the pipeline of {args[0]} ended early", got=lines[-1] if lines else "no word", hint=hint)


def _put(path, text):
    """Writes `text` all at once."""
    handle, draft = tempfile.mkstemp(dir=path.parent)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(draft, 0o644)
    os.replace(draft, path)


def _get(path, read):
    """Returns what `read` makes of the text at `path`; raises OSError without a file, DataError for other text."""
    try:
        return read(path.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        hint = "another process is writing to the output directory"
        got = f"{type(e).__name__}: {str(e)[:SHOWN]}" if not isinstance(e, UnicodeError) else "bytes that are not UTF-8"
        raise DataError("not what this command writes", at=Place(str(path)), got=got, hint=hint) from e


def _error(text):
    return DataError(str(json.loads(text)["error"]))
