"""Layers without bottoms whose tops are fed: Input, DummyData, MemoryData, and the data layers that read files.

Their fields are read here, into a frozen `spec` of `data_specs`; zoo.input opens what the spec names.
"""

from zoo.errors import NetError, UnsupportedError
from zoo.layers.base.data_specs import (
    AnnotatedDataSpec,
    DataSpec,
    Hdf5DataSpec,
    ImageDataSpec,
    MemoryDataSpec,
    WindowDataSpec,
    read_transform,
)
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.registry import layer_type


class _Source(LayerType):
    """A layer whose tops are fed."""

    bottom_count = 0
    top_count = (1, None)
    is_source = True
    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None

    def build(self, site):
        """Builds nothing: the tops are fed."""


class _FromFiles(_Source):
    """A data layer whose shapes its data decides.

    Attributes:
        spec: what its messages say, one of `data_specs`.
    """

    sized_by_data = True

    def top_shapes(self, bottoms):
        """Raises NetError: whoever has seen the data has to give the shapes."""
        raise NetError("shape comes from the data, which has not been opened", at=self.layer.at())

    def _common(self, p):
        """Returns {"source": ..., "batch_size": ...}, which must be given."""
        if not p.source:
            raise p.error("source must be given", "source")
        if p.batch_size < 1:
            raise p.error("batch_size must be given and positive", "batch_size", got=p.batch_size)
        return {"source": p.source, "batch_size": p.batch_size}


def _refuse_unused(p, names):
    """Raises UnsupportedError for a field that Caffe once read here and now leaves unused."""
    for name in names:
        if p.has(name):
            raise UnsupportedError(
                f"Caffe leaves {name} unused here",
                at=p.at(name),
                hint=f"write transform_param {{ {name}: ... }}, or remove it",
            )


@layer_type("Input", source="input_layer.cpp:7-22")
class Input(_Source):
    """Tops of given shapes: input_param.shape once for all tops, or once for each. Blobs: none."""

    states_shapes = True
    fed_by_program = True
    fields = ("input_param",)

    def read(self, p):
        self.shapes = tuple(tuple(shape.dim) for shape in p.shape)
        tops = len(self.layer.tops)
        if len(self.shapes) not in (1, tops):
            want = "1 shape" if tops == 1 else f"1 shape, or {tops}: one a top"
            raise p.error("each top needs a shape", "shape", got=len(self.shapes), want=want)

    def top_shapes(self, bottoms):
        return self.shapes * (len(self.layer.tops) if len(self.shapes) == 1 else 1)


@layer_type("DummyData", source="dummy_data_layer.cpp:8-98")
class DummyData(_Source):
    """Tops of given shapes, filled: dummy_data_param.shape or the legacy num, channels, height and width.

    Each is given once for all tops or once for each. A constant is filled once, all else again for every batch.

    Attributes:
        fillers: a FillerParameter for each top, or None for zeros.
    """

    states_shapes = True
    fields = ("dummy_data_param",)

    def read(self, p):
        legacy = [name for name in ("num", "channels", "height", "width") if p.has(name)]
        if legacy and p.has("shape"):
            raise p.error(f"shape and the legacy {legacy[0]} exclude each other", legacy[0])
        if legacy:
            dims = [self._each(p, name) for name in ("num", "channels", "height", "width")]
            self.shapes = tuple(zip(*dims))
        else:
            self.shapes = tuple(tuple(shape.dim) for shape in self._each(p, "shape"))
        self.fillers = self._each(p, "data_filler") if p.has("data_filler") else (None,) * len(self.layer.tops)

    def _each(self, p, name):
        values, tops = tuple(getattr(p, name)), len(self.layer.tops)
        if len(values) not in (1, tops):
            want = "1" if tops == 1 else f"1, or {tops}: one a top"
            raise p.error(f"{name} is set a wrong number of times", name, got=len(values), want=want)
        return values * tops if len(values) == 1 else values

    def top_shapes(self, bottoms):
        return self.shapes


@layer_type("MemoryData", source="memory_data_layer.cpp:12-31")
class MemoryData(_Source):
    """Tops (batch_size, channels, height, width) and labels (batch_size,), fed from arrays by the program.

    Attributes:
        spec: what its messages say, a `MemoryDataSpec`.
    """

    batch_param = "memory_data_param"
    states_shapes = True
    fed_by_program = True
    gives_images = True
    top_count = 2
    fields = ("memory_data_param", "transform_param")

    def read(self, p, transform):
        shape = (p.batch_size, p.channels, p.height, p.width)
        for name, size in zip(("batch_size", "channels", "height", "width"), shape):
            if size < 1:
                raise p.error(f"{name} must be given and positive", name, got=size)
        self.spec = MemoryDataSpec(shape, read_transform(transform))

    def top_shapes(self, bottoms):
        """Data and labels."""
        return self.spec.shape, self.spec.shape[:1]


@layer_type("Data", source="data_layer.cpp:33-67")
class Data(_FromFiles):
    """Images[, labels (batch_size,)] from a database, in its order."""

    batch_param = "data_param"
    gives_images = True
    top_count = (1, 2)
    fields = ("data_param", "transform_param")

    def read(self, p, transform):
        """Reads data_param and transform_param; refuses the fields of data_param that Caffe leaves unused."""
        _refuse_unused(p, ("scale", "mean_file", "crop_size", "mirror"))
        p.no_effect("backend", "rand_skip", "prefetch")
        self.spec = DataSpec(
            **self._common(p), transform=read_transform(transform), force_encoded_color=p.force_encoded_color
        )


@layer_type("AnnotatedData", source="weiliu89/caffe@ssd annotated_data_layer.cpp:20-330")
class AnnotatedData(_FromFiles):
    """Images (N,C,H,W)[, boxes (1,1,R,8)] from a database of AnnotatedDatum, augmented as SSD does it.

    A row of boxes: item, label, instance, xmin, ymin, xmax, ymax as fractions of the image, difficult. There are rows
    for as many rows as N images can have; those behind the last are -1.
    """

    batch_param = "data_param"
    gives_images = True
    top_count = (1, 2)
    fields = ("data_param", "annotated_data_param", "transform_param")

    def read(self, p, annotated, transform):
        """Reads data_param, annotated_data_param and transform_param; refuses sizes that differ."""
        _refuse_unused(p, ("scale", "mean_file", "crop_size", "mirror"))
        p.no_effect("backend", "rand_skip", "prefetch", "force_encoded_color")
        annotated.no_effect("anno_type", "label_map_file")  # there is one type; names are for people
        parts = {
            name: getattr(transform, f"{name}_param") if transform.has(f"{name}_param") else None
            for name in ("resize", "expand", "distort", "noise")
        }
        resize = parts["resize"]
        if resize is not None:
            self._check_resize(transform, resize)
        if parts["noise"] is not None:
            self._check_noise(transform, parts["noise"])
        crop = (transform.crop_h, transform.crop_w)
        if transform.has("crop_h") != transform.has("crop_w") or (transform.crop_size and any(crop)):
            raise transform.error("a crop is crop_size, or crop_h and crop_w", "crop_h")
        crop = crop if all(crop) else (transform.crop_size,) * 2 if transform.crop_size else None
        if resize is None and crop is None:
            hint = "resize_param { height: 300 width: 300 resize_mode: WARP }"
            raise transform.error("images of several sizes make no batch: resize_param is missing", hint=hint)
        emit = transform.emit_constraint if transform.has("emit_constraint") else None
        self.spec = AnnotatedDataSpec(
            **self._common(p),
            **parts,
            transform=read_transform(transform),
            samplers=tuple(annotated.batch_sampler),
            emit=emit,
            crop=crop,
        )

    def _check_resize(self, transform, resize):
        if resize.resize_mode == resize.FIT_SMALL_SIZE:
            at, hint = transform.at("resize_param.resize_mode"), "WARP, or FIT_LARGE_SIZE_AND_PAD"
            raise UnsupportedError("FIT_SMALL_SIZE makes images of several sizes", at=at, hint=hint)
        if not (resize.height and resize.width):
            raise transform.error("resize_param needs height and width", "resize_param")
        if resize.HasField("prob") and resize.prob != 1 or resize.height_scale or resize.width_scale:
            raise UnsupportedError(
                "resize_param has prob, height_scale or width_scale", at=transform.at("resize_param")
            )

    def _check_noise(self, transform, noise):
        salt = noise.saltpepper_param
        if noise.convert_to_lab:
            at, hint = transform.at("noise_param.convert_to_lab"), "remove it"
            raise UnsupportedError("the fork takes the bytes of Lab's float values for pixels", at=at, hint=hint)
        if noise.saltpepper and not salt.value:
            raise transform.error("saltpepper needs saltpepper_param { value: ... }", "noise_param.saltpepper")
        if not 0 <= salt.fraction <= 1 or any(not 0 <= value <= 255 for value in salt.value):
            want = "a fraction from 0 to 1, values from 0 to 255"
            raise transform.error("saltpepper_param is out of range", "noise_param.saltpepper_param", want=want)


def _image_list(common, p, transform):
    """Returns the `ImageDataSpec` of an image_data_param or dense_image_data_param; `common` is of `_common`."""
    if (p.new_height > 0) != (p.new_width > 0):
        raise p.error("new_height and new_width go together", "new_height" if p.new_height else "new_width")
    return ImageDataSpec(
        **common,
        transform=read_transform(transform),
        root_folder=p.root_folder,
        shuffle=p.shuffle,
        rand_skip=p.rand_skip,
        is_color=p.is_color,
        resize=(p.new_height, p.new_width) if p.new_height else None,
    )


@layer_type("ImageData", source="image_data_layer.cpp:21-91")
class ImageData(_FromFiles):
    """Images and labels (batch_size,) from a list of files."""

    batch_param = "image_data_param"
    gives_images = True
    top_count = 2
    fields = ("image_data_param", "transform_param")

    def read(self, p, transform):
        """Reads image_data_param and transform_param; refuses the fields that Caffe leaves unused."""
        _refuse_unused(p, ("scale", "mean_file", "crop_size", "mirror"))
        self.spec = _image_list(self._common(p), p, transform)


@layer_type("DenseImageData", source="alexgkendall/caffe-segnet@segnet-cleaned dense_image_data_layer.cpp:22-200")
class DenseImageData(_FromFiles):
    """Images (N,C,H,W) and as many label images (N,1,H,W) from a list of pairs of files.

    Labels are pixels of a gray image as they stand, resized without mixing them; the mean and the scale are for the
    images. A crop and a mirror are the same for both; the fork stops at either.
    """

    batch_param = "dense_image_data_param"
    gives_images = True
    top_count = 2
    fields = ("dense_image_data_param", "transform_param")

    def read(self, p, transform):
        """Reads dense_image_data_param and transform_param; refuses the fields that the fork leaves unused."""
        for name, instead in zip(
            ("mean_file", "mirror", "crop_height", "crop_width"), ("", "", "crop_size", "crop_size")
        ):
            if p.has(name):
                hint = f"write transform_param {{ {instead or name}: ... }}"
                raise UnsupportedError(f"the fork leaves {name} unused here", at=p.at(name), hint=hint)
        self.spec = _image_list(self._common(p), p, transform)


@layer_type("HDF5Data", source="hdf5_data_layer.cpp:23-123")
class HDF5Data(_FromFiles):
    """One top for each dataset of that name, (batch_size, ...), from a list of HDF5 files; nothing is transformed."""

    batch_param = "hdf5_data_param"
    fields = ("hdf5_data_param",)

    def read(self, p):
        """Reads hdf5_data_param; a transform_param is refused, as Caffe does."""
        if self.layer.message.HasField("transform_param"):
            raise self.error("HDF5Data does not transform its data", "transform_param", hint="remove transform_param")
        self.spec = Hdf5DataSpec(**self._common(p), shuffle=p.shuffle)


@layer_type("WindowData", source="window_data_layer.cpp:28-210")
class WindowData(_FromFiles):
    """Windows (batch_size, C, crop_size, crop_size) and labels (batch_size,) cut from images."""

    batch_param = "window_data_param"
    gives_images = True
    top_count = 2
    fields = ("window_data_param", "transform_param")

    def read(self, p, transform):
        """Reads window_data_param and transform_param; refuses the fields that Caffe leaves unused."""
        _refuse_unused(p, ("mean_file", "crop_size", "mirror"))
        common = self._common(p)
        p.no_effect("cache_images")
        if p.crop_mode not in ("warp", "square"):
            raise p.error("unknown crop_mode", "crop_mode", got=f'"{p.crop_mode}"', want='"warp" or "square"')
        spec = read_transform(transform)
        if transform.crop_size < 1:
            raise transform.error("WindowData needs crop_size", "crop_size", got=transform.crop_size)
        if transform.has("scale") and transform.scale != 1:  # where an upgrade of an old file puts it
            raise UnsupportedError(
                "Caffe leaves scale unused here",
                at=transform.at("scale"),
                hint="write window_data_param { scale: ... }, or remove it",
            )
        self.spec = WindowDataSpec(
            **common,
            transform=spec,
            root_folder=p.root_folder,
            scale=p.scale,
            fg_threshold=p.fg_threshold,
            bg_threshold=p.bg_threshold,
            fg_fraction=p.fg_fraction,
            context_pad=p.context_pad,
            square=p.crop_mode == "square",
        )
