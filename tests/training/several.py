"""Trainers on several devices: started as processes of this machine, and their run directorys compared."""

import json
import pathlib
import re
import socket

import numpy as np

from tests.training import runs

MODULE = "tests.training.devices"


def start(commands, machine, config, data, run_dir, *args):
    """Starts the trainer on a `machine` as `devices` has it; returns its `Process`."""
    common = (f"--config={config}", f"--data_dir={data}", f"--run_dir={run_dir}")
    return commands.start(json.dumps(machine), *common, *args, module=MODULE)


def finish(*processes, code=0):
    """Waits for the processes; their exit codes have to be `code`."""
    for process in processes:
        assert process.wait() == code, process.stderr


def free_ports(count):
    """Returns `count` ports of this machine that nothing uses now."""
    holders = [socket.socket() for _ in range(count)]
    for holder in holders:
        holder.bind(("localhost", 0))
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def workers(commands, count, *args):
    """Starts `count` processes of one TF_CONFIG; `args` as for `start`."""
    return [start(commands, task, *args) for task in tasks(count)]


def tasks(count):
    """Returns what each of `count` processes of one TF_CONFIG on this machine has to be started with."""
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(count)]}
    found = [{"cluster": cluster, "task": {"type": "worker", "index": i}} for i in range(count)]
    return [{"env": {"TF_CONFIG": json.dumps(task)}} for task in found]


def close(one, other, iteration, but=()):
    """Asserts that two runs' checkpoints are equal but for the order of sums: 1e-5 of each array's largest value."""
    a, b = (runs.saved(run_dir, iteration) for run_dir in (one, other))
    assert a.keys() == b.keys()
    for name in a:
        if name not in but:
            np.testing.assert_allclose(
                a[name], b[name], rtol=0, atol=1e-5 * np.nanmax(np.abs(a[name])) + 1e-9, err_msg=name
            )


def said(run_dir):
    """Returns ([line without numbers], [its numbers]) of what a run's log says of losses, outputs and rates."""
    lines = pathlib.Path(run_dir, "train.log").read_text().splitlines()
    lines = [line.split("] ", 1)[-1] for line in lines]
    lines = [line for line in lines if any(word in line for word in ("output #", "loss = ", "lr = "))]
    lines = [re.sub(r"\(.*iters\)", "", line) for line in lines]  # how fast it went
    number = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
    return [number.sub("", line) for line in lines], [float(n) for line in lines for n in number.findall(line)]


def say_the_same(one, other):
    """Asserts that two runs' logs are equal but for the order of sums and for their six digits."""
    (lines, numbers), (others, other_numbers) = said(one), said(other)
    assert lines == others
    assert len(lines) > 40
    np.testing.assert_allclose(numbers, other_numbers, rtol=1e-4)
