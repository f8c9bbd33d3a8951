"""How much memory a process may still take: the machine's, its control groups' or its own limit."""

import contextlib
import os
import pathlib
import resource

_CGROUPS = pathlib.Path("/sys/fs/cgroup")


def available(proc="/proc", cgroups=_CGROUPS):
    """Returns bytes that may still be taken, swap included; None where the system does not say."""
    proc = pathlib.Path(proc)
    known = (_machine(proc), _own_limit(proc), _group(proc, pathlib.Path(cgroups)))
    return min((size for size in known if size is not None), default=None)


def addresses(proc="/proc"):
    """Returns (bytes of address space that `ulimit -v` allows, bytes mapped already); None where there is no limit."""
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most == resource.RLIM_INFINITY:
        return None
    return most, _kilobytes(pathlib.Path(proc) / "self" / "status").get("VmSize", 0)


def _machine(proc):
    found = _kilobytes(proc / "meminfo")
    if "MemAvailable" in found:
        return found["MemAvailable"] + found.get("SwapFree", 0)
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _own_limit(proc):
    """What `ulimit -v` leaves."""
    known = addresses(proc)
    return known and max(0, known[0] - known[1])


def _group(proc, root):
    """What the control groups (version 2) that the process is in leave; what files are cached in is given back."""
    left, lines = [], _text(proc / "self" / "cgroup").splitlines()
    inner = next((line[3:].lstrip("/") for line in lines if line.startswith("0::")), "")
    folder = root / inner
    for group in (folder, *folder.parents):
        most = _text(group / "memory.max").strip()
        if most.isdigit():
            taken = next(
                (line.split()[1] for line in _text(group / "memory.stat").splitlines() if line[:5] == "anon "), 0
            )
            left.append(max(0, int(most) - int(taken)))
        if group == root:
            break
    return min(left, default=None)


def _kilobytes(path):
    """Returns {name: bytes} of the lines ``name: N kB``."""
    pairs = (line.split() for line in _text(path).splitlines() if line.endswith(" kB"))
    return {parts[0].rstrip(":"): int(parts[1]) << 10 for parts in pairs if len(parts) == 3 and parts[1].isdigit()}


def _text(path):
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text()
    return ""
