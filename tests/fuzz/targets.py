"""The readers, each with valid inputs to start from.

What a target needs is imported when it is first read, so that an engine can instrument it.
"""

import functools
import gzip
import io
import json
import pathlib
import pickle
import shutil
import struct
import tarfile
import tempfile
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

NET = """name: "n" input: "data" input_shape { dim: 2 dim: 3 dim: 8 dim: 8 }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" include { phase: TRAIN } }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "i" type: "InnerProduct" bottom: "p" top: "i" inner_product_param { num_output: 5 } }
"""
OLD_NET = """name: "v1"
layers { name: "d" type: DATA top: "data" top: "label" data_param { source: "x" batch_size: 4 } }
layers { name: "i" type: INNER_PRODUCT bottom: "data" top: "i" blobs_lr: 1 weight_decay: 0 inner_product_param {
num_output: 3 } } layers { name: "l" type: SOFTMAX_LOSS bottom: "i" bottom: "label" }
"""
OLDEST_NET = """name: "v0" layers { layer { name: "d" type: "data" source: "x" batchsize: 4 scale: 0.5 cropsize: 3 }
top: "data" top: "label" } layers { layer { name: "c" type: "conv" num_output: 2 kernelsize: 3 pad: 1 } bottom: "data"
top: "c" } layers { layer { name: "l" type: "softmax_loss" } bottom: "c" bottom: "label" }
"""
SOLVER = """net: "n.prototxt" base_lr: 0.01 lr_policy: "step" gamma: 0.1 stepsize: 10 max_iter: 20 display: 5 # so
test_iter: 2 test_interval: 5 momentum: 0.9 weight_decay: 0.0005 snapshot: 10 snapshot_prefix: "x" type: "SGD"
"""
LOG = """I0101 00:00:00.000000  1 solver.cpp:228] Iteration 0, loss = 2.3
I0101 00:00:00.000000  1 solver.cpp:244]     Train net output #0: loss = 2.3 (* 1 = 2.3 loss)
I0101 00:00:00.000000  1 sgd_solver.cpp:106] Iteration 0, lr = 0.01
I0101 00:00:01.000000  1 solver.cpp:337] Iteration 10, Testing net (#0)
I0101 00:00:01.000000  1 solver.cpp:404]     Test net output #0: accuracy = 0.5
"""
WINDOWS = "# 0\na.jpg\n3\n10\n12\n1\n1 0.8 0 0 5 6\n# 1\nb.jpg\n3\n9\n9\n2\n0 0.1 1 1 4 4\n2 0.9 0 0 8 8\n"


class Target(NamedTuple):
    """A reader.

    Attributes:
        name: what tables call it.
        read: takes the path of a file that holds the input; returns or raises a ZooError.
        seeds: makes valid inputs.
        message: the message of Caffe's schema that the input is, or None.
        text: whether a message is text.
        inputs: how many are tried without --inputs.
        cpp: whether TensorFlow reads, whose code no Python engine can follow.
    """

    name: str
    read: Callable
    seeds: Callable
    message: str | None = None
    text: bool = False
    inputs: int = 40_000
    cpp: bool = False


TARGETS = {}


def target(seeds, **options):
    """Registers the decorated function as the reader of a target of its name."""

    def register(read):
        TARGETS[read.__name__] = Target(read.__name__, read, functools.cache(seeds), **options)
        return read

    return register


def _written(write, suffix=""):
    """Returns the bytes that `write(path)` puts into a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, f"x{suffix}")
        write(path)
        return path.read_bytes()


@target(lambda: [text.encode() for text in (NET, OLD_NET, OLDEST_NET)], message="NetParameter", text=True)
def net(path):
    """Prototxt of a net of any age, to the NetDef."""
    from zoo.formats import prototxt
    from zoo.netdef.net import net_def

    net_def(prototxt.read_net(path), "TRAIN")


@target(lambda: [SOLVER.encode()], message="SolverParameter", text=True)
def solver(path):
    """Prototxt of a solver."""
    from zoo.converters.solver import solver_def
    from zoo.formats import prototxt

    solver_def(prototxt.read_solver(path))


@target(lambda: [b"base_lr: 0.02 max_iter: 500", b"momentum: 0.8 random_seed: 3"], message="SolverParameter", text=True)
def changes(path):
    """What --set takes."""
    from zoo.converters.solver import solver_def
    from zoo.formats import prototxt

    text = path.read_bytes().decode("utf-8", "surrogateescape")  # as the system hands flags over
    solver_def(prototxt.merge(text, prototxt.parse_solver(SOLVER)))


def _weights():
    return {"c": [np.ones((4, 3, 3, 3), np.float32), np.zeros(4, np.float32)], "i": [np.ones((2, 3), np.float32)]}


def _caffemodels(suffix):
    from zoo.formats import caffemodel

    return [_written(lambda path: caffemodel.write(path, _weights()), suffix)]


@target(lambda: _caffemodels(".caffemodel"), message="NetParameter", inputs=80_000)
def caffemodel(path):
    """Weights, binary."""
    from zoo.formats import caffemodel

    caffemodel.read(path)


@target(lambda: _caffemodels(".caffemodel.h5"), inputs=30_000)
def caffemodel_hdf5(path):
    """Weights, HDF5."""
    from zoo.formats import caffemodel

    caffemodel.read(path)


def _states(suffix):
    from zoo.formats import solverstate

    state = solverstate.SolverState(7, "x.caffemodel", (np.ones((2, 3), np.float32), np.ones(2, np.float32)), 1)
    return [_written(lambda path: solverstate.write(path, state), suffix)]


@target(lambda: _states(".solverstate"), message="SolverState", inputs=80_000)
def solverstate(path):
    """A solver's state, binary."""
    from zoo.formats import solverstate

    solverstate.read(path)


@target(lambda: _states(".solverstate.h5"), inputs=30_000)
def solverstate_hdf5(path):
    """A solver's state, HDF5."""
    from zoo.formats import solverstate

    solverstate.read(path)


def _means():
    from zoo.formats import blobproto

    return [_written(lambda path: blobproto.write_mean(path, np.ones((3, 4, 4), np.float32)), ".binaryproto")]


@target(_means, message="BlobProto", inputs=80_000)
def mean(path):
    """A mean image."""
    from zoo.formats import blobproto

    blobproto.read_mean(path)


def _datums():
    import cv2

    from zoo.formats import datum

    image = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    files = [cv2.imencode(end, image)[1].tobytes() for end in (".png", ".jpg")]
    return [datum.raw(image, 3), *(datum.encoded(data, 3) for data in files)]


@target(_datums, message="Datum", inputs=80_000)
def datum(path):
    """A record of a database, and the image in it."""
    from zoo.formats import datum

    datum.pixels(datum.parse(path.read_bytes()))


def _database(kind):
    from zoo.formats.database_writer import DatabaseWriter

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "x")
        with DatabaseWriter(path, kind) as writer:
            for i in range(5):
                writer.put(f"{i:08d}".encode(), bytes(40 + 3000 * (i == 3)))
        return {file.name: file.read_bytes() for file in path.iterdir()}


@target(lambda: [_database("lmdb")["data.mdb"]], inputs=30_000)
def lmdb(path):
    """An LMDB's one file."""
    from zoo.formats.databases import Database

    copy = path.with_suffix(".mdb")
    shutil.copyfile(path, copy)
    database = Database(copy)
    for _ in database.items():
        pass
    database.read(0, 3)


@functools.cache
def _leveldb():
    return _database("leveldb")


def _leveldb_files():
    ends = (".ldb", ".sst", ".log")
    return [data for name, data in _leveldb().items() if data and name.endswith(ends)]


@target(_leveldb_files, inputs=10_000)
def leveldb(path):
    """A LevelDB, each of whose files of records is the input."""
    from zoo.formats.databases import Database

    folder, data = path.parent / "leveldb", path.read_bytes()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, whole in _leveldb().items():
        kind = name.endswith((".ldb", ".sst", ".log"))
        (folder / name).write_bytes(data if kind and whole else whole)
    for _ in Database(folder).items():
        pass


def _idx():
    images = struct.pack(">4I", 2051, 2, 3, 4) + bytes(24)
    return [images, struct.pack(">2I", 2049, 4) + bytes([1, 2, 3, 4]), gzip.compress(images, mtime=0)]


@target(_idx, inputs=80_000)
def idx(path):
    """MNIST's files, gzipped or not."""
    from zoo.errors import DataError
    from zoo.formats.idx import read_idx_images, read_idx_labels

    for read in (read_idx_images, read_idx_labels):
        try:
            read(path)
        except DataError:
            continue


def _batch(count=1):
    return {b"data": np.zeros((count, 3072), np.uint8), b"labels": [1] * count}


@target(lambda: [pickle.dumps(_batch(), protocol) for protocol in (2, 4)], inputs=20_000)
def cifar10(path):
    """A batch of CIFAR-10's Python version."""
    from data_prep.cifar10 import load

    folder = path.parent / "cifar"
    if not folder.exists():
        folder.mkdir()
        for name in [f"data_batch_{i}" for i in range(2, 6)] + ["test_batch"]:
            (folder / name).write_bytes(pickle.dumps(_batch(), 2))
    shutil.copyfile(path, folder / "data_batch_1")
    load(folder)


def _tar(members, form=tarfile.USTAR_FORMAT):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def _tars():
    inner = {f"n0000000{i}_{i}.JPEG": bytes(10 * i) for i in range(1, 4)}
    forms = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
    long = {"d/" + "x" * 120 + "/é.png": b"12345"}
    return [_tar(inner), _tar({"n00000001.tar": _tar(inner)}), *(_tar(long, form) for form in forms[1:])]


@target(_tars, inputs=40_000)
def tar(path):
    """An archive of images, or of archives."""
    from data_prep import archives

    for file in archives.listing(path):
        file.bytes()


@target(lambda: [b"cat/1.jpg 0\nmy dog.jpg 12\n"], inputs=80_000)
def image_list(path):
    """A list of images."""
    from zoo.formats.image_list import read_list

    read_list(path)


@target(lambda: [WINDOWS.encode()], inputs=60_000)
def windows(path):
    """R-CNN's window file."""
    from zoo.input.window_file import read_windows

    read_windows(path)


@target(lambda: [LOG.encode()], inputs=60_000)
def log(path):
    """A log in Caffe's form."""
    from zoo.formats import training_log

    training_log.read(path)


@target(lambda: [gzip.compress(LOG.encode(), mtime=0)], inputs=20_000)
def log_gzip(path):
    """The same, gzipped."""
    from zoo.formats import training_log

    packed = path.with_suffix(".gz")
    shutil.copyfile(path, packed)
    training_log.read(packed)


@target(lambda: [b"#Iters Seconds TrainingLoss\n0  1.5  2.3\n", b"NumIters,Seconds,loss\n0.0,1.5,2.3\n"], inputs=60_000)
def log_table(path):
    """A table of a log."""
    from zoo.formats import log_tables

    log_tables.read(path)


def _keras():
    import zipfile

    import h5py

    arrays = io.BytesIO()
    with h5py.File(arrays, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.attrs["name"] = "c"
        group["0"] = np.ones((2, 3), np.float32)
    blob = {"keras": "c", "variable": 0, "moved": [2, 3], "axes": [1, 0], "shape": [3, 2]}
    said, stream = {"version": 1, "net": "n", "layers": {"c": [blob]}}, io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in {"config.json": b"{}", "model.weights.h5": arrays.getvalue()}.items():
            archive.writestr(zipfile.ZipInfo(name), data)
        archive.writestr(zipfile.ZipInfo("caffe_blobs.json"), json.dumps(said))
    return [stream.getvalue()]


@target(_keras, inputs=30_000)
def keras(path):
    """Weights in a .keras file."""
    from zoo.formats import keras_weights

    keras_weights.read(path)


def _split(folder):
    """Writes a split of 3 raw images; returns its folder's files."""
    from data_prep.common import write_arrays

    images, labels = np.zeros((3, 4, 5, 1), np.uint8), np.array([0, 1, 1])
    write_arrays(folder, "train", images, labels, 1, "ab", "make it", {"source": "made"})
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != ".lock"}


@functools.cache
def _split_files():
    with tempfile.TemporaryDirectory() as folder:
        return _split(pathlib.Path(folder, "s"))


@target(lambda: [_split_files()["train.json"]], inputs=60_000)
def card(path):
    """A card of TFRecord shards."""
    from zoo.formats import records

    folder = path.parent / "card"
    folder.mkdir(exist_ok=True)
    for name, data in _split_files().items():
        (folder / name).write_bytes(data)
    shutil.copyfile(path, folder / "train.json")
    records.check_shards(folder / "train", records.read_card(folder / "train"))


def _shards():
    return [data for name, data in _split_files().items() if ".tfrecord" in name]


@target(_shards, inputs=3_000, cpp=True)
def shard(path):
    """A shard of TFRecords whose card has its size."""
    folder = path.parent / "split"
    folder.mkdir(exist_ok=True)
    values = json.loads(_split_files()["train.json"])
    values["shards"][0] |= {"bytes": path.stat().st_size, "sha256": None}
    (folder / "train.json").write_text(json.dumps(values))
    shutil.copyfile(path, folder / values["shards"][0]["name"])
    dataset, opened = _pipeline(folder), _opened(folder)
    _pipeline.layer._source.card = opened._source.card  # by which the pipeline looks at the shard, when it opens it
    _first_batch(_pipeline.layer, dataset)


def _opened(folder):
    from tests.input import small_data
    from zoo.input.pipeline import DataLayer

    return DataLayer(small_data.data_layer(folder / "train", batch_size=3), "TRAIN")


@functools.cache
def _pipeline(folder):
    """Returns the dataset of the shard in `folder`, made once: tracing it takes longer than reading a shard."""
    _pipeline.layer = _opened(folder)
    return _pipeline.layer.dataset()


def _first_batch(layer, dataset=None):
    """Reads a batch of a layer as a net does, which says what TensorFlow's errors mean."""
    import tensorflow as tf

    try:
        with layer.reading():
            next(iter(layer.dataset() if dataset is None else dataset))
    except tf.errors.OpError as error:
        raise (layer.diagnose(error) or error) from error


def _hdf5():
    import h5py

    def write(path):
        with h5py.File(path, "w") as file:
            file["data"], file["label"] = np.ones((4, 2), np.float32), np.arange(4.0)
            file.create_dataset("packed", data=np.ones((9, 9)), compression="gzip")

    return [_written(write, ".h5")]


@target(_hdf5, inputs=3_000, cpp=True)
def hdf5_data(path):
    """A file of an HDF5Data layer."""
    from tests.input import small_data
    from zoo.input.hdf5_data import Hdf5DataLayer

    (path.parent / "files.txt").write_text(f"{path}\n")
    text = f'name: "d" type: "HDF5Data" top: "data" top: "label" hdf5_data_param {{ source: "{path.parent}/files.txt"'
    _first_batch(Hdf5DataLayer(small_data.layer(f"{text} batch_size: 3 }}"), "TRAIN"))


@functools.cache
def _prepared():
    """Returns the files of a directory that TensorFlow Datasets' own writers prepared."""
    from tests.input import tfds_folders

    with tempfile.TemporaryDirectory() as folder:
        examples = [{"image": np.zeros((28, 28, 1), np.uint8), "label": label} for label in range(3)]
        made = tfds_folders.prepare(pathlib.Path(folder), "mnist", {"train": examples})
        return {path.name: path.read_bytes() for path in pathlib.Path(made).iterdir() if path.is_file()}


def _descriptions():
    return [_prepared()[name] for name in ("dataset_info.json", "features.json")]


@target(_descriptions, inputs=3_000, cpp=True)
def tfds(path):
    """The descriptions of a directory of TensorFlow Datasets."""
    from zoo.formats import tfds

    folder, data = path.parent / "tfds", path.read_bytes()
    folder.mkdir(exist_ok=True)
    for name, whole in _prepared().items():
        (folder / name).write_bytes(whole)
    (folder / ("features.json" if b"Feature" in data else "dataset_info.json")).write_bytes(data)
    tfds.read_card(folder / "train")
