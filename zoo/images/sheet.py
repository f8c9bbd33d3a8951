"""Images with titles, notes and colour bars, arranged on one sheet that is as large as they need: nothing is cut."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from zoo.images import files
from zoo.images.heat import colours

MARGIN, GAP = 20, 18  # pixels around all, and between panels
BAR, BAR_HEIGHT = 12, 180  # pixels: width of a colour bar, and how high it is at most
DPI = 100
TITLE, HEADING, TEXT = 17, 13, 12  # pixels: sizes of letters
INK, FAINT = "#1a1a1a", "#5f5f5f"
BAR_ROW, BAR_LENGTH = 22, 150  # pixels: height of a row of a bar chart, length of its longest bar
NARROWEST = 150  # pixels: text below this width is not broken into lines


class Bar(NamedTuple):
    """A colour bar: the name of its colour map, and the numbers at its ends."""

    colours: str
    low: float
    high: float


@dataclass(frozen=True)
class Panel:
    """One image of a sheet.

    Attributes:
        image: (H, W, 1 or 3), uint8 or floats in 0..1, shown pixel for pixel.
        title: above it.
        note: below the title, smaller.
        bar: the `Bar` to the right of it, or None.
        labels: to the right of it, evenly spread over its height.
    """

    image: np.ndarray
    title: str = ""
    note: str = ""
    bar: Bar | None = None
    labels: tuple[str, ...] = ()


class _Text(NamedTuple):
    x: int
    y: int
    text: str
    size: int
    colour: str = INK
    bold: bool = False


def sheet(rows: Sequence[Sequence[Panel]], title: str, note: str = "") -> np.ndarray:
    """Returns the panels as one image, uint8 (H, W, 3) on white.

    Args:
        rows: of panels; where all rows have as many, those of one place stand below each other.
        title: of the whole.
        note: below it.
    """
    widths = [[_width(panel) for panel in row] for row in rows]
    if len(set(map(len, rows))) == 1:
        widths = [[max(column) for column in zip(*widths)]] * len(rows)
    width = max(sum(row) + GAP * (len(row) - 1) for row in widths)
    width = max(width, min(_measure(title, TITLE, True)[0], 640), min(_measure(note, TEXT)[0], 640))
    texts, images, y = [], [], MARGIN
    for line in _lines(title, width, TITLE, True):
        texts.append(_Text(MARGIN, y, line, TITLE, bold=True))
        y += _line(TITLE)
    for line in _lines(note, width, TEXT):
        texts.append(_Text(MARGIN, y, line, TEXT, FAINT))
        y += _line(TEXT)
    y += GAP // 2
    for row, columns in zip(rows, widths):
        heads = [_head(panel, column) for panel, column in zip(row, columns)]
        heights = [sum(_line(size) for _, size, _ in lines) for lines in heads]
        head, x = max(heights), MARGIN
        for panel, lines, height, column in zip(row, heads, heights, columns):
            top = y + head - height
            for text, size, colour in lines:
                texts.append(_Text(x, top, text, size, colour))
                top += _line(size)
            images.append((x, y + head, panel.image))
            right = x + panel.image.shape[1] + 8
            _bar(panel, right, y + head, texts, images)
            _labels(panel, right + (_bar_width(panel) if panel.bar else 0), y + head, texts)
            x += column + GAP
        y += head + max(_height(panel) for panel in row) + GAP
    return _drawn((y - GAP + MARGIN, width + 2 * MARGIN), texts, images)


def packed(panels: Sequence[Panel], width: int = 1100) -> list[list[Panel]]:
    """Returns rows of panels, in order, each of at most `width` pixels, or of one panel."""
    rows, left = [], 0
    for panel in panels:
        left -= _width(panel) + GAP
        if left < 0 or not rows:
            rows.append([])
            left = width - _width(panel)
        rows[-1].append(panel)
    return rows


def bars(values: Sequence[float], names: Sequence[str], longest: float | None = None, title: str = "") -> Panel:
    """Returns a panel with a horizontal bar for each of `values`, 0 or more, and its number and name next to it.

    Args:
        values, names: of the same length.
        longest: the value whose bar is full; None for the largest.
        title: of the panel.
    """
    longest = max(*values, 1e-12) if longest is None else longest
    image = np.ones((len(values) * BAR_ROW, BAR_LENGTH, 3), np.float32)
    for row, value in enumerate(values):
        y, end = row * BAR_ROW + 3, round(BAR_LENGTH * min(max(value / longest, 0), 1))
        image[y : y + BAR_ROW - 6] = 0.92
        image[y : y + BAR_ROW - 6, :end] = (0.2, 0.42, 0.69)
    labels = tuple(f"{value:.3f}  {name}" for name, value in zip(names, values))
    return Panel(image, title, labels=labels)


def _bar_width(panel):
    return BAR + 5 + max(_measure(text, TEXT)[0] for text in _ends(panel.bar)) + 8


def _width(panel):
    """Returns the pixels that a panel takes: its image with what is next to it, or its text in bearable lines."""
    side = _bar_width(panel) if panel.bar else 0
    side += max((_measure(text, TEXT)[0] for text in panel.labels), default=0)
    words = [
        _measure(word, size)[0] for said, size in ((panel.title, HEADING), (panel.note, TEXT)) for word in said.split()
    ]
    notes = [_measure(line, TEXT)[0] for line in panel.note.splitlines()]
    text = max(_measure(panel.title, HEADING)[0], *notes, 0)
    return max(panel.image.shape[1] + (8 + side if side else 0), min(text, NARROWEST), *words, 1)


def _height(panel):
    return max(panel.image.shape[0], _line(TEXT) * 2 if panel.bar else 0)


def _labels(panel, x, y, texts):
    for number, text in enumerate(panel.labels):
        middle = panel.image.shape[0] * (number + 0.5) / len(panel.labels)
        texts.append(_Text(x, round(y + middle - TEXT * 0.62), text, TEXT))


def _head(panel, width):
    title = [(line, HEADING, INK) for line in _lines(panel.title, width, HEADING)]
    return title + [(line, TEXT, FAINT) for line in _lines(panel.note, width, TEXT)]


def _bar(panel, x, y, texts, images):
    if not panel.bar:
        return
    height = max(min(panel.image.shape[0], BAR_HEIGHT), _line(TEXT) * 2)
    images.append((x, y, colours(np.linspace(1, 0, height)[:, None].repeat(BAR, axis=1), panel.bar.colours)))
    low, *middle, high = _ends(panel.bar)
    texts.append(_Text(x + BAR + 5, y - 2, high, TEXT, FAINT))
    texts.append(_Text(x + BAR + 5, y + height - _line(TEXT) + 2, low, TEXT, FAINT))
    if middle and height >= 4 * _line(TEXT):
        texts.append(_Text(x + BAR + 5, y + (height - _line(TEXT)) // 2, middle[0], TEXT, FAINT))


def _ends(bar):
    """Returns what stands at the low end of a bar, in the middle where it is zero, and at the high end."""
    middle = ["0"] if bar.low < 0 and math.isclose(bar.low, -bar.high) else []
    return [number(bar.low), *middle, number(bar.high)]


def number(value):
    """Returns a number in three digits, or whole from 1,000 to a million, with a real minus."""
    said = f"{value:,.0f}" if 999.5 <= abs(value) < 999_999.5 else f"{value:.3g}"
    return said.replace("-", "\N{MINUS SIGN}")


def _line(size):
    return round(size * 1.45)


def _lines(text, width, size, bold=False):
    """Returns `text` in lines of at most `width` pixels, broken between words, or within one that is too long."""
    lines = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and _measure(longer, size, bold)[0] > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return [line for line in lines if line]


@functools.cache
def _font(size, bold=False):
    from matplotlib.font_manager import FontProperties

    return FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal", size=size * 72 / DPI)


@functools.cache
def _renderer():
    from matplotlib.backends.backend_agg import RendererAgg

    return RendererAgg(1, 1, DPI)


@functools.lru_cache(4096)
def _measure(text, size, bold=False):
    """Returns (width, height) of a line of text in pixels."""
    if not text:
        return 0, 0
    width, height, _ = _renderer().get_text_width_height_descent(text, _font(size, bold), ismath=False)
    return math.ceil(width), math.ceil(height)


def _drawn(size, texts, images):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = size
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    for each in texts:
        figure.text(
            each.x / width,
            1 - each.y / height,
            each.text,
            color=each.colour,
            fontproperties=_font(each.size, each.bold),
            va="top",
            parse_math=False,
        )
    canvas.draw()
    pixels = np.array(canvas.buffer_rgba())[:height, :width, :3]
    for x, y, image in images:
        pixels[y : y + image.shape[0], x : x + image.shape[1]] = files.to_bytes(image)
    return pixels
