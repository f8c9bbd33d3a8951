"""The prototxt of the current form: of the net to deploy, or of the whole net as `upgrade_net_proto_text` makes it."""

from zoo.errors import OutputError, Place
from zoo.formats import atomic, prototxt


def write(path, message, comments=""):
    """Writes a NetParameter as text, `comments` in front, whole or not at all.

    The net's own field `fork` is left out: no Caffe reads it.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic.replacing(path, OutputError) as file:
        file.write((comments + prototxt.to_text(_bare(message))).encode())


def check(path, message):
    """Raises OutputError where the text at `path`, read again, is not the same message."""
    if prototxt.read_net(path).message != _bare(message):
        raise OutputError("the text does not read back as the same net", at=Place(str(path)))


def _bare(message):
    bare = type(message)()
    bare.CopyFrom(message)
    bare.ClearField("fork")
    return bare
