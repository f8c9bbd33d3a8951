"""Caffe's blobs in a `.keras` file: a member of the archive says which of its arrays they are, and how they lie there.

A `.keras` file is a zip archive (config.json, model.weights.h5, ...), and Keras passes over members that it does not
know. In ours, `MEMBER` is a JSON object

    {"version": 1, "net": NAME, "layers": {LAYER: [BLOB, ...]}}

where a LAYER is the name of a Caffe layer that has parameters (NAME#2 and so on for later ones of a name) and a BLOB is
{"keras": name of a Keras layer, "variable": its number there, "moved": shape, "axes": permutation, "shape": Caffe's
shape}. Its values are the variable's, reshaped to "moved", transposed by "axes", reshaped to "shape".
"""

import io
import json
import lzma
import struct
import zipfile
import zlib

import h5py
import numpy as np

from zoo.errors import WeightsError
from zoo.formats import hdf5, hdf5_closed, limits, regular, weightsfile, wire

MEMBER = "caffe_blobs.json"
_ARRAYS, _CONFIG, _VERSION = "model.weights.h5", "config.json", 1
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, MemoryError, ValueError, TypeError)
_DAMAGE += (LookupError, AttributeError, ArithmeticError, struct.error, lzma.LZMAError)
_DATE = (1980, 1, 1, 0, 0, 0)  # as Keras dates its members: equal nets are equal files


def is_archive(path):
    """Whether the file at `path` begins as a zip archive does; False where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def add(path, net, layers):
    """Adds `MEMBER` to the `.keras` file at `path`, which Keras has just written.

    Args:
        path: the file's.
        net: the net's name.
        layers: {layer: list of BLOBs as above}.
    """
    said = {"version": _VERSION, "net": net, "layers": layers}
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(MEMBER, _DATE), json.dumps(said, ensure_ascii=False))


def read(path):
    """Returns (net name, {layer: list of float32 arrays in Caffe's order and shapes}) of the `.keras` file at `path`.

    Raises:
        WeightsError: damaged, no `.keras` file, or one without `MEMBER`, which Keras itself has written: nothing says
            of which blobs its arrays are.
    """
    content = weightsfile.load(path, WeightsError)
    try:
        said, arrays = _members(content)
        if said["version"] != _VERSION:
            raise wire.WireError(f"{MEMBER} is of another version", got=said["version"], want=_VERSION)
        with h5py.File(io.BytesIO(arrays), "r") as file:
            hdf5_closed.check(file, len(arrays))
            return str(said["net"]), _blobs(said["layers"], _variables(file), len(content))
    except wire.WireError as cause:
        raise cause.to(WeightsError, path) from cause
    except _DAMAGE as cause:
        damaged = wire.WireError("damaged zip archive, such as a .keras file", got=hdf5.said(cause))
        raise damaged.to(WeightsError, path) from cause


def _members(content):
    """Returns (what `MEMBER` says, the bytes of the HDF5 file of arrays) of an archive's bytes."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = set(archive.namelist())
        if {_ARRAYS, _CONFIG} <= members and MEMBER not in members:
            what = "a Keras file that does not say which of Caffe's blobs its arrays are"
            raise wire.WireError(what, want="one as python -m zoo.convert writes it")
        if not {_ARRAYS, MEMBER} <= members:
            raise wire.WireError("not a Caffe weights file", hint=weightsfile.what_is(content, weightsfile.WEIGHTS))
        return regular.parse_json(_member(archive, MEMBER).decode("utf-8")), _member(archive, _ARRAYS)


def _member(archive, name):
    """Returns the bytes of a member, no more than the archive says that it unpacks to."""
    info = archive.getinfo(name)
    what = f"{name} in it, which unpacks to more"
    limits.check_unpacked(info.file_size, info.compress_size, wire.WireError, what)
    return archive.read(info)


def _variables(file):
    """Returns {Keras layer: group of its variables}: Keras numbers the groups, and names their layers separately."""
    found = {}

    def visit(path, item):
        if isinstance(item, h5py.Group) and path.rpartition("/")[2] == "vars" and len(item):
            found[str(item.attrs["name"])] = item

    file.visititems(visit)
    return found


def _blobs(layers, variables, size):
    """Returns {layer: arrays} of an archive of `size` bytes; of a variable that several blobs are, each gets a view."""
    read, found, total = {}, {}, 0
    for name, blobs in layers.items():
        found[name] = []
        for blob in blobs:
            key = (blob["keras"], int(blob["variable"]))
            if key not in read:
                read[key] = hdf5.array(variables[key[0]][str(key[1])], "/".join(map(str, key)))
            total += read[key].nbytes  # those that are turned are copies
            limits.check_unpacked(total, size, wire.WireError, "blobs that together take more")
            moved = np.transpose(read[key].reshape(blob["moved"]), blob["axes"])
            found[name].append(np.ascontiguousarray(moved).reshape(blob["shape"]))
    return found
