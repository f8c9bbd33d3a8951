"""The result files of layers that write what they found on all images of a test: SSD's DetectionOutput."""

from zoo.errors import DataError
from zoo.layers.ops import output_paths


def writes_results(kind):
    """Whether a layer type has files to write, as its text asks for them."""
    return getattr(kind, "results", None) is not None


class Results:
    """Gathers the rows of every forward pass, as the fork's layer does in any net, a deploy net too.

    Where the labelmap or the list of images is not there, the fork stops. Published deploy texts name those of their
    authors' machines, so here a line says so, and nothing is written.
    """

    def __init__(self, kind):
        self._kind, self._writer, self._opened = kind, None, False

    def add(self, top, bottom):
        """Takes the layer's top `Blob` and its first bottom's, of as many images.

        Raises:
            DataError: a file cannot be written.
        """
        if not self._opened:
            self._opened = True
            try:
                self._writer = self._kind.writer()
            except DataError as error:
                output_paths.say(f"no result files are written: {error}")
        if self._writer is not None:
            self._writer.add(top.data, bottom.shape[0])
