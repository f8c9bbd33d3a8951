"""ImageData: images and labels from a list of files (image_data_layer.cpp:21-176)."""

from dataclasses import replace

import numpy as np

from zoo.errors import NetError, Place
from zoo.formats.image_list import read_list, read_pairs
from zoo.formats.paths import find_file, find_folder_of
from zoo.input.feed import ImageFeed
from zoo.input.order import Order, generator
from zoo.input.sources.image_list import ImageListSource, LabelImageListSource
from zoo.input.transform import make_transform, stream_key


class ImageDataLayer(ImageFeed):
    """An ImageData layer: images of a list, resized, transformed; shuffled, if at all, again every epoch.

    The order is a function of the seed, the layer's name, the phase and the epoch. `rand_skip` leaves out that many
    lines at most, drawn once, where reading begins.

    Args:
        layer: the `LayerDef`, of type "ImageData".
        phase, data_dir, seed: as for `DataLayer`. Images are looked for as other files are: where the first one of
            the list is found, all are.

    Attributes:
        shapes: ((N, C, H, W), (N,)), by the first image that is read.

    Raises:
        NetError: wrong fields.
        DataError: a list or first image that is missing or damaged, or does not fit the transform.
    """

    read = staticmethod(read_list)
    source = ImageListSource

    def __init__(self, layer, phase, *, data_dir=None, seed=0):
        super().__init__(layer)
        spec, force, field = self.type.spec, self.type.spec.transform.force, self.type.batch_param
        transform = make_transform(layer, spec.transform, phase, seed, data_dir)
        if force and (force == "color") != spec.is_color:  # Caffe heeds is_color alone
            at, hint = layer.at(f"transform_param.force_{force}"), "remove it, or change is_color"
            raise NetError(f"force_{force} contradicts is_color", at=at, got=f"is_color {spec.is_color}", hint=hint)
        where = {"data_dir": data_dir, "file": layer.place.file}
        path = find_file(spec.source, "list of images", at=layer.at(f"{field}.source"), **where)
        entries = self.read(path)
        key = stream_key(seed, phase, layer.key, "order")
        skip = int(generator(key, 0, 1).integers(spec.rand_skip)) if spec.rand_skip else 0
        if skip >= len(entries):
            at = layer.at(f"{field}.rand_skip")
            raise NetError("rand_skip leaves nothing", at=at, got=spec.rand_skip, want=f"at most {len(entries)}")
        order = Order(len(entries), spec.shuffle, key, skip)
        first = entries[order(0)]
        folder = find_folder_of(f"{spec.root_folder}{first.name}", "image", at=Place(str(path), first.line), **where)
        options = {"color": spec.is_color, "resize": spec.resize, "order": order}
        self._open(self.source(path, entries, folder, spec.root_folder, **options), transform, spec.batch_size)


class DenseImageDataLayer(ImageDataLayer):
    """A DenseImageData layer, whose labels are images as well (caffe-segnet dense_image_data_layer.cpp).

    Attributes:
        shapes: ((N, C, H, W), (N, 1, H, W)), by the first image that is read.
    """

    read = staticmethod(read_pairs)
    source = LabelImageListSource

    def _open(self, source, transform, batch_size):
        """As `ImageFeed._open`. The label image goes through the transform as one more channel of mean 0."""
        channels = source.channels - 1
        size = transform.check(channels, source.image_shape, source.min_size, self.layer.at())
        mean = transform.mean
        if mean is not None:
            shape = (*mean.shape[:-1], channels)
            mean = np.concatenate([np.broadcast_to(mean, shape), np.zeros((*shape[:-1], 1), np.float32)], axis=-1)
        self._source, self._transform, self.batch_size = source, replace(transform, scale=1.0, mean=mean), batch_size
        self._scale, self._channels = transform.scale, channels
        self.shapes = ((batch_size, channels, *size), (batch_size, 1, *size))

    def rows(self, start_batch, joined=1, part=(0, 1)):
        """As `Feed.rows`."""
        return super().rows(start_batch, joined, part).map(self._apart)

    def _apart(self, both, _):
        images = both[..., : self._channels]
        return (images if self._scale == 1 else images * self._scale), both[..., self._channels :]
