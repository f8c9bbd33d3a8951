"""Which fork's meaning a layer has, where forks mean different things by one type string."""

from zoo.errors import NetError, did_you_mean
from zoo.layers.base.registry import find, layer_types, variants

_asked: list[str] = []  # by `ask`


def ask(names):
    """Makes every net from now on mean these forks where a choice is, as its own field `fork` would.

    Raises:
        NetError: there is no such fork.
    """
    for name in names:
        if wrong := _unknown(name):
            raise wrong
    _asked[:] = names


def _unknown(name):
    known = all_variants()
    if name in known:
        return None
    hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
    return NetError("no such fork", got=name, want="a fork whose layer types differ from another's", hint=hint)


class Meanings:
    """Decides for each layer of a net; by what its text says, what the net asks for, and the other layers' forks.

    In this order: what was asked for (`ask`, or `fork` of the net); what in the layer's own fields tells; the
    only fork that has a type of another layer of the net, one that has no other meaning; the usual meaning.

    Args:
        net: the filtered NetParameter; what was asked for is noted in it.

    Attributes:
        said: (place, how a layer is read and why) of each layer that is not read as in BVLC Caffe for want of choice.
        errors: NetErrors: a layer says two things, or nothing tells and none is usual.
    """

    def __init__(self, net):
        self.said, self.errors = [], []
        net.fork.extend(name for name in _asked if name not in net.fork)
        self._asked = tuple(net.fork)
        self._company = {
            next(iter(found.values())).fork: layer.type
            for layer in net.layer
            if list(found := variants(layer.type)) == [""]
        }
        for name in self._asked:
            if wrong := _unknown(name):
                self.errors.append(wrong)

    def variant(self, message, place):
        """Returns the variant of a layer, "" where there is but one meaning, or where an error says why not."""
        found = variants(message.type)
        if len(found) < 2 and "" in found or not found:
            return ""
        asked = [name for name in self._asked if name in found]
        signs = {name: sign for name, cls in found.items() if (sign := cls.sign(message))}
        company = [name for name, cls in found.items() if cls.fork in self._company]
        usual = [name for name, cls in found.items() if name == "" or cls.usual]
        if asked:
            return self._taken(asked[0], "asked for", found, place)
        if len(signs) == 1:
            ((name, sign),) = signs.items()
            return self._taken(name, f"since {sign}", found, place)
        if len(signs) > 1:
            self.errors.append(
                NetError(
                    f"type {message.type} has different meanings in forks, and this layer has fields of several",
                    at=place,
                    got="; ".join(f"{sign} ({name or 'BVLC Caffe'})" for name, sign in signs.items()),
                    want=f"one; --fork={'|'.join(sorted(filter(None, signs)))} chooses",
                )
            )
            return ""
        if len(company) == 1:
            other = self._company[found[company[0]].fork]
            return self._taken(company[0], f"since the net has a layer {other} of that fork", found, place)
        if len(usual) == 1:
            return self._taken(usual[0], "the usual meaning; nothing in the text tells", found, place)
        self.errors.append(
            NetError(
                f"type {message.type} has different meanings in forks, and nothing in this layer tells which",
                at=place,
                want=f"--fork={'|'.join(sorted(filter(None, found)))}",
            )
        )
        return ""

    def _taken(self, name, why, found, place):
        if name:
            self.said.append((place, f"{place.type} is read as in {found[name].fork} ({why})"))
        return name


def told(meanings) -> list[str]:
    """Returns lines that say how layers are read, those alike in one, for `NetDef.meanings`."""
    alike: dict[str, list[str]] = {}
    for place, text in meanings:
        alike.setdefault(text, []).append(place.layer or "without a name")
    lines = []
    for text, names in alike.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines.append(f"layer{'s' if len(names) > 1 else ''} {', '.join(names[:3])}{more}: {text}")
    return lines


def all_variants() -> list[str]:
    """Returns the names that --fork takes, sorted."""
    return sorted({cls.variant for kind in layer_types() if (cls := find(kind)) and cls.variant})
