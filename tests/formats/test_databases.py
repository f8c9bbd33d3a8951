"""LMDB and LevelDB: order, any ordinal, and what is said where they are none, empty or damaged."""

import os
import shutil
import sys

import pytest

from zoo.errors import DataError
from zoo.formats.database_writer import DatabaseWriter
from zoo.formats.databases import STRIDE, Database, database_kind

BACKENDS = ["lmdb", "leveldb"]


def write(path, backend, count, size=300):
    """Writes `count` records in falling order of keys; record i in order of keys ends in its number."""
    with DatabaseWriter(path, backend) as writer:
        for i in reversed(range(count)):
            writer.put(b"%08d" % i, os.urandom(size) + b"%d" % i)
    return path


def numbers(values, size=300):
    return [int(value[size:]) for value in values]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("count", [1, STRIDE - 1, STRIDE, STRIDE + 1, 5 * STRIDE, 1234])
def test_any_ordinal_round_and_round(tmp_path, backend, count):
    write(tmp_path / "db", backend, count)
    for first in (0, 1, count - 1, count, 3 * count + 2, 1000):
        database = Database(tmp_path / "db")  # one that has not been asked before
        assert numbers(database.read(first, 70)) == [(first + i) % count for i in range(70)]
        assert numbers(database.read(0, 2)) == [0, 1 % count]
        assert database.count == count
    assert [key for key, _ in database.items()] == [b"%08d" % i for i in range(count)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_kind_and_neighbours(tmp_path, backend):
    path = write(tmp_path / "db", backend, 3)
    assert Database(path).kind == database_kind(path) == {"lmdb": "LMDB", "leveldb": "LevelDB"}[backend]
    assert database_kind(tmp_path) is None
    assert [p.name for p in tmp_path.iterdir()] == ["db"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_readers_at_once_change_nothing(tmp_path, backend):
    path = write(tmp_path / "db", backend, 100)
    before = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in path.iterdir()}
    first, second = Database(path), Database(path)
    assert numbers(first.read(90, 20)) == numbers(second.read(90, 20)) == [*range(90, 100), *range(10)]
    assert first.count == second.count == 100
    del first
    assert numbers(second.read(3, 2)) == [3, 4]
    assert before == {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in path.iterdir()}


def test_lmdb_without_a_folder(tmp_path):
    write(tmp_path / "db", "lmdb", 5)
    (tmp_path / "db" / "data.mdb").rename(tmp_path / "one.mdb")
    assert numbers(Database(tmp_path / "one.mdb").read(4, 2)) == [4, 0]


def test_a_database_that_was_replaced_is_read_anew(tmp_path):
    path = write(tmp_path / "db", "lmdb", 5)
    old = Database(path)
    shutil.rmtree(path)
    write(path, "lmdb", 7)
    assert (old.count, Database(path).count) == (5, 7)


def test_lmdb_grows_beyond_its_first_map(tmp_path):
    path = tmp_path / "db"
    with DatabaseWriter(path, "lmdb") as writer:
        for i in range(1050):
            writer.put(b"%08d" % i, bytes(1 << 17) + b"%d" % i)
    assert numbers(Database(path).read(1048, 3), 1 << 17) == [1048, 1049, 0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_existing_folder_is_not_written_over(tmp_path, backend):
    (tmp_path / "db").mkdir()
    with pytest.raises(DataError, match="db: already there"):
        DatabaseWriter(tmp_path / "db", backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_error_leaves_nothing(tmp_path, backend):
    with pytest.raises(ZeroDivisionError), DatabaseWriter(tmp_path / "db", backend) as writer:
        writer.put(b"1", b"2")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_folder_that_cannot_be_made(tmp_path, backend):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write a database"):
        DatabaseWriter(tmp_path / "file" / "db", backend)


def empty_folder(path):
    path.mkdir()


def other_folder(path):
    path.mkdir()
    (path / "picture.jpg").write_bytes(b"x")


def plain_file(path):
    path.write_bytes(b"x")


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda path: None, "got nothing there"),
        (empty_folder, "got a directory with nothing in it"),
        (other_folder, "got a directory with picture.jpg"),
        (plain_file, "got a file"),
    ],
)
def test_no_database(tmp_path, make, said):
    make(tmp_path / "db")
    with pytest.raises(DataError, match=f"db: not a database, {said}, want a directory with data.mdb"):
        Database(tmp_path / "db")


@pytest.mark.parametrize("backend", BACKENDS)
def test_empty(tmp_path, backend):
    with DatabaseWriter(tmp_path / "db", backend):
        pass
    with pytest.raises(DataError, match="db: an empty (LMDB|LevelDB)"):
        Database(tmp_path / "db")


@pytest.mark.parametrize("kept", [0, 100, 4096, 9000, 50_000])
def test_truncated_lmdb(tmp_path, kept):
    path = write(tmp_path / "db", "lmdb", 400)
    with open(path / "data.mdb", "r+b") as f:
        f.truncate(kept)
    with pytest.raises(DataError, match="db: (a truncated LMDB|a damaged LMDB, or none), got .* bytes, want .* bytes"):
        Database(path)


@pytest.mark.parametrize("what", [bytes, os.urandom])
def test_lmdb_with_a_hole(tmp_path, what):
    path = write(tmp_path / "db", "lmdb", 500)
    data = (path / "data.mdb").read_bytes()
    bad = 0
    for page in range(2, len(data) // 4096, 3):
        (path / "data.mdb").write_bytes(data[: 4096 * page] + what(4096) + data[4096 * (page + 1) :])
        try:
            assert numbers(Database(path).read(0, 500)) == list(range(500))  # a page that nothing leads to
        except DataError as e:
            assert f"db: a damaged LMDB, got page {page} with number " in str(e)
            bad += 1
    assert bad > 8


def test_lmdb_that_was_written_over_and_over(tmp_path):
    """Free pages, several levels of branches, deleted records and values with pages of their own are all sound."""
    import lmdb

    with lmdb.open(str(tmp_path), map_size=1 << 28) as environment:
        for turn in range(6):
            with environment.begin(write=True) as transaction:
                for i in range(0, 30_000, 1 + turn):
                    transaction.put(b"%030d" % i, bytes(20 + 6000 * (i % 700 == turn)))
                for i in range(turn, 30_000, 5):
                    transaction.delete(b"%030d" % i)
        with environment.begin() as transaction:
            want = list(transaction.cursor().iternext(values=False))
        assert environment.stat()["depth"] > 2
    database = Database(tmp_path)
    assert database.count == len(want) and [key for key, _ in database.items()] == want


def test_lmdb_of_something_else(tmp_path):
    (tmp_path / "data.mdb").write_bytes(bytes(20_000))
    with pytest.raises(DataError, match="a damaged LMDB, or none"):
        Database(tmp_path)


@pytest.mark.parametrize(
    "backend, file", [("lmdb", "data.mdb"), *(("leveldb", f) for f in ("CURRENT", "MANIFEST*", "*.ldb"))]
)
@pytest.mark.parametrize("what", ["pipe", "device", "folder"])
def test_a_database_with_something_else_than_a_file(tmp_path, backend, file, what):
    """A pipe would be waited for, a device never end."""
    path = write(tmp_path / "db", backend, 400)
    (victim,) = path.glob(file)
    victim.unlink()
    if what == "pipe":
        os.mkfifo(victim)
    elif what == "device":
        victim.symlink_to("/dev/zero")
    else:
        victim.mkdir()
    said = "Is a directory" if what == "folder" else "is a device, pipe or socket, not a file"
    with pytest.raises(DataError, match=f"db: cannot read an? (LMDB|LevelDB), got {victim.name}: {said}"):
        Database(path).read(0, 400)


@pytest.mark.parametrize(
    "said", ["../manifest\n", "MANIFEST-000002/../../manifest\n", "MANIFEST-000002", "x" * 100_000]
)
def test_a_leveldb_stays_in_its_folder(tmp_path, said):
    path = write(tmp_path / "db", "leveldb", 4)
    (path / "CURRENT").write_text(said)
    (tmp_path / "manifest").symlink_to("/dev/zero")
    with pytest.raises(DataError, match="db: a damaged LevelDB, or none, got CURRENT says .*, want MANIFEST-number"):
        Database(path)


def test_a_leveldb_with_other_things_in_its_folder(tmp_path):
    path = write(tmp_path / "db", "leveldb", 4)
    os.mkfifo(path / "notes.fifo")
    (path / "lost").mkdir()
    (path / "nothing").symlink_to(tmp_path / "not there")
    assert numbers(Database(path).read(0, 4)) == [0, 1, 2, 3]


@pytest.mark.parametrize("file", ["*.ldb", "MANIFEST*", "CURRENT"])
@pytest.mark.parametrize("damage", ["gone", "short", "other"])
def test_damaged_leveldb(tmp_path, file, damage):
    path = write(tmp_path / "db", "leveldb", 400)
    (victim,) = path.glob(file)
    data = victim.read_bytes()
    if damage == "gone":
        victim.unlink()
    else:
        victim.write_bytes(data[: len(data) // 2] if damage == "short" else bytes(len(data)))
    with pytest.raises(DataError, match="db: (a damaged LevelDB, or none|an empty LevelDB|not a database)"):
        Database(path).read(0, 400)


def test_a_library_that_is_not_installed(tmp_path, monkeypatch):
    path = write(tmp_path / "db", "leveldb", 4)
    monkeypatch.setitem(sys.modules, "plyvel", None)
    with pytest.raises(DataError, match="needs the package plyvel.*pip install plyvel"):
        Database(path)


@pytest.mark.parametrize("backend, name", [("lmdb", "lmdb"), ("leveldb", "plyvel")])
def test_writing_without_the_library(tmp_path, monkeypatch, backend, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DataError, match=f"needs the package {name}.*pip install {name}"):
        DatabaseWriter(tmp_path / "db", backend)


@pytest.mark.parametrize("name, entries", [("raw_lmdb", 12), ("raw_leveldb", 12), ("float_lmdb", 9)])
def test_what_caffe_wrote(shared, name, entries):
    database = Database(shared / "golden" / "data" / name)
    assert database.count == entries
    keys = [key for key, _ in database.items()]
    assert keys == sorted(keys) and keys[1].startswith(b"00000001")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_record_larger_than_the_limit(tmp_path, monkeypatch, backend):
    path = write(tmp_path / "db", backend, 3, size=6000)
    monkeypatch.setenv("ZOO_MAX_IMAGE_BYTES", "6000")
    with pytest.raises(DataError, match="db: a record of 6001 bytes, got 6001 bytes, want at most 6000 .*image_bytes"):
        Database(path).read(0, 1)
    with pytest.raises(DataError, match="a record of 6001 bytes"):
        list(Database(path).items())
    monkeypatch.setenv("ZOO_MAX_IMAGE_BYTES", "6001")
    assert numbers(Database(path).read(0, 3), 6000) == [0, 1, 2]
