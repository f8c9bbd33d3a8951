"""Result files of DetectionOutput: every forward pass adds to them, as in SSD's Caffe."""

import numpy as np
import pytest

from zoo.formats import labelmap
from zoo.layers.ops import output_paths
from zoo.pycaffe import TEST, Net

INPUTS = {"loc": (2, 8), "conf": (2, 4), "prior": (1, 2, 8)}


@pytest.fixture
def net(tmp_path):
    """Finds the two priors of each image as they stand, with the scores that it is given."""
    text = "".join(
        f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ '
        + " ".join(f"dim: {size}" for size in shape)
        + " } } }\n"
        for name, shape in INPUTS.items()
    )
    save = f"""output_directory: "{tmp_path}/out" output_name_prefix: "x_" output_format: "VOC" num_test_image: 3
      label_map_file: "{tmp_path}/map" name_size_file: "{tmp_path}/sizes" """
    text += f"""layer {{ name: "found" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "prior" top: "found"
      detection_output_param {{ num_classes: 2 confidence_threshold: 0.01 save_output_param {{ {save} }} }} }}
      layer {{ name: "twice" type: "Power" bottom: "found" top: "twice" power_param {{ scale: 2 }} }}"""
    (tmp_path / "net.prototxt").write_text(text)
    (tmp_path / "map").write_text(labelmap.text({"cat": 1}))
    (tmp_path / "sizes").write_text("a 100 200\nb 50 40\nc 10 10\nd 9 9\n")
    output_paths.say.cache_clear()
    return lambda: Net(str(tmp_path / "net.prototxt"), TEST)


def forward(net, score):
    prior = [[[0, 0, 0.5, 0.5, 0.5, 0.5, 1, 1], [0.1] * 8]]
    conf = [[1 - score, score, 1, 0], [1, 0, 0.5, 0.5]]
    return net.forward(loc=np.zeros((2, 8)), conf=np.array(conf), prior=np.array(prior))


def test_files_are_written_each_time_that_all_images_have_gone_by(net, tmp_path):
    net = net()
    out = forward(net, 0.75)
    np.testing.assert_allclose(out["twice"][0, 0], 2 * net.blobs["found"].data[0, 0])
    assert out["twice"].shape == (1, 1, 2, 7) and not (tmp_path / "out").exists()
    forward(net, 0.25)
    assert (tmp_path / "out" / "x_cat.txt").read_text() == "a 0.75 0 0 100 50\nb 0.5 20 25 40 50\nc 0.25 0 0 5 5\n"
    forward(net, 0.5)  # image b of the second round is the first of these
    assert (tmp_path / "out" / "x_cat.txt").read_text() == "a 0.5 100 50 200 100\nb 0.5 0 0 20 25\nc 0.5 5 5 10 10\n"


def test_without_its_labelmap_the_net_runs_and_says_that_nothing_is_written(net, tmp_path, caplog):
    (tmp_path / "map").unlink()
    net = net()
    for _ in range(2):
        assert forward(net, 0.75)["twice"].shape == (1, 1, 2, 7)
    assert caplog.text.count("no result files are written") == 1 and f"{tmp_path}/map" in caplog.text
    assert not (tmp_path / "out").exists()
