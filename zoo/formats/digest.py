"""Short digests, by which two things are told apart in a message."""

import hashlib

from zoo.formats import regular

DIGITS = 16  # 64 bits: enough against a mistake, and no protection from a forger
ENDS = 2**16  # bytes at either end of a file that `ends` reads


def digest(*parts):
    """Returns 16 hexadecimal digits of the SHA-256 of `parts`: bytes, or whatever `repr` tells apart."""
    total = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else repr(part).encode()
        total.update(len(data).to_bytes(8, "little") + data)
    return total.hexdigest()[:DIGITS]


def ends(paths):
    """Returns the digest of the size, the first and the last 64 KiB of each of the files at `paths`.

    That much is read of a file of any size; what differs in the middle alone goes unnoticed. That a file cannot be
    read is part of the digest: whoever needs it says so.
    """
    found = []
    for path in paths:
        try:
            with regular.open_binary(path) as file:
                first, size = file.read(ENDS), file.seek(0, 2)
                file.seek(max(0, size - ENDS))
                found.append((size, digest(first), digest(file.read(ENDS))))
        except OSError:
            found.append(None)
    return digest(found)


def evenly(count, most=16):
    """Returns at most `most` different indices below `count`, spread evenly, the first and the last among them."""
    picked = min(count, most)
    return sorted({index * (count - 1) // max(picked - 1, 1) for index in range(picked)})
