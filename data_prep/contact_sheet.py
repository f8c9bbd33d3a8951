"""What a person looks at after a split is made: a readable card, and a sheet of some of its images."""

import contextlib
import pathlib

import numpy as np

from data_prep.image_readers import open_source
from zoo.errors import DataError, Place
from zoo.formats import atomic, box_records, class_names, datum, records

COLUMNS, ROWS, TILE, LINE = 8, 4, 128, 16  # images across and down; pixels of one, and of the line below it
BOX = (40, 220, 255)  # BGR
SCALES = (0.35, 0.31, 0.28)  # of the letters below an image


def paths(prefix):
    """Returns the paths of (readable card, sheet) of the split at `prefix`."""
    return pathlib.Path(f"{prefix}.md"), pathlib.Path(f"{prefix}.png")


def write(prefix, card):
    """Writes both next to the `Card` of the split at `prefix` unless they are there already; raises DataError.

    The readable card comes last and follows from `card` alone, so that an older one, or one without its sheet, is known
    for what it is.
    """
    import cv2

    text, sheet = paths(prefix)
    said = describe(card, sheet.name).encode("utf-8", "backslashreplace")
    with contextlib.suppress(OSError):
        if sheet.stat().st_size and text.read_bytes() == said:
            return
    _, data = cv2.imencode(".png", draw(prefix, card))
    for path, contents in ((sheet, data.tobytes()), (text, said)):
        with atomic.replacing(path, DataError) as file:
            file.write(contents)


def draw(prefix, card):
    """Returns the sheet, uint8 BGR (ROWS * (TILE + LINE), COLUMNS * TILE, 3): the first images of the split.

    They are shuffled as the split is. Below each stand its label and the name of its class, a synset's in words, or the
    names of its boxes, which are drawn.
    """
    import cv2

    sheet = np.full((ROWS * (TILE + LINE), COLUMNS * TILE, 3), 255, np.uint8)
    tiles = _boxed(prefix, card) if box_records.has_boxes(card) else _labelled(prefix, card)
    for number, (pixels, boxes, title) in zip(range(ROWS * COLUMNS), tiles):
        scale = TILE / max(pixels.shape[:2])
        height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
        top, left = number // COLUMNS * (TILE + LINE), number % COLUMNS * TILE
        small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        for xmin, ymin, xmax, ymax in boxes:
            corners = [(round(x * (width - 1)), round(y * (height - 1))) for x, y in ((xmin, ymin), (xmax, ymax))]
            cv2.rectangle(small, *corners, BOX)
        sheet[top : top + height, left : left + width] = small
        below = left + 2, top + TILE + LINE - 4
        words, scale = fitting(title, TILE - 4)
        cv2.putText(sheet, words, below, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 1, cv2.LINE_AA)
    return sheet


def fitting(title, width):
    """Returns (text, font scale) of a title in `width` pixels: smaller letters if need be, then "..." at its end."""
    import cv2

    def fits(text, scale):
        return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0][0] <= width

    for scale in SCALES:
        if fits(title, scale):
            return title, scale
    cuts = (f"{title[:end].rstrip()}..." for end in range(len(title), 0, -1))
    return next((text for text in cuts if fits(text, SCALES[-1])), ""), SCALES[-1]


def _labelled(prefix, card):
    """Yields (pixels, (), title) of the records of a split."""
    for record in open_source(prefix).records:
        pixels = record.pixels(color=True)
        yield (
            pixels[..., ::-1] if record.rgb else pixels,
            (),
            f"{record.label} {class_names.short(card.classes[record.label])}",
        )


def _boxed(prefix, card):
    """Yields (pixels, corners as fractions, title) of the records of a split with boxes."""
    for number, data in enumerate(records.serialised(prefix, card)):
        at = Place(f"{prefix}: record {number}")
        record = box_records.annotated(data, card, at)
        found = [(group.group_label, each.bbox) for group in record.annotation_group for each in group.annotation]
        corners = [(box.xmin, box.ymin, box.xmax, box.ymax) for _, box in found]
        yield datum.pixels(record.datum, "color", at), corners, ", ".join(card.classes[label] for label, _ in found)


def describe(card, sheet):
    """Returns the readable card: what the split holds, how it was made, images to mention, records per class."""
    counts = card.made.get("per_class", [0])  # cards of old have none
    what = "boxes" if box_records.has_boxes(card) else "records"
    size = " x ".join(map(str, card.image_shape)) if card.image_shape else "several"
    made = {
        name: value for name, value in card.made.items() if not isinstance(value, list | dict) and value is not None
    }
    rows = {
        "records": card.count,
        "classes": f"{len(card.classes)}, {min(counts)} to {max(counts)} {what} each",
        "form": f"{card.encoding}, {card.channels} channels, {card.channel_order}",
        "height x width": f"{size}; at least {card.min_size[0]} and {card.min_size[1]}",
        "shards": f"{len(card.shards)}, {sum(shard.bytes for shard in card.shards)} bytes",
        "made by": f"`{card.prepare}`",
        **made,
    }
    lines = [f"# {card.split}", f"![the first images]({sheet})", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in rows.items()]
    for title, names in (
        ("Re-encoded", card.made.get("rewritten", [])),
        ("Left out as damaged", card.made.get("skipped", [])),
    ):
        lines += ["", f"## {title}: {len(names)}", *(f"- {name}" for name in names)]
    rows = [(label, name, n) for label, (name, n) in enumerate(zip(card.classes, counts))]
    columns = ["label", "class", what]
    if any(map(class_names.words, card.classes)):
        columns.insert(2, "words")
        rows = [(label, name, class_names.words(name) or "", n) for label, name, n in rows]
    lines += ["", f"## {what.capitalize()} per class", f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    digests = [f"| {shard.name} | {shard.count} | {shard.sha256} |" for shard in card.shards]
    return "\n".join([*lines, "", "## Shards", "| file | records | SHA-256 |", "|---|---|---|", *digests]) + "\n"
