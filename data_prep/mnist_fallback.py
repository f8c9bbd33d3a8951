"""Digits where the original MNIST files are not at hand: TensorFlow Datasets, or the small ones of scikit-learn."""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from zoo.errors import DataError

PROBE_SECONDS = 8
WARNING = """
********************************************************************************
THIS IS NOT MNIST. Neither the IDX files nor TensorFlow Datasets could be had, so
these are the 1797 digits of scikit-learn (8 x 8), enlarged to 28 x 28: enough to
see that everything runs, but scores and losses say nothing about MNIST.
For MNIST: put the four files train-images-idx3-ubyte.gz,
train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz
into a directory and run: python -m data_prep.mnist --idx_dir=DIRECTORY --force
********************************************************************************"""

# Each runs in a process of its own, since a name server or a download that hangs can only be ended from outside.
_PROBE = """
import pathlib, urllib.request
if not (pathlib.Path.home() / "tensorflow_datasets/mnist").is_dir():
    urllib.request.urlopen("https://storage.googleapis.com/cvdf-datasets/mnist/t10k-labels-idx1-ubyte.gz", timeout=5)
"""
_LOAD = "import sys; from data_prep import mnist_fallback; mnist_fallback.save_tfds(sys.argv[1])"


def from_tfds(seconds, probe=_PROBE, load=_LOAD):
    """Returns {"train", "test": (images uint8 (N, 28, 28, 1), labels (N,))} from TensorFlow Datasets.

    Args:
        seconds: after which it is given up; where the network cannot be reached, after `PROBE_SECONDS` at most.
        probe, load: the programs that are run for it.

    Raises:
        DataError: it cannot be had, or not in time.
    """
    _python(PROBE_SECONDS, "the network", probe)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "mnist.npz"
        _python(seconds, "TensorFlow Datasets", load, str(path))
        with np.load(path) as arrays:
            return {split: (arrays[f"{split}_images"], arrays[f"{split}_labels"]) for split in ("train", "test")}


def save_tfds(path):
    """Saves MNIST as TensorFlow Datasets gives it, downloading if need be, to the .npz file `path`."""
    import tensorflow_datasets as tfds

    arrays = {}
    for split in ("train", "test"):
        records = list(tfds.as_numpy(tfds.load("mnist", split=split, shuffle_files=False)))
        arrays[f"{split}_images"] = np.stack([record["image"] for record in records])
        arrays[f"{split}_labels"] = np.array([record["label"] for record in records], np.uint8)
    np.savez(path, **arrays)


def from_digits(train=1500):
    """Returns scikit-learn's digits as `from_tfds` does: the first `train` of them, and the rest for testing.

    Their values 0..16 become 0..255, and 8 x 8 becomes 28 x 28, bilinear.
    """
    import cv2
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = [cv2.resize((image * (255 / 16)).astype(np.float32), (28, 28)) for image in digits.images]
    images = np.clip(np.rint(images), 0, 255).astype(np.uint8)[..., None]
    labels = digits.target.astype(np.uint8)
    return {"train": (images[:train], labels[:train]), "test": (images[train:], labels[train:])}


def _python(seconds, what, code, *args):
    """Runs Python `code` in a process of its own; raises DataError where it fails or takes longer than `seconds`."""
    command = [sys.executable, "-c", code, *args]
    root = pathlib.Path(__file__).resolve().parents[1]
    try:
        subprocess.run(command, timeout=seconds, check=True, capture_output=True, text=True, cwd=root)
    except subprocess.TimeoutExpired as e:
        raise DataError("no MNIST from TensorFlow Datasets", got=f"no answer from {what} in {seconds} s") from e
    except subprocess.CalledProcessError as e:
        said = (e.stderr.strip().splitlines() or [f"exit code {e.returncode}"])[-1]
        raise DataError("no MNIST from TensorFlow Datasets", got=f"{what}: {said}") from e
