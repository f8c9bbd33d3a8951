"""The SHA-256 of shards that are read, held against their card once a run, in a thread that is in nobody's way.

Sizes and counts are looked at before a shard is read, which a shard exchanged for another of the same size passes.
"""

import collections
import contextlib
import hashlib
import threading
import time

from absl import flags, logging

from zoo.errors import DataError, Place
from zoo.formats import records, regular

CHUNK = 8 << 20  # bytes that are hashed at a time, with the lock of Python released: few calls, few waits for that lock
LONGEST = 2.0  # seconds that something waits for the checks before it is written or said


def define_flag():
    """Defines --verify_shards; returns its flag."""
    flags.disclaim_key_flags()  # so that it is the caller's own, and its --help says it
    return flags.DEFINE_bool(
        "verify_shards",
        True,
        "Check the SHA-256 of each TFRecord shard that is read against its card, once, in the background; a shard that"
        " was damaged or exchanged ends the command. Databases, and shards without a card of ours, have none.",
    )


def check_if(wanted):
    """Returns the context of a `ShardCheck`, or of None unless that is `wanted`."""
    return ShardCheck() if wanted else contextlib.nullcontext()


class ShardCheck:
    """A context: shards are given with `add`, from any thread, and checked in the order in which they come.

    The thread rests as long as it works, so that it takes half of one core at most while there is something to check,
    and leaves at the end of the context what is not done by then.
    """

    def __init__(self):
        self._changed = threading.Condition()
        self._todo, self._known = collections.deque(), set()
        self._working = self._closed = False
        self._hurry = threading.Event()
        self._found = self._thread = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._hurry.set()
        if self._thread is not None:
            self._thread.join(LONGEST)  # a chunk's time, but for a file system that hangs

    def add(self, prefix, card, index):
        """Has shard `index` of the split at `prefix` checked, unless it has been or its `Card` has no SHA-256 of it."""
        path, shard = records.shard_paths(prefix, card)[index], card.shards[index]
        with self._changed:
            if path in self._known or not shard.sha256 or self._closed:
                return
            self._known.add(path)
            self._todo.append((path, shard, records.again(card.prepare)))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="shard check", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def raise_found(self):
        """Raises the DataError of the first shard that is not what its card says, if one has been found."""
        if self._found is not None:
            raise self._found

    def settle(self, before, seconds=LONGEST):
        """Waits until all shards that were added are checked; raises DataError as `raise_found`.

        Args:
            before: what waits for that, as a clause for the log, which says it where the time did not suffice.
            seconds: how long; None for as long as it takes.
        """
        self._hurry.set()
        with self._changed:
            self._changed.wait_for(lambda: self._found or not self._todo and not self._working, seconds)
            left = len(self._todo) + self._working
        self._hurry.clear()
        self.raise_found()
        if left:
            logging.info("%d of %d shards that were read were not checked before %s", left, len(self._known), before)

    def _run(self):
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._todo or self._closed)
                if self._closed:
                    return
                path, shard, hint = self._todo.popleft()
                self._working = True
            try:
                digest, error = self._digest(path), None
                if digest is not None and digest != shard.sha256:
                    error = records.other_contents(path, shard, digest, hint)
            except OSError as e:
                error = DataError("a shard cannot be read", at=Place(path), got=str(e), hint=hint)
            with self._changed:
                self._found, self._working = self._found or error, False
                self._changed.notify_all()

    def _digest(self, path):
        """Returns the SHA-256 of a file in hexadecimal; None where the context ends before."""
        found, buffer = hashlib.sha256(), bytearray(CHUNK)
        with regular.open_binary(path) as file:
            began = time.monotonic()
            while size := file.readinto(buffer):
                found.update(memoryview(buffer)[:size])
                if self._closed:
                    return None
                self._hurry.wait(time.monotonic() - began)
                began = time.monotonic()
        return found.hexdigest()
