"""LMDB and LevelDB as Caffe keeps its records in them: values in the order of their keys, reachable by ordinal.

Neither kind of database knows its n-th record. So the key of every 64th one is noted as far as anybody has asked; the
rest of the way is a few steps of a cursor. A database is never written to by reading it.
"""

import contextlib
import importlib
import itertools
import os
import pathlib
import tempfile
import threading
import weakref

from zoo.errors import DataError, Place
from zoo.formats.lmdb_pages import first_bad_page

STRIDE = 64  # records from one noted key to the next

_RECORDS = (".mdb", ".ldb", ".sst", ".log")  # of LMDB's files and LevelDB's, those in which records lie

_open = weakref.WeakValueDictionary()  # {(device, inode): _Lmdb}: LMDB cannot be opened twice in one process
_opening = threading.Lock()


def database_kind(path):
    """Returns "LMDB" or "LevelDB" for what lies at `path`, or None where it is neither."""
    path = pathlib.Path(path)
    if (path / "data.mdb").exists() or (path.suffix == ".mdb" and path.is_file()):
        return "LMDB"
    return "LevelDB" if (path / "CURRENT").exists() else None


class Database:
    """The records of an LMDB or LevelDB, read only.

    Args:
        path: its folder, or the one file of an LMDB without a folder.

    Raises:
        DataError: neither is there, or it is damaged, empty, or its library is not installed.
    """

    def __init__(self, path):
        self.path, self.kind = pathlib.Path(path), database_kind(path)
        self.place = Place(str(path))
        if self.kind is None:
            want = "a directory with data.mdb (LMDB) or CURRENT (LevelDB)"
            raise DataError("not a database", at=self.place, got=_what_is_at(self.path), want=want)
        self._store = _lmdb(self.path, self.place) if self.kind == "LMDB" else _LevelDb(self.path, self.place)
        self._marks, self._lock, self._count = [], threading.Lock(), self._store.count
        self._keys = self._store.keys()
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
            key, skip = self._find(first + len(values))
            found = self._store.values(key, skip, count - len(values))
            if not found:
                raise DataError(f"a damaged {self.kind}", at=self.place, got=f"no record {first + len(values)}")
            values += found
        return values

    def items(self):
        """Yields (key, value) in order, once."""
        return self._store.items()

    def _find(self, ordinal):
        """Returns (noted key, steps from there) of the record that is `ordinal` steps from the first, round and round.

        A LevelDB is walked no farther than need be: its number of records is known only once its end was seen.
        """
        if self._count is None:
            self._mark(ordinal)
        if self._count is not None:
            ordinal %= self._count
            self._mark(ordinal)
        return self._marks[ordinal // STRIDE], ordinal % STRIDE

    def _mark(self, ordinal):
        """Notes keys up to that of `ordinal`, or all of them and their number for None."""
        with self._lock:
            while self._keys is not None and (ordinal is None or ordinal >= len(self._marks) * STRIDE):
                if ordinal is None and self._count is not None:
                    return
                keys = list(itertools.islice(self._keys, STRIDE))
                self._marks += keys[:1]
                if len(keys) < STRIDE:
                    self._count = (len(self._marks) - 1) * STRIDE + len(keys) if keys else len(self._marks) * STRIDE
                    self._keys = None


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
        raise DataError(f"reading a {kind} needs the package {name}", at=place, got=str(e), hint=hint) from e


def _lmdb(path, place):
    """Returns the one `_Lmdb` of this process for the database at `path`."""
    with _opening:
        try:
            status = os.stat(path / "data.mdb" if path.is_dir() else path)
        except OSError as e:
            raise DataError("cannot read an LMDB", at=place, got=e.strerror) from e
        identity = status.st_dev, status.st_ino
        store = _open.get(identity)
        if store is None:
            store = _open[identity] = _Lmdb(path, place, status.st_size)
        return store


class _Lmdb:
    """Keys and values of an LMDB, whose reads are safe from any thread: each has a transaction of its own."""

    def __init__(self, path, place, size):
        self._lmdb, self._place = library("lmdb", "LMDB", place), place
        with self._saying():
            # No lock file: the folder may be read-only, and nobody writes into a database that is trained on.
            options = {"readonly": True, "lock": False, "subdir": path.is_dir(), "max_readers": 1024}
            self._environment = self._lmdb.open(str(path), **options)
        weakref.finalize(self, self._environment.close)
        with self._saying():
            self.count = self._environment.stat()["entries"]
            pages = self._environment.info()["last_pgno"] + 1
        want = pages * self._environment.stat()["psize"]
        if size < want:  # reading behind the end of the file would end the process
            raise DataError("a truncated LMDB", at=place, got=f"{size} bytes", want=f"{want} bytes")
        file = path / "data.mdb" if path.is_dir() else path
        bad = first_bad_page(file, self._environment.stat()["psize"])
        if bad is not None:
            raise DataError("a damaged LMDB", at=place, got=f"page {bad} that is none", hint="copy it again")

    def keys(self):
        with self._saying(), self._environment.begin() as transaction:
            yield from transaction.cursor().iternext(keys=True, values=False)

    def items(self):
        with self._saying(), self._environment.begin() as transaction:
            yield from transaction.cursor().iternext(keys=True, values=True)

    def values(self, key, skip, count):
        with self._saying(), self._environment.begin() as transaction:
            cursor = transaction.cursor()
            cursor.set_key(key)
            for _ in range(skip):
                cursor.next()
            return list(itertools.islice(cursor.iternext(keys=False, values=True), count))

    @contextlib.contextmanager
    def _saying(self):
        try:
            yield
        except self._lmdb.Error as e:
            raise DataError("a damaged LMDB, or none", at=self._place, got=str(e)) from e


class _LevelDb:
    """Keys and values of a LevelDB.

    LevelDB writes on opening (a log, a manifest) and locks the folder. It is opened in a temporary folder of links to
    its files instead, so that it may be read-only, is left as it was, and several processes can read it at once.
    """

    count = None

    def __init__(self, path, place):
        self._plyvel, self._place = library("plyvel", "LevelDB", place), place
        folder = tempfile.TemporaryDirectory(prefix="leveldb-")
        weakref.finalize(self, folder.cleanup)
        with self._saying():
            for file in path.iterdir():
                if file.name not in ("LOCK", "LOG", "LOG.old"):
                    os.symlink(file.resolve(), os.path.join(folder.name, file.name))
            self._db = self._plyvel.DB(folder.name, create_if_missing=False, paranoid_checks=True, max_open_files=100)
        weakref.finalize(self, self._db.close)

    def keys(self):
        yield from self._iterate(include_value=False)

    def items(self):
        return self._iterate()

    def values(self, key, skip, count):
        return list(itertools.islice(self._iterate(start=key, include_key=False), skip, skip + count))

    def _iterate(self, **options):
        with self._saying(), self._db.iterator(verify_checksums=True, **options) as iterator:
            yield from iterator

    @contextlib.contextmanager
    def _saying(self):
        try:
            yield
        except (self._plyvel.Error, OSError) as e:
            said = e.args[0] if e.args else e
            said = said.decode(errors="replace") if isinstance(said, bytes) else str(e)
            raise DataError("a damaged LevelDB, or none", at=self._place, got=said) from e
