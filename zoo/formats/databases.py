"""LMDB and LevelDB as Caffe keeps its records in them: values in the order of their keys, reachable by ordinal.

Neither kind of database knows its n-th record. So the position of every 64th one is noted as far as anybody has asked;
the rest of the way is a few steps. A database is never written to by reading it.
"""

import contextlib
import importlib
import itertools
import os
import pathlib
import re
import tempfile
import threading
import weakref

from zoo.errors import DataError, Place
from zoo.formats import leveldb_tables, regular
from zoo.formats.limits import IMAGE_BYTES
from zoo.formats.lmdb_file import LmdbFile

STRIDE = 64  # records from one noted position to the next

_LEVELDB_FILE = re.compile(r"CURRENT|MANIFEST-\d+|\d+\.(log|ldb|sst)", re.ASCII)
_CURRENT, _CURRENT_BYTES = re.compile(rb"MANIFEST-\d+\n"), 100
_RECORDS = (".mdb", ".ldb", ".sst", ".log")  # of LMDB's files and LevelDB's, those in which records lie


def database_kind(path):
    """Returns "LMDB" or "LevelDB" for what lies at `path`, or None where it is neither."""
    path = pathlib.Path(path)
    if (path / "data.mdb").exists() or (path.suffix == ".mdb" and path.is_file()):
        return "LMDB"
    return "LevelDB" if (path / "CURRENT").exists() else None


def record_files(path):
    """Returns the paths of the files of the database at `path` in which its records lie."""
    path = pathlib.Path(path)
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [file for file in files if file.suffix in _RECORDS and file.name != "lock.mdb"]


class Database:
    """The records of an LMDB or LevelDB, read only.

    Args:
        path: its directory, or the one file of an LMDB without a directory.

    Raises:
        DataError: neither is there, or it is damaged, empty, or its library is not installed.
    """

    def __init__(self, path):
        self.path, self.kind = pathlib.Path(path), database_kind(path)
        self.place = Place(str(path))
        if self.kind is None:
            want = "a directory with data.mdb (LMDB) or CURRENT (LevelDB)"
            raise DataError("not a database", at=self.place, got=_what_is_at(self.path), want=want)
        if self.kind == "LMDB":
            self._store = LmdbFile(self.path / "data.mdb" if self.path.is_dir() else self.path, self.place)
        else:
            self._store = _LevelDb(self.path, self.place)
        self._marks, self._lock, self._count = [], threading.Lock(), self._store.count
        self._positions, self._failed = self._store.positions(), None
        self._mark(0)
        if not self._marks:
            raise DataError(f"an empty {self.kind}", at=self.place, got="no records")

    @property
    def count(self):
        """How many records there are; a LevelDB has to be read through to tell."""
        self._mark(None)
        return self._count

    @property
    def size(self):
        """Bytes of the files that hold the records; raises DataError where they cannot be looked at."""
        files = [self.path] if self.path.is_file() else sorted(self.path.iterdir())
        try:
            return sum(file.stat().st_size for file in files if file.suffix in _RECORDS)
        except OSError as e:
            raise DataError(f"cannot read a {self.kind}", at=self.place, got=e.strerror) from e

    def read(self, first, count):
        """Returns a list of `count` values (bytes) from ordinal `first` on, the first following the last."""
        values = []
        while len(values) < count:
            position, skip = self._find(first + len(values))
            found = self._store.values(position, skip, count - len(values))
            if not found:
                raise DataError(f"a damaged {self.kind}", at=self.place, got=f"no record {first + len(values)}")
            values += found
        return values

    def items(self):
        """Yields (key, value) in order, once."""
        return self._store.items()

    def _find(self, ordinal):
        """Returns (noted position, steps from there) of record `ordinal`, counted round and round.

        A LevelDB is walked no farther than need be: its number of records is known only once its end was seen.
        """
        if self._count is None:
            self._mark(ordinal)
        if self._count is not None:
            ordinal %= self._count
            self._mark(ordinal)
        return self._marks[ordinal // STRIDE], ordinal % STRIDE

    def _mark(self, ordinal):
        """Notes positions up to that of `ordinal`, or all of them and their number for None."""
        with self._lock:
            if self._failed:
                raise self._failed
            while self._positions is not None and (ordinal is None or ordinal >= len(self._marks) * STRIDE):
                if ordinal is None and self._count is not None:
                    return
                try:
                    positions = list(itertools.islice(self._positions, STRIDE))
                except DataError as e:  # kept: what has failed once would look like the end of the records
                    self._failed = e
                    raise
                self._marks += positions[:1]
                if len(positions) < STRIDE:
                    self._count = (len(self._marks) - bool(positions)) * STRIDE + len(positions)
                    self._positions = None


def _what_is_at(path):
    if path.is_dir():
        return "a directory with " + (", ".join(sorted(p.name for p in path.iterdir())[:4]) or "nothing in it")
    return "a file" if path.exists() else "nothing there"


def library(name, kind, place):
    """Returns the module `name` that handles databases of `kind`; raises DataError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as e:
        hint = f"pip install {name}, or convert it to TFRecord shards where it is: python -m data_prep.databases"
        raise DataError(f"{kind} needs the package {name}", at=place, got=str(e), hint=hint) from e


class _LevelDb:
    """Keys and values of a LevelDB.

    LevelDB writes on opening (a log, a manifest) and locks the directory. It is opened in a temporary directory of
    links to its files instead, so that it may be read-only, stays as it was, and several processes can read it.
    """

    count = None

    def __init__(self, path, place):
        self._plyvel, self._place = library("plyvel", "LevelDB", place), place
        self._most = IMAGE_BYTES.value
        folder = tempfile.TemporaryDirectory(prefix="leveldb-")
        weakref.finalize(self, folder.cleanup)
        self._link(path, folder.name)
        with self._saying():
            self._db = self._plyvel.DB(folder.name, create_if_missing=False, paranoid_checks=True, max_open_files=100)
        weakref.finalize(self, self._db.close)

    def _link(self, path, folder):
        """Links LevelDB's files in `path` into `folder`, once it is seen that they are files, and tables are sound."""
        file = path
        try:
            for file in path.iterdir():
                if _LEVELDB_FILE.fullmatch(file.name):
                    regular.check(file)
                    if file.suffix in leveldb_tables.ENDS:
                        leveldb_tables.check(file)
                    os.symlink(file.resolve(), os.path.join(folder, file.name))
            with regular.open_binary(path / "CURRENT") as current:
                said = current.read(_CURRENT_BYTES)
        except OSError as e:
            raise DataError("cannot read a LevelDB", at=self._place, got=f"{file.name}: {e.strerror}") from e
        except leveldb_tables.Damaged as e:
            raise DataError("a damaged LevelDB, or none", at=self._place, got=f"{file.name}: {e}") from e
        if not _CURRENT.fullmatch(said):  # LevelDB would follow it out of the directory, and into a pipe
            got, want = f"CURRENT says {said!r}", "MANIFEST-number and the end of the line"
            raise DataError("a damaged LevelDB, or none", at=self._place, got=got, want=want)

    def positions(self):
        yield from self._iterate(include_value=False)

    def items(self):
        return self._iterate()

    def values(self, position, skip, count):
        return list(itertools.islice(self._iterate(start=position, include_key=False), skip, skip + count))

    def _iterate(self, **options):
        with self._saying(), self._db.iterator(verify_checksums=True, **options) as iterator:
            for found in iterator:
                value = found[1] if isinstance(found, tuple) else found
                if len(value) > self._most:
                    IMAGE_BYTES.check(len(value), DataError, f"a record of {len(value)} bytes", self._place)
                yield found

    @contextlib.contextmanager
    def _saying(self):
        try:
            yield
        except (self._plyvel.Error, OSError) as e:
            said = e.args[0] if e.args else e
            said = said.decode(errors="replace") if isinstance(said, bytes) else str(e)
            raise DataError("a damaged LevelDB, or none", at=self._place, got=said) from e
