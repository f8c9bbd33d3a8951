"""Values to sweep, as people type them: prototxt in which | separates what is tried, 'base_lr: 0.01|0.02'."""

import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from zoo.errors import ZooError

MOST = 1000  # runs: more are a slip, and no sweep
_VALUES = re.compile(r"(\w+)\s*:\s*([^\s{}|]+(?:\s*\|\s*[^\s{}|]+)+)")
_SHORT = re.compile(r"\s*(\w+)\s*:\s*[^\s{}]+\s*")  # one field and no more


@dataclass(frozen=True)
class Trial:
    """One run of a sweep.

    Attributes:
        name: what its directory is called: "base_lr=0.01,momentum=0.9".
        values: {what is swept: its value, as typed}.
        text: prototxt of the changes.
        short: {short name of zoo.train: value}, of those that are swept.
    """

    name: str
    values: dict[str, str] = field(hash=False)
    text: str = ""
    short: dict[str, str] = field(default_factory=dict, hash=False)


def trials(texts: Sequence[str], short: Collection[str] = ()) -> list[Trial]:
    """Returns a `Trial` for each combination of the values in `texts`; the last varies fastest.

    Args:
        texts: what --sweep says, a text each.
        short: names that are flags of zoo.train and not fields.

    Raises:
        ZooError: a text without several values, a field swept twice, or more than `MOST` combinations.
    """
    axes = [axis for text in texts for axis in _axes(text)]
    if not axes:
        raise ZooError("--sweep is missing", want="what to vary, such as --sweep='base_lr: 0.01|0.02'")
    names = [name for name, _ in axes]
    for name in names:
        if names.count(name) > 1:
            raise ZooError(f"{name} is swept twice", want="one --sweep with all its values")
    count = 1
    for _, values in axes:
        count *= len(values)
    if count > MOST:
        raise ZooError("a sweep of too many runs", got=count, want=f"{MOST} or fewer")
    return [_trial(texts, names, chosen, short) for chosen in itertools.product(*(values for _, values in axes))]


def _axes(text):
    """Returns [(name, values)] of a text; a field of a layer is called LAYER.FIELD."""
    layer = re.search(r'name\s*:\s*"([^"]*)"', text)
    found = []
    for match in _VALUES.finditer(text):
        values = [value.strip() for value in match[2].split("|")]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice:
            raise ZooError("--sweep has a value twice", got=f"{match[1]}: {twice}")
        found.append((f"{layer[1]}.{match[1]}" if layer and "layer" in text else match[1], values))
    if not found:
        want = "a name, a colon, and values separated by |: 'base_lr: 0.01|0.02'"
        raise ZooError("--sweep varies nothing", got=text, want=want)
    return found


def _trial(texts, names, chosen, short):
    values, left, changes, flags = dict(zip(names, chosen)), list(chosen), [], {}
    for text in texts:
        one = _VALUES.sub(lambda match: f"{match[1]}: {left.pop(0)}", text)
        match = _SHORT.fullmatch(one)
        if match and match[1] in short:
            flags[match[1]] = one.partition(":")[2].strip()
        else:
            changes.append(one.strip())
    name = ",".join(f"{key}={value}" for key, value in values.items())
    return Trial(re.sub(r"[^\w.,=+-]", "_", name), values, " ".join(changes), flags)
