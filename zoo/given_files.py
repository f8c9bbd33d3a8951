"""Files that flags name, looked at before TensorFlow is loaded and a net is built, so that a slip is said at once."""

from zoo.errors import OutputError, WeightsError
from zoo.formats import atomic, weightsfile
from zoo.training import checkpoint_files


def check(weights=(), snapshot=None, outputs=(), *, makes_folder=False, directory=False):
    """Looks whether what is to be read is there, and what is to be written can be. Images: `image_paths.images`.

    Args:
        weights: paths of weights files.
        snapshot: path of a .solverstate or of a checkpoint, or None.
        outputs: paths to write.
        makes_folder, directory: of the outputs, as `atomic.check` takes them.

    Raises:
        WeightsError: a file to read is missing, empty or no file.
        OutputError: a path cannot be written.
    """
    for path in weights:
        weightsfile.check(path, WeightsError)
    if snapshot:
        checkpoint_files.check_snapshot(snapshot)
    for path in outputs:
        atomic.check(path, OutputError, makes_folder=makes_folder, directory=directory)
