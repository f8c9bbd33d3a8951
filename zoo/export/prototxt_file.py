"""The prototxt of the current form: of the net to deploy, or of the whole net as `upgrade_net_proto_text` makes it."""

from zoo.errors import OutputError, Place
from zoo.formats import atomic, prototxt


def write(path, message, comments=""):
    """Writes a NetParameter as text, `comments` in front, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic.replacing(path, OutputError) as file:
        file.write((comments + prototxt.to_text(message)).encode())


def check(path, message):
    """Raises OutputError where the text at `path`, read again, is not the same message."""
    if prototxt.read_net(path).message != message:
        raise OutputError("the text does not read back as the same net", at=Place(str(path)))
