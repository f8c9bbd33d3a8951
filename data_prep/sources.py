"""What is noted of the files that something was made of, and whether they are still what they were.

The card of a split has the note. A database and a folder of images have no card: they have the note in a file of JSON.
"""

import contextlib
import datetime
import hashlib
import json
import os
import pathlib

from absl import flags

from data_prep import tar_members
from data_prep.images import SUFFIXES
from zoo import terminal
from zoo.errors import DataError, Place
from zoo.formats import regular
from zoo.formats.atomic import sha256

KEY = "sources"  # of a card's `made`
FILE = "made.json"  # in a database or folder of images: what a card has as `made`
AT_ONCE = 256 << 20  # bytes of an archive or a list up to which its contents are digested unasked: a third of a second
CONTENTS, LISTING = "contents", "names, sizes and times"
STATS = ("files", "bytes", "newest")


def define_flag():
    """Defines --verify_sources."""
    flags.DEFINE_bool(
        "verify_sources",
        False,
        "Where the data are prepared already: check by SHA-256 that the sources are still those that they were made of."
        " While they are prepared: note that of the contents of every source, which reads it once more; otherwise"
        f" it is noted of archives, lists and the like up to {AT_ONCE >> 20} MB, and of larger ones and of images in"
        " files of their own that of names, sizes and times.",
    )


def noted(sources, contents=False):
    """Returns what a card says of `sources`, as plain data for JSON.

    Each gets the number of its files, their bytes, the time of the newest, and a SHA-256 with what it is of: of the
    contents, which for one file is that of sha256sum, or of names, sizes and times.

    Args:
        sources: {name: paths of its files}.
        contents: whether the contents count always; otherwise those of small sources that are no image files.

    Raises:
        DataError: the one file of a source that cannot be read.
    """
    found = {}
    for name, paths in sources.items():
        stats, status = _stats(paths)
        small = stats["bytes"] <= AT_ONCE and not any(pathlib.Path(path).suffix.lower() in SUFFIXES for path in paths)
        of = CONTENTS if contents or small else LISTING
        found[tar_members.text(name)] = {**stats, "sha256": _digest(paths, status, of), "of": of}
    return found


def text(made):
    """Returns the bytes of `FILE` for a `made` such as cards have."""
    return (json.dumps(made, indent=1) + "\n").encode()


def read(folder):
    """Returns the `made` that lies in a database or folder of images; {} where none does, as in older ones.

    Raises:
        DataError: it is damaged.
    """
    path = pathlib.Path(folder, FILE)
    try:
        made = regular.read_json(path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as e:
        raise DataError("cannot be read", at=Place(str(path)), got=str(e)) from e
    if not isinstance(made, dict):
        raise DataError(
            "does not say how this was made", at=Place(str(path)), got=type(made).__name__, want="an object"
        )
    return made


def check(notes, sources, at, verify=False):
    """Says on stderr which sources are not what they were, by their number of files, bytes and times.

    Sources that are gone are passed over: what was made of them stands. Cards that say nothing of sources are older.

    Args:
        notes: an iterable of each `made`, of a card or of `read`.
        sources: returns {name: paths of its files} as they are now; it may raise DataError.
        at: the directory of what was made.
        verify: whether to raise, and to go by the digests.

    Raises:
        DataError: with `verify`, for a source that is another, or gone, or of which nothing was noted.
    """
    before = {name: entry for made in notes for name, entry in _said(made).items()}
    if verify and not before:
        hint = "--force prepares it again and notes it"
        raise DataError("no source of this was noted, so none can be checked", at=Place(str(at)), hint=hint)
    try:
        now = {tar_members.text(name): paths for name, paths in sources().items()} if before else {}
    except DataError as e:
        if verify:
            raise
        if any(os.path.exists(name) for name in before):
            terminal.warning(f"a source of {at} cannot be compared with what it was: {e}", "NOTE")
        return
    for name, entry in before.items():
        paths = now.get(name, [name] if os.path.isfile(name) else None)
        if verify:
            _verify(name, entry, paths)
        elif paths:
            _compare(name, entry, paths, at)


def _said(made):
    """Returns what `made` says of the sources, less what is not of that form."""
    found = made.get(KEY)
    wanted = {*STATS, "sha256", "of"}
    return {n: e for n, e in found.items() if isinstance(e, dict) and e.keys() >= wanted} if type(found) is dict else {}


def _compare(name, entry, paths, at):
    stats, _ = _stats(paths)
    if any(stats[key] != entry[key] for key in STATS):
        text = (
            f"{name} is not what it was when {at} was made of it: it has {_words(stats)}, and had {_words(entry)}. "
            "--force prepares it again; --verify_sources tells whether the contents differ."
        )
        terminal.warning(text, "NOTE")


def _verify(name, entry, paths):
    at, hint = Place(name), "--force prepares it again"
    if not paths:
        raise DataError("a source that is not there", at=at, want=_words(entry), hint=hint)
    stats, status = _stats(paths)
    digest = _digest(paths, status, entry["of"])
    if digest != entry["sha256"]:
        got, want = f"SHA-256 {digest[:16]}... of its {entry['of']}", f"{str(entry['sha256'])[:16]}... as the card says"
        what = "a source that is not what it was when this was made of it"
        raise DataError(what, at=at, got=got, want=want, hint=hint)
    more = "" if entry["of"] == CONTENTS else "; with --force --verify_sources its contents are noted, too"
    print(f"{name}: what it was, by its {entry['of']} ({_words(stats)}{more})")


def _words(stats):
    return f"{stats['files']} file{'s' * (stats['files'] != 1)}, {stats['bytes']} bytes, newest of {stats['newest']}"


def _stats(paths):
    """Returns (number of files, their bytes, time of the newest; {path: os.stat}) of those that are files."""
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):  # such as images of a list, of which some may be left out
            status = os.stat(path)
            regular.check(path, status)
            found[path] = status
    newest = max(s.st_mtime_ns for s in found.values()) if found else 0
    when = datetime.datetime.fromtimestamp(newest / 1e9, datetime.UTC).isoformat(timespec="microseconds")
    return {"files": len(found), "bytes": sum(s.st_size for s in found.values()), "newest": when}, found


def _digest(paths, status, of):
    if of == CONTENTS and len(paths) == 1:
        try:
            return sha256(paths[0])
        except OSError as e:
            at = Place(tar_members.text(str(paths[0])))
            raise DataError("a source cannot be read", at=at, got=e.strerror or str(e)) from e
    top = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in paths] or [os.sep])
    total = hashlib.sha256()
    for name, path in sorted((os.path.relpath(path, top), path) for path in status):
        said = _contents(path) if of == CONTENTS else (status[path].st_size, status[path].st_mtime_ns)
        total.update(repr((name, said)).encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _contents(path):
    try:
        return sha256(path)
    except OSError:
        return None  # as of an image that may not be read, and is left out
