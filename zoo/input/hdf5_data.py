"""HDF5Data: rows of datasets in HDF5 files (hdf5_data_layer.cpp)."""

import threading

import numpy as np
import tensorflow as tf

from zoo.errors import DataError, Place
from zoo.formats import hdf5, regular
from zoo.formats.digest import digest, ends
from zoo.formats.paths import find_file
from zoo.formats.wire import WireError
from zoo.input.feed import Feed, inside
from zoo.input.order import generator
from zoo.input.sources.fetch import Fetch, ordinals
from zoo.input.transform import stream_key
from zoo.layers.base.geometry import keras_shape

OPEN = 2  # files whose rows lie in memory: a batch may cross from one into the next


class Hdf5DataLayer(Feed):
    """An HDF5Data layer: each top is the dataset of its name, of any rank, row after row and file after file.

    `shuffle` orders the files, and the rows within each file, again every epoch; rows of two files never mix. The order
    is a function of the seed, the layer's name, the phase and the epoch.

    Args:
        layer: the `LayerDef`, of type "HDF5Data".
        phase, data_dir, seed: as for `DataLayer`.

    Raises:
        NetError: wrong fields.
        DataError: a list or file that is missing or damaged, or files whose datasets do not fit together.
    """

    def __init__(self, layer, phase, *, data_dir=None, seed=0):
        super().__init__(layer)
        spec = self.type.spec
        self.batch_size, self._shuffle = spec.batch_size, spec.shuffle
        self._names = [str(top) for top in layer.tops]
        where = {"data_dir": data_dir, "file": layer.place.file}
        path = find_file(spec.source, "list of HDF5 files", at=layer.at("hdf5_data_param.source"), **where)
        self._files = [find_file(name, "HDF5 file", at=Place(str(path)), **where) for name in _names(path)]
        rows = [self._row_shapes(file) for file in self._files]
        for file, (_, shapes) in zip(self._files, rows):
            if shapes != rows[0][1]:
                got, want = (dict(zip(self._names, s)) for s in (shapes, rows[0][1]))
                want = f"{want} as in {self._files[0]}"
                raise DataError("rows of another shape", at=Place(str(file)), got=got, want=want)
        self._counts = np.array([count for count, _ in rows])
        self.count = int(self._counts.sum())
        self.shapes = tuple((self.batch_size, *shape) for shape in rows[0][1])
        self._key = stream_key(seed, phase, layer.key, "order")
        self._fetch, self._loaded, self._loading = Fetch(), {}, threading.Lock()

    def dataset(self, start_batch=0):
        """As `Feed.dataset`."""
        spec = [tf.TensorSpec(keras_shape(shape), tf.float32) for shape in self.shapes]
        return self._fetch.map(ordinals(start_batch), self._batch, spec, parallel=1).prefetch(2)

    def fingerprint(self):
        """As `Feed.fingerprint`: by the number and shapes of rows, and both ends and the size of every file."""
        rows = self._counts.tolist(), [shape[1:] for shape in self.shapes]
        return f"{self.count} rows in {len(self._files)} files, {digest(rows, ends(self._files))}"

    def diagnose(self, error):
        """As `Feed.diagnose`."""
        return self._fetch.diagnose(error)

    def _batch(self, number):
        tops = [np.empty(keras_shape(shape), np.float32) for shape in self.shapes]
        done, first = 0, number * self.batch_size
        while done < self.batch_size:
            file, rows = self._run(first + done, self.batch_size - done)
            for top, values in zip(tops, self._load(file)):
                top[done : done + len(rows)] = values[rows]
            done += len(rows)
        return tuple(tops)

    def _run(self, ordinal, most):
        """Returns (file, rows): where the rows from `ordinal` on are, up to `most` of them and all of one file."""
        epoch, place = divmod(ordinal, self.count)
        files = np.arange(len(self._files))
        if self._shuffle:
            files = generator(self._key, epoch, 0).permutation(len(files))
        ends = np.cumsum(self._counts[files])
        at = int(np.searchsorted(ends, place, side="right"))
        file = int(files[at])
        start = place - int(ends[at] - self._counts[file])
        rows = np.arange(self._counts[file])
        if self._shuffle:
            rows = generator(self._key, epoch, file + 1).permutation(len(rows))
        return file, rows[start : start + most]

    def _load(self, file):
        """Returns the arrays of a file, one a top, in the order that the net has inside."""
        with self._loading:
            if file not in self._loaded:
                if len(self._loaded) == OPEN:
                    del self._loaded[next(iter(self._loaded))]
                with hdf5.reading(self._files[file], DataError) as tree:
                    self._loaded[file] = [inside(hdf5.array(tree[name], name)) for name in self._names]
            return self._loaded[file]

    def _row_shapes(self, path):
        """Returns (rows, shapes of a row for each top) of a file, of which only the heads are read."""
        with hdf5.reading(path, DataError) as tree:
            shapes = []
            for name in self._names:
                if name not in tree:
                    raise WireError(f'no dataset "{name}"', got=hdf5.listed(tree), want="one named as the top")
                shapes.append(hdf5.shape(tree[name], name))
        short = [name for name, shape in zip(self._names, shapes) if not shape]
        if short:
            raise DataError(f'dataset "{short[0]}" has no rows', at=Place(str(path)), got="a single number")
        counts = {name: shape[0] for name, shape in zip(self._names, shapes)}
        if len(set(counts.values())) > 1:
            raise DataError("datasets with unlike numbers of rows", at=Place(str(path)), got=counts)
        if not shapes[0][0]:
            raise DataError("a file without rows", at=Place(str(path)))
        return shapes[0][0], [shape[1:] for shape in shapes]


def _names(path):
    """Returns the names in a list file, parted by whitespace of any kind; raises DataError for none."""
    try:
        names = regular.read_text(path).split()
    except (OSError, UnicodeDecodeError) as e:
        raise DataError("cannot read a list of HDF5 files", at=Place(str(path)), got=str(e)) from e
    if not names:
        raise DataError("an empty list of HDF5 files", at=Place(str(path)), want="one name or more")
    return names
