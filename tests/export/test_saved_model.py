"""The SavedModel directory: its endpoint, its names, and that nothing but a SavedModel is ever replaced."""

import os
import resource

import numpy as np
import pytest
import tensorflow as tf

from tests.export import small_net
from zoo.errors import OutputError
from zoo.export import saved_model
from zoo.export.conversion import convert
from zoo.export.keras_model import keras_model
from zoo.export.verify import Comparison


def test_served_by_tensorflow_alone(small, tmp_path):
    conversion = convert(small[0], [small[1]], outputs=["prob", "branch/a"])
    saved_model.write(keras_model(conversion), conversion.outputs, tmp_path / "saved")
    module = tf.saved_model.load(str(tmp_path / "saved"))
    comparison = Comparison(conversion, batch=4)
    x = tf.constant(comparison.inputs["data"].transpose(0, 2, 3, 1))
    for given in (module.serve(x), module.signatures["serving_default"](data=x)):
        assert sorted(given) == ["branch/a", "prob"]
        for blob, want in comparison.found["NumPy"].items():
            got = given[blob].numpy()
            got = got.transpose(0, 3, 1, 2) if got.ndim == 4 else got
            np.testing.assert_allclose(got, want, rtol=0, atol=2e-5 * np.abs(want).max())


def test_one_output_and_several_inputs_have_their_names(tmp_path):
    text = """
    input: "zeta" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4
    input: "alpha" input_dim: 1 input_dim: 5 input_dim: 3 input_dim: 4
    layer { name: "c" type: "Concat" bottom: "zeta" bottom: "alpha" top: "c" }
    """
    conversion = convert(small_net.write(tmp_path / "net.prototxt", text))
    saved_model.write(keras_model(conversion), conversion.outputs, tmp_path / "saved")
    feeds = {"zeta": tf.ones((2, 3, 4, 2)), "alpha": tf.zeros((2, 3, 4, 5))}
    given = saved_model.load(tmp_path / "saved")(feeds)
    assert list(given) == ["c"]
    np.testing.assert_array_equal(given["c"], np.concatenate([feeds["zeta"], feeds["alpha"]], 3))
    signature = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    assert set(signature.structured_input_signature[1]) == {"zeta", "alpha"}


def test_a_folder_with_the_signs_of_a_pattern(small, tmp_path):
    """TensorFlow takes the path of the variables for a pattern."""
    conversion, found = convert(small[0], [small[1]]), []
    x = tf.random.stateless_normal((2, 19, 17, 3), (1, 2))
    for name in ("plain", "a[1]*"):
        (tmp_path / name).mkdir()
        saved_model.write(keras_model(conversion), conversion.outputs, tmp_path / name / "saved")
        found.append(saved_model.load(tmp_path / name / "saved")({"data": x})["prob"])
    np.testing.assert_array_equal(*found)


def test_a_saved_model_is_replaced_and_nothing_else(small, tmp_path):
    conversion = convert(small[0], [small[1]])
    exported = keras_model(conversion)
    for _ in range(2):
        saved_model.write(exported, conversion.outputs, tmp_path / "saved")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="a directory with other things in it"):
        saved_model.write(exported, conversion.outputs, tmp_path / "mine")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="a file of that name"):
        saved_model.write(exported, conversion.outputs, tmp_path / "file")
    names = {"small.caffemodel", "small.prototxt", "saved", "mine", "file"}
    assert set(os.listdir(tmp_path)) == names
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_full_disk_leaves_the_old_folder_and_nothing_else(small, tmp_path):
    conversion = convert(small[0], [small[1]])
    exported, folder = keras_model(conversion), tmp_path / "out"
    folder.mkdir()
    saved_model.write(exported, conversion.outputs, folder / "saved")
    old = (folder / "saved" / "saved_model.pb").stat().st_ino
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"saved: cannot be written, got .*(File too large|EFBIG|too large)"):
            saved_model.write(exported, conversion.outputs, folder / "saved")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(folder) == ["saved"] and (folder / "saved" / "saved_model.pb").stat().st_ino == old
