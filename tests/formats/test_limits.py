"""The limits on declared sizes: their values, and how they are raised."""

import subprocess
import sys

import pytest

from zoo.errors import DataError, Place, ZooError
from zoo.formats import limits, wire

PROGRAM = """
from zoo import command
from zoo.formats import limits
limits.define_flags()
limits.define_flags()
command.run(lambda: print(limits.IMAGE_PIXELS.value, limits.UNPACKED_BYTES.value))
"""


def test_what_holds(monkeypatch):
    limit = limits.IMAGE_PIXELS
    assert limit.value == limit.default == 1 << 27
    monkeypatch.setenv("ZOO_MAX_IMAGE_PIXELS", "7")
    assert limit.value == 7
    limit.set(9)
    assert limit.value == 9
    monkeypatch.setenv("ZOO_MAX_IMAGE_PIXELS", "7e3")
    with pytest.raises(ZooError, match="environment variable ZOO_MAX_IMAGE_PIXELS, got '7e3', want a number above 0"):
        limit.check(1, DataError, "an image")


def test_the_message_says_how_to_raise_it():
    limit = limits.IMAGE_PIXELS
    limit.check(limit.default, DataError, "an image")
    with pytest.raises(DataError) as raised:
        limit.check(900000000, DataError, "an image of 30000 x 30000", Place("a.jpg"))
    assert str(raised.value) == (
        "a.jpg: an image of 30000 x 30000, got 900000000 pixels, want at most 134217728 "
        "(--max_image_pixels=N raises it, as does ZOO_MAX_IMAGE_PIXELS=N in the environment)"
    )
    with pytest.raises(wire.WireError):
        limit.check(900000000, wire.WireError, "an image")


def test_unpacked():
    most = limits.UNPACKED_BYTES.default
    limits.check_unpacked(most, 1, DataError, "a file")
    limits.check_unpacked(16 * most, most, DataError, "a file")
    with pytest.raises(DataError, match=r"a file, got \d+ bytes, want at most 1073741824 \(--max_unpacked_bytes"):
        limits.check_unpacked(16 * most + 1, most, DataError, "a file")


@pytest.mark.parametrize(
    "flag, said",
    [
        ([], "134217728 1073741824"),
        (["--max_image_pixels=5"], "5 1073741824"),
        (["--max_unpacked_bytes=6"], "134217728 6"),
    ],
)
def test_flags(flag, said):
    done = subprocess.run([sys.executable, "-c", PROGRAM, *flag], capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == (said, 0), done.stderr


def test_help_says_them():
    done = subprocess.run([sys.executable, "-c", PROGRAM, "--help"], capture_output=True, text=True)
    assert "--max_image_pixels" in done.stdout
    assert "--max_unpacked_bytes" in done.stdout
