"""The likeliest classes of classified images, as text, CSV, plain values and NPY."""

import csv
import io

import numpy as np


def best(scores, top):
    """Returns the labels of the `top` largest scores, the largest first; of equals the lowest."""
    return (-scores).argsort(kind="stable")[:top]


def as_text(path, scores, names, top):
    """Returns the lines for one image: its path, then a line for each of the likeliest classes."""
    width = len(str(len(names)))
    lines = [f"  {scores[label]:.4f}  {label:>{width}}{_called(names, label)}" for label in best(scores, top)]
    return "\n".join([f"{path}", *lines])


def _called(names, label):
    return "" if names[label] == str(label) else f"  {names[label]}"


def as_csv(found, names, top):
    """Returns a table with a row for each of the likeliest classes of each image.

    Args:
        found: (path, label or None, scores) of each image.
        names: of the classes.
        top: how many are kept.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "rank", "label", "class", "score"])
    for path, _, scores in found:
        for rank, label in enumerate(best(scores, top), 1):
            writer.writerow([path, rank, label, names[label], f"{scores[label]:.6g}"])
    return text.getvalue()


def as_plain(found, names, top):
    """Returns the same as plain values, as JSON has them; arguments as of `as_csv`."""
    images = []
    for path, label, scores in found:
        kept = [{"label": int(i), "class": names[i], "score": float(scores[i])} for i in best(scores, top)]
        images.append({"image": str(path), **({} if label is None else {"label": label}), "top": kept})
    return {"images": images}


def as_npy(rows):
    """Returns the scores of all images, (images, classes), as the bytes of a .npy file."""
    data = io.BytesIO()
    np.save(data, np.array(rows, np.float32))
    return data.getvalue()
