"""Which classes a net takes for which: counts -> an image, a table, accuracies. NumPy alone."""

import numpy as np

from zoo.formats import image_file
from zoo.images import captions, heat

NUMBERS = 25  # classes up to which the image has names and numbers
CURVES = 20  # classes up to which each has a curve
ROWS = 40  # of the table
_PIXELS = 600  # of a side, about
_FONT, _SMALL = 0, 0.4  # FONT_HERSHEY_SIMPLEX


def normalised(counts):
    """Returns each row of `counts` (label, prediction) as shares of the label's items, NaN where it has none."""
    counts = np.asarray(counts, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return counts / counts.sum(axis=1, keepdims=True)


def accuracies(counts):
    """Returns the share of each class's items that was found, (classes,), NaN where it has none."""
    return np.diagonal(normalised(counts))


def image(counts, names):
    """Returns the confusion matrix as an image, float32 (H, W, 3): a row a label, a column a prediction.

    Each row is normalised: black is none of the label's items, bright all. Up to `NUMBERS` classes have names and the
    shares in per cent. What is beyond `_PIXELS` is made smaller, so that a pixel is the mean of several classes.
    """
    shares = np.nan_to_num(normalised(counts))
    classes = len(shares)
    if classes > NUMBERS:
        cv2 = image_file.opencv()
        side = max(1, _PIXELS // classes) * classes if classes < _PIXELS else _PIXELS
        how = cv2.INTER_NEAREST if classes < _PIXELS else cv2.INTER_AREA
        return heat.colours(np.sqrt(cv2.resize(shares.astype(np.float32), (side, side), interpolation=how)))
    return _with_numbers(shares, names)


def _with_numbers(shares, names):
    cv2 = image_file.opencv()
    classes, cell = len(shares), max(36, min(56, _PIXELS // len(shares)))
    names = [captions.fitting(name.encode("ascii", "replace").decode(), 100) for name in names]
    left = 24 + max(cv2.getTextSize(name, _FONT, _SMALL, 1)[0][0] for name in names) + 10
    top, side = 46, classes * cell
    sheet = np.full((top + side + 8, left + side + 8, 3), 255, np.uint8)
    colours = np.round(255 * heat.colours(np.sqrt(shares))).astype(np.uint8)
    for row in range(classes):
        for column in range(classes):
            y, x = top + row * cell, left + column * cell
            sheet[y : y + cell - 1, x : x + cell - 1] = colours[row, column]
            share = 100 * shares[row, column]
            if share >= 0.05:
                bright = colours[row, column].mean() > 120
                text = f"{share:.0f}" if share >= 99.95 else f"{share:.1f}"
                _centred(sheet, text, x + cell // 2, y + cell // 2, 0 if bright else 255)
        width = cv2.getTextSize(names[row], _FONT, _SMALL, 1)[0][0]
        _centred(sheet, names[row], left - 6 - (width + 1) // 2, top + row * cell + cell // 2, 0)
        _centred(sheet, captions.fitting(names[row], cell + 4), left + row * cell + cell // 2, top - 10, 0)
    _centred(sheet, "predicted (per cent of each row)", left + side // 2, 14, 0)
    word = np.full((16, 60, 3), 255, np.uint8)
    _centred(word, "label", 30, 8, 0)
    turned = word.transpose(1, 0, 2)[::-1]
    middle = top + side // 2
    sheet[middle - 30 : middle + 30, 4:20] = turned
    return sheet / np.float32(255)


def _centred(sheet, text, x, y, grey):
    cv2 = image_file.opencv()
    (width, height), _ = cv2.getTextSize(text, _FONT, _SMALL, 1)
    cv2.putText(sheet, text, (x - width // 2, y + height // 2), _FONT, _SMALL, (grey,) * 3, 1, cv2.LINE_AA)


def table(counts, names):
    """Returns the classes that have items as a table in Markdown, those found least first, at most `ROWS`."""
    counts = np.asarray(counts)
    names = [name.replace("|", "\\|") for name in names]  # which would end the cell
    shares, items = accuracies(counts), counts.sum(axis=1)
    order = sorted(np.flatnonzero(items), key=lambda label: (shares[label], label))
    lines = ["| class | items | accuracy | mostly taken for |", "|---|---:|---:|---|"]
    for label in order[:ROWS]:
        others = counts[label].copy()
        others[label] = 0
        most = int(np.argmax(others))
        mistake = f"{names[most]} ({others[most]:.0f})" if others[most] else ""
        lines.append(f"| {names[label]} | {items[label]:.0f} | {shares[label]:.4f} | {mistake} |")
    if len(order) > ROWS:
        lines += ["", f"The {ROWS} of {len(order)} classes that are found least."]
    return "\n".join(lines)
