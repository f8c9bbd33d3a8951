"""pycaffe's `draw`: a net as a graph of layers and blobs."""

import os
import pathlib

from zoo.errors import DataError, Place, UnsupportedError
from zoo.export import dot
from zoo.pycaffe.errors import also


def get_dot(caffe_net, rankdir="LR", label_edges=True, phase=None, display_lrm=False):
    """Returns the dot text of a NetParameter; as `zoo.export.dot.dot`."""
    return dot.dot(caffe_net, rankdir, label_edges, phase, display_lrm)


def get_pydot_graph(caffe_net, rankdir="LR", label_edges=True, phase=None, display_lrm=False):
    """Returns a pydot graph of a NetParameter; as `get_dot`. Raises UnsupportedError where pydot is not installed."""
    try:
        import pydot  # pyright: ignore[reportMissingImports]  # not among our requirements
    except ImportError as error:
        raise also(UnsupportedError, ImportError)(
            "pydot is not installed", hint="get_dot gives the text without it"
        ) from error
    return pydot.graph_from_dot_data(get_dot(caffe_net, rankdir, label_edges, phase, display_lrm))[0]


def draw_net(caffe_net, rankdir="LR", ext="png", phase=None, display_lrm=False):
    """Returns the bytes of an image of a NetParameter, in a format that Graphviz knows, or of the dot text ("dot").

    Raises:
        UnsupportedError: Graphviz is not installed, or does not know the format.
    """
    return dot.image(get_dot(caffe_net, rankdir, True, phase, display_lrm), ext)


def draw_net_to_file(caffe_net, filename, rankdir="LR", phase=None, display_lrm=False):
    """Writes an image of a NetParameter, in the format that the name ends in; DataError where it cannot be written."""
    filename = pathlib.Path(os.fspath(filename))
    picture = draw_net(caffe_net, rankdir, filename.suffix[1:] or "dot", phase, display_lrm)
    try:
        filename.write_bytes(picture)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", at=Place(str(filename))) from error
