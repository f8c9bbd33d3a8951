"""LMDB's file read by us: as its own library reads it; forged and damaged, each way ends in one error."""

import os
import random
import struct
import sys

import lmdb
import pytest

from zoo.errors import DataError
from zoo.formats.database_writer import DatabaseWriter
from zoo.formats.databases import Database

PAGE = 4096
COUNT = 300


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of an LMDB of 300 records in a root and its leaves; the value of each tenth has pages of its own."""
    path = tmp_path_factory.mktemp("lmdb") / "db"
    draw = random.Random(1)
    with DatabaseWriter(path, "lmdb") as writer:
        for i in range(COUNT):
            writer.put(b"%08d" % i, draw.randbytes(5000 if i % 10 == 3 else 100))
    return (path / "data.mdb").read_bytes()


def read(path, data):
    """Returns the items of an LMDB of these bytes, once they were read both in one go and by their ordinals."""
    path.write_bytes(data)
    database = Database(path)
    items = list(database.items())
    assert database.count == len(items)
    values = [value for _, value in items]
    assert database.read(0, len(items)) == values and database.read(len(items) - 1, 2) == [values[-1], values[0]]
    return items


def random_database(path, seed):
    """Makes an LMDB with records replaced and deleted; returns its items as LMDB's library reads them."""
    draw = random.Random(seed)
    with lmdb.open(str(path), map_size=1 << 28, sync=False, writemap=seed % 4 == 1) as environment:
        keys = [draw.randbytes(draw.randint(1, draw.choice([8, 60, 500]))) for _ in range(draw.choice([3, 50, 900]))]
        largest = draw.choice([5, 300, 1900, 2100, 30_000])
        for _ in range(draw.randint(1, 6)):
            with environment.begin(write=True) as transaction:
                for key in draw.sample(keys, draw.randint(1, len(keys))):
                    if draw.random() < 0.25:
                        transaction.delete(key)
                    else:
                        transaction.put(key, draw.randbytes(draw.randint(0, largest)))
        with environment.begin() as transaction:
            items = list(transaction.cursor().iternext())
        (path / "copy").mkdir()
        environment.copy(str(path / "copy"), compact=True)
    return items


@pytest.mark.parametrize("seed", range(12))
def test_as_its_library_reads_it(tmp_path, seed):
    items = random_database(tmp_path, seed)
    for folder in (tmp_path, tmp_path / "copy"):
        assert read(tmp_path / "x.mdb", (folder / "data.mdb").read_bytes()) == items


@pytest.mark.parametrize("name", ["raw_lmdb", "gray_lmdb", "encoded_lmdb", "float_lmdb"])
def test_as_its_library_reads_what_caffe_wrote(tmp_path, shared, name):
    data = (shared / "golden" / "data" / name / "data.mdb").read_bytes()
    items = read(tmp_path / "ours.mdb", data)
    (tmp_path / "its.mdb").write_bytes(data)
    environment = lmdb.open(str(tmp_path / "its.mdb"), subdir=False, readonly=True, lock=False)
    with environment, environment.begin() as transaction:
        assert items == list(transaction.cursor().iternext())


def test_its_library_is_not_needed(tmp_path, monkeypatch, whole):
    monkeypatch.setitem(sys.modules, "lmdb", None)
    assert len(read(tmp_path / "x.mdb", whole)) == COUNT


def numbers(whole):
    """Returns (offset of the newest meta page, root's page number, page number of its first leaf)."""
    meta = max((0, PAGE), key=lambda start: struct.unpack_from("<Q", whole, start + 144))
    (root,) = struct.unpack_from("<Q", whole, meta + 128)
    (node,) = struct.unpack_from("<H", whole, root * PAGE + 16)
    low, high, top = struct.unpack_from("<3H", whole, root * PAGE + node)
    return meta, root, low | high << 16 | top << 32


def nodes(whole, page):
    """Returns the offsets within the file of the nodes of a page."""
    (lower,) = struct.unpack_from("<H", whole, page * PAGE + 12)
    return [page * PAGE + at for at in struct.unpack_from(f"<{(lower - 16) // 2}H", whole, page * PAGE + 16)]


def forge(whole, form, at, *values):
    data = bytearray(whole)
    struct.pack_into(form, data, at, *values)
    return bytes(data)


def of_meta(form, offset, *values):
    return lambda whole: forge(whole, form, numbers(whole)[0] + offset, *values)


def of_first(form, offset, *values):
    """A forgery within page 0, from which the size of pages is read."""
    return lambda whole: forge(whole, form, offset, *values)


def of_root(form, offset, *values):
    return lambda whole: forge(whole, form, numbers(whole)[1] * PAGE + offset, *values)


def of_leaf(form, offset, *values):
    return lambda whole: forge(whole, form, numbers(whole)[2] * PAGE + offset, *values)


def of_child(*values):
    return lambda whole: forge(whole, "<3H", nodes(whole, numbers(whole)[1])[1], *values)


def of_node(number, form, offset, *values):
    """A forgery in a node of the first leaf; number 3 is that of a value with pages of its own."""
    return lambda whole: forge(whole, form, nodes(whole, numbers(whole)[2])[number] + offset, *values)


def of_long_value(form, offset, *values):
    def change(whole):
        (page,) = struct.unpack_from("<Q", whole, nodes(whole, numbers(whole)[2])[3] + 16)
        return forge(whole, form, page * PAGE + offset, *values)

    return change


def root_as_child(whole):
    root = numbers(whole)[1]
    return of_child(root, 0, 0)(whole)


def leaf_twice(whole):
    return of_child(numbers(whole)[2], 0, 0)(whole)


FORGED = {
    "magic": (of_meta("<I", 16, 7), "a damaged LMDB, or none, got 0x7 in the place of 0xbeefc0de in page"),
    "version": (of_meta("<I", 20, 999), "or none, got version 999 of the data format, want version 1, of LMDB 0.9"),
    "page size 0": (of_first("<I", 40, 0), "or none, got number 0, flags 0x8 and pages of 0 bytes in page 0"),
    "page size 8192": (of_first("<I", 40, 8192), "got 0x.* in the place of 0xbeefc0de in page 1"),
    "page size 2^31": (of_first("<I", 40, 1 << 31), "pages of 2147483648 bytes"),
    "last page": (of_meta("<Q", 136, 1 << 40), "a truncated LMDB, got .* want 4503599627374592 bytes"),
    "no last page": (of_meta("<Q", 136, 1), "a damaged LMDB, got .*, want "),
    "root": (of_meta("<Q", 128, 1 << 51), "got 4096 bytes from page 2251799813685248 on, want pages 2 to"),
    "root is a meta page": (of_meta("<Q", 128, 1), "got 4096 bytes from page 1 on, want pages 2 to"),
    "no root": (of_meta("<Q", 128, 2**64 - 1), "got 4096 bytes from page 18446744073709551615 on"),
    "depth": (of_meta("<H", 94, 3), "got page .* with number .* and flags 0x2, want a branch, 0x1"),
    "depth 0": (of_meta("<H", 94, 0), "got 300 records in a tree of 0 levels"),
    "depth 65535": (of_meta("<H", 94, 65535), "got 300 records in a tree of 65535 levels"),
    "kind": (of_meta("<H", 92, 4), "an LMDB of another kind, got flags 0x4, want 0: one value a key"),
    "more records": (of_meta("<Q", 120, 301), "got 300 records, want 301, as it says"),
    "fewer records": (of_meta("<Q", 120, 100), "records, want 100, as it says"),
    "2^60 records": (of_meta("<Q", 120, 1 << 60), "got 1152921504606846976 records in a tree"),
    "page's number": (of_root("<Q", 0, 5), "with number 5 and flags 0x1, want a branch"),
    "page's kind": (of_root("<H", 10, 2), "flags 0x2, want a branch"),
    "lower": (of_root("<H", 12, 60_000), "with free space from 60000 to"),
    "odd lower": (of_root("<H", 12, 19), "with free space from 19 to"),
    "no nodes": (of_root("<H", 12, 16), "with free space from 16 to"),
    "upper": (of_root("<H", 14, 65_535), "free space from .* to 65535"),
    "node's offset": (of_root("<H", 16, 65_535), "with a node at .* or 65535"),
    "node's offset, below": (of_root("<H", 16, 18), "with a node at 18 or"),
    "child": (of_child(65_535, 65_535, 65_535), "got 4096 bytes from page 281474976710655 on"),
    "child is the root": (root_as_child, "want a leaf, 0x2"),
    "child comes twice": (leaf_twice, "got the key b'00000000' after b'.*', want keys in order"),
    "leaf's kind": (of_leaf("<H", 10, 0x22), "flags 0x22, want a leaf"),
    "leaf's lower": (of_leaf("<H", 12, 20), "got 266 records, want 300, as it says"),
    "key's size": (of_node(0, "<H", 6, 65_535), "65535 bytes of key"),
    "last key's size": (of_node(-1, "<H", 6, 65_535), "a key of 65535 bytes"),
    "another key's size": (of_node(1, "<H", 6, 65_535), "65535 bytes of key"),
    "key's size by 1": (of_node(1, "<H", 6, 10), "with a node from .* to .*, the next at"),
    "key's order": (of_node(1, "<8s", 8, b"99999999"), "after b'99999999', want keys in order"),
    "value's size": (of_node(1, "<HH", 0, 65_535, 65_535), "and 4294967295 of value"),
    "value's size by 2": (of_node(1, "<H", 0, 98), "with a node from .* to .*, the next at"),
    "node's kind": (of_node(1, "<H", 4, 4), "a record with flags 0x4"),
    "long value's page": (of_node(3, "<Q", 16, 1 << 60), "got 5016 bytes from page 1152921504606846976 on"),
    "long value's page is a leaf": (of_node(3, "<Q", 16, 2), "want a start of a long value, 0x4"),
    "long value's size": (of_node(3, "<HH", 0, 0, 4000), "got 262144016 bytes from page"),
    "long value's size, larger": (
        of_node(3, "<HH", 0, 0, 65_535),
        "a record of 4294901760 bytes, .*--max_image_bytes=N",
    ),
    "long value's size, within": (
        of_node(3, "<HH", 0, 9000, 0),
        "with 2 pages of 4096 bytes for a value of 9000 bytes",
    ),
    "long value's pages": (of_long_value("<I", 12, 1), "with 1 pages of 4096 bytes for a value of 5000 bytes"),
    "long value's kind": (of_long_value("<H", 10, 2), "flags 0x2, want a start of a long value"),
}


@pytest.mark.parametrize("case", FORGED)
def test_forged(tmp_path, whole, case):
    change, said = FORGED[case]
    with pytest.raises(DataError, match=said) as caught:
        read(tmp_path / "x.mdb", change(whole))
    assert str(caught.value).startswith(f"{tmp_path / 'x.mdb'}: a") and len(str(caught.value)) < 400


def flipped(data, seed):
    bit = random.Random(seed).randrange(len(data) * 8)
    forged = bytearray(data)
    forged[bit // 8] ^= 1 << bit % 8
    return bytes(forged)


def test_a_flipped_bit_ends_in_right_data_or_one_error(tmp_path, whole):
    """All that goes unnoticed is a wrong bit within one key or value, of which LMDB keeps no checksum."""
    want = read(tmp_path / "whole.mdb", whole)
    meta, root, leaf = numbers(whole)
    errors = 0
    for seed in range(150):
        start = (0, 0, root * PAGE, leaf * PAGE)[seed % 4]  # anywhere, and where it matters
        end = (len(whole), meta + 152, root * PAGE + 32, leaf * PAGE + 32)[seed % 4]
        try:
            items = read(tmp_path / "x.mdb", whole[:start] + flipped(whole[start:end], seed) + whole[end:])
        except DataError:
            errors += 1
            continue
        assert [len(key) + len(value) for key, value in items] == [len(key) + len(value) for key, value in want]
        assert sum(a != b for item, right in zip(items, want) for a, b in zip(b"".join(item), b"".join(right))) <= 1
    assert 20 < errors < 150


def test_an_error_stays_an_error(tmp_path, whole):
    """Asked again, a database that has failed does not take the rest of its records for none."""
    (tmp_path / "x.mdb").write_bytes(of_meta("<Q", 120, 100)(whole))
    database = Database(tmp_path / "x.mdb")
    for _ in range(2):
        with pytest.raises(DataError, match="want 100, as it says"):
            database.read(99, 2)


def test_a_file_that_is_cut_while_it_is_read(tmp_path, whole):
    path = tmp_path / "x.mdb"
    path.write_bytes(whole)
    database = Database(path)
    os.truncate(path, PAGE * 3)
    with pytest.raises(DataError, match="x.mdb: a truncated LMDB, got .* bytes, want .* bytes or more"):
        database.read(0, COUNT)
