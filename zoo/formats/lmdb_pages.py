"""A look at the pages of an LMDB before its library does, which ends the whole process over a page that is none.

Holes are common where a copy or download broke off in a file that had its full size from the start. The layout is that
of LMDB 0.9 on 64-bit little-endian machines (mdb.c: MDB_page, MDB_meta, MDB_node), which is all that its files know.
"""

import mmap
import struct

BRANCH, LEAF = 0x01, 0x02
META_ROOT, META_TXN = 128, 144  # offsets within a meta page: root of the main tree, number of the transaction
HEADER = struct.Struct("<QHHHH")  # page number, pad, flags, lower, upper
NODE = struct.Struct("<HHH")  # the three parts of a child's page number
HEADER_SIZE = 16
NO_ROOT = 2**64 - 1


def first_bad_page(path, page_size):
    """Returns the number of the first page of the tree that is none, or None where all are sound.

    Branches and leaves are looked at, values that have pages of their own are not.

    Args:
        path: the data file, not truncated.
        page_size: bytes of a page.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        metas = [struct.unpack_from("<Q", data, page * page_size + META_TXN)[0] for page in (0, 1)]
        newest = int(metas[1] > metas[0]) * page_size
        (root,) = struct.unpack_from("<Q", data, newest + META_ROOT)
        pages, seen = [] if root == NO_ROOT else [root], 0
        while pages:
            page = pages.pop()
            start = page * page_size
            seen += 1
            if start + page_size > len(data) or seen > len(data) // page_size:  # a tree, not a ring
                return page
            number, _, flags, lower, upper = HEADER.unpack_from(data, start)
            kind = flags & (BRANCH | LEAF)
            if number != page or kind not in (BRANCH, LEAF) or not HEADER_SIZE <= lower <= upper <= page_size:
                return page
            if kind == BRANCH:
                offsets = struct.unpack_from(f"<{(lower - HEADER_SIZE) // 2}H", data, start + HEADER_SIZE)
                if not offsets or any(not upper <= offset <= page_size - 8 for offset in offsets):
                    return page
                for offset in offsets:
                    low, high, top = NODE.unpack_from(data, start + offset)
                    pages.append(low | high << 16 | top << 32)
    return None
