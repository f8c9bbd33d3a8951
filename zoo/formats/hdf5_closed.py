"""Whether an HDF5 file is closed in itself, and what its arrays take: looked at before any of it is read.

The format can have a name, or an array's values, stand in another file: by an external link, by external storage, by
a virtual dataset. Reading a stranger's weights would then read any file of the user's, and they might go on into a
model that is given away. No program that writes files for us makes such, so they are refused, without following them.
"""

import math

import h5py

from zoo.formats import limits, wire

_HINT = "write it again with its arrays in it"


def check(file, size):
    """Raises wire.WireError unless all of `file`, an open h5py.File of `size` bytes, lies in it and fits the limits.

    Links within the file are allowed. What a dataset takes counts once for every name that it has.
    """
    groups, seen, total = [(file.id, "")], set(), 0
    while groups:
        group, path = groups.pop()
        address = h5py.h5o.get_info(group).addr
        if address in seen:  # hard links may make a ring
            continue
        seen.add(address)
        for key in group:
            name = f"{path}/{key.decode('utf-8', 'backslashreplace')}"
            kind = group.links.get_info(key).type
            if kind == h5py.h5l.TYPE_SOFT:
                continue  # a way to what is looked at where it stands
            if kind != h5py.h5l.TYPE_HARD:
                raise wire.WireError(f"{name} leads out of the file", got="an external link", hint=_HINT)
            item = h5py.h5o.open(group, key)
            if isinstance(item, h5py.h5g.GroupID):
                groups.append((item, name))
            elif isinstance(item, h5py.h5d.DatasetID):
                total += _bytes(item, name)
                limits.check_unpacked(total, size, wire.WireError, "arrays that together take more")


def _bytes(dataset, name):
    """Returns how many bytes reading `dataset` takes."""
    made = dataset.get_create_plist()
    if made.get_external_count():
        raise wire.WireError(f"{name} has its values in another file", got="external storage", hint=_HINT)
    layout = made.get_layout()
    if layout == h5py.h5d.VIRTUAL:
        raise wire.WireError(f"{name} has its values in other files", got="a virtual dataset", hint=_HINT)
    chunk = math.prod(made.get_chunk()) if layout == h5py.h5d.CHUNKED else 0
    return dataset.get_type().get_size() * max(math.prod(dataset.shape or ()), chunk)
