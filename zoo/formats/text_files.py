"""Reads a text file that a user named, and says at once what it is instead when it is no text."""

import os

from zoo.errors import Place, PrototxtError, did_you_mean
from zoo.formats import regular

_HEAD = 4096
_CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r")) + b"\x7f"


def read_text(path):
    """Returns the text of the file `path`, without a byte order mark.

    Raises:
        PrototxtError: it is missing, a folder, empty, binary, not UTF-8, a Git LFS pointer or a web page.
    """
    path = os.fspath(path)
    at = Place(path)
    try:
        with regular.open_binary(path) as stream:
            head = stream.read(_HEAD)
            _check_head(head, at)
            data = head + stream.read()
    except FileNotFoundError:
        raise PrototxtError("no such file", at=at, hint=_near(path)) from None
    except IsADirectoryError:
        raise PrototxtError("is a folder, not a file", at=at) from None
    except (OSError, ValueError) as error:
        raise PrototxtError(f"cannot be read: {getattr(error, 'strerror', None) or error}", at=at) from None
    _check_control(data, at)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PrototxtError(
            "not UTF-8", at=Place(path, line), got=f"byte 0x{data[error.start]:02X}", hint="save it as UTF-8"
        ) from None
    if not text.strip():
        raise PrototxtError("the file is empty", at=at)
    return text


def _check_head(head, at):
    if head.startswith(b"version https://git-lfs.github.com/spec"):
        raise PrototxtError("a Git LFS pointer, not the file itself", at=at, hint="run: git lfs pull")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")):
        raise PrototxtError("a web page, not a prototxt", at=at, hint="download the raw file instead")
    _check_control(head, at)


def _check_control(data, at):
    if len(data.translate(None, _CONTROL)) != len(data):
        raise PrototxtError(
            "a binary file, where prototxt is wanted", at=at, hint="a .caffemodel holds weights and is given apart"
        )


def _near(path):
    folder, name = os.path.split(path)
    try:
        return did_you_mean(name, os.listdir(folder or "."))
    except OSError:
        return f"there is no folder {folder}"
