"""zoo.upgrade: what Caffe's own tools wrote, to the character; backups; what it refuses."""

import pytest

from tests.commands import run
from zoo import upgrade
from zoo.errors import PrototxtError, WeightsError, ZooError
from zoo.formats import caffe_pb2, caffemodel

V1 = 'layers { name: "d" type: DATA top: "d" }'
BOTH = 'layer { name: "a" type: "ReLU" bottom: "x" top: "x" } ' + V1


@pytest.mark.parametrize("name", ["v0_padding", "v1_lenet", "v2_old_bits", "old_solver"])
def test_texts_as_caffes_tools_write_them(shared, name):
    was, data = upgrade.upgraded(shared / f"golden/upgrade/{name}.prototxt")
    want = shared / f"golden/upgrade/{name}.upgraded.prototxt"
    assert data == want.read_bytes() and "today" not in was
    assert upgrade.upgraded(want)[1] is None


def test_weights_of_2014(shared, tmp_path):
    old, new = shared / "pretrained/cifar10_quick_v1_iter_4000.caffemodel", tmp_path / "new.caffemodel"
    was, data = upgrade.upgraded(old)
    assert was == "weights of a net of 2014 (layers { type: CONVOLUTION })"
    new.write_bytes(data)
    assert upgrade.upgraded(new) == ("weights of a net of today's form", None)
    message = caffe_pb2.NetParameter.FromString(data)
    assert not message.layers and [layer.type for layer in message.layer[1:4]] == ["Convolution", "Pooling", "ReLU"]
    before, after = caffemodel.read(old), caffemodel.read(new)
    assert list(before) == list(after) and len(before["conv1"]) == 2
    assert all((a == b).all() for key in before for a, b in zip(before[key], after[key], strict=True))


def test_a_net_inside_a_solver(tmp_path):
    path = tmp_path / "s.prototxt"
    path.write_text(f"base_lr: 0.1 net_param {{ {V1} }}")
    data = upgrade.upgraded(path)[1]
    path.write_bytes(data)
    assert b'type: "Data"' in data and upgrade.upgraded(path)[1] is None


def test_in_place_with_backups(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(V1)
    path.chmod(0o640)
    for backup in ("net.prototxt.bak", "net.prototxt.bak2"):
        path.write_text(V1)
        assert run("zoo.upgrade", "--in_place", path.name, cwd=tmp_path).endswith(f"the old one is {backup}\n")
        assert (tmp_path / backup).read_text() == V1 and path.read_text().startswith("layer {\n")
        assert path.stat().st_mode & 0o777 == 0o640
    assert run("zoo.upgrade", "--in_place", path.name, cwd=tmp_path).endswith("form; left as it is\n")
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    "content, error, said",
    [
        (BOTH.encode(), PrototxtError, 'has both "layer" and "layers"'),
        (b"layer { nam: 3 }", PrototxtError, 'LayerParameter has no field "nam"'),
        (b"a: 1", PrototxtError, "neither a net nor a solver"),
        (b"\x1f\x8b\x00\x00", WeightsError, "not a Caffe weights file .this is a gzip archive"),
        (b"\x0a\x01a\x00", WeightsError, "x: "),
        (b"\x0a\x02a\x01", WeightsError, "a binary file without layers"),
        # V1LayerParameter's field 999, which no Caffe has
        (b"\x12\x08\x22\x01a\xb8\x3e\x05\x28\x04", WeightsError, 'layer "a": a field .* got field number 999'),
        (None, ZooError, "x: cannot be read, got No such file"),
    ],
    ids=range(8),
)
def test_refused(tmp_path, content, error, said):
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    with pytest.raises(error, match=said):
        upgrade.upgraded(tmp_path / "x")


@pytest.mark.parametrize(
    "words, said",
    [
        ("a", "which files?, got a"),
        ("a a", "OUT is the file that is read"),
        ("a nowhere/b", "cannot be written, got No"),
    ],
)
def test_mistakes_on_the_command_line(tmp_path, words, said):
    (tmp_path / "a").write_text(V1)
    assert said in run("zoo.upgrade", *words.split(), cwd=tmp_path, ok=False)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
