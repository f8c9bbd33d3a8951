"""What the HDF5 forms of weights and solver state share: opening, arrays, and writing that can fail cleanly."""

import contextlib
import math
import os

import h5py
import numpy as np

from zoo.formats import atomic, blobproto, hdf5_closed, weightsfile, wire

_INFLATION = 1100  # more than deflate can ever do


@contextlib.contextmanager
def reading(path, error):
    """Gives the open h5py.File at `path`; whatever is wrong with it is raised as `error` (a ZooError class).

    A file whose content lies in others, or unpacks to more than the limit, is refused; see `hdf5_closed`.
    """
    weightsfile.check(path, error)
    try:
        with h5py.File(path, "r", locking=False) as file:
            hdf5_closed.check(file, os.stat(path).st_size)
            yield file
    except wire.WireError as cause:
        raise cause.to(error, path) from cause
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError) as cause:
        damaged = wire.WireError("damaged HDF5 file", got=said(cause))
        raise damaged.to(error, path) from cause


def said(cause):
    """Returns what the exception `cause` says, in one short line."""
    text = str(cause.args[0]) if isinstance(cause, KeyError) and cause.args else str(cause)
    return " ".join(text.split())[:200] or type(cause).__name__


@contextlib.contextmanager
def writing(path, error):
    """Gives a new h5py.File that takes the place of `path` when the block ends well, as `weightsfile.replacing`.

    The library writes through Python's file: where its own way of writing meets a full disk it cannot close the file,
    complains once an object and may crash the process.
    """
    with atomic.replacing(path, error) as file, h5py.File(file, "w") as tree:
        yield tree


def array(item, name):
    """Returns the dataset `item` as float32, of any numeric type, as H5LTread_dataset_float does.

    Raises:
        wire.WireError: as `shape`.
    """
    dims = shape(item, name)
    with np.errstate(over="ignore"):
        return np.asarray(item[()], dtype=np.float32).reshape(dims)


def shape(item, name):
    """Returns the shape of the dataset `item`, whose values are not read.

    Raises:
        wire.WireError: no dataset, no numbers, no blob's shape, or more of them than the file has bytes for.
    """
    if not isinstance(item, h5py.Dataset):
        raise wire.WireError(f"{name} is not an array", got=type(item).__name__.lower(), want="an HDF5 dataset")
    if item.dtype.kind not in "fiu":
        raise wire.WireError(f"{name} holds no numbers", got=str(item.dtype))
    if item.shape is None:
        raise wire.WireError(f"{name} is empty")
    dims = blobproto.checked_shape(item.shape)
    stored = item.id.get_storage_size()
    if math.prod(dims) * item.dtype.itemsize > stored * (_INFLATION if item.chunks else 1):
        raise wire.WireError(f"{name} of shape {dims}", got=f"{stored} bytes in the file", want="its values")
    return dims


def index(key):
    """Returns the number that the dataset name `key` is, as "0" or "12", or None where it is none."""
    return (
        int(key)
        if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 7 and str(int(key)) == key
        else None
    )


def listed(group):
    """Returns the first few names in `group` for a message; h5py gives bytes for those that are no UTF-8."""
    return str(sorted(group, key=str)[:8])


def group(file, name, hint=None):
    """Returns the group `name` at the root of `file`; raises WireError where there is none."""
    if name not in list(file):
        raise wire.WireError(f"no group /{name} in it", got=listed(file), hint=hint)
    if not isinstance(file[name], h5py.Group):
        raise wire.WireError(f"/{name} is no group")
    return file[name]


def put(group, key, values):
    """Writes `values` as a float32 dataset in one piece, as H5LTmake_dataset_float does."""
    group.create_dataset(key, data=np.asarray(values, dtype="<f4", order="C"))


def put_text(group, key, value):
    """Writes the string `value` with a zero behind it, as H5LTmake_dataset_string does and Caffe needs."""
    raw = value.encode("utf-8")
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(len(raw) + 1)
    dataset = h5py.h5d.create(group.id, key.encode("utf-8"), kind, h5py.h5s.create(h5py.h5s.SCALAR))
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array(raw, f"S{len(raw) + 1}"))


def is_hdf5(path):
    """Whether the file at `path` is HDF5, by its content."""
    try:
        return h5py.is_hdf5(os.fspath(path))
    except (OSError, RuntimeError):
        return False
