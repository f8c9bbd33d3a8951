"""LevelDB's tables: sound ones pass, packed or not; a block beyond the file is one error, not the process's end."""

import random

import pytest

from zoo.errors import DataError
from zoo.formats import leveldb_tables
from zoo.formats.database_writer import DatabaseWriter
from zoo.formats.databases import Database

plyvel = pytest.importorskip("plyvel", reason="needs plyvel")


def written(folder, compression):
    """Returns the paths of the tables of a LevelDB of some hundred blocks, and its records."""
    rng = random.Random(0)
    records = {b"%08d_%s" % (i, b"same/" * 9): bytes(rng.randrange(4) for _ in range(500)) for i in range(2000)}
    with plyvel.DB(str(folder), create_if_missing=True, block_size=1024, compression=compression) as database:
        for key, value in records.items():
            database.put(key, value)
        database.compact_range()
    return sorted(path for path in folder.iterdir() if path.suffix in leveldb_tables.ENDS), records


@pytest.mark.parametrize("compression", [None, "snappy"])
def test_sound_tables_and_one_wrong_byte(tmp_path, compression):
    """A wrong bit in the footer or the index is an error, or changes nothing; without the check it may end Python."""
    tables, records = written(tmp_path / "db", compression)
    assert tables
    assert dict(Database(tmp_path / "db").items()) == records
    path = max(tables, key=lambda path: path.stat().st_size)
    whole = path.read_bytes()
    index = leveldb_tables._numbers(whole[-48:], 0, 4)
    assert whole[index[2] + index[3]] == (1 if compression else 0)
    packed = whole[index[2] : index[2] + index[3]]
    handles = list(leveldb_tables._handles(leveldb_tables._unpacked(packed) if compression else packed))
    assert len(handles) > 50 and handles[0][0] == 0
    assert all(a[0] + a[1] + 5 == b[0] for a, b in zip(handles, handles[1:]))
    path.write_bytes(whole[:-48] + b"\x03\x31\x01\xff\xff\xff\xff\xff\xff\xff\x7f" + whole[-37:])
    with pytest.raises(DataError, match=f"{path.name}: a block of 72057594037927935 bytes at 1 in a table of"):
        Database(tmp_path / "db")
    for end in (b"", whole[:20], whole[:-1], whole[:-48] + bytes(48)):
        path.write_bytes(end)
        with pytest.raises(leveldb_tables.Damaged):
            leveldb_tables.check(path)
    rng = random.Random(1)
    for _ in range(300):
        place = rng.randrange(index[2], len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << rng.randrange(8)]) + whole[place + 1 :])
        try:
            assert dict(Database(tmp_path / "db").items()) == records
        except DataError as error:
            assert "LevelDB" in str(error)


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"\xff" * 11, b"\xff\xff\xff\xff\x7f", b"\x05\x01\x00", b"\x05\x10abcdefgh", b"\x04\xf0"]
)
def test_what_cannot_be_unpacked(data):
    with pytest.raises(leveldb_tables.Damaged):
        leveldb_tables._unpacked(data)


def test_what_the_writer_writes(tmp_path):
    with DatabaseWriter(tmp_path / "x", "leveldb") as writer:
        for i in range(5):
            writer.put(b"%08d" % i, bytes(40))
    assert Database(tmp_path / "x").count == 5
