"""The errors that a user can cause, and the one form in which they are said.

Every message reads ``file:line: layer "name" (Type): what, got G, want W (hint)``, each part only where it is known.
"""

from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_PART = 1000  # characters of each part of a message; what a file holds may be longer than anyone reads
MOST_TOGETHER = 100  # errors that one message says


def short(value, longest=LONGEST_PART):
    """Returns `value` as text, cut where it is longer than `longest` characters."""
    text = str(value)
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text)} characters)"


@dataclass(frozen=True)
class Place:
    """Where in a user's files something stands; any part may be unknown."""

    file: str | None = None
    line: int | None = None
    layer: str | None = None
    type: str | None = None

    def __str__(self):
        parts = []
        if self.file:
            parts.append(f"{self.file}:{self.line}" if self.line else str(self.file))
        if self.layer is not None:
            parts.append(f'layer "{short(self.layer, 200)}"' + (f" ({short(self.type, 200)})" if self.type else ""))
        return ": ".join(parts)


class ZooError(Exception):
    """Base of every error that is the input's fault; commands print it and exit with 1, without a traceback.

    Args:
        what: what is wrong, as a clause without a full stop.
        at: the `Place` that is at fault.
        got: what was found there.
        want: what was expected.
        hint: what to do about it, such as a command or a "did you mean".
    """

    problems: "tuple[ZooError, ...]" = ()  # the errors that one of `raise_together` says

    def __init__(self, what, *, at=None, got=None, want=None, hint=None):
        self.what, self.at, self.got, self.want, self.hint = what, at, got, want, hint
        text = f"{at}: {short(what)}" if at and str(at) else short(what)
        if got is not None:
            text += f", got {short(got)}"
        if want is not None:
            text += f", want {short(want)}"
        if hint is not None:
            text += f" ({short(hint)})"
        super().__init__(text)


class PrototxtError(ZooError):
    """Text that is not what Caffe's grammar or schema allows."""


class UnsupportedError(ZooError):
    """A valid request that this package does not carry out."""


class NetError(ZooError):
    """Layers, blobs or shapes that do not fit together."""


class SolverError(ZooError):
    """A solver whose fields are missing or contradict each other."""


class DataError(ZooError):
    """A dataset, record, image or mean file that is missing, damaged or of the wrong kind."""


class WeightsError(ZooError):
    """A weights file that is damaged or does not fit the net."""


class OutputError(ZooError):
    """A converted file that cannot be written."""


class ClusterError(ZooError):
    """A process of several that train together is no longer there."""


class CheckpointError(ZooError):
    """A run directory or checkpoint that cannot be written, read or continued."""


def raise_together(errors: Iterable[ZooError]) -> None:
    """Raises one error that says all of `errors`, a line each; does nothing for none.

    The type is that of the first, so that callers may still tell kinds apart. What was raised together before and
    comes here as one error is a line each again: `problems` of the error raised holds them.
    """
    errors = [part for error in errors for part in error.problems or (error,)]
    if len(errors) == 1:
        raise errors[0]
    if errors:
        lines = [f"{len(errors)} problems:", *(f"  {error}" for error in errors[:MOST_TOGETHER])]
        if len(errors) > MOST_TOGETHER:
            lines.append(f"  ... and {len(errors) - MOST_TOGETHER} more")
        together = type(errors[0])(lines[0])
        together.what = "\n".join(lines)
        together.args, together.problems = (together.what,), tuple(errors)
        raise together


def did_you_mean(word: object, known: Iterable[str]) -> str | None:
    """Returns ``did you mean "x"?`` for the nearest of `known` (strings), or None if none is near.

    Near is what a slip of the finger makes: a word that is longer or shorter by a part is another word.
    """
    import difflib

    word = str(word)
    if len(word) > LONGEST_PART:
        return None
    cutoff = 0.6 if len(word) < 5 else 0.8
    alike = [k for k in map(str, known) if abs(len(k) - len(word)) <= 1 + min(len(k), len(word)) // 4]
    near = difflib.get_close_matches(word, alike, n=1, cutoff=cutoff)
    if not near:
        lower = {k.lower(): k for k in alike}
        near = [lower[m] for m in difflib.get_close_matches(word.lower(), lower, n=1, cutoff=cutoff)]
    return f'did you mean "{near[0]}"?' if near else None
