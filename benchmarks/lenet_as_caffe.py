"""Why our LeNet losses leave Caffe's recorded ones: the order of float32 sums, shown with Caffe's arithmetic in NumPy.

  python -m benchmarks.lenet_as_caffe         (needs ../shared/golden/lenet and ../shared/mnist, or ZOO_SHARED)

Every window that max pooling sees is a choice, and a choice between two values that differ by 1e-7 falls by rounding.
This program trains LeNet from Caffe's initial weights with matrix products laid out as Caffe lays them out (im2col for
each image, one product, gradients added up image by image) and says, for each number of BLAS threads, how far the
losses are from those that Caffe logged. Then it does the same in float64.
"""

import gzip
import json
import os
import pathlib
import subprocess
import sys

import numpy as np

from zoo import command
from zoo.errors import DataError
from zoo.formats import caffemodel

SHARED = pathlib.Path(os.environ.get("ZOO_SHARED", "../shared"))
BATCH, ITERATIONS = 64, 60
LAYERS = ("conv1", "conv2", "ip1", "ip2")


def im2col(x, k):
    """(C,H,H) -> (C*k*k, O*O), im2col.cpp."""
    out = x.shape[1] - k + 1
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))
    return np.ascontiguousarray(windows.transpose(0, 3, 4, 1, 2)).reshape(-1, out * out)


def col2im(columns, channels, size, k):
    """The adjoint of `im2col`."""
    out = size - k + 1
    taps = columns.reshape(channels, k, k, out, out)
    x = np.zeros((channels, size, size), columns.dtype)
    for i in range(k):
        for j in range(k):
            x[:, i : i + out, j : j + out] += taps[:, i, j]
    return x


def pool(x):
    """Maximum of 2 x 2 windows and which of the four it is, the first where they are equal."""
    n, c, h, _ = x.shape
    windows = x.reshape(n, c, h // 2, 2, h // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // 2, h // 2, 4)
    which = windows.argmax(-1)[..., None]
    return np.take_along_axis(windows, which, -1)[..., 0], which


def unpool(d, which):
    """The adjoint of `pool`."""
    n, c, h, _ = d.shape
    windows = np.zeros((*d.shape, 4), d.dtype)
    np.put_along_axis(windows, which, d[..., None], -1)
    return windows.reshape(n, c, h, h, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, 2 * h, 2 * h)


def losses(dtype):
    """Returns the loss of each of the first iterations, all arithmetic in `dtype`."""
    weights = caffemodel.read(SHARED / "golden/lenet/lenet_iter_0.caffemodel")
    w1, b1, w2, b2, w3, b3, w4, b4 = parameters = [np.array(a, dtype) for name in LAYERS for a in weights[name]]
    w1.shape, w2.shape = (20, 25), (50, 500)
    momenta = [np.zeros_like(p) for p in parameters]
    images = _idx("train-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    labels = _idx("train-labels-idx1-ubyte.gz", 8).astype(int)
    rows, found = np.arange(BATCH), []
    for iteration in range(ITERATIONS):
        part = slice(iteration * BATCH, (iteration + 1) * BATCH)
        x, y = images[part].astype(dtype) * dtype(0.00390625), labels[part]
        columns1 = [im2col(image, 5) for image in x]
        p1, which1 = pool(np.stack([(w1 @ c + b1[:, None]).reshape(20, 24, 24) for c in columns1]))
        columns2 = [im2col(plane, 5) for plane in p1]
        p2, which2 = pool(np.stack([(w2 @ c + b2[:, None]).reshape(50, 8, 8) for c in columns2]))
        flat = np.ascontiguousarray(p2.reshape(BATCH, 800))
        hidden = np.maximum(flat @ w3.T + b3, dtype(0))
        scores = hidden @ w4.T + b4
        exponents = np.exp(scores - scores.max(1, keepdims=True))
        probability = exponents / exponents.sum(1, keepdims=True)
        found.append(float(-np.log(probability[rows, y]).sum(dtype=dtype) / dtype(BATCH)))

        d4 = probability.copy()
        d4[rows, y] -= 1
        d4 *= dtype(1 / BATCH)
        d3 = (d4 @ w4) * (hidden > 0)
        d2 = unpool((d3 @ w3).reshape(BATCH, 50, 4, 4), which2).reshape(BATCH, 50, 64)
        g1, g2 = np.zeros_like(w1), np.zeros_like(w2)
        below = []
        for d, c in zip(d2, columns2):
            g2 += d @ c.T
            below.append(col2im(w2.T @ d, 20, 12, 5))
        d1 = unpool(np.stack(below), which1).reshape(BATCH, 20, 576)
        for d, c in zip(d1, columns1):
            g1 += d @ c.T
        gradients = (g1, _by_image(d1), g2, _by_image(d2), d3.T @ flat, d3.sum(0), d4.T @ hidden, d4.sum(0))
        rate = dtype(0.01) * np.power(dtype(1) + dtype(0.0001) * dtype(iteration), -dtype(0.75))
        for index, (p, m, g) in enumerate(zip(parameters, momenta, gradients)):
            m *= dtype(0.9)
            m += dtype(rate * dtype(2 if index % 2 else 1)) * (g + dtype(0.0005) * p)
            p -= m
    return np.array(found)


def _by_image(d):
    total = np.zeros(d.shape[1], d.dtype)
    for picture in d:
        total += picture.sum(1)
    return total


def _idx(name, header):
    return np.frombuffer(gzip.open(SHARED / "mnist" / name).read(), np.uint8, offset=header)


def main():
    """Runs each variant in a process of its own, since a BLAS takes its threads at start."""
    if not (SHARED / "golden/lenet").is_dir():
        raise DataError("no recorded run of Caffe's here", got=SHARED, want="golden/lenet in ../shared or ZOO_SHARED")
    print("| arithmetic | largest difference from Caffe's log, iterations 0-49 |\n|---|---|")
    for name, dtype, threads in (
        ("float32, BLAS with 1 thread", "float32", 1),
        ("float32, BLAS with 2 threads", "float32", 2),
        ("float64", "float64", 1),
    ):
        env = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads)}
        code = f"from benchmarks import lenet_as_caffe as b; b.difference(b.np.{dtype})"
        said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        print(f"| {name} | {said.stdout.strip()} |", flush=True)


def difference(dtype):
    """Prints how far the losses are from Caffe's."""
    recorded = np.array(json.loads((SHARED / "golden/lenet/lenet_500.json").read_text())["loss"])[:ITERATIONS]
    print(f"{np.abs(losses(dtype) - recorded)[:50].max():.1e}")


if __name__ == "__main__":
    command.run(main)
