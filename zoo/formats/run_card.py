"""What a run directory knows of its run, `run.json`: the config's name, its data, and the fingerprint of its recipe."""

import json
import pathlib
from dataclasses import asdict, dataclass

from zoo.errors import CheckpointError
from zoo.formats.atomic import replacing

NAME, FORMAT, VERSION = "run.json", "zoo-run", 1


@dataclass(frozen=True)
class RunCard:
    """A run in words.

    Attributes:
        net: name of the net.
        data: a line for each source that it is trained on, for people.
        parts: {part: text} of all that its numbers follow from, see `zoo.training.fingerprint`.
    """

    net: str
    data: tuple[str, ...]
    parts: dict[str, str]


def read(folder):
    """Returns the `RunCard` of a run directory, or None where there is none, or none that can be read."""
    try:
        found = json.loads(pathlib.Path(folder, NAME).read_bytes())
        if (found.pop("format"), found.pop("version")) != (FORMAT, VERSION):
            return None
        card = RunCard(str(found["net"]), tuple(map(str, found["data"])), dict(found["parts"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return card if all(isinstance(text, str) for text in card.parts.values()) else None


def write(folder, card):
    """Writes a `RunCard`; raises CheckpointError where the system refuses."""
    text = json.dumps({"format": FORMAT, "version": VERSION, **asdict(card)}, indent=1, ensure_ascii=False)
    with replacing(pathlib.Path(folder, NAME), CheckpointError) as file:
        file.write(text.encode() + b"\n")
