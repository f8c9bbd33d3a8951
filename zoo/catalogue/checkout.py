"""The git checkout that this package lies in: its commit, and whether its files are what the commit has."""

import pathlib
import subprocess

from zoo.errors import ZooError


def commit(root, but=()):
    """Returns the commit, 40 digits, whose files the checkout at `root` has.

    Args:
        root: the top of the checkout.
        but: paths below `root` that may differ, because a command writes them.

    Raises:
        ZooError: no git, no checkout, or files that are changed or new.
    """
    changed = _git(root, "status", "--porcelain", "--untracked-files=all", "--", ".", *(f":!{path}" for path in but))
    if changed:
        lines = changed.split("\n")
        hint = "commit them, so that the row can say what ran"
        got = ", ".join(line[3:] for line in lines[:5]) + (f" and {len(lines) - 5} more" if len(lines) > 5 else "")
        raise ZooError("the checkout has changes that are not committed", got=got, hint=hint)
    return _git(root, "rev-parse", "HEAD")


def changed_between(root, old, new, paths):
    """Returns those files below `paths` that differ between two commits, as a list.

    Raises:
        ZooError: no such commit.
    """
    return [] if old == new else _git(root, "diff", "--name-only", old, new, "--", *paths).split()


def _git(root, *words):
    try:
        done = subprocess.run(["git", "-C", str(pathlib.Path(root)), *words], capture_output=True, text=True)
    except OSError as error:
        raise ZooError("cannot run git", got=error.strerror) from None
    if done.returncode:
        said = (done.stderr.strip().split("\n") or [""])[0]
        raise ZooError("git refuses: a result needs a checkout of the repository", got=said)
    return done.stdout.rstrip("\n")
