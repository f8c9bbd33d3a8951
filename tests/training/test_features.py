"""Features over a net's own data: those that pycaffe's net has in its blobs, batch by batch."""

import numpy as np
import pytest

import zoo.pycaffe as caffe
from tests.training.runs import SOLVER, make_data
from zoo.errors import NetError
from zoo.formats import prototxt
from zoo.netdef.net import net_def
from zoo.training.features import features


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    """(folder, path of the net's file, path of weights)."""
    folder = tmp_path_factory.mktemp("features")
    make_data(folder)
    text = prototxt.to_text(prototxt.parse_solver(SOLVER).message.net_param)
    text = text.replace("small/", f"{folder}/small/")
    (folder / "net.prototxt").write_text(text)
    caffe.set_random_seed(2)
    caffe.Net(str(folder / "net.prototxt"), caffe.TEST).save(str(folder / "w.caffemodel"))
    return folder, str(folder / "net.prototxt"), str(folder / "w.caffemodel")


def test_as_pycaffes_blobs_over_one_pass(net):
    _, file, weights = net
    blobs = ["data", "conv", "ip", "label"]
    total, batches = features(net_def(prototxt.read_net(file), "TEST"), [weights], blobs)
    found = list(batches)
    assert total == 20 and [len(rows["label"]) for rows in found] == [9, 9, 2]
    theirs = caffe.Net(file, weights, caffe.TEST)
    for rows in found:
        theirs.forward()
        for name in blobs:
            want = theirs.blobs[name].data[: len(rows[name])]
            np.testing.assert_allclose(rows[name], want, rtol=1e-5, atol=1e-5)
            assert rows[name].dtype == np.float32


def test_a_number_of_batches_goes_round(net):
    _, file, weights = net
    total, batches = features(net_def(prototxt.read_net(file), "TEST"), [weights], ["label"], 4)
    labels = np.concatenate([rows["label"] for rows in batches])
    assert total == len(labels) == 36 and (labels[20:] == labels[:16]).all()


def test_what_is_there_is_left_out(net):
    _, file, weights = net
    definition, requests = net_def(prototxt.read_net(file), "TEST"), []

    def rows(there, blob="ip"):
        def begin(request):
            return requests.append(request) or there

        total, batches = features(definition, [weights], [blob], begin=begin)
        assert total == 20
        return [batch[blob] for batch in batches]

    np.testing.assert_array_equal(np.concatenate(rows(9)), np.concatenate(rows(0))[9:])
    assert not rows(20)
    assert requests[0] == requests[1] and {"weights w.caffemodel", 'net: data of layer "in"'} <= set(requests[0])


@pytest.mark.parametrize(
    "blob, said",
    [("conf", 'no blob "conf" in the net .did you mean "conv"'), ("loss", "without a row for each item, got loss one")],
)
def test_refused(net, blob, said):
    _, file, weights = net
    with pytest.raises(NetError, match=said):
        features(net_def(prototxt.read_net(file), "TEST"), [weights], ["ip", blob])
