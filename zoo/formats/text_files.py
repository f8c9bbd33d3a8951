"""Reads a text file that a user named, and says at once what it is instead when it is no text."""

import os
import re

from zoo.errors import Place, PrototxtError, did_you_mean
from zoo.formats import regular

_HEAD = 4096
_STRING_OR_COMMENT = re.compile(rb"""(?:"(?:\\.|[^"\\\n])*")|(?:'(?:\\.|[^'\\\n])*')|\#[^\n]*|["'][^\n]*""")
_CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r")) + b"\x7f"


def read_text(path):
    """Returns the text of the file `path`, without a byte order mark.

    Raises:
        PrototxtError: it is missing, a directory, empty, binary, not UTF-8, a Git LFS pointer or a web page.
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
        raise PrototxtError("is a directory, not a file", at=at) from None
    except (OSError, ValueError) as error:
        raise PrototxtError(f"cannot be read: {getattr(error, 'strerror', None) or error}", at=at) from None
    _check_control(data, at)
    try:
        text = _decode(data)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PrototxtError(
            "not UTF-8", at=Place(path, line), got=f"byte 0x{error.object[error.start]:02X}", hint="save it as UTF-8"
        ) from None
    if not text.strip():
        raise PrototxtError("the file is empty", at=at)
    return text


def _decode(data):
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _STRING_OR_COMMENT.sub(_readable, data).decode("utf-8-sig")


def _readable(match):
    """A comment with other bytes than UTF-8 replaced: Caffe's parser does not look at them."""
    found = match.group()
    return found.decode("utf-8", "replace").encode() if found.startswith(b"#") else found


def _check_head(head, at):
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or max(head[::2].count(0), head[1::2].count(0)) > len(head) // 4 > 1:
        hint = "save it as UTF-8, or: iconv -f UTF-16 -t UTF-8"
        raise PrototxtError("UTF-16 text, where UTF-8 is wanted", at=at, hint=hint)
    if head.startswith(b"version https://git-lfs.github.com/spec"):
        raise PrototxtError("a Git LFS pointer, not the file itself", at=at, hint="run: git lfs pull")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")):
        raise PrototxtError("a web page, not a prototxt", at=at, hint="download the raw file instead")
    _check_control(head, at)


def has_control(data):
    """Whether bytes of a file hold control characters, which no text has."""
    return len(data.translate(None, _CONTROL)) != len(data)


def _check_control(data, at):
    if has_control(data):
        raise PrototxtError(
            "a binary file, where prototxt is wanted", at=at, hint="a .caffemodel holds weights and is given apart"
        )


def _near(path):
    folder, name = os.path.split(path)
    stem, ending = os.path.splitext(name)
    try:
        there = os.listdir(folder or ".")
    except OSError:
        return f"there is no directory {folder}"
    alike = {other.removesuffix(ending) for other in there if ending and other.endswith(ending)}
    near = did_you_mean(stem, alike)  # an ending that both have makes two names no more alike
    if near:
        return near.replace('"?', f'{ending}"?')
    return did_you_mean(name, [other for other in there if not (ending and other.endswith(ending))])
