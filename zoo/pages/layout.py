"""Where boxes and lines lie: a layered drawing by the library graphlay, deep nets in columns next to each other.

The drawing is computed when the page is written, so that no JavaScript library goes into it. Of the libraries that draw
layered graphs from Python, graphlay knows the sizes of boxes and routes lines around them, gives the same drawing for
the same net, takes 0.2 s for DenseNet-121 and is under MIT or Apache-2.0.
"""

from typing import NamedTuple

import graphlay

from zoo.errors import UnsupportedError

_SPACING = {"layer_gap": 30.0, "node_gap": 26.0, "dummy_gap": 16.0, "port_gap": 14.0}
_WRAP = {"max_rows": 24, "min_gain": 1.1, "max_cut_edges": 2}  # columns; through how many lines a net may be cut
ASPECT = 1.35  # width to height of what one looks at
HIGH = 2200  # pixels: what is higher is cut into columns


class Layout(NamedTuple):
    """A drawing in pixels.

    Attributes:
        corners: (x, y) of the upper left corner of each box.
        routes: of each line the points [(x, y)], from border to border.
        size: (width, height) of all; everything lies in it.
    """

    corners: list[tuple[float, float]]
    routes: list[list[tuple[float, float]]]
    size: tuple[float, float]


def layout(sizes, lines, aspect=ASPECT):
    """Returns the `Layout` of boxes.

    Args:
        sizes: (width, height) of each.
        lines: (source, target), numbers of boxes, in the order of the net: no cycles.
        aspect: width to height that a net which is much higher than that is brought to, in columns.

    Raises:
        UnsupportedError: graphlay does not draw it.
    """
    if not sizes:
        return Layout([], [], (0, 0))
    graph = graphlay.Graph()
    for number, (width, height) in enumerate(sizes):
        graph.node(number, width=width, height=height)
    for source, target in lines:
        graph.edge(source, target)
    options = {"direction": "topbottom", "spacing": _SPACING}
    try:
        drawn = graphlay.layout(graph, options=options)
        if drawn.bounds["max"]["y"] - drawn.bounds["min"]["y"] > HIGH:
            options |= {"wrap": {"viewport_aspect": aspect}, "tuning": {"wrap": _WRAP}}
            drawn = graphlay.layout(graph, options=options)
    except graphlay.GraphlayError as error:  # more boxes or lines than it takes
        raise UnsupportedError("the net cannot be drawn", got=str(error)) from None
    left, top = _least(drawn)
    corners = [
        (round(node["center"]["x"] - width / 2 - left, 1), round(node["center"]["y"] - height / 2 - top, 1))
        for node, (width, height) in zip(drawn.nodes, sizes)
    ]
    routes = [
        [(round(point["x"] - left, 1), round(point["y"] - top, 1)) for point in edge["points"]] for edge in drawn.edges
    ]
    points = [point for route in routes for point in route]
    points += [(x + width, y + height) for (x, y), (width, height) in zip(corners, sizes)]
    return Layout(corners, routes, (max(x for x, _ in points), max(y for _, y in points)))


def _least(drawn):
    xs = [node["center"]["x"] - node["size"]["width"] / 2 for node in drawn.nodes]
    ys = [node["center"]["y"] - node["size"]["height"] / 2 for node in drawn.nodes]
    xs += [point["x"] for edge in drawn.edges for point in edge["points"]]
    ys += [point["y"] for edge in drawn.edges for point in edge["points"]]
    return min(xs), min(ys)
