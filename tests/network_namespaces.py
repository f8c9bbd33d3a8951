"""Hosts made of network namespaces: several machines' networks on one, joined by a bridge, and nothing of this one's.

Their processes share this machine's files. Addresses are of 10.231.0.0/24, and exist inside these namespaces only.
"""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

PREFIX = "zoo-host-"


class Host:
    """One namespace; use `made`.

    Attributes:
        name: of the namespace.
        address: its IPv4 address.
    """

    def __init__(self, name, address):
        self.name, self.address = name, address

    def start(self, command, **how):
        """Starts `command` there; returns its `subprocess.Popen`, whose id is that of the command itself."""
        return subprocess.Popen(["ip", "netns", "exec", self.name, *map(str, command)], **how)


@contextlib.contextmanager
def made(number):
    """Gives a list of so many `Host`; at the end of the block no process of theirs is left, nor they themselves.

    Skips the test where namespaces are not permitted. What a killed run of tests left is removed, too.
    """
    names = [f"{PREFIX}{os.getpid()}-{i}" for i in range(number)]
    hosts = [Host(name, f"10.231.0.{i + 1}") for i, name in enumerate(names)]
    try:
        _remove_left()
        for name in names:
            _ip("netns", "add", name)
        _join(hosts)
    except (OSError, subprocess.CalledProcessError) as e:
        _remove(names)
        pytest.skip(f"needs network namespaces (root and iproute2): {getattr(e, 'stderr', None) or e}")
    try:
        yield hosts
    finally:
        _remove(names)


def _join(hosts):
    """Joins all by a bridge within the first."""
    first = hosts[0]
    _ip("-n", first.name, "link", "add", "bridge", "type", "bridge")
    _up(first, "bridge")
    for i, host in enumerate(hosts[1:]):
        _ip("-n", first.name, "link", "add", f"to{i}", "type", "veth", "peer", "name", "eth0", "netns", host.name)
        _ip("-n", first.name, "link", "set", f"to{i}", "master", "bridge", "up")
        _up(host, "eth0")


def _up(host, device):
    _ip("-n", host.name, "link", "set", "lo", "up")
    _ip("-n", host.name, "addr", "add", f"{host.address}/24", "dev", device)
    _ip("-n", host.name, "link", "set", device, "up")


def _ip(*args):
    return subprocess.run(["ip", *args], check=True, capture_output=True, text=True, timeout=60).stdout


def _remove_left():
    """Removes namespaces of processes that are no more."""
    for name in _names():
        owner = re.fullmatch(rf"{PREFIX}(\d+)-\d+", name)
        if owner and not pathlib.Path("/proc", owner[1]).exists():
            _remove([name])


def _names():
    return [line.split()[0] for line in _ip("netns", "list").splitlines() if line.strip()]


def _remove(names):
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        for name in set(names) & set(_names()):
            deadline = time.monotonic() + 20
            while (pids := _ip("netns", "pids", name).split()) and time.monotonic() < deadline:
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                time.sleep(0.1)
            _ip("netns", "del", name)
