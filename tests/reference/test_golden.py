"""The reference implementation against real Caffe's numbers: every recorded layer case, and real nets."""

import numpy as np
import pytest

from tests.conftest import SHARED
from tests.layers import recorded
from zoo import reference
from zoo.formats import caffemodel
from zoo.formats.prototxt import parse_net
from zoo.netdef.upgrade import upgrade_net

NETS = sorted((SHARED / "pretrained").glob("*.npz"))
REASON = "needs real Caffe's numbers in ../shared (or ZOO_SHARED)"


def load(path):
    """Returns (net message, arrays by key)."""
    with np.load(path) as data:
        arrays = {key: data[key] for key in data}
    return upgrade_net(parse_net(str(arrays["prototxt"]))).message, arrays


def group(arrays, kind):
    return {key[len(kind) + 1 :]: array for key, array in arrays.items() if key.startswith(f"{kind}/")}


def by_layer(arrays):
    """{"layer/index": array} -> {layer: arrays in order}."""
    found = {}
    for key in sorted(arrays, key=lambda key: (key.rpartition("/")[0], int(key.rpartition("/")[2]))):
        found.setdefault(key.rpartition("/")[0], []).append(arrays[key])
    return found


def close(what, got, want, tolerance=1e-5):
    assert got.shape == want.shape, f"{what}: shape {got.shape}, Caffe's is {want.shape}"
    assert np.array_equal(np.isnan(got), np.isnan(want)), f"{what}: NaN at other places than Caffe's"
    scale = np.nanmax(np.abs(want), initial=1e-30)
    worst = np.nanmax(np.abs(got - want), initial=0) / scale
    assert worst <= tolerance, f"{what}: differs by {worst:.2e} of the largest value {scale:.3g}"


@pytest.mark.parametrize("path", recorded.parameters())
def test_layers(path):
    message, arrays = load(path)
    weights, after = by_layer(group(arrays, "param")), {}
    got = reference.run(message, weights, group(arrays, "in"), str(arrays["phase"]), after=after)
    wanted = group(arrays, "out")
    assert wanted
    for name, want in wanted.items():
        close(name, got[name], want)
    for name, want in by_layer(group(arrays, "param_after")).items():
        for index, (mine, theirs) in enumerate(zip(after.get(name, weights[name]), want, strict=True)):
            close(f"{name}/{index} afterwards", mine, theirs)


@pytest.mark.skipif(not NETS, reason=REASON)
@pytest.mark.parametrize("path", NETS, ids=lambda path: path.stem)
def test_real_nets(path):
    message, arrays = load(path)
    (file,) = path.parent.glob(f"{path.stem}*.caffemodel")
    weights = caffemodel.read(file)
    wanted = group(arrays, "out")
    assert wanted
    got = reference.run(message, shaped(message, weights), group(arrays, "in"))
    for name, want in wanted.items():
        close(name, got[name], want)


def shaped(message, weights):
    """Old files keep a matrix as (1,1,M,N) and a vector as (1,1,1,N): back to what today's layers have."""
    kinds = {layer.name: layer.type for layer in message.layer}
    rank = {"InnerProduct": 2, "Convolution": 4}
    return {
        name: [a.reshape(a.shape[-(1 if i else rank.get(kinds[name], a.ndim)) :]) for i, a in enumerate(arrays)]
        for name, arrays in weights.items()
        if kinds.get(name)
    }
