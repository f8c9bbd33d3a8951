"""How much memory a process may still take, read from files like Linux's."""

import resource

import pytest

from zoo.formats import memory


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (groups / "a" / "b").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 900 kB\nMemAvailable:   800 kB\nSwapFree: 100 kB\nHugePages_Total: 0\n")
    (proc / "self" / "status").write_text("Name: python\nVmSize:\t  300 kB\n")
    (proc / "self" / "cgroup").write_text("1:name=systemd:/x\n0::/a/b\n")
    return proc, groups


def test_the_machine_itself(machine):
    assert memory.available(*machine) == 900 << 10


def test_the_least_of_all_control_groups_counts(machine):
    proc, groups = machine
    (groups / "a" / "b" / "memory.max").write_text("max\n")
    (groups / "a" / "memory.max").write_text("500000\n")
    (groups / "a" / "memory.stat").write_text("anon 100000\nfile 390000\n")
    assert memory.available(proc, groups) == 400000
    (groups / "memory.max").write_text("70000\n")
    assert memory.available(proc, groups) == 70000


def test_ulimit(machine, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (500 << 10, resource.RLIM_INFINITY))
    assert memory.available(*machine) == 200 << 10
    assert memory.addresses(machine[0]) == (500 << 10, 300 << 10)
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY, 500 << 10))
    assert memory.addresses(machine[0]) is None


def test_this_machine():
    known = memory.available()
    assert known is None or known > 0
