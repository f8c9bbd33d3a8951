"""PyTorch's DataLoader over the same records, where PyTorch is at hand: one process a core, as its users run it."""

import os
import pathlib
import resource

import numpy as np


def cpu_seconds():
    """Returns how long cores have worked for this process and its descendants, those that still run included."""
    ticks, family = 0, _family()
    for pid in family:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        ticks += sum(map(int, fields[11:15]))  # its own and those of its ended children
    return ticks / os.sysconf("SC_CLK_TCK") if family else sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def _family():
    """Returns the ids of this process and those that it started, as Linux lists them; elsewhere none."""
    found, new = set(), {os.getpid()}
    while new:
        found |= new
        lists = (path.read_text() for pid in new for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"))
        new = {int(pid) for text in lists for pid in text.split()} - found
    return found if pathlib.Path("/proc/self/stat").exists() else set()


def sides(prefix, side, batch, mean, number):
    """Returns {name: function that reads `number` images} for OpenCV and Pillow; empty where PyTorch is not there."""
    try:
        import torch
        import torch.utils.data
    except ImportError:
        return {}
    found = {"PyTorch DataLoader, OpenCV": _Cv2}
    try:
        import PIL.Image  # noqa: F401

        found["PyTorch DataLoader, Pillow"] = _Pillow
    except ImportError:
        pass
    files = _files(prefix)
    return {name: _reader(torch, kind(files, side, mean, number), batch) for name, kind in found.items()}


def _files(prefix):
    """Returns the JPEG files in the shards at `prefix`: these readers have them in memory, without parsing anything."""
    import tensorflow as tf

    from zoo.formats import records

    card = records.read_card(prefix)
    name = card.features["image"]
    return [
        tf.train.Example.FromString(r).features.feature[name].bytes_list.value[0]
        for r in records.serialised(prefix, card)
    ]


def _reader(torch, pictures, batch):
    workers = os.cpu_count() or 1
    options = {"num_workers": workers, "persistent_workers": True, "multiprocessing_context": "fork"}
    loader = torch.utils.data.DataLoader(pictures, batch, **options)

    def read(number):
        for _ in loader:
            pass

    return read


class _Images:
    """A map-style dataset of (float32 (3, side, side), label): cropped at random, mirrored, less a mean."""

    def __init__(self, files, side, mean, number):
        self._files, self._side, self._mean, self._number = files, side, np.float32(mean), number

    def __len__(self):
        return self._number

    def __getitem__(self, index):
        rng = np.random.default_rng(index)
        image = self._crop(self._files[index % len(self._files)], rng)
        image = image[:, ::-1] if rng.integers(2) else image
        return (image.astype(np.float32) - self._mean).transpose(2, 0, 1).copy(), index % len(self._files)

    def _place(self, height, width, rng):
        return int(rng.integers(height - self._side + 1)), int(rng.integers(width - self._side + 1))


class _Cv2(_Images):
    def _crop(self, data, rng):
        import cv2

        cv2.setNumThreads(0)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        top, left = self._place(*image.shape[:2], rng)
        return image[top : top + self._side, left : left + self._side]


class _Pillow(_Images):
    def _crop(self, data, rng):
        import io

        import PIL.Image

        image = PIL.Image.open(io.BytesIO(data)).convert("RGB")
        top, left = self._place(image.height, image.width, rng)
        return np.asarray(image.crop((left, top, left + self._side, top + self._side)))
