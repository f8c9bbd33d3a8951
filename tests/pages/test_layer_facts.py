"""zoo.pages.net_view, layer_facts, layer_texts and kinds: what a page says of a net, against Caffe's own figures."""

import pytest

from zoo import layers  # noqa: F401
from zoo.errors import ZooError
from zoo.layers import find
from zoo.layers.base.registry import layer_types
from zoo.netdef.changes import Change
from zoo.netdef.config import open_config
from zoo.pages import kinds, net_view
from zoo.pages.layer_facts import facts, totals
from zoo.pages.layer_texts import LayerTexts


def of(config, which="ALL", **given):
    views, notes = net_view.of_config(config, which, **given)
    return {view.title: view for view in views}, notes


def test_lenet():
    views, notes = of("configs/lenet.prototxt")
    assert list(views) == ["TRAIN", "TEST", "deploy"] and not notes
    # 5169924 is what Caffe says of LeNet's training net: "Memory required for data: 5169924".
    assert totals(views["TRAIN"]) == {"params": 431080, "statistics": 0, "macs": 64 * 2293000, "bytes": 5169924}
    said = {layer["name"]: layer for layer in facts(views["TRAIN"], LayerTexts())}
    conv2 = said["conv2"]
    assert conv2["note"] == "50, 5×5" and conv2["type"] == "Convolution" and conv2["fork"] is None
    assert conv2["bottoms"] == [["pool1", (64, 20, 12, 12), 2]] and conv2["tops"] == [["conv2", (64, 50, 8, 8), [4]]]
    assert conv2["blobs"] == [
        ["weight", (50, 20, 5, 5), 25000, 1, 1, None],
        ["bias", (50,), 50, 2, 1, None],
    ]
    assert (conv2["params"], conv2["macs"]) == (25050, 64 * 50 * 8 * 8 * 20 * 25)
    assert conv2["field"] == [[14, 14], ["2", "2"], [0, 0]] and said["ip1"]["field"] == "whole"
    assert conv2["gradient"] == [True, (True,), (True, True)]
    assert said["mnist"]["gradient"][0] is False and said["conv1"]["gradient"][1] == (False,)
    assert said["pool1"]["note"] == "MAX 2×2 / 2" and said["loss"]["loss"] == (1.0,)
    line = conv2["at"].rpartition(":")[2]
    assert conv2["at"] == f"configs/lenet.prototxt:{line}"
    with open("configs/lenet.prototxt") as file:
        lines = file.read().splitlines()
    assert conv2["text"].splitlines()[0] == lines[int(line) - 1].strip() == "layer {"
    assert conv2["text"].splitlines()[1] == '  name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"'


def test_a_net_to_deploy_is_one_view(tmp_path):
    text = """layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
      layer { name: "prob" type: "Softmax" bottom: "data" top: "prob" }"""
    (tmp_path / "deploy.prototxt").write_text(text)
    views, _ = of(str(tmp_path / "deploy.prototxt"))
    assert list(views) == ["deploy"]
    assert facts(views["deploy"], LayerTexts())[-1]["at"] == "deploy.prototxt:2"  # no path of this machine


def test_layers_of_the_net_to_deploy_that_no_file_has():
    views, _ = of("configs/lenet.prototxt", "deploy")
    said = {layer["name"]: layer for layer in facts(views["deploy"], LayerTexts())}
    assert said["mnist"]["at"] == "" and 'type: "Input"' in said["mnist"]["text"]
    assert said["conv1"]["at"].startswith("configs/lenet.prototxt:")


def test_shapes_that_nothing_says():
    views, notes = of("configs/fcn8s.prototxt")
    assert list(views) == ["TRAIN", "TEST"] and "--input_shape" in str(notes[0])
    assert totals(views["TRAIN"]) is None and views["TRAIN"].gradients() == {}
    conv = next(layer for layer in facts(views["TRAIN"], LayerTexts()) if layer["name"] == "conv1_1")
    assert conv["macs"] is None and conv["blobs"] is None and conv["note"] == "64"
    views, notes = of("configs/fcn8s.prototxt", shapes={"data": (1, 3, 500, 500)})
    assert not notes and totals(views["deploy"])["params"] == 134369567  # as the config's header says
    assert dict(zip(("sizes", "strides"), facts(views["deploy"], LayerTexts())[-1]["field"]))["strides"] == ["1", "1"]


def test_a_loss_whose_labels_have_no_size():
    views, _ = of("configs/ssd300_vgg16.prototxt")
    view = views["TRAIN"]
    assert not view.complete
    said = {layer["name"]: layer for layer in facts(view, LayerTexts())}
    assert said["conv1_1"]["gradient"][0] and said["conv4_3"]["tops"][0][1] == (32, 512, 38, 38)
    assert said["mbox_loss"]["gradient"] == [True, (True, True, False, False), ()]


def test_mistakes():
    with pytest.raises(ZooError, match="no such file"):
        of("configs/none.prototxt")
    with pytest.raises(ZooError, match="which is no input"):
        of("configs/fcn8s.prototxt", shapes={"datta": (1, 3, 5, 5)})
    with pytest.raises(ZooError, match="data"):
        of("configs/fcn8s.prototxt", "deploy")


def test_old_text_and_changes(tmp_path):
    old = tmp_path / "old.prototxt"
    old.write_text(
        'name: "old"\ninput: "data"\ninput_dim: 1\ninput_dim: 2\ninput_dim: 8\ninput_dim: 8\n'
        'layers {\n    name: "c"\n    type: CONVOLUTION\n    bottom: "data"\n    top: "c"\n'
        "    convolution_param { num_output: 3 kernel_size: 3 }\n}\n"
    )
    views, _ = of(str(old))
    said = facts(views["deploy"], LayerTexts())
    assert said[1]["text"].startswith('layers {\n  name: "c"\n  type: CONVOLUTION'.replace("  ", "    "))
    assert said[1]["at"] == "old.prototxt:7"  # no path of this machine
    changed = open_config("configs/lenet.prototxt").changed(
        [Change('layer { name: "conv1" convolution_param { num_output: 7 } }')]
    )
    conv1 = changed.definition("TRAIN").layers[1]
    text, at = LayerTexts().of(conv1)
    assert "num_output: 7" in text and at == ""


def test_shared_parameters_count_once():
    views, _ = of("configs/siamese_mnist.prototxt", shapes={"pair_data": (64, 2, 28, 28), "sim": (64,)})
    said = {layer["name"]: layer for layer in facts(views["TRAIN"], LayerTexts())}
    assert said["conv1"]["params"] == 520 and said["conv1_p"]["params"] == 0
    assert said["conv1_p"]["blobs"][0][5] == "conv1"


def test_every_layer_type_has_a_kind():
    class Layer:
        def __init__(self, kind):
            self.kind, self.type = kind, find(kind).type

    ours = [kind for kind in layer_types() if find(kind).__module__.startswith("zoo.")]  # other tests make types too
    others = {kind for kind in ours if kinds.KINDS[kinds.kind_of(Layer(kind))] == "other"}
    assert others == {
        "CTCGreedyDecoder", "DetectionOutput", "HDF5Output", "Parameter", "PriorBox", "PriorBox (opencv)",
        "PriorBox (textboxes)", "Proposal", "Python", "Python (rpn)", "YoloDetectionOutput", "Yolov3DetectionOutput",
    }  # fmt: skip
    assert kinds.KINDS[kinds.kind_of(Layer("Data"))] == "data"
    assert kinds.KINDS[kinds.kind_of(Layer("Accuracy"))] == "loss and score"
