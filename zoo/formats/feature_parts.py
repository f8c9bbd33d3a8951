"""What a long extraction of features has so far, on disk next to its output, so that the same command goes on there.

``OUTPUT.parts`` holds ``request.json``, what the features follow from, and ``000000.npz``, ``000001.npz``, ..., the
rows of some batches each, written whole or not at all. A short extraction writes none of it.
"""

import contextlib
import json
import pathlib
import shutil
import time
import zipfile

import numpy as np

from zoo.errors import OutputError
from zoo.formats import atomic, feature_files, lock

SECONDS = 30  # how much work a stop may lose, and
BYTES = 2**28  # how many rows are held in memory, before they are written
_REQUEST = "request.json"


class FeatureParts:
    """Rows of blobs, added batch by batch and read again from the first.

    Args:
        folder: where they are kept.
        blobs: names of the blobs.
        settle: called before rows are written; raises where the data that they follow from are found damaged.

    Attributes:
        items: how many items there are.
        lasting: whether another run may take up what is kept.
    """

    def __init__(self, folder, blobs, settle=lambda: None):
        self._folder, self._blobs, self._settle = pathlib.Path(folder), list(blobs), settle
        self._parts, self._held, self._size, self._began = [], [], 0, time.monotonic()
        self.items, self.lasting = 0, True

    def begin(self, request):
        """Takes up what an earlier run of the same `request`, {part: text}, has left; returns how many items that are.

        What another request has left is removed. None is a request of which nothing is ever taken up. To be called
        before `add`.
        """
        path, self.lasting = self._folder / _REQUEST, request is not None
        kept = None
        with contextlib.suppress(OSError, ValueError):
            kept = json.loads(path.read_text(encoding="utf-8"))
        if self.lasting and kept == request:
            self._parts = sorted(self._folder.glob("[0-9]*.npz"))
            self.items = sum(len(next(iter(self._read(part).values()))) for part in self._parts)
        else:
            for part in self._folder.glob("[0-9]*.npz"):
                part.unlink()
            with atomic.replacing(path, OutputError) as file:
                file.write(json.dumps(request).encode())
        return self.items

    def add(self, rows):
        """Adds {blob: float32 (N, ...)}."""
        self._held.append(rows)
        self.items += len(next(iter(rows.values())))
        self._size += sum(array.nbytes for array in rows.values())
        if self._size >= BYTES or time.monotonic() - self._began >= SECONDS:
            self._settle()
            path = self._folder / f"{len(self._parts):06}.npz"
            with feature_files.writing([path], self._blobs, "npz") as add:
                for held in self._held:
                    add(held)
            self._parts.append(path)
            self._held, self._size, self._began = [], 0, time.monotonic()

    def rows(self):
        """Yields all rows, some batches at a time."""
        yield from map(self._read, self._parts)
        yield from self._held

    def _read(self, path):
        try:
            with path.open("rb") as file, np.load(file) as arrays:
                return {blob: arrays[blob] for blob in self._blobs}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            hint = f"delete {self._folder}, and all is computed again"
            raise OutputError(f"cannot read {path}", got=str(error), hint=hint) from error


@contextlib.contextmanager
def keeping(output, blobs, settle=lambda: None):
    """Gives the `FeatureParts` next to `output`; removes them where the block ends well, or nothing was kept.

    Raises:
        OutputError: another process is at this output; the disk refuses.
    """
    folder = pathlib.Path(f"{str(output).rstrip('/')}.parts")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {folder}", got=error.strerror) from error
    what, hint = f"another process is writing {output}", "wait for it, or name another --output"
    try:
        with lock.locked(folder / lock.NAME, OutputError, what, hint):
            parts = FeatureParts(folder, blobs, settle)
            try:
                yield parts
                parts.lasting = False
            finally:
                if not parts.lasting:
                    shutil.rmtree(folder, ignore_errors=True)
                elif not any(folder.glob("[0-9]*.npz")):
                    (folder / _REQUEST).unlink(missing_ok=True)
    finally:
        with contextlib.suppress(OSError):  # it is gone, or holds parts
            folder.rmdir()
