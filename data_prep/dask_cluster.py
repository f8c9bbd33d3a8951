"""The scheduler and the workers of dask.distributed behind --runner=DaskRunner, looked at before and during a pipeline.

Beam's runner by itself puts 128 shards on one worker, waits for ever where no worker is left, and reports success
where the scheduler was lost. So a shard is a task of its own here, every host is asked for its versions, its code and
the output directory before it gets work, and a watch says which worker came or went, and ends what cannot continue.
"""

import concurrent.futures
import contextlib
import functools
import hashlib
import os
import pathlib
import threading
import time

from zoo.errors import DataError, Place

RUNNER = "DaskRunner"
CLASS = "apache_beam.runners.dask.dask_runner.DaskRunner"  # which Beam does not find by its short name
CONNECT = 20  # seconds to reach the scheduler in, unless --dask_connection_timeout says otherwise
ANSWER = 60  # seconds that hosts have to answer in
WAIT = 60  # seconds to go on without any worker
EVERY = 1.0  # seconds between two looks at the workers
PACKAGES = ("dask", "distributed", "cloudpickle", "apache-beam", "tensorflow", "numpy", "opencv-python-headless")
NOTICE = "notice: "  # what lines for the user begin with, among all that a pipeline says
START = "dask scheduler --host=ADDRESS, and on each host dask worker tcp://ADDRESS:8786 --nthreads=1 --nworkers=N"
OURS = {
    "--dask_client_address": "--dask_scheduler=ADDRESS",
    "--dask_scheduler_file": "--dask_scheduler=ADDRESS",
    "--dask_npartitions": "nothing: each shard is a task of its own",
    "--dask_partition_size": "nothing: each shard is a task of its own",
}


def options(scheduler, given):
    """Returns Beam's options, a list of text, that reach the `scheduler`, a text such as "tcp://host:8786".

    Args:
        scheduler: its address, or None.
        given: --beam_options, a list of text.

    Raises:
        DataError: Dask is not installed, there is no address, or `given` contradicts it.
    """
    try:
        import distributed  # noqa: F401
        from apache_beam.runners.dask import dask_runner  # noqa: F401
    except ImportError as e:
        hint = "pip install -r requirements-beam.txt -r requirements-dask.txt"
        raise DataError(f"--runner={RUNNER} needs dask.distributed", got=str(e), hint=hint) from e
    if not scheduler:
        want = "--dask_scheduler=tcp://HOST:8786"
        raise DataError(f"--runner={RUNNER} without a scheduler", want=want, hint=f"start one: {START}")
    for one in given:
        name, _, value = one.partition("=")
        if name in OURS:
            raise DataError("--beam_options sets what this command sets", got=one, want=OURS[name])
        if name == "--dask_connection_timeout" and not (value.isdecimal() and int(value)):
            raise DataError("--beam_options that cannot be read", got=one, want="whole seconds")
    return [f"--dask_client_address={scheduler}", f"--dask_connection_timeout={CONNECT}"]


@contextlib.contextmanager
def watched(args, folder, tasks):
    """Gives what Beam's options `args` have to be for `tasks` elements, while the cluster is watched.

    Args:
        args: the options that `options` is part of, a list of text.
        folder: of the jobs, which all workers have to see.
        tasks: how many elements the pipeline has.

    Raises:
        DataError: there is no scheduler, no worker or one that differs from this process; or the scheduler was lost, or
            a task ended several workers.
    """
    import distributed
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.dask.dask_runner import DaskOptions

    dask = PipelineOptions(args).view_as(DaskOptions)
    client = _connected(dask.address, dask.timeout)
    watch = _Watch(client, dask.address, folder)
    watch.begin()
    try:
        yield [f"--runner={CLASS}", *args[1:], f"--dask_npartitions={tasks}"]
    except distributed.KilledWorker as e:
        got = f"{e.allowed_failures + 1}, the last at {e.last_worker.address}"
        hint = "a host may be out of memory or failing: see the log of that worker; finished shards stay"
        raise DataError("one shard cost every worker it was given to", got=got, hint=hint) from e
    except Exception:
        watch.end()
        raise
    watch.end()


def seen(folder):
    """Returns (a digest of the code that makes shards, whether `folder` is there), as the host has them that calls."""
    return _code(), os.path.isdir(folder)


@functools.cache  # what a worker has imported stays so, whatever becomes of the files
def _code():
    root = pathlib.Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted([*root.glob("data_prep/*.py"), *root.glob("zoo/*.py"), *root.glob("zoo/formats/*.py")]):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _connected(address, timeout):
    import distributed

    try:
        return distributed.Client(address, timeout=timeout, set_as_default=False)
    except (OSError, ValueError, TypeError) as e:
        what = "cannot reach a scheduler of dask.distributed"
        raise DataError(what, at=Place(f"--dask_scheduler={address}"), got=_line(e), hint=f"start it: {START}") from e


def _line(error):
    """Returns what an exception says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__


class _Watch:
    """Looks after the workers that `client` knows; see `watched`."""

    def __init__(self, client, address, folder):
        self._client, self._address, self._folder = client, address, folder
        self._scheduler, self._workers, self._ended = None, {}, threading.Event()
        self._thread = threading.Thread(target=self._look_on, name=__name__, daemon=True)

    def begin(self):
        """Returns when there is a worker and all hosts are as they should be; a thread then looks after them."""
        self._scheduler, self._workers = _within(ANSWER, self._known)
        if not self._workers:
            notice(f"waits {WAIT} s for a worker at {self._address}")
            with contextlib.suppress(TimeoutError):
                self._client.wait_for_workers(1, timeout=WAIT)
            _, self._workers = _within(ANSWER, self._known)
        if not self._workers:
            raise self._error("there is no worker", got=f"none in {WAIT} s", hint=f"start some: {START}")
        self._compare(self._workers, scheduler=True)
        number, threads = len(self._workers), sum(self._workers.values())
        notice(f"{number} worker{'s' * (number > 1)} with {threads} thread{'s' * (threads > 1)} at {self._address}")
        self._thread.start()

    def end(self):
        """Says the last that there is to say of workers, when the pipeline ended; raises what `_look` does."""
        self._ended.set()
        self._thread.join()
        self._look()

    def _error(self, what, **more):
        return DataError(what, at=Place(f"--dask_scheduler={self._address}"), **more)

    def _look_on(self):
        last = time.monotonic()
        while not self._ended.wait(EVERY):
            self._look()
            if self._workers:
                last = time.monotonic()
            elif time.monotonic() - last > WAIT:
                hint = f"start some: {START}; rerun the command to resume"
                raise self._error("no worker is left", got=f"none for {WAIT} s", hint=hint)

    def _look(self):
        """Says who came and who went.

        Raises:
            DataError: a worker came that is not as it should be; or the scheduler does not answer, or was lost: to
                Beam's runner, what it was asked for then counts as cancelled, which is no error.
        """
        scheduler = None
        with contextlib.suppress(OSError):
            scheduler, now = _within(ANSWER, self._known)
        if self._client.status != "running" or scheduler != self._scheduler:
            hint = "start it again; rerun the command to resume"
            raise self._error("the scheduler was lost while the pipeline ran", hint=hint)
        gone, new = sorted(self._workers.keys() - now.keys()), sorted(now.keys() - self._workers.keys())
        self._workers = now
        for worker in gone:
            notice(f"the worker at {worker} is gone; what it was making is made again by others")
        if new:
            self._compare(new)
            notice(f"the worker{'s' * (len(new) > 1)} at {', '.join(new)} joined")

    def _known(self):
        """Returns (the id of the scheduler, {address of a worker: its threads})."""
        info = self._client.scheduler_info()
        return info["id"], {worker: about["nthreads"] for worker, about in info["workers"].items()}

    def _compare(self, workers, scheduler=False):
        """Raises DataError for one of `workers` that is not as this machine is, or where asked for the scheduler."""
        from distributed.versions import get_package_info  # which there is even where this repository is not

        ours = _essence(get_package_info(PACKAGES))
        for who, theirs in self._ask(workers, scheduler, get_package_info, PACKAGES):
            theirs = _essence(theirs)
            differ = [name for name in ours if theirs[name] != ours[name]]
            if differ:
                got, want = (", ".join(f"{name} {of[name]}" for name in differ) for of in (theirs, ours))
                hint = "install requirements*.txt there, with the versions of this machine"
                raise self._error(f"{who} has other versions than this machine", got=got, want=want, hint=hint)
        ours, _ = seen(self._folder)
        for who, (code, sees) in self._ask(workers, scheduler, seen, self._folder):
            if code != ours:
                hint = "bring the repository on its PYTHONPATH to the same commit, and start it again"
                raise self._error(f"{who} has other code than this machine", hint=hint)
            if not sees and not who.startswith("the scheduler"):
                hint = "it has to lie on a file system that all workers share, under the same name"
                raise self._error(
                    f"{who} does not see the output directory", want=os.path.dirname(self._folder), hint=hint
                )

    def _ask(self, workers, scheduler, call, *args):
        """Yields (who, what `call(*args)` returns there); raises DataError where it cannot be called."""
        client = self._client
        found = _within(ANSWER, lambda: client.run(call, *args, workers=sorted(workers), on_error="return"))
        found = [(f"the worker at {worker}", found[worker]) for worker in sorted(found)]
        if scheduler:
            try:
                found.insert(0, ("the scheduler", _within(ANSWER, lambda: client.run_on_scheduler(call, *args))))
            except ImportError as e:
                found.insert(0, ("the scheduler", e))
        for who, result in found:
            if isinstance(result, ImportError) or ModuleNotFoundError.__name__ in str(result):
                hint = "its PYTHONPATH has to name this repository, with requirements*.txt installed"
                raise self._error(f"{who} cannot import what makes shards", got=_line(result), hint=hint)
            if isinstance(result, Exception) and not isinstance(result, OSError):  # these are gone, as `_look` sees
                raise self._error(f"{who} cannot be used", got=_line(result))
            if not isinstance(result, Exception):
                yield who, result


def _essence(versions):
    """Returns {name: version} of what has to be the same everywhere: of Python the first two numbers."""
    python = ".".join(versions["python"].split(".")[:2])
    return {"Python": python, **{name: versions[name] for name in PACKAGES}}


def _within(seconds, call):
    """Returns what `call()` does; raises DataError where that takes longer than so many `seconds`."""
    pool = concurrent.futures.ThreadPoolExecutor(1)
    try:
        return pool.submit(call).result(seconds)
    except TimeoutError as e:
        hint = "a host may hang, or stand behind a firewall; see the logs of the scheduler and the workers"
        raise DataError(f"the hosts of dask.distributed did not answer in {seconds} s", hint=hint) from e
    finally:
        pool.shutdown(wait=False)


def notice(text):
    """Says `text` to the user of the command, which reads what this process prints."""
    print(f"{NOTICE}{text}", flush=True)
