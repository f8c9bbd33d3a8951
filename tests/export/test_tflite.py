"""LiteRT files: float32 and quantized, in LiteRT's own interpreter; what its operators cannot compute is refused."""

import io
import os

import numpy as np
import pytest

from tests.export import small_net
from zoo.errors import DataError, UnsupportedError
from zoo.export import examples, tflite, verifying
from zoo.export.conversion import convert
from zoo.export.request import Request
from zoo.export.targets import target

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert (requirements-targets.txt)")


@pytest.fixture
def written(small, tmp_path):
    """A function from how to quantize to (exit code of the verification, bytes of the file)."""
    conversion = convert(small[0], [small[1]], outputs=["prob", "branch/a"])
    x = np.random.default_rng(0).normal(size=(20, 3, 19, 17)).astype(np.float32)
    np.savez(tmp_path / "x.npz", data=x)

    def write(quantize, **asked):
        one = target(str(tmp_path / f"x{quantize}.tflite"))
        request = Request(small[0], [one], quantize=quantize, representative=str(tmp_path / "x.npz"), **asked)
        one.accept(request)
        files = one.write(conversion)
        return verifying.run({one: files}, conversion, request).code, verifying.size_of(files.paths)

    return write


def test_float32_is_exact_and_quantized_files_are_smaller(written, capsys):
    code, whole = written("", tolerance=1e-5)
    assert code == 0
    said = capsys.readouterr().out
    assert "branch/a" in said and "LiteRT" in said
    code, half = written("float16")
    assert code == 0 and half < whole
    code, quarter = written("int8", tolerance=0.6)  # a softmax over large random numbers, of which 0.46 was measured
    assert code == 0 and quarter < whole
    assert written("int8", tolerance=1e-5)[0] == verifying.DIFFERS  # 8 bits are not exact, and it is said so


COMPUTED = {
    "SegNet's Upsample": """
      layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 6 } } }
      layer { name: "pool" type: "Pooling" bottom: "data" top: "pool" top: "mask"
        pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
      layer { name: "out" type: "Upsample" bottom: "pool" bottom: "mask" top: "out" upsample_param { scale: 2 } }""",
    "CTC": """
      layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 9 dim: 2 dim: 4 } } }
      layer { name: "out" type: "CTCGreedyDecoder" bottom: "data" top: "out" }""",
}


@pytest.mark.parametrize("text", COMPUTED.values(), ids=COMPUTED)
def test_layers_for_which_the_usual_operations_have_no_operator(text, tmp_path, capsys):
    config = small_net.write(tmp_path / "net.prototxt", text)
    one, conversion = target(str(tmp_path / "x.tflite")), convert(config, outputs=["out"])
    request = Request(config, [one], tolerance=1e-6)
    one.accept(request)
    assert verifying.run({one: one.write(conversion)}, conversion, request).code == 0


def test_ranges_are_measured_on_batches_that_the_net_takes(tmp_path, capsys):
    text = """
    layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 6 } } }
    layer { name: "cut" type: "Slice" bottom: "data" top: "a" top: "b" slice_param { axis: 0 slice_point: 1 } }
    layer { name: "ip" type: "InnerProduct" bottom: "b" top: "ip"
      inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
    """
    config = small_net.write(tmp_path / "net.prototxt", text)
    np.savez(tmp_path / "x.npz", data=np.random.default_rng(0).uniform(-1, 1, (10, 6)))
    one, conversion = target(str(tmp_path / "x.tflite")), convert(config, outputs=["ip"])
    request = Request(config, [one], quantize="int8", representative=str(tmp_path / "x.npz"), tolerance=0.05)
    one.accept(request)
    assert verifying.run({one: one.write(conversion)}, conversion, request).code == 0


def test_what_the_operators_cannot_compute_is_refused_by_layer(small):
    conversion = convert(small[0], [small[1]])
    (operation,) = conversion.exported.layers["norm1"][-1:]
    text = f'loc(fused["LRN:", "small_1/{operation}_1/LRN"]): error: \'tf.LRN\' op is neither a custom op nor a flex op'
    (refusal,) = tflite._refusals(conversion, text)
    assert isinstance(refusal, UnsupportedError)
    assert 'layer "norm1"' in str(refusal) and "no built-in operator for TensorFlow's LRN" in str(refusal)


def test_examples_come_from_the_nets_own_data_layer(tmp_path):
    text = """
    layer { name: "d" type: "DummyData" top: "data" top: "label"
      dummy_data_param { shape { dim: 4 dim: 2 dim: 3 dim: 3 } shape { dim: 4 }
        data_filler { type: "uniform" min: 1 max: 2 } data_filler { type: "constant" } } }
    layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 2 } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" }
    """
    config = small_net.write(tmp_path / "net.prototxt", text)
    conversion = convert(config)
    found, said = examples.examples(Request(config, []), conversion, "", count=10)
    assert found["data"].shape == (10, 2, 3, 3) and 1 <= found["data"].min() <= found["data"].max() <= 2
    assert said.startswith("10 items of ")


DATA = """
layer { name: "d" type: "Data" top: "data" top: "label" data_param { source: "none" batch_size: 4 }
  transform_param { scale: 0.5 } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 2 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" }
"""


@pytest.mark.parametrize("text", [DATA, small_net.DEPLOY], ids=["data layer", "deploy"])
def test_examples_are_images_of_a_directory_or_a_list(text, tmp_path, small):
    conversion = convert(small_net.write(tmp_path / "net.prototxt", text), shapes={"data": (1, 3, 19, 17)}, load=False)
    (tmp_path / "images").mkdir()
    (tmp_path / "list.txt").write_text("a.png 0\nb.png 1\n")

    def images_of(path):
        return {"images": ["a.png", "b.png", "c.png"], "list.txt": ["a.png", "b.png"]}[os.path.basename(path)]

    request = Request(conversion.config, [], images_of=images_of, prepare=lambda conversion, images: images)
    for source, want in ({"images": ["a.png", "b.png"], "list.txt": ["a.png", "b.png"]}).items():
        found, said = examples.examples(request, conversion, str(tmp_path / source), count=2)
        assert found == want and said.startswith(f"2 images of {tmp_path / source}")
        assert said.endswith("says nothing of their preprocessing") is (text is not DATA)


def test_int8_of_a_net_with_an_input_of_one_number(tmp_path):
    text = """
    layer { name: "in" type: "Input" top: "data" top: "gain" input_param { shape { dim: 1 dim: 4 } shape { } } }
    layer { name: "scale" type: "Scale" bottom: "data" bottom: "gain" top: "y" scale_param { axis: 0 num_axes: 0 } }"""
    conversion = convert(small_net.write(tmp_path / "net.prototxt", text), load=False)
    np.savez(tmp_path / "x.npz", data=np.random.default_rng(0).normal(size=(20, 4)), gain=2.5)
    found, _ = examples.examples(Request(conversion.config, []), conversion, str(tmp_path / "x.npz"))
    assert found["data"].shape == (20, 4) and found["gain"].shape == ()
    batches = list(tflite._batches(conversion, found))
    assert len(batches) == 20
    assert [sorted(array.shape for array in batch.values()) for batch in batches[:2]] == [[(), (1, 4)]] * 2


def test_examples_that_do_not_fit_or_are_not_there_are_one_error(small, tmp_path):
    conversion, request = convert(small[0]), Request(small[0], [])
    with pytest.raises(UnsupportedError, match="no data layer that feeds all its inputs"):
        examples.examples(request, conversion, "")
    np.savez(tmp_path / "x.npz", data=np.zeros((2, 3, 9, 9)))
    with pytest.raises(DataError, match=r'array "data" does not fit the input, got \(2, 3, 9, 9\), want'):
        examples.examples(request, conversion, str(tmp_path / "x.npz"))


def an_npz(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def an_npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


WHOLE = an_npz(data=np.random.default_rng(0).random((9, 3, 19, 17)))
UNREADABLE = {
    "no archive": b"no archive",
    "nothing": b"",
    "cut": WHOLE[: len(WHOLE) // 2],
    "changed": WHOLE[:500] + bytes(100) + WHOLE[600:],
    "an .npy": an_npy(np.zeros((2, 3, 19, 17))),
    "texts": an_npz(data=np.full((2, 3, 19, 17), "x")),
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_an_npz_that_cannot_be_read_is_one_error(content, small, tmp_path):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(DataError, match="no .npz of inputs, got ."):
        examples.examples(Request(small[0], []), convert(small[0], load=False), str(tmp_path / "x.npz"))


@pytest.mark.parametrize("shape", [(0, 3, 19, 17), ()])
def test_an_array_without_items_does_not_fit(shape, small, tmp_path):
    np.savez(tmp_path / "x.npz", data=np.zeros(shape))
    with pytest.raises(DataError, match="does not fit the input, got .* want ..1 or more., 3, 19, 17"):
        examples.examples(Request(small[0], []), convert(small[0], load=False), str(tmp_path / "x.npz"))
