"""Writes an LMDB or LevelDB that Caffe can read, so that it is there whole or not at all."""

import contextlib
import os
import pathlib
import shutil

from zoo.errors import DataError, Place
from zoo.formats.databases import library

BACKENDS = {"lmdb": "LMDB", "leveldb": "LevelDB"}
COMMIT = 1000  # records, as convert_imageset


class DatabaseWriter:
    """Writes a new database; use it in a ``with``.

    It is written under another name in the same folder. Leaving the ``with`` gives it its name; leaving it by an error
    removes what was written.

    Args:
        path: the folder to be; nothing may lie there, as Caffe has it.
        backend: "lmdb" or "leveldb".
        files: {name: bytes} of files to lie in the folder next to the database's own, which Caffe passes over.

    Raises:
        DataError: something lies at `path`, or the disk refuses.
    """

    def __init__(self, path, backend, files=None):
        self.path, self.backend, self._place = pathlib.Path(path), backend, Place(str(path))
        self._files = files or {}
        self._partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        if self.path.exists() or self.path.is_symlink():
            raise DataError("already there", at=self._place, hint="remove it, or name another output")
        store = {"lmdb": _Lmdb, "leveldb": _LevelDb}[backend]
        module = library(store.package, BACKENDS[backend], self._place)
        with self._disk():
            self._partial.mkdir(parents=True)
            self._store = store(module, str(self._partial))
        self._pending = []

    def put(self, key, value):
        """Adds a record: `key` and `value` are bytes. Keys must differ; records are read in the order of keys."""
        self._pending.append((key, value))
        if len(self._pending) == COMMIT:
            self._commit()

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        try:
            if kind is None:
                self._commit()
                with self._disk():
                    self._store.close()
                    for name, data in self._files.items():
                        (self._partial / name).write_bytes(data)
                    self._partial.rename(self.path)
        finally:
            with contextlib.suppress(Exception):
                self._store.close()
            shutil.rmtree(self._partial, ignore_errors=True)

    def _commit(self):
        with self._disk():
            self._store.write(self._pending)
        self._pending = []

    @contextlib.contextmanager
    def _disk(self):
        try:
            yield
        except (OSError, _Refused) as e:
            hint = "free some space or choose another output, then run the same command again"
            raise DataError("cannot write a database", at=self._place, got=str(e), hint=hint) from e


class _Refused(Exception):
    """A library could not write."""


class _Lmdb:
    package = "lmdb"

    def __init__(self, module, path):
        self._lmdb = module
        with self._saying():
            self._environment = module.open(path, map_size=1 << 26, sync=False)

    def write(self, pairs):
        while not self._try(pairs):
            # The map is what the file may grow to; Caffe doubles it too (db_lmdb.cpp:96-105).
            with self._saying():
                self._environment.set_mapsize(self._environment.info()["map_size"] * 2)

    def _try(self, pairs):
        with self._saying():
            try:
                with self._environment.begin(write=True) as transaction:
                    for key, value in pairs:
                        transaction.put(key, value)
            except self._lmdb.MapFullError:
                return False
        return True

    def close(self):
        with self._saying():
            self._environment.sync(True)
            self._environment.close()

    @contextlib.contextmanager
    def _saying(self):
        try:
            yield
        except self._lmdb.Error as e:
            raise _Refused(str(e)) from e


class _LevelDb:
    package = "plyvel"

    def __init__(self, module, path):
        self._plyvel = module
        with self._saying():
            # The sizes of db_leveldb.cpp:10-12.
            self._db = module.DB(path, create_if_missing=True, block_size=65536, write_buffer_size=268435456)

    def write(self, pairs):
        with self._saying(), self._db.write_batch() as batch:
            for key, value in pairs:
                batch.put(key, value)

    def close(self):
        with self._saying():
            if not self._db.closed:
                self._db.compact_range()  # out of the log, which every opening would have to go through
                self._db.close()

    @contextlib.contextmanager
    def _saying(self):
        try:
            yield
        except self._plyvel.Error as e:
            said = e.args[0] if e.args else ""
            raise _Refused(said.decode(errors="replace") if isinstance(said, bytes) else str(said)) from e
