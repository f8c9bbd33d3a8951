"""Losses and scores left in a net to deploy, where nothing gives their labels."""

from zoo.formats.source_lines import Node, layer_place
from zoo.inspection.finding import STOPS, Edit, Finding
from zoo.layers import find


def without_labels(parsed, text: str) -> list[Finding]:
    """Returns a finding for each loss or score of a net that reads a blob which no layer gives.

    Args:
        parsed: `Parsed` of the net in its current form.
        text: what its spans belong to, or "".
    """
    given = {top for layer in parsed.message.layer for top in layer.top}
    nodes, found = parsed.source.fields.get("layer", []), []
    for index, layer in enumerate(parsed.message.layer):
        kind = find(layer.type)
        missing = [name for name in layer.bottom if name not in given]
        if kind is None or kind.deployed or not missing:
            continue
        node = nodes[index] if index < len(nodes) else Node(0)
        prediction = kind.prediction and layer.bottom[0] in given and (kind.prediction[0], layer.bottom[0])
        top = "prob" if "prob" not in given else f"{layer.name}_prob"
        if prediction:
            becomes = f'layer {{ name: "{top}" type: "{prediction[0]}" bottom: "{prediction[1]}" top: "{top}" }}'
            cure = f"for predictions: {becomes}"
        else:
            becomes, cure = "", "take the layer out, or deploy with zoo.convert, which does"
        what = f'reads "{missing[0]}", which nothing gives: a {layer.type} has no place in a net to deploy'
        place = layer_place(node, parsed.file) if node.line else parsed.at()
        found.append(Finding(STOPS, "label-missing", place, what, cure, _edits(text, node, becomes)))
    return found


def _edits(text, node, becomes):
    start = text.rfind("layer", 0, node.span[0] + 1) if text and node.span[1] > node.span[0] else -1
    return (Edit(start, node.span[1], becomes),) if start >= 0 else ()
