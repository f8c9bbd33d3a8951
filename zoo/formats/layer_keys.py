"""Keys for the layers of a net: what tells them apart where names do not."""

from collections.abc import Iterable


class UniqueNames:
    """Gives each name once: as it is, or where it is taken with `mark` and the next number, from 2, that is free.

    Args:
        taken: names that are taken already.
        mark: what stands before the number.
    """

    def __init__(self, taken: Iterable[str] = (), mark: str = "#"):
        self.taken, self._mark, self._numbers = set(taken), mark, {}

    def __call__(self, name: str) -> str:
        """Returns `name`, or what it becomes."""
        unique, number = name, self._numbers.get(name, 1)
        while unique in self.taken:
            number += 1
            unique = f"{name}{self._mark}{number}"
        self._numbers[name] = number
        self.taken.add(unique)
        return unique


def layer_keys(names: Iterable[str]) -> list[str]:
    """Returns a key for each of a net's layers, given their `names` in order; "" is the name of a layer without one.

    The first layer of a name has that as its key, the second is NAME#2, the third NAME#3; a number that would give
    the name of another layer is passed over.
    """
    names = list(names)
    unique, seen, keys = UniqueNames(names), set(), []
    for name in names:
        keys.append(unique(name) if name in seen else name)
        seen.add(name)
    return keys


def said(keys: Iterable[str]) -> str:
    """Returns keys or names of layers as one line of text."""
    return ", ".join(f"(no name){key}" if key[:1] in ("", "#") else key for key in keys) or "none"
