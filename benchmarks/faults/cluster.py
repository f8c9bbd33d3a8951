"""Faults of two processes that train one net: one stops, dies, differs or never comes, or the network between them.

Where the network is the fault the processes are on hosts made of network namespaces (tests/network_namespaces.py).
Every process has to end with one clean error, in time; then all are started again and have to end in the bits of an
undisturbed pair.
"""

import json
import signal
import subprocess
import time

import pytest

from benchmarks.faults.matrix import Row, Skip, one_error, scenario
from benchmarks.faults.training import Trainer
from tests import network_namespaces
from tests.training import runs
from tests.training.fork_server import ForkServer
from tests.training.several import free_ports, start

LIMIT = 180  # seconds in which every process has to end
PORT = 2222  # on a host of its own any is free


class Pair(Trainer):
    """Starts and compares runs of two processes, both on this machine or on a host each."""

    def __init__(self, campaign, apart=False):
        super().__init__(campaign)
        self.hosts, self.servers = None, [self.server] * 2
        if apart:
            try:
                self.hosts = campaign.stack.enter_context(network_namespaces.made(2))
            except pytest.skip.Exception as why:
                raise Skip(str(why)) from None
            within = [("ip", "netns", "exec", host.name) for host in self.hosts]
            self.servers = [campaign.stack.enter_context(ForkServer(within=prefix)) for prefix in within]

    def begin(self, run_dir, *args, second=(), count=2):
        """Starts the first `count` of the two; `second` is said to the second alone. Returns their processes."""
        if self.hosts:
            addresses = [f"{host.address}:{PORT}" for host in self.hosts]
        else:
            addresses = [f"localhost:{port}" for port in free_ports(2)]
        started = []
        for index, server in enumerate(self.servers[:count]):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            machine = {"env": {"TF_CONFIG": json.dumps(task)}}
            paths = (f"{self.folder}/tried.prototxt", self.folder, self.folder / run_dir)
            own = second if index else ()
            started.append(start(server, machine, *paths, "--nosummaries", *args, *own))
        return started

    def finish(self, run_dir, *args):
        """Runs both to their end; returns (seconds, the process that failed, or the chief)."""
        began = time.monotonic()
        pair = self.begin(run_dir, *args)
        _ended(pair)
        return time.monotonic() - began, next((process for process in pair if process.returncode), pair[0])

    def under_way(self, run_dir, pair, rng):
        """Returns at a random moment after the first checkpoint of a run."""
        pair[0].wait_for(lambda: any((self.folder / run_dir).glob("checkpoints/ckpt-*.index")), LIMIT)
        time.sleep(rng.uniform(0, 0.5))


def _ended(pair):
    """Waits for the end of each; returns what is wrong where one does not end in time."""
    deadline = time.monotonic() + LIMIT
    hung = []
    for number, process in enumerate(pair):
        try:
            process.wait(max(1, deadline - time.monotonic()))
        except TimeoutError:
            process.wait(30)  # it has been killed
            hung.append(f"worker {number} still ran after {LIMIT} s: ...{process.stderr[-300:]}")
    return "; ".join(hung) or None


def _all_say_one_error(row, began, processes):
    """Counts a try in which each of these processes has to end with one clean error."""
    hung = _ended(processes)
    seconds = time.monotonic() - began
    said = [why for process in processes if (why := one_error(process.returncode, process.stderr))]
    row.error(seconds, hung or "; ".join(said) or None)


def _lost(campaign, disturb, apart=False):
    """Disturbs pairs under way and starts each again.

    Args:
        disturb: called with the `Pair`, its two processes and `campaign`; returns the processes that have to say what
            has happened, and a function that undoes the fault once the first of them has ended, or None.
    """
    trainer, lost, after = Pair(campaign, apart), Row(), Row("the same, started again")
    _ = trainer.whole
    for number in campaign.tries():
        run = f"run{number}"
        pair = trainer.begin(run, "--set=max_iter: 1000000")
        trainer.under_way(run, pair, campaign.rng)
        began = time.monotonic()
        left, undo = disturb(trainer, pair, campaign)
        _all_say_one_error(lost, began, left)
        if undo is not None:
            undo(lost)
        newest = max(int(path.stem.removeprefix("ckpt-")) for path in trainer.folder.glob(f"{run}/checkpoints/*.index"))
        seconds, process = trainer.finish(run, f"--set=max_iter: {newest + 6}")
        if process.returncode:
            after.wrong(seconds, f"does not go on: ...{process.stderr[-300:]}")
        else:
            _compare(trainer, after, seconds, run, newest + 6)
        trainer.remove(run)
    return [lost, after]


def _compare(trainer, row, seconds, run, last):
    _, process = trainer.finish("undisturbed", f"--set=max_iter: {last}")
    if process.returncode:
        raise ChildProcessError(f"an undisturbed run failed: {process.stderr}")
    try:
        runs.same(runs.saved(trainer.folder / "undisturbed", last), runs.saved(trainer.folder / run, last))
    except AssertionError as error:
        row.wrong(seconds, f"the checkpoint of {last} is another: {str(error).splitlines()[0]}")
    else:
        row.equal(seconds)
    trainer.remove("undisturbed")


def _kill(victim):
    def disturb(trainer, pair, campaign):
        pair[victim].send_signal(signal.SIGKILL)
        pair[victim].wait(LIMIT)
        return [pair[1 - victim]], None

    return disturb


@scenario(count=4)
def killed_chief(campaign):
    """kill -9 of the chief of two processes; the other says so, both start again."""
    return _lost(campaign, _kill(0))


@scenario(count=4)
def killed_worker(campaign):
    """kill -9 of the worker of two processes; the chief says so, both start again."""
    return _lost(campaign, _kill(1))


@scenario(count=4)
def stopped(campaign):
    """SIGSTOP of one of two processes until the other has given up; both say so, both start again."""

    def disturb(trainer, pair, campaign):
        victim = campaign.rng.randrange(2)
        pair[victim].send_signal(signal.SIGSTOP)

        def undo(row):
            began = time.monotonic()
            pair[victim].send_signal(signal.SIGCONT)
            _all_say_one_error(row, began, [pair[victim]])

        return [pair[1 - victim]], undo

    return _lost(campaign, disturb)


@scenario(count=4)
def paused(campaign):
    """SIGSTOP of one of two processes for up to 8 s; they go on."""
    trainer, row = Pair(campaign), Row()
    _ = trainer.whole
    for number in campaign.tries():
        run, began = f"run{number}", time.monotonic()
        pair = trainer.begin(run)
        trainer.under_way(run, pair, campaign.rng)
        victim = campaign.rng.choice(pair)
        victim.send_signal(signal.SIGSTOP)
        time.sleep(campaign.rng.uniform(1, 8))
        victim.send_signal(signal.SIGCONT)
        _judge(trainer, row, began, pair, run)
    return row


def _judge(trainer, row, began, pair, run):
    """Counts a pair that has to end well."""
    hung = _ended(pair)
    seconds = time.monotonic() - began
    failed = [process for process in pair if process.returncode]
    if hung or failed:
        row.wrong(seconds, hung or f"ended by it: ...{failed[0].stderr[-400:]}")
    else:
        trainer.judge(row, seconds, pair[0], run)
    trainer.remove(run)


@scenario(count=3)
def absent(campaign):
    """One of two processes never starts."""
    trainer, row = Pair(campaign), Row()
    for number in campaign.tries():
        began = time.monotonic()
        _all_say_one_error(row, began, trainer.begin(f"run{number}", "--join_timeout=5", count=1))
    return row


@scenario(count=3)
def differing(campaign):
    """One of two processes has another base_lr."""
    trainer, row = Pair(campaign), Row()
    for number in campaign.tries():
        began = time.monotonic()
        _all_say_one_error(row, began, trainer.begin(f"run{number}", second=("--set=base_lr: 0.011",)))
    return row


# ---- the network ----------------------------------------------------------------------------------------------


@scenario(count=3)
def partition(campaign):
    """The network between two hosts is gone until both have given up; both say so, both start again."""

    def disturb(trainer, pair, campaign):
        _in(trainer.hosts[1], "ip", "link", "set", "eth0", "down")
        return pair, lambda row: _in(trainer.hosts[1], "ip", "link", "set", "eth0", "up")

    return _lost(campaign, disturb, apart=True)


@scenario(count=3)
def bad_network(campaign):
    """The network between two hosts loses 2 % of the packets and delays the others by 5 ms to 15 ms."""
    trainer, row = Pair(campaign, apart=True), Row()
    for host, device in zip(trainer.hosts, ("to0", "eth0")):
        _in(host, "tc", "qdisc", "add", "dev", device, "root", "netem", "loss", "2%", "delay", "10ms", "5ms")
    _ = trainer.whole
    for number in campaign.tries():
        run, began = f"run{number}", time.monotonic()
        _judge(trainer, row, began, trainer.begin(run), run)
    return row


def _in(host, *command):
    made = subprocess.run(["ip", "netns", "exec", host.name, *command], capture_output=True, text=True, timeout=60)
    if made.returncode:
        raise Skip(f"{' '.join(command)}: {made.stderr.strip()}")
