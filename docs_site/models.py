"""A page for each config: its header, its net drawn and as a table, what was measured of it, and its text."""

import csv
import functools
import html
import pathlib

import pygments
from pygments.formatters import HtmlFormatter

import zoo
from docs_site import markdown
from docs_site.lexer import PrototxtLexer
from zoo.api.models import models
from zoo.catalogue import results_file, weights_cards
from zoo.formats.text_files import read_text
from zoo.pages import net_page, net_view

COLOURED = 300  # lines of a config that are shown in colours; longer ones would take seconds
_TARGETS = ("target", "reader", "verdict", "relative", "megabytes", "ms", "note")


def pages(root, nets=True):
    """Returns {name in the site: Markdown} of all packaged models.

    Args:
        root: the top of the repository.
        nets: whether each shows its net, from the pages that `net_pages` makes.
    """
    return {f"models/{model.name}.md": "\n".join(_page(model, pathlib.Path(root), nets)) for model in models()}


def net_pages():
    """Returns {name in the site: HTML} of the nets drawn, each a page to move and search in."""
    made = {}
    for model in models():
        views, _ = net_view.of_config(model.path, "ALL", {}, "data")
        made[f"models/{model.name}_net.html"] = net_page.net_page(views)
    return made


def index():
    """Returns the lines of the list of models, as one table."""
    rows = []
    for model in models():
        flops = "" if model.flops is None else f"{model.flops / 1e6:,.1f} M"
        measured = "" if model.measured is None else f"{model.measured:g} %"
        name = f"[{model.name}]({model.name}.md)"
        cells = (model.net, f"{model.parameters:,}", flops, model.input, model.published or "", measured)
        rows.append([name, *map(markdown.cell, cells)])
    head = ["model", "net", "parameters", "multiply-adds", "input", "published", "measured here"]
    return [
        "Scores under published are their authors' own; those under measured here of runs of the whole recipe, from "
        "[results.csv](../source/configs/results.csv.md). Each model's page has the sources.",
        "",
        *markdown.table(head, rows),
    ]


def _page(model, root, nets):
    path = pathlib.Path(model.path)
    text, cards = read_text(path), weights_cards.read(path.with_name(weights_cards.NAME))
    measured = [row for row in results_file.read(path.with_name(results_file.NAME)) if row.config == model.name]
    lines = [f"# {model.name}", "", *_head(text), ""]
    shown = [(what, value) for what, value in model.rows() if what not in ("name", "command", "file")]
    rows = [[what, markdown.cell(value)] for what, value in shown if what != "measured here" or model.measured]
    lines += markdown.table(["", ""], rows)
    if nets:
        page = f"{model.name}_net.html"
        lines += ["## The net", "", "```{raw} html"]
        lines += [f'<iframe class="net" src="{page}" title="{model.name}" loading="lazy"></iframe>']
        lines += [f'<p><a href="{page}">The net alone in the window</a></p>', "```", ""]
        lines += [
            f"Click a layer for what is known of it. `python -m zoo.draw {model.name} net.html` writes this page.",
            "",
        ]
    lines += ["## Results", "", *_results(measured)]
    if model.name in cards:
        lines += ["## Released weights", "", *_weights(cards[model.name])]
    if converted := _targets(root).get(model.name):
        lines += ["## Converted", "", *_converted(converted)]
    lines += ["## Layers", "", *_layers(model), "## The file", "", *_file(path)]
    return lines


def _head(text):
    """Returns the prose and the commands of a config's head, without its keys."""
    head = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        head.append(line.removeprefix("#").removeprefix(" "))
    first = next(number for number, line in enumerate(head) if line.startswith("net: "))
    end = next((number for number, line in enumerate(head) if number > first and not line), len(head))
    return markdown.prose("\n".join(head[:first] + head[end:]).strip("\n"))


def _results(rows):
    if not rows:
        return ["Not yet measured here.", ""]
    cells = [
        [
            f"{row.output} {row.score}",
            f"{int(row.iterations):,}",
            f"{int(row.seconds):,} s",
            markdown.cell(row.data),
            markdown.code(row.changes) if row.changes else "",
            markdown.cell(f"{row.hardware}; {row.versions}; seed {row.seed}; commit {row.commit[:10]}"),
        ]
        for row in rows
    ]
    return markdown.table(["measured here", "iterations", "time", "data", "changes", "with"], cells)


def _weights(card):
    rows = [
        ["file", markdown.cell(card.name)],
        ["released at", f"<{card.url}>"],
        ["SHA-1", f"{markdown.code(card.sha1)} ({markdown.cell(card.sha1_in)})"],
        ["licence", f"{markdown.cell(card.licence)} ({markdown.cell(card.licence_in)})"],
    ]
    command = f"python -m zoo.fetch_weights {card.config} --from={card.name}"
    lines = ["Nothing is downloaded. This checks the file that you have, and keeps a copy:", ""]
    return [*markdown.table(["", ""], rows), *lines, *markdown.fenced([command], "sh")]


@functools.cache
def _targets(root):
    found = {}
    with open(root / "docs/targets.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["config"], []).append(row)
    return found


def _converted(rows):
    cells = [[markdown.cell(row[name]) for name in _TARGETS] for row in rows]
    head = ["file", "run in", "verdict", "largest difference", "MB", "ms an item", "note"]
    return [
        "By `python -m zoo.convert --verify`, with random weights ([how](../targets.md)).",
        "",
        *markdown.table(head, cells),
    ]


def _layers(model):
    """Returns the table of layers as HTML, which Sphinx takes as it is: hundreds of rows would take it seconds."""
    net = zoo.read(model.path)
    shown = " open" if len(net.layers) < 40 else ""
    return [
        f"As `zoo.read({model.name!r})` shows them, for testing.",
        "",
        f'<details class="layers"{shown}><summary>{len(net.layers)} layers</summary>',
        net._repr_html_().replace("\n", " "),
        "</details>",
        "",
    ]


def _file(path):
    """Returns the link to a config's file, and its text as HTML, which neither Sphinx nor its search goes through."""
    text = read_text(path)
    if text.count("\n") <= COLOURED:
        shown = pygments.highlight(text, PrototxtLexer(), HtmlFormatter(nowrap=True))
    else:
        shown = html.escape(text)
    return [
        f"[{path.name}](../configs/{path.name}), as it is in the package.",
        "",
        "```{raw} html",
        "<details><summary>Show the text</summary>",
        f'<div class="highlight"><pre>{shown}</pre></div></details>',
        "```",
        "",
    ]
