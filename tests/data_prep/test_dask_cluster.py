"""Shards made by the workers of dask.distributed on several hosts; the same bytes, also where one of them is lost."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading

import cv2
import numpy as np
import pytest

from data_prep import beam, dask_cluster, imagenet
from data_prep.image_files import collect
from tests import network_namespaces
from tests.data_prep.test_beam import digests, jobs, wait_for
from tests.data_prep.test_imagenet import ROOT
from zoo.errors import DataError

SHARDS = 8
AT = "tcp://host:8786"
ONE, TWO = "tcp://10.0.0.1:1", "tcp://10.0.0.2:1"  # workers


@pytest.fixture
def needs_dask():
    for name in ("apache_beam", "distributed"):
        pytest.importorskip(name, reason="needs Dask: pip install -r requirements-beam.txt -r requirements-dask.txt")


class Cluster:
    """A scheduler on the first of three hosts, a worker on each of the others."""

    def __init__(self, made, folder):
        self.hosts, self.folder = made, folder
        self.address = f"tcp://{made[0].address}:8786"
        self.env = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.logs, self.running = {}, []

    def dask(self, host, *args):
        """Starts the scheduler or a worker, without a nanny that would start it again; returns the process."""
        log = self.logs[host.name] = self.folder / f"{host.name}.log"
        command = [sys.executable, "-m", "dask", *args, "--no-dashboard"]
        with open(log, "wb") as said:
            process = host.start(command, stdout=said, stderr=said, env=self.env, cwd=self.folder)
        self.running.append(process)
        return process

    def start(self):
        """Returns the processes of the two workers, which come up meanwhile."""
        scheduler, *others = self.hosts
        self.dask(scheduler, "scheduler", f"--host={scheduler.address}", "--port=8786")
        how = ["--no-nanny", "--nthreads=1", "--memory-limit=0", f"--local-directory={self.folder}"]
        return [self.dask(host, "worker", self.address, *how) for host in others]

    def wait(self):
        """Returns when both workers are known to the scheduler."""
        said = self.logs[self.hosts[0].name]
        wait_for(lambda: said.read_text().count("Register worker addr") == 2)

    def prepare(self, *flags):
        """Starts the command on the first host; returns its process."""
        command = [sys.executable, "-m", "data_prep.imagenet", "--runner=DaskRunner"]
        command += [f"--dask_scheduler={self.address}", *flags]
        process = self.hosts[0].start(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.env, cwd=ROOT
        )
        self.running.append(process)
        return process

    def end(self):
        for process in self.running:
            process.kill()
            process.communicate()


@pytest.fixture
def cluster(tmp_path, needs_dask):
    (tmp_path / "dask").mkdir()
    with network_namespaces.made(3) as made:
        cluster = Cluster(made, tmp_path / "dask")
        try:
            yield cluster
        finally:
            cluster.end()


def source(folder):
    """Writes 24 large noisy images, so that a shard takes a while; returns their directory."""
    noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3), np.uint8)
    data = cv2.imencode(".png", noise, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    for i in range(24):
        path = folder / "all" / f"c{i % 3}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder / "all"


def writes(process, folder):
    """Returns whether `process` writes a shard in `folder`."""
    found = []
    for handle in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            found.append(os.readlink(handle))
    return any(path.startswith(f"{folder}/.draft-") for path in found)


def stopped_writing(process, folder):
    """Stops a process that writes a shard, and returns whether it still does: it may have ended one meanwhile."""
    if not writes(process, folder):
        return False
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    if writes(process, folder):
        return True
    process.send_signal(signal.SIGCONT)
    return False


def test_a_worker_that_is_lost_changes_no_byte(tmp_path, cluster):
    """One of two workers is killed while it writes a shard: the other makes that one too, and the user is told."""
    workers = cluster.start()
    files, classes = collect(source(tmp_path))
    train, val = imagenet.divide(files, 0.1, 0)
    one = imagenet.write_split(tmp_path / "one", "train", train, classes, imagenet.Options(SHARDS), "")
    out = tmp_path / "out"
    imagenet.write_split(out, "val", val, classes, imagenet.Options(1), "")  # the command finds it whole, and keeps it
    cluster.wait()
    flags = [f"--source={tmp_path}/all", f"--output_dir={out}", f"--shards={SHARDS}", "--val_shards=1"]
    command = cluster.prepare(*flags)
    wait_for(lambda: command.poll() is not None or writes(workers[0], out))
    wait_for(lambda: command.poll() is not None or stopped_writing(workers[1], out))
    workers[1].kill()
    printed, said = command.communicate(timeout=240)
    assert command.returncode == 0, said
    assert f"train: 2 workers with 2 threads at {cluster.address}\n" in said
    address = re.escape(cluster.hosts[2].address)
    assert re.search(
        rf"^train: the worker at tcp://{address}:\d+ is gone; what it was making is made again", said, re.M
    )
    assert "val: is already complete." in printed and "Traceback" not in said
    assert digests(imagenet.records.read_card(out / "train")) == digests(one)
    for shard in one.shards:
        assert (out / shard.name).read_bytes() == (tmp_path / "one" / shard.name).read_bytes()
    assert not [path.name for path in out.iterdir() if re.search(r"^\.|partial|log", path.name)]


@pytest.mark.parametrize(
    "scheduler, text, said",
    [
        (
            None,
            "",
            r"DaskRunner without a scheduler, want --dask_scheduler=tcp://HOST:8786 \(start one: dask scheduler",
        ),
        (AT, "--dask_client_address=x:1", "got --dask_client_address=x:1, want --dask_scheduler=ADDRESS"),
        (AT, "--dask_scheduler_file=x", "got --dask_scheduler_file=x, want --dask_scheduler=ADDRESS"),
        (AT, "--dask_npartitions=2", "got --dask_npartitions=2, want nothing: each shard is a task of its own"),
        (AT, "--dask_partition_size=2", "got --dask_partition_size=2, want nothing"),
        (AT, "--dask_connection_timeout=soon", "got --dask_connection_timeout=soon, want whole seconds"),
        (AT, "--dask_connection_timeout", "got --dask_connection_timeout, want whole seconds"),
        (AT, "--dask_client_nme=x", "--beam_options that Apache Beam does not know, got --dask_client_nme"),
    ],
)
def test_options_that_are_none(needs_dask, scheduler, text, said):
    with pytest.raises(DataError, match=said):
        beam.options("DaskRunner", text, 2, scheduler)


@pytest.mark.parametrize("runner", [dask_cluster.RUNNER, dask_cluster.CLASS])
def test_options(needs_dask, runner):
    usual = ["--runner=DaskRunner", f"--dask_client_address={AT}", "--dask_connection_timeout=20"]
    assert beam.options(runner, "", 2, AT) == usual
    assert beam.options(runner, "--dask_connection_timeout=5", 2, AT)[3:] == ["--dask_connection_timeout=5"]


def test_a_scheduler_for_another_runner(needs_dask):
    with pytest.raises(DataError, match="that of another runner, got --runner=DirectRunner, want --runner=DaskRunner"):
        beam.options("DirectRunner", "", 2, AT)


def test_without_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(
        DataError,
        match=r"DaskRunner needs dask.distributed, .*\(pip install -r requirements-beam.txt -r requirements-dask.txt",
    ):
        dask_cluster.options(AT, [])


def test_a_scheduler_that_is_not_there(needs_dask, tmp_path):
    """At a port of this machine that nobody listens at."""
    args = beam.options("DaskRunner", "--dask_connection_timeout=1", 2, "tcp://127.0.0.1:1")
    with pytest.raises(DataError) as caught:
        list(beam.make_all(jobs(tmp_path), args))
    said = "--dask_scheduler=tcp://127.0.0.1:1: cannot reach a scheduler of dask.distributed, got Timed out"
    assert str(caught.value).startswith(said)


class Client:
    """Stands in for `distributed.Client`: knows `workers`, {address: threads}, as this machine is but for `odd`."""

    scheduler, status = "first", "running"

    def __init__(self, workers, odd=None):
        self.workers, self.odd = workers, odd or {}

    def scheduler_info(self):
        if isinstance(self.scheduler, Exception):
            raise self.scheduler
        return {"id": self.scheduler, "workers": {name: {"nthreads": n} for name, n in self.workers.items()}}

    def wait_for_workers(self, number, timeout):
        raise TimeoutError

    def run(self, call, *args, workers, on_error):
        assert on_error == "return"
        return {worker: self._result(worker, call, args) for worker in workers}

    def run_on_scheduler(self, call, *args):
        result = self._result("scheduler", call, args)
        if isinstance(result, Exception):
            raise result
        return result

    def _result(self, who, call, args):
        odd = self.odd.get(who, {})
        if isinstance(odd, Exception):
            return odd
        result = call(*args)
        return {**result, **odd} if isinstance(result, dict) and isinstance(odd, dict) else odd or result


def watch(client, folder="/"):
    return dask_cluster._Watch(client, AT, str(folder))


@pytest.mark.parametrize(
    "odd, said",
    [
        (
            {TWO: {"tensorflow": "2.20.0", "dask": None}},
            f"the worker at {TWO} has other versions than this machine, got dask None, tensorflow 2.20.0, want dask 20",
        ),
        (
            {"scheduler": {"python": "3.9.18.final.0"}},
            r"the scheduler has other versions .*, got Python 3.9, want Pyth",
        ),
        (
            {TWO: ImportError("No module named 'zoo'")},
            r"the worker at \S+ cannot import what makes shards, got No module",
        ),
        (
            {TWO: Exception("ModuleNotFoundError('zoo')")},
            r"the worker at \S+ cannot import what makes shards, got Module",
        ),
        ({"scheduler": ImportError("No module")}, "the scheduler cannot import what makes shards, got No module"),
        ({TWO: ValueError("a\nb")}, f"the worker at {TWO} cannot be used, got a b"),
    ],
)
def test_hosts_that_differ(needs_dask, odd, said):
    with pytest.raises(DataError, match=rf"^--dask_scheduler={AT}: {said}"):
        watch(Client({ONE: 1, TWO: 1}, odd)).begin()


@pytest.mark.parametrize(
    "odd, said",
    [
        ({TWO: ("other", True)}, f"the worker at {TWO} has other code than this machine"),
        ({"scheduler": ("other", True)}, "the scheduler has other code than this machine"),
        ({TWO: (dask_cluster._code(), False)}, f"the worker at {TWO} does not see the output directory, want /"),
    ],
)
def test_hosts_with_other_code_or_files(tmp_path, needs_dask, monkeypatch, odd, said):
    client = Client({ONE: 1, TWO: 1})
    answer = client._result
    monkeypatch.setattr(
        client,
        "_result",
        lambda who, call, args: odd[who] if call is dask_cluster.seen and who in odd else answer(who, call, args),
    )
    with pytest.raises(DataError, match=said):
        watch(client, tmp_path).begin()


def test_a_scheduler_without_workers(needs_dask, monkeypatch, capsys):
    monkeypatch.setattr(dask_cluster, "WAIT", 0)
    with pytest.raises(DataError, match=r"there is no worker, got none in 0 s \(start some: dask scheduler"):
        watch(Client({})).begin()
    assert capsys.readouterr().out == f"notice: waits 0 s for a worker at {AT}\n"


def test_workers_that_come_and_go(needs_dask, capsys):
    client = Client({ONE: 2})
    seeing = watch(client)
    seeing.begin()
    client.workers = {ONE: 2, TWO: 2}
    seeing._look()
    client.workers = {TWO: 2}
    seeing.end()
    assert capsys.readouterr().out.splitlines() == [
        f"notice: 1 worker with 2 threads at {AT}",
        f"notice: the worker at {TWO} joined",
        f"notice: the worker at {ONE} is gone; what it was making is made again by others",
    ]


def test_no_worker_is_left(needs_dask, monkeypatch):
    monkeypatch.setattr(dask_cluster, "EVERY", 0.01)
    monkeypatch.setattr(dask_cluster, "WAIT", 0.05)
    seeing = watch(Client({}))
    seeing._scheduler = "first"
    with pytest.raises(DataError, match="no worker is left, got none for 0.05 s"):
        seeing._look_on()


def test_a_host_that_does_not_answer(needs_dask, monkeypatch):
    monkeypatch.setattr(dask_cluster, "ANSWER", 0.05)
    client, late = Client({ONE: 1}), threading.Event()
    monkeypatch.setattr(client, "run", lambda *args, **how: late.wait(60))
    with pytest.raises(DataError, match="did not answer in 0.05 s"):
        watch(client).begin()
    late.set()


@pytest.mark.parametrize(
    "then",
    [
        {"scheduler": "second"},  # it was started again
        {"scheduler": OSError("closed")},
        {"status": "closed"},  # a closed client goes on saying what it knew last
    ],
)
def test_a_scheduler_that_is_lost(needs_dask, then):
    client = Client({ONE: 1})
    seeing = watch(client)
    seeing.begin()
    for name, value in then.items():
        setattr(client, name, value)
    with pytest.raises(DataError, match=r"the scheduler was lost while the pipeline ran \(start it again"):
        seeing.end()
