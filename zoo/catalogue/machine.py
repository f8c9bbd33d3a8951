"""What this machine is, in words, as far as the system says it without a library."""

import contextlib
import pathlib

from zoo import command


def cpu() -> str | None:
    """Returns the name of the CPU, or None where the system does not say it."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return None


def hardware(gpus=()) -> str:
    """Returns the hardware in words: the GPUs by name, or the CPU."""
    if gpus:
        return ", ".join(gpus)
    count = command.cores()
    return f"{count} core{'s' * (count != 1)} of {cpu() or 'an unknown CPU'}"
