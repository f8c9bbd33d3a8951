"""Weights files against those that Caffe wrote, against protobuf's own reading, and against damage."""

import os
import random
import resource
import stat
import tracemalloc

import h5py
import numpy as np
import pytest

from zoo.errors import WeightsError
from zoo.formats import blobproto, caffe_pb2, caffemodel, wire

BINARY = [
    "pretrained/lenet_iter_10000.caffemodel",
    "pretrained/mtcnn_det1.caffemodel",
    "pretrained/mtcnn_det2.caffemodel",
    "pretrained/mtcnn_det3.caffemodel",
    "golden/lenet/lenet_iter_0.caffemodel",
    "golden/solvers/sgd-00_iter_15.caffemodel",
    "golden/solvers/adam-29_iter_15.caffemodel",
]
OLD = "pretrained/cifar10_quick_v1_iter_4000.caffemodel"
HDF5 = ["nesterov-01", "adadelta-16", "adagrad-26", "rmsprop-15"]


def net_of(layers, name="little"):
    """Returns a parsed NetParameter of {name: list of arrays}."""
    net = caffe_pb2.NetParameter(name=name)
    for layer, arrays in layers.items():
        net.layer.add(name=layer, type="Dummy", blobs=[blobproto.to_message(array) for array in arrays])
    return net


@pytest.fixture
def little(rng):
    return {
        "conv": [rng.standard_normal((3, 2, 5, 4), np.float32), rng.standard_normal(3, np.float32)],
        "relu": [],
        "scale": [np.float32(-1.5).reshape(())],
    }


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def same(got, want):
    assert list(got) == list(want)
    for name in want:
        assert [a.shape for a in got[name]] == [a.shape for a in want[name]]
        for a, b in zip(got[name], want[name]):
            assert a.dtype == np.float32
            assert a.tobytes() == b.tobytes()


def message_of(data, path):
    path.write_bytes(data)
    return path


# ---- against Caffe's own files ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*BINARY, OLD])
def test_numbers_and_shapes_are_those_that_protobuf_reads(shared, name):
    net = caffe_pb2.NetParameter.FromString((shared / name).read_bytes())
    weights = caffemodel.read(shared / name)
    layers = list(net.layer) + list(net.layers)
    assert list(weights) == [layer.name for layer in layers]
    assert weights.net == net.name
    assert any(layer.blobs for layer in layers)
    for layer in layers:
        assert len(weights[layer.name]) == len(layer.blobs)
        for index, (array, blob) in enumerate(zip(weights[layer.name], layer.blobs)):
            old = blob.HasField("num")
            assert ((layer.name, index) in weights.legacy) == old
            assert array.shape == ((blob.num, blob.channels, blob.height, blob.width) if old else tuple(blob.shape.dim))
            assert array.tobytes() == np.array(blob.data, np.float32).tobytes()


@pytest.mark.parametrize("name", BINARY)
def test_what_is_written_is_byte_for_byte_what_caffe_wrote(shared, name, tmp_path):
    raw = (shared / name).read_bytes()
    net = caffe_pb2.NetParameter.FromString(raw)
    caffemodel.write(tmp_path / "out.caffemodel", caffemodel.read(shared / name), net)
    assert (tmp_path / "out.caffemodel").read_bytes() == raw


def test_layers_of_an_old_file_with_their_types_and_blob_names(shared):
    net, layers = caffemodel.read_layers(shared / OLD)
    assert net == "CIFAR10_quick"
    assert layers[1][:4] == ("conv1", "CONVOLUTION", ("data",), ("conv1",))
    assert [blob.legacy for blob in layers[1].blobs] == [True, True]


def test_legacy_shapes_fit_right_aligned(shared):
    weights = caffemodel.read(shared / OLD)
    assert weights["ip1"][0].shape == (1, 1, 64, 1024)
    assert weights.fits("ip1", 0, (64, 1024))
    assert weights.fits("ip1", 0, (1, 64, 1024))
    assert not weights.fits("ip1", 0, (1024, 64))
    assert not weights.fits("ip1", 0, (64, 1024, 1))
    assert not weights.fits("ip1", 0, (1, 1, 1, 64, 1024))
    assert weights.fits("conv1", 1, (32,))


@pytest.mark.parametrize("case", HDF5)
def test_hdf5_has_the_weights_of_iteration_15_and_is_written_alike(shared, case, tmp_path):
    path = shared / f"golden/solvers/{case}_iter_15.caffemodel.h5"
    weights = caffemodel.read(path)
    with np.load(shared / f"golden/solvers/{case}.npz") as golden:
        for name in ("conv", "ip"):
            for index, array in enumerate(weights[name]):
                np.testing.assert_array_equal(array, golden[f"weights@15/{name}/{index}"], strict=True)
    assert weights["act"] == [] and weights.hdf5
    caffemodel.write(tmp_path / "out.caffemodel.h5", weights)
    assert tree(tmp_path / "out.caffemodel.h5") == tree(path)


def tree(path):
    """Returns {name: None for a group; shape, type, layout and bytes of an array} of an HDF5 file."""
    found = {}

    def add(name, item):
        group = isinstance(item, h5py.Group)
        found[name] = None if group else (item.shape, item.id.get_type().encode(), item.chunks, item[()].tobytes())

    with h5py.File(path) as file:
        file.visititems(add)
    return found


# ---- binary ----------------------------------------------------------------------------------------------


def test_round_trip_without_a_net(little, tmp_path):
    caffemodel.write(tmp_path / "w.caffemodel", little)
    weights = caffemodel.read(tmp_path / "w.caffemodel")
    same(weights, little)
    assert weights.fits("scale", 0, ()) and not weights.fits("scale", 0, (1,))


def test_the_net_is_written_whole_with_phase_and_shares(little, tmp_path):
    net = net_of({name: [] for name in little})
    net.input.append("data")
    net.layer[0].phase = caffe_pb2.TRAIN
    net.layer[0].param.add(name="w", lr_mult=0.3)
    net.layer[0].convolution_param.num_output = 3
    net.layer[0].blobs.add(data=[9])
    diffs = {name: [-2 * a for a in arrays] for name, arrays in little.items()}
    caffemodel.write(tmp_path / "w.caffemodel", little, net, diffs=diffs)
    got = caffe_pb2.NetParameter.FromString((tmp_path / "w.caffemodel").read_bytes())
    want = caffe_pb2.NetParameter(name=net.name, layer=net.layer)
    for layer in want.layer:
        del layer.blobs[:]
        for array in little[layer.name]:
            layer.blobs.add().CopyFrom(blobproto.to_message(array))
            layer.blobs[-1].diff.extend((-2 * array).ravel())
    assert got == want
    assert (tmp_path / "w.caffemodel").read_bytes() == want.SerializeToString()


def test_doubles_floats_one_by_one_and_in_pieces(tmp_path):
    def field(number, kind, content=b""):
        return wire.put_tag(number, kind) + content

    def block(number, content):
        return field(number, wire.LEN, wire.put_varint(len(content)) + content)

    values = np.array([1.5, -2, 3e-30, 7, -0.0, 11], "<f4")
    shape = block(7, field(1, wire.VARINT, b"\x02") + field(1, wire.VARINT, b"\x03"))
    singles = b"".join(field(5, wire.FIXED32, value.tobytes()) for value in values)
    pieces = block(5, values[:2].tobytes()) + block(5, values[2:].tobytes())
    doubles = block(8, np.arange(6, dtype="<f8").tobytes())
    double_singles = b"".join(field(8, wire.FIXED64, np.float64(value).tobytes()) for value in range(6))
    blobs = [singles + shape, pieces + shape, shape + doubles, double_singles + shape, pieces + doubles + shape]
    layer = block(1, b"ip") + b"".join(block(7, blob) for blob in blobs)
    weights = caffemodel.read(message_of(block(100, layer), tmp_path / "w"))
    counting = np.arange(6, dtype=np.float32).reshape(2, 3)
    want = [values.reshape(2, 3)] * 2 + [counting] * 3
    same(weights, {"ip": want})
    parsed = caffe_pb2.NetParameter.FromString((tmp_path / "w").read_bytes()).layer[0].blobs
    assert list(parsed[0].data) == list(parsed[1].data) == list(values)


def test_fields_of_forks_are_passed_over(little, tmp_path):
    """Unknown numbers, known ones of another wire type, and a group."""
    strange = (
        wire.put_tag(100, wire.LEN) + b"\x02\xff\xff"
        + wire.put_tag(147, wire.LEN) + b"\x03\xff\x00\x01"
        + wire.put_tag(7, wire.VARINT) + b"\x05"
        + wire.put_tag(1, wire.FIXED32) + b"abcd"
        + wire.put_tag(3000, wire.START_GROUP) + b"\x08\x01" + wire.put_tag(3000, wire.END_GROUP)
    )  # fmt: skip
    net = net_of(little)
    data = b""
    for layer in net.layer:
        body = strange + layer.SerializeToString() + strange
        data += wire.put_tag(100, wire.LEN) + wire.put_varint(len(body)) + body
    same(caffemodel.read(message_of(data, tmp_path / "w")), little)


def test_oldest_generation_keeps_blobs_in_the_inner_layer(rng, tmp_path):
    array = rng.standard_normal((1, 1, 2, 3), np.float32)
    net = caffe_pb2.NetParameter()
    inner = net.layers.add(bottom=["data"], top=["ip"]).layer
    inner.name, inner.type = "ip", "innerproduct"
    inner.blobs.add(num=1, channels=1, height=2, width=3, data=array.ravel())
    path = message_of(net.SerializeToString(), tmp_path / "w")
    weights = caffemodel.read(path)
    same(weights, {"ip": [array]})
    assert weights.fits("ip", 0, (2, 3))
    assert caffemodel.read_layers(path)[1][0][:4] == ("ip", "innerproduct", ("data",), ("ip",))


def test_reading_takes_the_memory_of_the_file_and_no_more(rng, tmp_path):
    caffemodel.write(tmp_path / "w", {"fc": [rng.standard_normal((2048, 1024), np.float32)]})
    size = (tmp_path / "w").stat().st_size
    tracemalloc.start()
    weights = caffemodel.read(tmp_path / "w")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.1 * size
    assert not weights["fc"][0].flags.writeable


def test_layers_of_one_name_are_kept_apart_in_order(tmp_path):
    net = net_of({"a": [np.ones(2)], "b": [np.full(2, 3), np.ones(1)], "": [np.zeros(4)]})
    net.layer[1].name = "a"
    weights = caffemodel.read(message_of(net.SerializeToString(), tmp_path / "w"))
    assert {key: [a.tolist() for a in blobs] for key, blobs in weights.items()} == {
        "a": [[1, 1]],
        "a#2": [[3, 3], [1]],
        "": [[0, 0, 0, 0]],
    }
    assert weights.names == {"a": "a", "a#2": "a", "": ""}
    for form in (None, net):
        caffemodel.write(tmp_path / "again", weights, form, diffs={"a#2": [np.full(2, 7), np.zeros(1)]})
        again = caffe_pb2.NetParameter.FromString((tmp_path / "again").read_bytes())
        assert [(layer.name, [list(b.data) for b in layer.blobs]) for layer in again.layer] == [
            ("a", [[1, 1]]),
            ("a", [[3, 3], [1]]),
            ("", [[0, 0, 0, 0]]),
        ]
        assert [[list(b.diff) for b in layer.blobs] for layer in again.layer] == [[[]], [[7, 7], [0]], [[]]]


def test_hdf5_cannot_have_two_layers_of_one_name_with_parameters(tmp_path):
    net = net_of({"a": [np.ones(2)], "b": [np.ones(2)], "c": [], "d": []})
    net.layer[3].name = "c"
    arrays = {"a": [np.ones(2)], "b": [np.ones(2)]}
    caffemodel.write(tmp_path / "w.h5", arrays, net)
    net.layer[1].name = net.layer[2].name = "a"
    with pytest.raises(WeightsError, match='layer "a": two layers of one name that have parameters cannot be .* HDF5'):
        caffemodel.write(tmp_path / "v.h5", {"a": [np.ones(2)], "a#2": [np.ones(2)]}, net)
    with pytest.raises(WeightsError, match="two layers of one name"):
        caffemodel.write(tmp_path / "v", {"a#2": [np.ones(2)]}, net, hdf5_form=True)
    assert os.listdir(tmp_path) == ["w.h5"]


# ---- HDF5 ------------------------------------------------------------------------------------------------


def test_hdf5_shared_parameters_are_written_by_their_owner_and_diffs_everywhere(little, tmp_path):
    layers = {**little, "twin": [little["conv"][0], np.arange(3, dtype=np.float32)], "third": little["conv"]}
    shared = {("twin", 0), ("third", 0), ("third", 1)}
    diffs = {name: [a + 1 for a in arrays] for name, arrays in layers.items()}
    path = tmp_path / "w.caffemodel.h5"
    caffemodel.write(path, layers, diffs=diffs, shared=shared)
    weights = caffemodel.read(path)
    assert weights["twin"][0] is None and weights["third"] == []
    same({"a": weights["twin"][1:], "b": weights["conv"]}, {"a": layers["twin"][1:], "b": layers["conv"]})
    with h5py.File(path) as file:
        for name, arrays in layers.items():
            assert len(file["diff"][name]) == len(arrays)
            for index, array in enumerate(arrays):
                np.testing.assert_array_equal(file[f"diff/{name}/{index}"][()], array + 1)


def test_hdf5_of_a_net_goes_by_the_net(little, tmp_path):
    net = net_of({"data": [], **{name: [] for name in little}})
    caffemodel.write(tmp_path / "w.h5", little, net)
    same(caffemodel.read(tmp_path / "w.h5"), {"conv": little["conv"], "data": [], "relu": [], "scale": little["scale"]})


def test_hdf5_names_with_slashes_make_nested_groups(little, tmp_path):
    layers = {"inception/1x1": little["conv"], "inception/relu": [], "inception/a/b": little["scale"]}
    caffemodel.write(tmp_path / "w.h5", layers)
    same(dict(sorted(caffemodel.read(tmp_path / "w.h5").items())), dict(sorted(layers.items())))


@pytest.mark.parametrize("names", [["a/0", "a"], ["/a"], ["a/"], [""], ["a/../b"]])
def test_hdf5_names_that_cannot_be_groups(names, tmp_path):
    with pytest.raises(WeightsError, match="HDF5"):
        caffemodel.write(tmp_path / "w.h5", {name: [np.ones(2)] for name in names})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("dtype", ["<f8", ">f4", "<f2", "<i4", "|u1"])
def test_hdf5_of_other_number_types_and_compressed(dtype, tmp_path):
    want = np.arange(12).reshape(3, 4)
    with h5py.File(tmp_path / "w", "w") as file:
        file.create_dataset("data/ip/0", data=want.astype(dtype), compression="gzip", chunks=(2, 3))
    same(caffemodel.read(tmp_path / "w"), {"ip": [want.astype(np.float32)]})


def _keras(file):
    file.create_group("model_weights/dense")


def _huge(file):
    file.create_dataset("data/ip/0", shape=(10**7,), dtype="f4", chunks=(1024,))


def _too_many(file):
    file.create_dataset("data/ip/0", shape=(10**9, 10**9), dtype="f4", chunks=(64, 64))


def _words(file):
    file["data/ip/0"] = "kernel"


def _stray(file):
    file["data/ip/kernel"] = np.ones(2)


def _top(file):
    file["data/0"] = np.ones(2)


def _cycle(file):
    inner = file.create_group("data/a")
    inner["b"] = file["data"]


def _dangling(file):
    file.create_group("data")["ip"] = h5py.SoftLink("/nowhere")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_keras, r"no group /data in it, got \['model_weights'\] \(this looks like a Keras file\)"),
        (_huge, "/data/ip/0 of shape .* got 0 bytes in the file"),
        (_too_many, "arrays that together take more, got 4000000[0-9]* bytes"),
        (_words, "holds no numbers"),
        (_stray, "no blob, got /data/ip/kernel"),
        (_top, "no blob, got /data/0"),
        (_cycle, "a group is in two places"),
        (_dangling, "damaged HDF5 file"),
        (lambda file: file.create_group("data"), "no layers in it"),
        (lambda file: file.create_group("history"), r"\(this looks like a .solverstate.h5\)"),
    ],
)
def test_hdf5_that_is_no_weights_file(make, says, tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        make(file)
    with pytest.raises(WeightsError, match=says) as caught:
        caffemodel.read(tmp_path / "w.h5")
    assert "\n" not in str(caught.value) and str(tmp_path / "w.h5") in str(caught.value)


def test_hdf5_layer_name_that_is_not_utf8(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        h5py.h5g.create(file.create_group("data").id, b"conv\xff")
    with pytest.raises(WeightsError, match="not UTF-8"):
        caffemodel.read(tmp_path / "w.h5")


# ---- files that are something else -----------------------------------------------------------------------

ELSE = {
    "empty": (b"", "is empty"),
    "prototxt": (b'name: "LeNet"\nlayer { name: "data" }\n' * 200, "text, such as a prototxt"),
    "comment": (b'# LeNet\nname: "LeNet"\n', "text, such as a prototxt"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 243862414\n", "git lfs pull"),
    "page": (b"\n<!DOCTYPE html>\n<html><head><title>404</title>", "web page"),
    "zip": (b"PK\x03\x04\x14\x00\x00\x00\x08\x00", "zip archive"),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "gzip archive"),
    "zeros": (bytes(5000), "damaged: bytes that are no field, got tag 0 at byte 0"),
    "no layers": (b"\x0a\x03net", "no layers in it"),
    "mean": (b"\x08\x01\x10\x01\x18\x01\x20\x01\x2a\x04\0\0\0\0", "one array, such as a mean image"),
    "state": (b"\x08\x0f\x12\x01a\x1a\x0c\x2a\x04\0\0\0\0\x3a\x03\x0a\x01\x01\x20\0", "this looks like a .solverstate"),
    "not HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
}


@pytest.mark.parametrize("kind", ELSE)
def test_files_that_are_something_else(kind, tmp_path):
    data, says = ELSE[kind]
    with pytest.raises(WeightsError, match=says) as caught:
        caffemodel.read(message_of(data, tmp_path / "w.caffemodel"))
    assert "\n" not in str(caught.value) and str(tmp_path / "w.caffemodel") in str(caught.value)


def test_no_file_a_folder_and_a_device(tmp_path):
    for path, says in (
        (tmp_path / "no", "no such file"),
        (tmp_path, "is a directory"),
        ("/dev/zero", "device"),
        ("a\0b", "cannot be read, got embedded null byte"),
    ):
        with pytest.raises(WeightsError, match=says):
            caffemodel.read(path)


# ---- damage ----------------------------------------------------------------------------------------------

BAD_BLOBS = {
    "count": (caffe_pb2.BlobProto(data=[1, 2, 3], shape={"dim": [2, 2]}), r"shape \(2, 2\), got 3 values, want 4"),
    "none": (caffe_pb2.BlobProto(shape={"dim": [2, 2]}), "got 0 values, want 4"),
    "huge": (caffe_pb2.BlobProto(data=[1], shape={"dim": [10**9, 1]}), "got 1 values, want 1000000000"),
    "too large": (caffe_pb2.BlobProto(data=[1], shape={"dim": [10**9, 10**9]}), "too large for Caffe"),
    "negative": (caffe_pb2.BlobProto(data=[1], shape={"dim": [-1, -1]}), r"negative dimension, got \(-1, -1\)"),
    "old negative": (caffe_pb2.BlobProto(data=[1], num=-1, channels=1, height=-1, width=1), "negative"),
    "old count": (caffe_pb2.BlobProto(data=[1], num=1, channels=1, height=1), r"shape \(1, 1, 1, 0\), got 1 values"),
    "axes": (caffe_pb2.BlobProto(data=[1], shape={"dim": [1] * 33}), "too many numbers, got over 32"),
}


@pytest.mark.parametrize("kind", BAD_BLOBS)
def test_blobs_that_cannot_be(kind, tmp_path):
    blob, says = BAD_BLOBS[kind]
    net = caffe_pb2.NetParameter(layer=[{"name": "conv1", "type": "Convolution", "blobs": [blob]}])
    with pytest.raises(WeightsError, match=says) as caught:
        caffemodel.read(message_of(net.SerializeToString(), tmp_path / "w"))
    assert str(caught.value).startswith(f'{tmp_path / "w"}: layer "conv1": ')


def test_names_that_are_not_utf8_and_layers_of_two_generations(tmp_path):
    net = net_of({"conv1": []})
    with pytest.raises(WeightsError, match="name is not UTF-8"):
        caffemodel.read(message_of(net.SerializeToString().replace(b"conv1", b"con\xff1"), tmp_path / "w"))
    net.layers.add(name="conv1")
    with pytest.raises(WeightsError, match="both old and new layers"):
        caffemodel.read(message_of(net.SerializeToString(), tmp_path / "w"))


def test_endless_tiny_fields_end(tmp_path):
    with pytest.raises(WeightsError, match="more fields"):
        caffemodel.read(message_of(b"\x28\x00" * (wire.MAX_FIELDS + 1), tmp_path / "w"))


@pytest.mark.parametrize("suffix", ["", ".h5"])
def test_damage_is_an_error_or_another_reading_but_never_a_crash(suffix, little, tmp_path):
    caffemodel.write(tmp_path / f"good{suffix}", little)
    good = (tmp_path / f"good{suffix}").read_bytes()
    chance, refused, path = random.Random(3), 0, tmp_path / "bad"
    step = max(1, len(good) // 300)
    cuts = [good[:size] for size in range(0, len(good), step)]
    for data in cuts + [_flipped(good, chance) for _ in range(500)]:
        path.write_bytes(data)
        tracemalloc.start()
        try:
            weights = caffemodel.read(path)
            # a cut between two layers cannot be seen: nothing in the format counts the layers
            assert len(data) == len(good) or set(weights) < set(little)
        except WeightsError as error:
            refused += 1
            assert "\n" not in str(error)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1 << 20
    assert refused >= len(cuts) - len(little)


def _flipped(data, chance):
    changed = bytearray(data)
    for _ in range(chance.choice([1, 2, 8])):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


# ---- writing with care -----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", ".h5"])
@pytest.mark.parametrize("limit", [100, 4096, 200_000])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(suffix, limit, tmp_path):
    path = tmp_path / f"w.caffemodel{suffix}"
    path.write_bytes(b"old")
    layers = {f"layer{i}": [np.ones((20, 30), np.float32)] for i in range(200)}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(WeightsError, match="cannot be written, got File too large"):
            caffemodel.write(path, layers)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == [path.name]
    caffemodel.write(path, layers)
    same(caffemodel.read(path), dict(sorted(layers.items())) if suffix else layers)


@pytest.mark.parametrize("suffix", ["", ".h5"])
def test_folders_that_are_missing_or_in_the_way(suffix, little, tmp_path):
    with pytest.raises(WeightsError, match="No such file or directory"):
        caffemodel.write(tmp_path / "no" / f"w{suffix}", little)
    (tmp_path / f"w{suffix}").mkdir()
    with pytest.raises(WeightsError, match="is a directory"):
        caffemodel.write(tmp_path / f"w{suffix}", little)
    assert os.listdir(tmp_path) == [f"w{suffix}"]


def test_a_new_file_has_the_usual_permissions(little, tmp_path):
    caffemodel.write(tmp_path / "w", little)
    (tmp_path / "plain").touch()
    assert stat.S_IMODE((tmp_path / "w").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_weights_and_gradients_must_go_together_with_the_net(little, tmp_path):
    net = net_of({"conv": [], "relu": [], "scal": []})
    with pytest.raises(WeightsError, match=r'layer "scale": .* the net has no such layer \(did you mean "scal"'):
        caffemodel.write(tmp_path / "w", little, net)
    with pytest.raises(WeightsError, match='layer "conv": gradients unlike the weights'):
        caffemodel.write(tmp_path / "w", little, diffs={"conv": [np.ones(3)]})
    assert os.listdir(tmp_path) == []


def test_more_than_a_message_can_hold_is_refused_before_it_is_written(tmp_path):
    wide = np.broadcast_to(np.float32(0), (2**15, 2**14))
    with pytest.raises(WeightsError, match=r"too large for a binary file.*caffemodel.h5"):
        caffemodel.write(tmp_path / "w", {"fc": [wide]})
    assert os.listdir(tmp_path) == []
