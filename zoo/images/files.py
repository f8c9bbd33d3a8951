"""Images -> PNG: bytes, and files that appear whole or not at all. The same image is the same bytes."""

import pathlib

import numpy as np

from zoo.errors import OutputError
from zoo.formats import atomic, image_file


def to_bytes(image):
    """Returns an image as uint8; floats are 0 (black) to 1 (white), and what is beyond is cut."""
    image = np.asarray(image)
    if image.dtype == np.uint8:
        return image
    return np.round(255 * np.clip(np.nan_to_num(image), 0, 1)).astype(np.uint8)


def png(image):
    """Returns the bytes of a PNG file.

    Args:
        image: (H, W), (H, W, 1) or (H, W, 3) in R, G, B; uint8, or floats in 0..1.

    Raises:
        OutputError: such an image cannot be one.
    """
    pixels = to_bytes(image)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or not pixels.size:
        raise OutputError("no image", got=f"shape {np.shape(image)}", want="(H, W), (H, W, 1) or (H, W, 3)")
    cv2 = image_file.opencv()
    done, data = cv2.imencode(".png", pixels[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not done:
        raise OutputError("OpenCV writes no PNG of the image", got=f"shape {pixels.shape}")
    return data.tobytes()


def write(path, image):
    """Writes an image, as `png` takes it, to the file `path`, whose directory is made where there is none.

    Raises:
        OutputError: the ending is not .png, or the file or directory cannot be written.
    """
    path = pathlib.Path(path)
    check(path)
    data = png(image)
    atomic.make_directory(path.parent, OutputError)
    with atomic.replacing(path, OutputError) as file:
        file.write(data)


def check(path):
    """Raises OutputError where no PNG file can be `path`; for before the work that its content takes."""
    if pathlib.Path(path).suffix.lower() != ".png":
        raise OutputError("images are written as PNG", got=str(path), want="a name that ends in .png")
    atomic.check(path, OutputError, makes_folder=True)
