"""A .keras file as weights: what is read from it is what the net had, layer by layer, bit for bit."""

import keras
import numpy as np
import pytest

from tests.export import small_net
from tests.layers.cases import CASES
from zoo.converters import weights
from zoo.converters.build import build
from zoo.errors import WeightsError
from zoo.export import keras_file
from zoo.export.conversion import convert
from zoo.export.keras_model import keras_model
from zoo.export.targets import target
from zoo.export.verify import Comparison, same_bytes
from zoo.formats import caffemodel, prototxt
from zoo.netdef.net import net_def


def written(conversion, path):
    keras_file.write(keras_model(conversion), conversion, path)
    return path


def there_and_back(config, path, **options):
    """Returns (arrays of a net with random values, arrays read from its .keras file), each {layer: arrays}."""
    rng, conversion = np.random.default_rng(7), convert(config, **options)
    for parameter in conversion.net.learnable():
        parameter.assign(rng.normal(size=parameter.spec.shape))
    want = {name: arrays for name, arrays in weights.arrays(conversion.net).items() if arrays}
    return want, caffemodel.read(written(conversion, path))


def same(got, want):
    assert list(got) == list(want)
    for name in want:
        assert len(got[name]) == len(want[name])
        for a, b in zip(got[name], want[name]):
            assert a.shape == b.shape and a.dtype == np.float32
            np.testing.assert_array_equal(a, b, err_msg=name)


def global_stats(case):
    return "use_global_stats: true" in case.prototxt or (
        case.phase == "TEST" and "use_global_stats: false" not in case.prototxt
    )


WITH_PARAMETERS = (
    "BatchNorm",
    "Bias",
    "Convolution",
    "Deconvolution",
    "Embed",
    "InnerProduct",
    "LSTM",
    "PReLU",
    "Parameter",
    "RNN",
    "Scale",
)


@pytest.mark.parametrize("kind", WITH_PARAMETERS)
def test_every_kind_of_blob(kind, tmp_path):
    found = 0
    for case in CASES[kind]:
        want, got = there_and_back(
            small_net.write(tmp_path / "net.prototxt", case.prototxt), tmp_path / "net.keras", phase=case.phase
        )
        if kind == "BatchNorm" and not global_stats(case):
            assert not got  # it normalises by the batch, so that the file has none of its sums
            continue
        same(got, want)
        found += bool(want)
    assert found


def test_nets_of_authors(shared, tmp_path):
    for name, model in (("lenet", "lenet_iter_10000"), ("mtcnn_det3", "mtcnn_det3")):
        source = shared / "pretrained" / f"{model}.caffemodel"
        conversion = convert(shared / "pretrained" / f"{name}.prototxt", [source])
        want = {layer: arrays for layer, arrays in caffemodel.read(source).items() if arrays}
        got = caffemodel.read(written(conversion, tmp_path / f"{name}.keras"))
        assert set(got) <= set(want) and len(got) > 3
        for layer, arrays in got.items():
            for a, b in zip(arrays, want[layer], strict=True):
                np.testing.assert_array_equal(a, np.asarray(b).reshape(a.shape))


def test_shared_blobs_stand_in_each_layer(tmp_path):
    """Also where the one that shares keeps the numbers in another shape."""
    text = (
        small_net.INPUT
        + """
    layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" param { name: "w" }
      inner_product_param { num_output: 6 bias_term: false axis: 3 } }
    layer { name: "b" type: "InnerProduct" bottom: "data" top: "b" param { name: "w" }
      inner_product_param { num_output: 6 bias_term: false axis: 3 } }
    layer { name: "c" type: "InnerProduct" bottom: "data" top: "c" param { name: "w" share_mode: PERMISSIVE }
      inner_product_param { num_output: 6 bias_term: false axis: 3 transpose: true } }
    """
    )
    config = small_net.write(tmp_path / "net.prototxt", text)
    want, got = there_and_back(config, tmp_path / "net.keras")
    assert [got[name][0].shape for name in "abc"] == [(6, 17), (6, 17), (17, 6)]
    same(got, want)


def test_layers_that_no_output_needs_are_not_in_it(small, tmp_path):
    conversion = convert(small[0], [small[1]], outputs=["norm1"])
    got = caffemodel.read(written(conversion, tmp_path / "x.keras"))
    assert list(got) == ["conv1", "bn1", "scale1"]
    same(got, {name: small[2][name] for name in got})


def test_it_is_converted_again(small, tmp_path):
    first = written(convert(small[0], [small[1]]), tmp_path / "a.keras")
    again = convert(small[0], [first])
    same(caffemodel.read(written(again, tmp_path / "b.keras")), small[2])


def test_a_file_that_keras_has_saved_again_is_refused(small, tmp_path):
    first = written(convert(small[0], [small[1]]), tmp_path / "a.keras")
    with keras_file.no_copy_warning():
        keras.saving.load_model(first).save(tmp_path / "b.keras")
    with pytest.raises(WeightsError, match=r"b\.keras: a Keras file that does not say which of Caffe's blobs"):
        convert(small[0], [tmp_path / "b.keras"])


SAME = """
layer { %s type: "DummyData" top: "x" top: "y" dummy_data_param { shape { dim: 2 dim: 3 } shape { dim: 2 } } }
layer { %s type: "InnerProduct" bottom: "x" top: "a" inner_product_param { num_output: 3 } }
layer { %s type: "ReLU" bottom: "a" top: "a" }
layer { %s type: "InnerProduct" bottom: "a" top: "b" inner_product_param { num_output: 3 } }
layer { %s type: "SoftmaxWithLoss" bottom: "b" bottom: "y" top: "loss" }
"""


@pytest.mark.parametrize("name", ["", "ip"])
def test_layers_of_one_name_are_told_apart(name, tmp_path):
    """The file of the net to deploy, where the layers are other ones in order, loads into the net to train."""
    said = f'name: "{name}"' if name else ""
    config = small_net.write(tmp_path / "net.prototxt", SAME % ((said,) * 5))
    want, got = there_and_back(config, tmp_path / "x.keras")
    assert list(got) == [name, f"{name}#2"]
    for one, other in zip(want.values(), got.values()):
        assert all(map(np.array_equal, one, other))
    assert not np.array_equal(got[name][0], got[f"{name}#2"][0])
    net = build(net_def(prototxt.read_net(config), "TRAIN"))
    loaded = weights.load(net, tmp_path / "x.keras")
    assert loaded.copied == (f"{name}#2", f"{name}#4") and not loaded.kept
    for layer, arrays in zip([net.layers[1], net.layers[3]], want.values()):
        assert all(np.array_equal(p.array(), array) for p, array in zip(layer.parameters, arrays))
    # The next conversion has the values of the file, against the NumPy reference, too.
    again = convert(config, [tmp_path / "x.keras"])
    assert again.filled == ()
    comparison = Comparison(again)
    (row,) = comparison.compare(target(str(tmp_path / "x.keras")).readers(again)[0].open(), 1e-5)
    assert row.verdict == "equal" and comparison.silent == {"OpenCV": "it tells layers apart by name, and two have one"}
    path = tmp_path / "x.caffemodel"
    caffemodel.write(path, weights.arrays(again.net), again.message)
    assert same_bytes(again, path) == (4, [])
