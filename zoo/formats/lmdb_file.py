"""An LMDB's file, read page by page; nothing in a page is believed before it was checked.

LMDB's own library trusts its file: it maps it, and one wrong bit in a size or page number makes it read outside of the
map, which ends the process. So it only writes here (`database_writer`). The layout is that of LMDB 0.9 on 64-bit
little-endian machines (mdb.c: MDB_page, MDB_meta, MDB_node), which is all that its files know. LMDB keeps no checksums:
a wrong bit within a value, or in a key that leaves the keys in order, goes unnoticed.
"""

import itertools
import os
import struct
import weakref
from typing import NamedTuple

from zoo.errors import DataError
from zoo.formats import regular
from zoo.formats.limits import IMAGE_BYTES

BRANCH, LEAF, OVERFLOW, META = 0x01, 0x02, 0x04, 0x08
KINDS = {BRANCH: "branch", LEAF: "leaf", OVERFLOW: "start of a long value", META: "meta page"}
KIND_BITS = 0x6F  # what a page's flags say about its kind; the others are notes of a writer
PAGE = struct.Struct("<Q2xHHH")  # page number, flags, lower and upper end of the free space
OVERFLOW_PAGE = struct.Struct("<Q2xHI")  # page number, flags, how many pages
NODE = struct.Struct("<HHHH")  # a leaf's: low and high half of the value's size, flags, size of the key
META_PAGE = struct.Struct("<Q2xH4xII16xI48xHH24xQQQQ")  # page number, flags, then the fields of `_Meta`
MAGIC, VERSION = 0xBEEFC0DE, 1
PAGE_SIZES = [1 << bits for bits in range(8, 16)]
DEEPEST = 32  # levels of a tree that LMDB itself can walk
NO_ROOT = 2**64 - 1
LONG = 0x01  # flag of a leaf's node whose value has pages of its own
BRANCHES = 256  # that are kept, as every `values` comes through some of them
COPY = "copy it again, or make it again"


class _Meta(NamedTuple):
    """What a meta page says; the tree is that of the records."""

    magic: int
    version: int
    page_size: int
    flags: int  # of the tree: 0 for one as Caffe makes it
    depth: int
    entries: int
    root: int
    last_page: int
    transaction: int


class LmdbFile:
    """The records of an LMDB, read only and from any thread.

    A page is looked at when it is needed, so opening takes no time however large the file is.

    Args:
        path: the data file.
        place: the `Place` that errors name.

    Attributes:
        count: how many records there are.

    Raises:
        DataError: it is no LMDB, is shorter than it says, or is damaged; reading raises it, too.
    """

    def __init__(self, path, place):
        self._place = place
        try:
            file = regular.open_binary(path)
        except OSError as e:
            got = f"{os.path.basename(path)}: {e.strerror}"
            raise DataError("cannot read an LMDB", at=place, got=got) from e
        weakref.finalize(self, file.close)
        self._descriptor, self._size = file.fileno(), os.fstat(file.fileno()).st_size
        first = self._meta(0, 0)
        metas = first, self._meta(1, first.page_size)
        self._tree = max(metas, key=lambda meta: meta.transaction)
        if metas[0].page_size != metas[1].page_size:
            raise self._none(f"pages of {metas[0].page_size} and of {metas[1].page_size} bytes")
        self.count, self._page_size = self._tree.entries, self._tree.page_size
        self._most = IMAGE_BYTES.value
        self._branches = {}  # {page number: page numbers of its children}
        self._check_tree()

    def positions(self):
        """Yields something for each record by which `values` finds it again: the index in each page from the root."""
        for path, _, _, offsets in self._leaves(()):
            for index in range(len(offsets)):
                yield *path, index

    def items(self):
        """Yields (key, value), bytes, in the order of keys."""
        for node in self._nodes(()):
            yield node[0], self._value(node)

    def values(self, position, skip, count):
        """Returns a list of up to `count` values, the first that of the record `skip` steps after `position`."""
        return [self._value(node) for node in itertools.islice(self._nodes(position), skip, skip + count)]

    def _nodes(self, start):
        """Yields (key, size of the value, the value or the number of its first page) in order."""
        first = start[-1] if start else 0
        for _, number, data, offsets in self._leaves(start):
            yield from self._leaf(number, data, offsets)[first:]
            first = 0

    def _leaves(self, start):
        """Yields (indices down to the page, page number, bytes, offsets of nodes) of each leaf from `start` on."""
        last, seen = None, 0
        for path, number in self._below(self._tree.root, 1, start) if self.count else ():
            data, offsets = self._page(number, LEAF)
            seen += len(offsets)
            if seen > self.count:
                raise self._wrong_count(f"at least {seen}")
            if last is not None:  # so the walk ends, too: no page is come to twice
                self._check_order(last, self._key(number, data, offsets[0]))
            last = self._key(number, data, offsets[-1])
            yield path, number, data, offsets
        if not start and seen != self.count:
            raise self._wrong_count(seen)

    def _below(self, number, depth, start):
        """Yields (indices from here down, page number) of each leaf below page `number`, from `start` on."""
        if depth == self._tree.depth:
            yield (), number
            return
        children = self._branch(number)
        for index in range(start[0] if start else 0, len(children)):
            for path, leaf in self._below(children[index], depth + 1, start[1:]):
                yield (index, *path), leaf
            start = ()

    def _leaf(self, number, data, offsets):
        """Returns the nodes of a leaf; see `_nodes`."""
        nodes, spans, last = [], [], None
        for offset in offsets:
            low, high, flags, length = NODE.unpack_from(data, offset)
            size, start = low | high << 16, offset + NODE.size + length
            end = start + (8 if flags else size)
            if end > len(data) or flags not in (0, LONG):
                raise self._bad(number, f"a record with flags {flags:#x}, {length} bytes of key and {size} of value")
            key, value = data[offset + NODE.size : start], data[start:end]
            if last is not None:
                self._check_order(last, key)
            last = key
            spans.append((offset, end))
            nodes.append((key, size, int.from_bytes(value, "little") if flags else value))
        self._check_spans(number, spans)
        return nodes

    def _key(self, number, data, offset):
        *_, length = NODE.unpack_from(data, offset)
        if offset + NODE.size + length > len(data):
            raise self._bad(number, f"a key of {length} bytes at {offset}")
        return data[offset + NODE.size : offset + NODE.size + length]

    def _check_order(self, before, key):
        if key <= before:
            raise self._damaged(f"the key {key[:40]!r} after {before[:40]!r}", "keys in order")

    def _branch(self, number):
        """Returns the page numbers of a branch's children."""
        if number in self._branches:
            return self._branches[number]
        data, offsets = self._page(number, BRANCH)
        children, spans = [], []
        for offset in offsets:
            low, high, top, length = NODE.unpack_from(data, offset)
            spans.append((offset, offset + NODE.size + length))
            children.append(low | high << 16 | top << 32)
        self._check_spans(number, spans)
        if len(self._branches) == BRANCHES:
            self._branches = {}
        self._branches[number] = children
        return children

    def _page(self, number, kind):
        """Returns (bytes, offsets of the nodes) of the page `number`, which is to be of that kind."""
        data = self._read(number, self._page_size)
        said, flags, lower, upper = PAGE.unpack_from(data)
        self._check_kind(number, said, flags, kind)
        if not (PAGE.size < lower <= upper < self._page_size and lower % 2 == 0):
            raise self._bad(number, f"free space from {lower} to {upper}")
        offsets = struct.unpack_from(f"<{(lower - PAGE.size) // 2}H", data, PAGE.size)
        if min(offsets) < upper or max(offsets) > self._page_size - NODE.size:
            raise self._bad(number, f"a node at {min(offsets)} or {max(offsets)}, free space to {upper}")
        return data, offsets

    def _check_spans(self, number, spans):
        """Raises DataError unless nodes fill the end of their page without a gap, as LMDB keeps them."""
        spans.sort()
        for (start, end), (following, _) in itertools.pairwise([*spans, (self._page_size, None)]):
            if end + (end & 1) != following:
                raise self._bad(number, f"a node from {start} to {end}, the next at {following}")

    def _check_kind(self, number, said, flags, kind):
        if said != number or flags & KIND_BITS != kind:
            raise self._bad(number, f"number {said} and flags {flags:#x}", f"a {KINDS[kind]}, {kind:#x}")

    def _value(self, node):
        _, size, value = node
        if isinstance(value, bytes):
            return value
        if size > self._most:
            IMAGE_BYTES.check(size, DataError, f"a record of {size} bytes", self._place)
        data = self._read(value, OVERFLOW_PAGE.size + size)
        said, flags, pages = OVERFLOW_PAGE.unpack_from(data)
        self._check_kind(value, said, flags, OVERFLOW)
        if pages * self._page_size < len(data):
            raise self._bad(value, f"{pages} pages of {self._page_size} bytes for a value of {size} bytes")
        return data[OVERFLOW_PAGE.size :]

    def _read(self, number, size):
        """Returns `size` bytes from the start of page `number` on."""
        start = number * self._page_size
        if not 2 <= number <= self._tree.last_page or start + size > (self._tree.last_page + 1) * self._page_size:
            raise self._damaged(f"{size} bytes from page {number} on", f"pages 2 to {self._tree.last_page}")
        return self._bytes(start, size)

    def _bytes(self, start, size):
        try:
            data = os.pread(self._descriptor, size, start)
        except OSError as e:
            raise DataError("cannot read an LMDB", at=self._place, got=e.strerror) from e
        if len(data) != size:
            got, want = f"{start + len(data)} bytes", f"{start + size} bytes or more"
            raise DataError("a truncated LMDB", at=self._place, got=got, want=want, hint=COPY)
        return data

    def _meta(self, number, start):
        if start + META_PAGE.size > self._size:
            raise self._none(f"{self._size} bytes", f"{start + META_PAGE.size} bytes or more")
        data = self._bytes(start, META_PAGE.size)
        said, flags, *fields = META_PAGE.unpack(data)
        meta = _Meta(*fields)
        if meta.magic != MAGIC:
            raise self._none(f"{meta.magic:#x} in the place of {MAGIC:#x} in page {number}")
        if meta.version != VERSION:
            raise self._none(f"version {meta.version} of the data format", f"version {VERSION}, of LMDB 0.9")
        if said != number or flags & KIND_BITS != META or meta.page_size not in PAGE_SIZES:
            raise self._none(f"number {said}, flags {flags:#x} and pages of {meta.page_size} bytes in page {number}")
        return meta

    def _check_tree(self):
        tree, pages = self._tree, self._tree.last_page + 1
        if pages * self._page_size > self._size:
            got, want = f"{self._size} bytes", f"{pages * self._page_size} bytes"
            raise DataError("a truncated LMDB", at=self._place, got=got, want=want, hint=COPY)
        if tree.flags:
            want = "0: one value a key, in the order of their bytes, as Caffe writes them"
            raise DataError("an LMDB of another kind", at=self._place, got=f"flags {tree.flags:#x}", want=want)
        full = pages * self._page_size // (NODE.size + 2)  # a node and its offset
        none = tree.entries, tree.depth, tree.root == NO_ROOT
        if none != (0, 0, True) and not (0 < tree.entries <= full and 0 < tree.depth <= DEEPEST):
            got = f"{tree.entries} records in a tree of {tree.depth} levels from page {tree.root} on"
            raise self._damaged(got, f"records in {pages} pages")

    def _none(self, got, want=None):
        return DataError("a damaged LMDB, or none", at=self._place, got=got, want=want)

    def _damaged(self, got, want=None):
        return DataError("a damaged LMDB", at=self._place, got=got, want=want, hint=COPY)

    def _bad(self, number, got, want=None):
        return self._damaged(f"page {number} with {got}", want)

    def _wrong_count(self, found):
        return self._damaged(f"{found} records", f"{self.count}, as it says")
