"""Images -> TensorBoard, into the event files of a run directory."""

import pathlib
import re

from zoo.command import quiet_tensorflow
from zoo.errors import OutputError, Place

FOLDER = "seen"  # in the run directory, next to train and test


def write(run_dir, images, step=0):
    """Writes images into a run directory; TensorBoard shows them under IMAGES.

    Args:
        run_dir: the directory, made where there is none.
        images: {tag: uint8 (H, W, 3)}.
        step: the iteration that they are shown at.

    Raises:
        OutputError: the directory cannot be written to.
    """
    tf, folder = quiet_tensorflow(), pathlib.Path(run_dir) / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writer = tf.summary.create_file_writer(str(folder))
        with writer.as_default(step=step):
            for tag, image in images.items():
                tf.summary.image(tag, image[None])
        writer.close()
    except (OSError, tf.errors.OpError) as error:
        got = getattr(error, "strerror", None) or getattr(error, "message", str(error)).splitlines()[0]
        raise OutputError("cannot write for TensorBoard", at=Place(str(folder)), got=got) from None


def iteration(paths):
    """Returns the iteration that the name of a weights file says, such as net_iter_500.caffemodel; else 0."""
    found = [re.search(r"_iter_(\d+)", pathlib.Path(path).name) for path in paths]
    return next((int(match[1]) for match in found if match), 0)
