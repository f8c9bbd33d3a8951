"""Faults of data_prep: a command that makes shards is killed with -9 at random moments, then started again.

What lies in the output directory in the end - shards, cards, sheets, the description for TensorFlow Datasets - has to
be what an undisturbed run leaves there, byte for byte, and nothing else.
"""

import hashlib
import importlib.util
import os
import pathlib
import shutil
import signal
import struct
import time

import numpy as np

from benchmarks.faults.matrix import Row, Skip, scenario

LIMIT = 240  # seconds in which any of these commands has to end; unloaded the slowest takes 15
AT_ONCE = 5  # kills at most before a command is let to its end
DIGITS = {"train": 3000, "t10k": 700}
SHARED = pathlib.Path(os.environ.get("ZOO_SHARED", pathlib.Path(__file__).resolve().parents[3] / "shared"))


@scenario(count=20)
def mnist(campaign):
    """kill -9 of data_prep.mnist at a random moment, then the same command again."""
    rng = np.random.default_rng(0)
    for split, count in DIGITS.items():
        images = struct.pack(">4I", 2051, count, 28, 28) + rng.bytes(count * 28 * 28)
        labels = struct.pack(">2I", 2049, count) + bytes(rng.integers(0, 10, count, dtype=np.uint8))
        (campaign.folder / f"{split}-images-idx3-ubyte").write_bytes(images)
        (campaign.folder / f"{split}-labels-idx1-ubyte").write_bytes(labels)
    return _killed(campaign, "data_prep.mnist", f"--idx_dir={campaign.folder}", "--source=idx")


@scenario(count=20)
def imagenet(campaign):
    """kill -9 of data_prep.imagenet at a random moment, then the same command again."""
    return _killed(campaign, "data_prep.imagenet", f"--source={_images()}", "--shards=6", "--val_shards=2")


@scenario(count=10)
def imagenet_in_two_processes(campaign):
    """The same with --processes=2, of which only the first is killed."""
    args = [f"--source={_images()}", "--shards=6", "--val_shards=2", "--processes=2", "--resize=128"]
    return _killed(campaign, "data_prep.imagenet", *args)


@scenario(count=10)
def imagenet_on_beam(campaign):
    """The same on Beam's DirectRunner, of whose processes only the command is killed."""
    if not importlib.util.find_spec("apache_beam"):
        raise Skip("needs Apache Beam: pip install -r requirements-beam.txt")
    args = [f"--source={_images()}", "--shards=6", "--val_shards=2", "--runner=DirectRunner", "--processes=2"]
    return _killed(campaign, "data_prep.imagenet", *args)


def _images():
    folder = SHARED / "imagenet_sample"
    if not folder.is_dir():
        raise Skip(f"needs the images in {folder}")
    return folder


def _killed(campaign, module, *args):
    out, row = campaign.folder / "set", Row()
    args = [*args, f"--output_dir={out}"]  # the same each time, as the cards say it

    def start():
        return campaign.server.start(*args, module=module)

    def finish():
        began, process = time.monotonic(), start()
        process.wait(LIMIT)
        return time.monotonic() - began, process

    seconds, process = finish()
    if process.returncode:
        raise ChildProcessError(f"an undisturbed run failed: {process.stderr}")
    whole = _contents(out)
    while row.tried < campaign.count and not (row.tried and campaign.late):
        campaign.progress(row.tried)
        shutil.rmtree(out)
        done, at_most = 0, min(campaign.rng.randint(1, AT_ONCE), campaign.count - row.tried)
        while done < at_most and not (done and campaign.late):
            if not _kill(start(), campaign.rng.uniform(0, seconds)):
                break
            done += 1
        took, process = finish()
        if process.returncode:
            row.wrong(took, f"does not go on: ...{process.stderr[-400:]}", done)
        elif (got := _contents(out)) != whole:
            differing = sorted(name for name in whole.keys() | got.keys() if whole.get(name) != got.get(name))
            row.wrong(took, f"differs after {done} kills: {differing}", done)
        else:
            row.equal(took, done)
    return row


def _kill(process, seconds):
    """Kills a process after some seconds; returns whether it was killed before its own end."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    ended = process.wait(LIMIT)
    if ended not in (0, -signal.SIGKILL):
        raise ChildProcessError(f"ended with {ended}: {process.stderr}")
    return ended == -signal.SIGKILL


def _contents(folder):
    """Returns {name: SHA-256} of all that lies in a directory."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return found | {str(path.relative_to(folder)): None for path in folder.rglob("*") if path.is_dir()}
