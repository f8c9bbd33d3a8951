"""What commands that were killed leave in a directory of splits, and its removal.

Who removes has to hold the directory (`common.alone`): what lies there may else be what another command is making.
"""

import contextlib
import glob
import pathlib
import shutil

from zoo.formats.records import DESCRIPTION
from zoo.formats.records_writer import PARTIAL

DRAFTS = ".draft-"  # what the names of directories begin with in which a shard is made
BEAM_RUNS = ".beam-"  # and of those through which the command and Beam's workers hand jobs and notes
LOG = ".beam.log"  # what the name of a log of Beam ends in


def shared(folder):
    """Returns the paths of what is in `folder` of no one split; workers of Beam that lose theirs end."""
    names = [f"{name}*" for name in (DRAFTS, BEAM_RUNS)]
    names += [f".{name}.*{PARTIAL}" for name in (*DESCRIPTION, "*.labels.txt")]  # of `atomic.replacing`
    return [path for name in names for path in pathlib.Path(folder).glob(name)]


def of_split(folder, split):
    """Returns the paths of what is left in `folder` once a split is whole: of its shards, its cards and its log."""
    name = glob.escape(split)
    patterns = [f"{name}-?????-of-?????.tfrecord{PARTIAL}*", f"{name}.json{PARTIAL}", f"{name}{LOG}"]
    patterns += [f".{name}.{ending}.*{PARTIAL}" for ending in ("md", "png")]  # of `atomic.replacing`
    return [path for pattern in patterns for path in pathlib.Path(folder).glob(pattern)]


def remove(paths):
    """Removes files and directories; what cannot be removed stays."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()
