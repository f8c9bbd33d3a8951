"""Which layer of a net a weights file's layers go to: by name, and of one name as Caffe has it (net.cpp:752-791)."""

import numpy as np
import pytest

from zoo.converters import weights
from zoo.converters.build import build
from zoo.errors import WeightsError
from zoo.formats import blobproto, caffe_pb2, caffemodel
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def

INPUT = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }\n'


def ip(name, bottom, top, size=3):
    name = f'name: "{name}"' if name else ""
    param = f'inner_product_param {{ num_output: {size} bias_term: false weight_filler {{ type: "xavier" }} }}'
    return f'layer {{ {name} type: "InnerProduct" bottom: "{bottom}" top: "{top}" {param} }}\n'


def net_of(*layers):
    return build(net_def(parse_net(INPUT + "".join(layers), "net"), "TEST"))


def file_of(path, *layers):
    """Writes a .caffemodel of (name, arrays) in order."""
    net = caffe_pb2.NetParameter()
    for name, arrays in layers:
        net.layer.add(name=name, type="InnerProduct", blobs=[blobproto.to_message(np.float32(a)) for a in arrays])
    path.write_bytes(net.SerializeToString())
    return path


def full(value, *shape):
    return np.full(shape or (3, 3), value, np.float32)


@pytest.mark.parametrize("name", ["ip", ""])
def test_the_first_of_a_name_gets_the_last_of_the_file(name, tmp_path):
    net = net_of(ip(name, "x", "y"), ip(name, "y", "z"))
    before = weights.arrays(net)[f"{name}#2"][0]
    assert not np.array_equal(before, weights.arrays(net)[name][0])  # fillers are drawn apart
    loaded = weights.load(net, file_of(tmp_path / "w", (name, [full(1)]), ("other", [full(2)]), (name, [full(3)])))
    assert (loaded.copied, loaded.kept, loaded.skipped) == ((name,), (f"{name}#2",), ("other",))
    after = weights.arrays(net)
    assert np.array_equal(after[name][0], full(3)) and np.array_equal(after[f"{name}#2"][0], before)


def test_fine_tuning_from_a_file_that_has_a_name_twice(tmp_path):
    net = net_of(ip("a", "x", "y"), ip("b", "y", "z"))
    weights.load(net, file_of(tmp_path / "w", ("a", [full(1)]), ("a", [full(2)]), ("c", []), ("c", [full(1, 9)])))
    assert np.array_equal(weights.arrays(net)["a"][0], full(2))


@pytest.mark.parametrize("at", [0, 1])
def test_each_of_them_must_fit_the_first(at, tmp_path):
    """Caffe checks and copies one after the other, so that one that is overwritten must fit, too."""
    arrays = [full(1), full(1)]
    arrays[at] = full(1, 5, 3)
    net = net_of(ip("a", "x", "y"), ip("a", "y", "z"))
    before = weights.arrays(net)["a"][0]
    with pytest.raises(WeightsError, match=r'net:2: layer "a" .* blob 0 in .* got \(5, 3\), want \(3, 3\)'):
        weights.load(net, file_of(tmp_path / "w", *(("a", [array]) for array in arrays)))
    with pytest.raises(WeightsError, match="wrong number of blobs .* got 2, want 1 .all layers of this name"):
        weights.load(net, file_of(tmp_path / "w", ("a", [full(1)]), ("a", [full(1), full(1, 3)])))
    assert np.array_equal(weights.arrays(net)["a"][0], before)


def test_the_first_of_a_name_may_be_one_without_parameters(tmp_path):
    relu = 'layer { name: "a" type: "ReLU" bottom: "x" top: "r" }\n'
    net = net_of(relu, ip("a", "r", "z"))
    with pytest.raises(WeightsError, match=r'net:2: layer "a" \(ReLU\): wrong number of blobs .* got 1, want 0'):
        weights.load(net, file_of(tmp_path / "w", ("a", []), ("a", [full(1)])))


def test_hdf5_goes_to_the_last_of_a_name(tmp_path):
    net = net_of(ip("a", "x", "y"), ip("a", "y", "z"))
    before = weights.arrays(net)["a"][0]
    caffemodel.write(tmp_path / "w.h5", {"a": [full(4)]})
    assert weights.load(net, tmp_path / "w.h5").kept == ("a",)
    after = weights.arrays(net)
    assert np.array_equal(after["a#2"][0], full(4)) and np.array_equal(after["a"][0], before)


def test_what_is_left_alone(tmp_path):
    net = net_of(ip("a", "x", "y"), ip("b", "y", "z"))
    file = file_of(tmp_path / "w", ("a", [full(1)]), ("b", [full(2)]))
    weights.load(net, file, but={("a", 0)})
    after = weights.arrays(net)
    assert not np.array_equal(after["a"][0], full(1)) and np.array_equal(after["b"][0], full(2))
