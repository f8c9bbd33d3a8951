"""Files of features: rows of blobs, added batch by batch, whole in the end or not there at all.

hdf5: a dataset a blob, (items, ...) float32. npz: the same as NumPy's arrays; held in memory until the end. tfrecord: a
tf.train.Example an item, of each blob its values and, under NAME/shape, their shape. lmdb and leveldb: a database a
blob, of Datums with float_data under keys of ten digits, as Caffe's extract_features writes them.
"""

import contextlib
import pathlib
import zipfile

import numpy as np

from zoo import command
from zoo.errors import DataError, OutputError, Place
from zoo.formats import atomic, caffe_pb2, hdf5
from zoo.formats.database_writer import DatabaseWriter
from zoo.report import python, typed

ENDINGS = {".h5": "hdf5", ".hdf5": "hdf5", ".npz": "npz", ".tfrecord": "tfrecord", "lmdb": "lmdb", "leveldb": "leveldb"}
PER_BLOB = ("lmdb", "leveldb")


def form_of(path):
    """Returns the form that a name's ending stands for; raises OutputError for another."""
    for ending, form in ENDINGS.items():
        if str(path).rstrip("/").endswith(ending):
            return form
    want = ", ".join(f"*{ending}" for ending in ENDINGS)
    raise OutputError("unknown kind of file for features", at=Place(str(path)), want=want)


def how_to_open(path, form, blob):
    """Returns a line for the shell that opens features, of `form_of`, and prints how many there are."""
    code = {
        "hdf5": f"import h5py; print(h5py.File({path!r})[{blob!r}].shape)",
        "npz": f"import numpy; print(numpy.load({path!r})[{blob!r}].shape)",
        "tfrecord": f"import tensorflow as tf; print(sum(1 for _ in tf.data.TFRecordDataset({path!r})))",
        "lmdb": f"import lmdb; print(lmdb.open({path!r}, readonly=True).stat()['entries'])",
        "leveldb": f"import plyvel; print(sum(1 for _ in plyvel.DB({path!r})))",
    }
    return f"{python()} {typed(['-c', code[form]])}"


@contextlib.contextmanager
def writing(paths, blobs, form):
    """Gives a function that takes {blob: float32 (N, ...)} and adds these rows.

    Args:
        paths: of the files: one, or one for each of `blobs` where `form` is in `PER_BLOB`.
        blobs: their names.
        form: "hdf5", "npz", "tfrecord", "lmdb" or "leveldb".

    Raises:
        OutputError, DataError: the disk refuses, a database lies there, or a blob's rows do not fit a Datum.
    """
    if len(paths) != (len(blobs) if form in PER_BLOB else 1):
        want = f"{len(blobs)}, one a blob" if form in PER_BLOB else "one"
        raise OutputError(f"features as {form}", got=f"{len(paths)} names of files", want=want)
    if form in PER_BLOB:
        with contextlib.ExitStack() as stack:
            put = {b: stack.enter_context(DatabaseWriter(p, form)).put for b, p in zip(blobs, paths, strict=True)}
            yield _datums(put)
        return
    if form == "hdf5":
        _check_names(blobs)
    single = {"hdf5": _hdf5, "npz": _npz, "tfrecord": _tfrecord}[form]
    with single(pathlib.Path(paths[0])) as add:
        yield add


def _datums(put):
    numbers = dict.fromkeys(put, 0)

    def add(rows):
        for blob, array in rows.items():
            if array.ndim > 4:
                raise OutputError("a Datum has at most three axes", got=f"{blob} {' x '.join(map(str, array.shape))}")
            sizes = dict(zip(("channels", "height", "width"), (*array.shape[1:], 1, 1, 1)))
            for row in array:
                datum = caffe_pb2.Datum(**sizes, float_data=row.ravel())
                put[blob](b"%010d" % numbers[blob], datum.SerializeToString())
                numbers[blob] += 1

    return add


@contextlib.contextmanager
def _hdf5(path):
    with hdf5.writing(path, OutputError) as file:

        def add(rows):
            for blob, array in rows.items():
                if blob not in file:
                    file.create_dataset(blob, data=array, maxshape=(None, *array.shape[1:]), chunks=True)
                else:
                    _check_shape(blob, file[blob].shape[1:], array)
                    file[blob].resize(len(file[blob]) + len(array), axis=0)
                    file[blob][-len(array) :] = array

        yield add


@contextlib.contextmanager
def _npz(path):
    parts = {}

    def add(rows):
        for blob, array in rows.items():
            if parts.get(blob):
                _check_shape(blob, parts[blob][0].shape[1:], array)
            parts.setdefault(blob, []).append(array)

    yield add
    with atomic.replacing(path, OutputError) as file, zipfile.ZipFile(file, "w") as archive:  # savez takes not any name
        for blob, arrays in parts.items():
            with archive.open(f"{blob}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.concatenate(arrays), allow_pickle=False)


@contextlib.contextmanager
def _tfrecord(path):
    tf = command.quiet_tensorflow()
    feature = tf.train.Feature

    def add(rows):
        for items in zip(*rows.values(), strict=True):
            said = {}
            for blob, row in zip(rows, items):
                said[blob] = feature(float_list=tf.train.FloatList(value=row.ravel()))
                said[f"{blob}/shape"] = feature(int64_list=tf.train.Int64List(value=row.shape))
            example = tf.train.Example(features=tf.train.Features(feature=said))
            writer.write(example.SerializeToString(deterministic=True))

    with (
        atomic.replacing_path(path, OutputError, lambda path: None, (tf.errors.OpError,)) as partial,
        tf.io.TFRecordWriter(str(partial)) as writer,
    ):
        yield add


def _check_names(blobs):
    for group in blobs:
        for blob in blobs:
            if blob.startswith(f"{group}/"):
                got, hint = f"{group} and {blob}", "a name in .npz takes them"
                raise OutputError("HDF5 has no dataset inside a dataset", got=got, hint=hint)


def _check_shape(blob, shape, array):
    if array.shape[1:] != shape:
        raise DataError("rows of a blob differ in shape", got=f"{blob} {array.shape[1:]}", want=shape)
