"""What the messages of data layers say, frozen: a layer type reads them once, and what opens the data goes by them."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TransformSpec:
    """A transform_param (data_transformer.cpp:14-39).

    Attributes:
        scale: the factor, applied after the mean.
        mirror: whether images are flipped left to right by the toss of a coin.
        crop_size: the side of the square crop, or 0 for none.
        mean_file: path of the mean image as the file says it, or None.
        mean_values: one mean for all channels or one for each; () for none.
        force: the colours that images are decoded to: "color", "gray", or None for their own.
    """

    scale: float = 1.0
    mirror: bool = False
    crop_size: int = 0
    mean_file: str | None = None
    mean_values: tuple[float, ...] = ()
    force: str | None = None


class ImagesSpec:
    """What every spec of images says of their way into a batch, the same whichever message says it.

    Attributes:
        transform: the `TransformSpec`.
        mean_at: where the mean image stands to the crop, for people.
    """

    transform: TransformSpec
    mean_at = "before the crop"

    @property
    def resized(self) -> tuple[int, int] | None:
        """The (H, W) that images are brought to before the crop, or None."""
        return None

    @property
    def resizing(self) -> str:
        """The sentence for people that says so, with places for H and W."""
        return "resize to {} x {} (H x W)"

    @property
    def gray(self) -> bool:
        """Whether images are decoded to one channel."""
        return self.transform.force == "gray"

    @property
    def color(self) -> str:
        """What says that images are decoded to three channels, or ""."""
        return "force_color" if self.transform.force == "color" else ""

    @property
    def cropped(self) -> tuple[int, int] | None:
        """The (H, W) that is cut out of the image, or None."""
        side = self.transform.crop_size
        return (side, side) if side else None

    @property
    def factor(self) -> float:
        """What values are multiplied by after the mean."""
        return self.transform.scale

    @property
    def size(self) -> tuple[tuple[int, int], str] | None:
        """The (H, W) of the top and the fields that say it; None where they do not."""
        if self.cropped:
            return self.cropped, "crop_size"
        return (self.resized, "new_height and new_width") if self.resized else None


@dataclass(frozen=True)
class MemoryDataSpec(ImagesSpec):
    """A memory_data_param: `shape` (N, C, H, W) of the first top, and the `TransformSpec`."""

    shape: tuple[int, int, int, int]
    transform: TransformSpec


@dataclass(frozen=True)
class DataSpec(ImagesSpec):
    """A data_param.

    Attributes:
        source: what is read, as the file says it.
        batch_size: N of the tops.
        transform: the `TransformSpec`.
        force_encoded_color: as the file says; nothing in Caffe 1.0 reads it.
    """

    source: str
    batch_size: int
    transform: TransformSpec
    force_encoded_color: bool = False


@dataclass(frozen=True)
class AnnotatedDataSpec(ImagesSpec):
    """A data_param and annotated_data_param of SSD's, with what SSD adds to transform_param.

    Attributes:
        source: the database, as the file says it.
        batch_size: N of the tops.
        transform: the `TransformSpec`.
        samplers: the BatchSampler messages.
        resize, expand, distort, noise, emit: the messages resize_param, expand_param, distort_param, noise_param and
            emit_constraint, or None; nobody changes them.
        crop: (H, W) of the crop, or None.
    """

    source: str
    batch_size: int
    transform: TransformSpec
    samplers: tuple[Any, ...] = ()
    resize: Any = None
    expand: Any = None
    distort: Any = None
    noise: Any = None
    emit: Any = None
    crop: tuple[int, int] | None = None
    mean_at = "after the crop"

    @property
    def resized(self):
        """The (H, W) that images are brought to, or None."""
        return (self.resize.height, self.resize.width) if self.resize is not None else None

    @property
    def resizing(self):
        """As in `ImagesSpec`."""
        warped = self.resize is None or self.resize.resize_mode == self.resize.WARP
        return super().resizing if warped else "resize to fit into {} x {} (H x W), and pad"

    @property
    def color(self):
        """As in `ImagesSpec`; these images are decoded to three channels where nothing is forced."""
        return "" if self.gray else "its type"

    @property
    def cropped(self):
        """The (H, W) that is cut out of the resized image, or None."""
        return self.crop

    @property
    def size(self):
        """As in `ImagesSpec`."""
        if self.crop:
            return self.crop, "crop_size" if self.transform.crop_size else "crop_h and crop_w"
        return self.resized, "resize_param"


@dataclass(frozen=True)
class ImageDataSpec(ImagesSpec):
    """An image_data_param, or a dense_image_data_param of SegNet's, whose labels are images.

    Attributes:
        source: path of the list of images.
        batch_size: N of the tops.
        transform: the `TransformSpec`.
        root_folder: what stands before every name of the list.
        shuffle: whether the list is shuffled every epoch.
        rand_skip: how many lines may be skipped at the start; 0 for none.
        is_color: whether images are decoded to three channels, and not to one.
        resize: (H, W) that images are brought to, or None.
    """

    source: str
    batch_size: int
    transform: TransformSpec
    root_folder: str
    shuffle: bool
    rand_skip: int
    is_color: bool
    resize: tuple[int, int] | None

    @property
    def resized(self):
        """As in `ImagesSpec`."""
        return self.resize

    @property
    def gray(self):
        """Whether images are decoded to one channel."""
        return self.transform.force == "gray" or not self.is_color


@dataclass(frozen=True)
class Hdf5DataSpec:
    """An hdf5_data_param: `source` is the list of files, `shuffle` whether files and rows are shuffled every epoch."""

    source: str
    batch_size: int
    shuffle: bool


@dataclass(frozen=True)
class WindowDataSpec(ImagesSpec):
    """A window_data_param.

    Attributes:
        source: path of the window file.
        batch_size: N of the tops.
        transform: the `TransformSpec`, whose scale Caffe overlooks here.
        root_folder: what stands before every image's name.
        scale: the factor, applied after the mean.
        fg_threshold: from which overlap on a window is an object.
        bg_threshold: below which overlap it is background.
        fg_fraction: which part of a batch is objects.
        context_pad: pixels of context around a window, of `crop_size`.
        square: whether the smallest square around a window is cut, and not the window warped.
    """

    source: str
    batch_size: int
    transform: TransformSpec
    root_folder: str
    scale: float
    fg_threshold: float
    bg_threshold: float
    fg_fraction: float
    context_pad: int
    square: bool
    mean_at = "its middle"

    @property
    def resizing(self):
        """As in `ImagesSpec`."""
        return "cut the window out and bring it to {} x {}"

    @property
    def cropped(self):
        """Nothing: crop_size is what a window is brought to."""
        return None

    @property
    def resized(self):
        """The (H, W) that a window is brought to."""
        side = self.transform.crop_size
        return side, side

    @property
    def factor(self):
        """The scale of window_data_param."""
        return self.scale

    @property
    def size(self):
        """As in `ImagesSpec`."""
        return self.resized, "crop_size"


def read_transform(p):
    """Returns the `TransformSpec` of a transform_param's `Fields`; raises NetError for fields that exclude others."""
    if p.has("mean_file") and p.has("mean_value"):
        raise p.error("mean_file and mean_value exclude each other", "mean_value")
    if p.force_color and p.force_gray:
        raise p.error("force_color and force_gray exclude each other", "force_gray")
    return TransformSpec(
        scale=p.scale,
        mirror=p.mirror,
        crop_size=p.crop_size,
        mean_file=p.mean_file if p.has("mean_file") else None,
        mean_values=tuple(p.mean_value),
        force="color" if p.force_color else "gray" if p.force_gray else None,
    )
