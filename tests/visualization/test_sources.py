"""Images that a net is looked at with: from files, and from the config's own data."""

import numpy as np
import pytest

from tests.input.small_data import pictures, write_raw
from tests.visualization.nets import dense
from zoo.errors import DataError, NetError
from zoo.formats import image_file
from zoo.visualization.sources import ConfigData, ImageFiles
from zoo.visualization.trained_net import TrainedNet

NET = (
    'layer { name: "d" type: "Data" top: "data" top: "label" data_param { source: "toy/test" batch_size: 3 }\n'
    "transform_param { scale: 0.5 mean_value: 10 mean_value: 20 mean_value: 30 } }\n"
    + dense("score", "data", 2)
    + 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "score" bottom: "label" top: "loss" }\n'
)
IMAGES = pictures(7, 5, 6, 3)


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    write_raw(folder / "toy", IMAGES, split="test")
    (folder / "net.prototxt").write_text(NET)
    return TrainedNet(folder / "net.prototxt", data_dir=folder)


@pytest.mark.parametrize(("size", "most", "lengths"), [(4, None, [4, 3]), (2, 5, [2, 2, 1]), (100, 30, [7])])
def test_the_configs_data_once_and_in_order(net, size, most, lengths):
    data = ConfigData(net)
    assert data.count == 7 and data.classes == ("a",)
    batches = list(data.batches(size, most))
    assert [len(fed) for fed, _ in batches] == lengths == [len(labels) for _, labels in batches]
    fed, labels = (np.concatenate(each) for each in zip(*batches))
    np.testing.assert_array_equal(labels, np.arange(len(fed)))
    np.testing.assert_allclose(fed, (IMAGES[: len(fed)] - np.float32([10, 20, 30])) / 2, rtol=1e-6)
    np.testing.assert_allclose(net.input.images(fed), IMAGES[: len(fed), :, :, ::-1] / 255, atol=1e-6)


def test_records_of_raw_rgb_are_shown_and_fed_as_such(tmp_path):
    """As CIFAR-10's are: the net has never seen B, G, R."""
    write_raw(tmp_path / "toy", IMAGES, split="test", order="RGB")
    (tmp_path / "net.prototxt").write_text(NET)
    net = TrainedNet(tmp_path / "net.prototxt", data_dir=tmp_path)
    fed, _ = next(ConfigData(net).batches(7))
    np.testing.assert_allclose(net.input.images(fed), IMAGES / 255, atol=1e-6)
    np.testing.assert_allclose(net.input.feed(IMAGES / np.float32(255)), fed, atol=1e-4)


def test_image_files_are_fed_as_the_data_is(net, tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, pixels in zip(paths, IMAGES):
        image_file.opencv().imwrite(str(path), pixels)
    (found, labels), rest = ImageFiles(net, paths).batches(2)
    assert labels is None and len(rest[0]) == 1
    np.testing.assert_allclose(found, next(ConfigData(net).batches(2))[0], rtol=1e-4, atol=1e-3)


def test_what_can_be_fed_at_a_size(net):
    low, high = net.input.bounds((2, 2))
    np.testing.assert_allclose(low[0, 0, 0], [-5, -10, -15])
    np.testing.assert_allclose(high[0, 1, 1], [122.5, 117.5, 112.5])
    assert net.input.range == 127.5
    np.testing.assert_array_equal(net.input.contrast(np.float32([[[[1, 2, 3]]]])), [[[[3, 2, 1]]]])


def test_a_config_without_data(small, net):
    with pytest.raises(NetError, match=r"the config reads no data of its own .--images=FOLDER says which images"):
        ConfigData(small.open())


def test_data_of_another_size(net, tmp_path):
    write_raw(tmp_path / "toy", pictures(4, 5, 7, 3), split="test")
    wide = TrainedNet(net.config, data_dir=net.data_dir)
    wide.data_dir = tmp_path
    with pytest.raises(DataError, match=r"the data do not fit the input, got \(3, 5, 7\), want \(3, 5, 6\)"):
        ConfigData(wide)
