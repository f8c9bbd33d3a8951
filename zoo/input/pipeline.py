"""The data layers of a net as tf.data: from a layer's type to what feeds it."""

from zoo.errors import DataError, NetError
from zoo.input.annotated_data import AnnotatedDataLayer
from zoo.input.dummy_data import DummyDataLayer
from zoo.input.feed import ImageFeed
from zoo.input.hdf5_data import Hdf5DataLayer
from zoo.input.image_data import DenseImageDataLayer, ImageDataLayer
from zoo.input.memory_data import MemoryDataLayer
from zoo.input.sources.locate import open_source
from zoo.input.sources.records import RecordsSource
from zoo.input.transform import make_transform
from zoo.input.window_data import WindowDataLayer


class DataLayer(ImageFeed):
    """A Data layer (data_layer.cpp): images and labels of a source, in its order, for ever.

    Args:
        layer: the `LayerDef`, of type "Data".
        phase: "TRAIN" or "TEST".
        data_dir: where paths are tried first; then the working directory, then the directory of the net's file.
        seed: an integer for random crops and mirrors.
        resize: (H, W) to bring encoded images to, or None.
        cache_parts: None; or, to keep decoded images in memory, of how many parts of the stream one is read.

    Attributes:
        shapes: for each top its shape in Caffe's order: ((N, C, H, W), (N,)), or the first alone without a label top.
        batch_size: N.

    Raises:
        NetError: wrong tops or fields.
        DataError: data that is missing, damaged or does not fit the transform.
        UnsupportedError: a field that this package does not know.
    """

    def __init__(self, layer, phase, *, data_dir=None, seed=0, resize=None, cache_parts=None):
        super().__init__(layer)
        spec = self.type.spec
        transform = make_transform(layer, spec.transform, phase, seed, data_dir)
        at = layer.at("data_param.source")
        where = {"at": at, "data_dir": data_dir, "file": layer.place.file}
        source = open_source(spec.source, **where, force=spec.transform.force, resize=resize)
        if spec.force_encoded_color and source.channels != 3:  # in the schema, but nothing in Caffe 1.0 reads it
            at, got = layer.at("data_param.force_encoded_color"), f"images of {source.channels} channels"
            hint = "write transform_param { force_color: true }, or remove it"
            raise NetError("Caffe leaves force_encoded_color unused", at=at, got=got, hint=hint)
        if cache_parts:
            if not isinstance(source, RecordsSource):
                hint = "data_prep.databases makes shards of a database; or leave --cache out"
                raise DataError("only images in shards are kept in memory", at=at, got=spec.source, hint=hint)
            source.cache_in_ram(cache_parts)
        self._open(source, transform, spec.batch_size)


TYPES = {
    "AnnotatedData": AnnotatedDataLayer,
    "DenseImageData": DenseImageDataLayer,
    "DummyData": DummyDataLayer,
    "HDF5Data": Hdf5DataLayer,
    "ImageData": ImageDataLayer,
    "MemoryData": MemoryDataLayer,
    "WindowData": WindowDataLayer,
}


def data_layer(layer, phase, *, data_dir=None, seed=0, resize=None, cache_parts=None):
    """Returns the `Feed` of `layer`'s tops, or None where it is no data layer.

    `resize` and `cache_parts` are for "Data" alone, see `DataLayer`; a NetError says where images cannot be kept.
    """
    if layer.type == "Data":
        return DataLayer(layer, phase, data_dir=data_dir, seed=seed, resize=resize, cache_parts=cache_parts)
    if cache_parts and layer.type in ("AnnotatedData", "DenseImageData", "ImageData", "WindowData"):
        hint = "data_prep.imagenet makes shards of a list; or leave --cache out"
        raise NetError("only images of a Data layer are kept in memory", at=layer.at(), got=layer.type, hint=hint)
    if layer.type in TYPES:
        return TYPES[layer.type](layer, phase, data_dir=data_dir, seed=seed)
    return None
