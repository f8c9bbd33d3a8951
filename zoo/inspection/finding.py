"""One thing that an inspection found, and how a text is changed to mend it."""

from collections.abc import Iterable
from dataclasses import dataclass

from zoo.errors import Place

STOPS, DIFFERS, FORK = "stops", "differs", "fork"
KINDS = {
    STOPS: "what would stop it here",
    DIFFERS: "the same text means something else elsewhere, or not what it seems to",
    FORK: "what BVLC Caffe does not have",
}


@dataclass(frozen=True)
class Edit:
    """A change of a text: the characters from `start` to `end` give way to `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        kind: one of `KINDS`.
        rule: a short name of what was looked for, such as "crop-offset".
        at: the `Place`.
        what: what is so, as a clause.
        cure: what to do about it, often text to paste; None where nothing is needed.
        edits: changes of the text that do it; none where it cannot be done in the text.
    """

    kind: str
    rule: str
    at: Place
    what: str
    cure: str | None = None
    edits: tuple[Edit, ...] = ()

    def line(self):
        """Returns it as one line."""
        where = f"{self.at}: " if str(self.at) else ""
        return f"{where}{self.what}"


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Returns `text` with the edits made; of two that overlap the first one counts."""
    last = len(text) + 1
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        if edit.end <= last:
            text = text[: edit.start] + edit.text + text[edit.end :]
            last = edit.start
    return text
