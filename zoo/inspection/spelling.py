"""What can be seen before a text is parsed: words of one generation in the form of another, old names of fields."""

from zoo.formats import caffe_pb2
from zoo.formats.source_lines import Node, layer_place, walk
from zoo.inspection.finding import STOPS, Edit, Finding
from zoo.netdef.upgrade_v1 import LAYER_TYPES

_V1 = set(caffe_pb2.V1LayerParameter.LayerType.keys())
_V1_OF = {new: old for old, new in LAYER_TYPES.items()}
# Fields of forks that BVLC Caffe took over under another name: {message field: {old: (new, the fork)}}
_RENAMED = {
    "convolution_param": {
        "hole": ("dilation", "DeepLab's"),
        "hole_h": (None, "DeepLab's"),
        "hole_w": (None, "DeepLab's"),
    },
}


def spelling(text: str, root: Node, file: str | None) -> list[Finding]:
    """Returns the findings of a text, each with the edits that mend it.

    Args:
        text: the text.
        root: its scanned `Node`.
        file: its path, for places.
    """
    found = []
    for layer in walk(root.fields, "layer"):
        if layer.value is None and layer.first("layer") is None:
            found += _unquoted(layer, file)
    for layer in walk(root.fields, "layers"):
        if layer.value is None and layer.first("layer") is None:
            found += _quoted(layer, file)
    for message, names in _RENAMED.items():
        for owner in (*walk(root.fields, "layer"), *walk(root.fields, "layers")):
            for node in owner.fields.get(message, ()):
                found += _renamed(text, node, names, owner, file)
    return found


def _unquoted(layer, file):
    """``layer { type: CONVOLUTION }``: the type of 2014 in a layer of 2015, a parse error in every Caffe since."""
    node = layer.first("type")
    if node is None or not node.value or node.value[0] in "\"'":
        return []
    new = LAYER_TYPES.get(node.value, node.value)
    edit = Edit(*node.span, f'"{new}"')
    what = f'type is unquoted: in "layer {{ }}" it is a string, in "layers {{ }}" of 2014 a word such as {node.value}'
    return [Finding(STOPS, "unquoted-type", layer_place(layer, file, node.line), what, f'type: "{new}"', (edit,))]


def _quoted(layer, file):
    """``layers { type: "Convolution" }``: the type of 2015 in a layer of 2014."""
    node = layer.first("type")
    if node is None or not node.value or node.value[0] not in "\"'":
        return []
    name = node.value[1:-1]
    old = name if name in _V1 else _V1_OF.get(name)
    what = 'type is quoted: in "layers { }" of 2014 it is a word, in "layer { }" a string'
    cure = f"type: {old}" if old else f'write it as layer {{ ... type: "{name}" ... }}, as every other layer'
    edits = (Edit(*node.span, old),) if old else ()
    return [Finding(STOPS, "quoted-type", layer_place(layer, file, node.line), what, cure, edits)]


def _renamed(text, node, names, owner, file):
    found = []
    for old, (new, fork) in names.items():
        for each in node.fields.get(old, ()):
            start = text.rfind(old, 0, each.span[0])
            cure = f"{new}: {each.value}" if new else "dilation: H dilation: W, one for each axis"
            edits = (Edit(start, start + len(old), new),) if new and start >= 0 else ()
            what = f"{old} is {fork} name of what BVLC Caffe has as dilation"
            found.append(Finding(STOPS, "renamed-field", layer_place(owner, file, each.line), what, cure, edits))
    return found
