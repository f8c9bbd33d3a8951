"""What the packaged models cost, each computed once: what is known is kept in the user's cache directory.

To infer the shapes of fifty nets takes two seconds, and a list should not. What is kept is known by the file's digest
and by the code that computes it; where it cannot be kept, nothing is, and nothing is said of it.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re

from zoo.errors import ZooError
from zoo.formats.atomic import replacing
from zoo.layers import find
from zoo.netdef.config import open_config
from zoo.netdef.cost import Cost, cost
from zoo.netdef.deploy import deploy
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]
_CODE = ("layers", "netdef")  # what the numbers follow from
_SIZE = re.compile(r"(\d+) x (\d+) x (\d+)")


def of(headers):
    """Returns {path: `Cost` of the deploy net for one item, or None where that depends on the size of the item}.

    Args:
        headers: {path of a config: its `ConfigHeader`, or None}.
    """
    kept, code, found = _read(), _code_digest(), {}
    changed = False
    for path, header in headers.items():
        key = hashlib.sha256(pathlib.Path(path).read_bytes() + code).hexdigest()[:24]
        if key not in kept:
            kept[key], changed = _computed(path, header), True
        found[path] = Cost(*kept[key]) if kept[key] else None
    if changed:
        _write(kept)
    return found


def _computed(path, header):
    try:
        definition = open_config(path).definition("TEST")
        net = net_def(deploy(definition, input_shapes(definition, header)), "TEST")
        return list(cost(net, infer_shapes(net)))
    except ZooError:  # the size of an item is not known, or differs
        return None


def input_shapes(definition, header):
    """Returns {blob: Caffe shape} of one image of each data layer, by the words of the config's header.

    Args:
        definition: the NetDef with its data layers.
        header: the `ConfigHeader`, or None, which says nothing.
    """
    size = _SIZE.match(header.input) if header else None
    if not size:
        return {}
    shape = (1, *map(int, size.groups()))
    kinds = [(layer, find(layer.kind)) for layer in definition.layers]
    return {layer.tops[0].name: shape for layer, kind in kinds if kind and kind.feeds(layer) and not kind.states_shapes}


def _code_digest():
    files = [path.stat() for name in _CODE for path in sorted((_PACKAGE / name).rglob("*.py"))]
    return repr([(found.st_size, found.st_mtime_ns) for found in files]).encode()


def _file():
    root = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(root, "caffe-zoo", "costs.json")


def _read():
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        found = json.loads(_file().read_text(encoding="utf-8"))
        if isinstance(found, dict) and all(_whole(value) for value in found.values()):
            return found
    return {}


def _whole(value):
    return value is None or isinstance(value, list) and len(value) == 3 and all(isinstance(n, int) for n in value)


def _write(kept):
    with contextlib.suppress(OSError, RuntimeError, ZooError):
        path = _file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, ZooError) as file:
            file.write(json.dumps(dict(list(kept.items())[-500:])).encode())
