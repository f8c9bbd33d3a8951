"""Images as pycaffe has them: float32 (H, W, K) in [0, 1], RGB."""

import os

import numpy as np

from zoo.errors import DataError, Place
from zoo.formats import image_file
from zoo.pycaffe.errors import also, raised_as

# Luminance as scikit-image has it, with which pycaffe makes grey.
_GREY = np.array([0.2125, 0.7154, 0.0721])


@raised_as(OSError)
def load_image(filename, color=True):
    """Returns the image in a file: (H, W, 3) in RGB, or (H, W, 1) with `color` False; alpha is left out.

    Raises:
        DataError: no such file, no image, or one larger than the limits.
    """
    at = Place(os.fspath(filename))
    try:
        data = image_file.read(filename)
    except OSError as error:
        raise also(DataError, type(error))("cannot read the image", at=at, got=error.strerror) from error
    # Unchanged keeps 16 bits, and turns no image by its EXIF data, which scikit-image does not either.
    pixels = image_file.decode(data, image_file.opencv().IMREAD_UNCHANGED, at)
    scale = np.iinfo(pixels.dtype.name).max if np.issubdtype(pixels.dtype, np.integer) else 1
    image = pixels.astype(np.float64) / scale
    if image.ndim == 2 or image.shape[2] < 3:
        image = image.reshape(*image.shape[:2], -1)[:, :, :1]
        return (np.tile(image, (1, 1, 3)) if color else image).astype(np.float32)
    image = image[:, :, 2::-1]
    return (image if color else (image @ _GREY)[:, :, np.newaxis]).astype(np.float32)


def resize_image(im, new_dims, interp_order=1):
    """Returns an image (H, W, K) in another size, float32.

    For 1 or 3 channels as scikit-image resizes without smoothing: centres of pixels on centres of pixels, black beyond
    the edge. For other numbers of channels as scipy.ndimage.zoom does: corner pixels on corner pixels.

    Args:
        im: the image.
        new_dims: (height, width).
        interp_order: of the spline; 1 is bilinear.

    Raises:
        DataError: no image, or no size.
    """
    from scipy.ndimage import zoom

    im, size = np.asarray(im), tuple(int(dim) for dim in new_dims)
    if im.ndim != 3 or not im.size or len(size) != 2 or min(size) < 1:
        got, want = f"shape {im.shape} to {size}", "an image (H, W, K) and (H', W')"
        raise also(DataError, ValueError)("cannot resize", got=got, want=want)
    factors = (size[0] / im.shape[0], size[1] / im.shape[1], 1)
    if im.shape[2] not in (1, 3):
        return np.asarray(zoom(im, factors, order=interp_order)).astype(np.float32)
    low, high = float(im.min()), float(im.max())
    if high <= low:
        return np.full((*size, im.shape[2]), low, np.float32)
    unit = (im.astype(np.float64) - low) / (high - low)  # what lies beyond the edge is the lowest value
    unit = np.asarray(zoom(unit, factors, order=interp_order, mode="grid-constant", grid_mode=True))
    return (np.clip(unit, 0, 1) * (high - low) + low).astype(np.float32)


def oversample(images, crop_dims):
    """Returns ten crops of each image: the four corners and the centre, then their mirror images.

    Args:
        images: images (H, W, K) of one size.
        crop_dims: (height, width) of the crops.

    Returns:
        float32 (10 N, height, width, K).

    Raises:
        DataError: the crops are larger than the images.
    """
    height, width = (int(dim) for dim in crop_dims)
    crops = []
    for im in images:
        rows, columns = im.shape[0] - height, im.shape[1] - width
        if rows < 0 or columns < 0:
            got, want = (height, width), f"at most {im.shape[:2]}"
            raise also(DataError, ValueError)("crops larger than the image", got=got, want=want)
        places = [(0, 0), (0, columns), (rows, 0), (rows, columns), centre_crop(im.shape, (height, width))]
        found = [im[y : y + height, x : x + width] for y, x in places]
        crops += found + [crop[:, ::-1] for crop in found]
    return np.array(crops, np.float32)


def centre_crop(shape, crop_dims):
    """Returns (top, left) of the crop in the middle, cut toward zero as pycaffe does."""
    return tuple(int(size / 2.0 - crop / 2.0) for size, crop in zip(shape, crop_dims))
