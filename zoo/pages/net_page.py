"""The page of a net: its drawing, what is known of each layer, a table; with weights, activations and curves if given.

The page is one file. Where boxes and lines lie is computed here; its scripts draw, search and sort.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.errors import short
from zoo.pages import page
from zoo.pages.boxes import boxes
from zoo.pages.kinds import KINDS
from zoo.pages.layer_facts import facts, totals
from zoo.pages.layer_texts import LayerTexts
from zoo.pages.layout import layout

_SCRIPTS = ("dom.js", "drawing.js", "panel.js", "table.js", "curves.js", "net.js")
_HEAD, _ROW, _ABOVE, _SHAPE = 40, 19, 16, 18  # pixels: heights of a box's parts
_LETTER, _SMALL = 7.3, 6.1  # pixels: widths of a letter of the title, and of the other texts
_NARROW, _WIDE = 92, 240  # pixels: of a box
_LONGEST = 34  # letters of a title
_BODY = """<header class="bar">
<h1 title="{name}">{name}</h1>
<div class="tabs" role="tablist">
<button type="button" role="tab" id="to-net" aria-controls="net">Net</button>
<button type="button" role="tab" id="to-table" aria-controls="table">Layers</button>
<button type="button" role="tab" id="to-run" aria-controls="run" hidden>Run</button>
</div>
<select id="view" aria-label="Phase" title="Phase"></select>
<div class="find"><input type="search" id="search" aria-label="Search layers" role="combobox" aria-controls="hits"
 aria-expanded="false" autocomplete="off" spellcheck="false"><ul id="hits" role="listbox" hidden></ul></div>
<button type="button" id="to-help" aria-label="Keys" title="Keys">?</button>
<div class="totals" id="totals"></div>
</header>
<section id="net" role="tabpanel">
<div class="side">
<div class="stage"><svg id="drawing" role="group" aria-label="The net"></svg><canvas id="map" hidden></canvas>
<div class="zoom"><button type="button" id="zoom-out" aria-label="Smaller">−</button><button type="button" id="zoom-in"
 aria-label="Larger">+</button><button type="button" id="zoom-fit" title="The whole net (0)">Fit</button></div></div>
<ul class="legend" id="legend" aria-label="Kinds of layers"></ul></div>
<aside id="panel" aria-live="polite"></aside>
</section>
<section id="table" role="tabpanel" hidden></section>
<section id="run" role="tabpanel" hidden></section>
<noscript><p>This page draws the net by its own script, which the browser does not run.</p></noscript>
<dialog id="help"><form method="dialog"><table>
<tr><td><kbd>/</kbd></td><td>search, by name or type; in the table, filter</td></tr>
<tr><td><kbd>↓</kbd> <kbd>↑</kbd></td><td>next layer, layer before</td></tr>
<tr><td><kbd>←</kbd> <kbd>→</kbd></td><td>to the branch next to it</td></tr>
<tr><td><kbd>t</kbd></td><td>table and back</td></tr>
<tr><td><kbd>+</kbd> <kbd>-</kbd> <kbd>0</kbd></td><td>larger, smaller, the whole net</td></tr>
<tr><td><kbd>Esc</kbd></td><td>let go</td></tr>
</table><p class="soft">Drag to move, wheel or two fingers to zoom. The address names the layer that is chosen.</p>
<button>Close</button></form></dialog>"""


def net_page(
    views: Sequence[Any],
    *,
    weights: Mapping[str, Any] | None = None,
    activations: Mapping[str, Any] | None = None,
    run: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> str:
    """Returns the text of a net's page.

    Args:
        views: `NetView`s; the first is shown first.
        weights: what `weight_facts` returns.
        activations: what `activations` returns.
        run: {"title": its heading, "lines": sentences below it, "charts": what `curves` returns}.
        notes: sentences for the panel of the whole net.
    """
    texts, known = LayerTexts(), {}
    name = next((view.definition.name for view in views if view.definition.name), "") or "Net"
    data = {
        "name": short(name, 200),
        "kinds": KINDS,
        "views": [_view(view, texts, known) for view in views],
        "weights": weights,
        "activations": activations,
        "run": run,
        "notes": list(notes),
    }
    data["texts"] = list(known)
    body = _BODY.format(name=page.text(data["name"]))
    return page.page(data["name"], body, data, ("net.css",), _SCRIPTS)


def _view(view, texts, known):
    """Returns the data of one view; the texts of its layers are numbered in `known`."""
    layers, shapes = facts(view, texts), view.shapes()
    for layer in layers:
        layer["text"] = known.setdefault(layer["text"], len(known))
    found, lines = boxes(view.definition)
    drawn = [_box(box, layers) for box in found]
    where = layout([(box["w"], box["h"]) for box in drawn], [(line.source, line.target) for line in lines])
    for box, (x, y) in zip(drawn, where.corners):
        box.update(x=x, y=y)
    by_name = {ref.name: size for ref, size in shapes.items()}
    batch = next((size[0] for ref, size in shapes.items() if len(size) > 1), 1)
    return {
        "title": view.title,
        "complete": view.complete,
        "totals": totals(view),
        "batch": batch or 1,
        "layers": layers,
        "boxes": drawn,
        "lines": [
            {
                "from": line.source,
                "to": line.target,
                "points": points,
                "blobs": [[name, by_name.get(name)] for name in line.blobs],
            }
            for line, points in zip(lines, where.routes)
        ],
        "size": where.size,
    }


def _box(box, layers):
    """Returns a box without its place: title, rows [layer, top, height], where `above` begins, size."""
    head, last = layers[box.layers[0]], layers[box.layers[-1]]
    title = _shortened(head["name"])
    shapes = [" × ".join(map(str, sizes)) for _, sizes, _ in last["tops"] if sizes]
    shape = ";  ".join(shapes[:2]) + (f";  {len(shapes) - 2} more" if len(shapes) > 2 else "")
    small = [_said(head), *(_said(layers[index]) for index in box.layers[1:]), shape]
    small += [f"← {name}" for name, _ in box.above]
    width = max(_LETTER * len(title), _SMALL * max(map(len, small))) + 26
    rows, top = [[box.layers[0], 1, _HEAD]], 1 + _HEAD
    for index in box.layers[1:]:
        rows.append([index, top, _ROW])
        top += _ROW
    above_at = top
    top += _ABOVE * len(box.above) + (4 if box.above else 0)
    return {
        "title": title,
        "rows": rows,
        "above": box.above,
        "aboveAt": above_at,
        "shape": shape,
        "w": round(min(max(width, _NARROW), _WIDE)),
        "h": top + (_SHAPE if shape else 1) + 1,
    }


def _said(layer):
    return f"{layer['type']} {layer['note']}"


def _shortened(name):
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST // 2 - 1]}…{name[-_LONGEST // 2 :]}"
