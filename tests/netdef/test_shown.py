import pathlib
import re
import subprocess
import sys

import pytest

from tests.netdef.test_changes import line_of
from tests.training.runs import ROOT, command
from zoo.formats import caffe_pb2, prototxt
from zoo.netdef import shown
from zoo.netdef.changes import Change
from zoo.netdef.config import open_config
from zoo.netdef.upgrade import upgrade_net, upgrade_solver

OLD = """layers { name: "data" type: DATA top: "data" top: "label" data_param { source: "x" batch_size: 2 } }
layers { name: "ip" type: INNER_PRODUCT bottom: "data" top: "ip" blobs_lr: 3 inner_product_param { num_output: 2 } }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "ip" bottom: "label" }
"""


def text_of(config, *changes):
    return "\n".join(shown.lines(shown.whole(config.changed([Change(text) for text in changes]).parsed)))


@pytest.mark.parametrize("name", ["lenet", "googlenet", "ssd_digits", "lstm_captioner"])
def test_the_text_says_the_same(name):
    config = open_config(f"configs/{name}.prototxt")
    message = prototxt.parse_solver(text_of(config, "max_iter: 7")).message
    want = prototxt.merge("max_iter: 7", config.parsed.message)
    want.net_param.CopyFrom(upgrade_net(want.net_param))
    assert message == want


def test_each_value_says_where_it_comes_from():
    lines = text_of(open_config("configs/lenet.prototxt"), "base_lr: 1", 'layer { name: "relu1" type: "ELU" }').split(
        "\n"
    )
    for wanted in (
        r"base_lr: 1 +# --set",
        rf"momentum: 0.9 +# lenet.prototxt:{line_of('^momentum')}",
        r"# average_loss: 1 +# default",
        r' +type: "ELU" +# --set',
        rf" +num_output: 20 +# lenet.prototxt:{line_of('num_output: 20')}",
        r" +# default: elu_param { alpha: 1 }",
        r" +# default: bias_term: true group: 1 pad_h: 0 .*",
        r" +# default: loss_weight: 1 loss_param .*",
    ):
        assert any(re.fullmatch(wanted, line) for line in lines), wanted


def test_the_defaults_that_stand_there_change_nothing():
    config = open_config("configs/lenet.prototxt")
    lines = text_of(config).split("\n")
    uncommented = [re.sub(r"^# (\w+: )", r"\1", line) for line in lines]
    message = prototxt.parse_solver("\n".join(uncommented)).message
    for field in caffe_pb2.SolverParameter.DESCRIPTOR.fields:
        if not field.message_type:
            assert getattr(message, field.name) == getattr(config.parsed.message, field.name), field.name


def test_old_forms_and_other_files_are_put_in(tmp_path):
    (tmp_path / "old.prototxt").write_text(OLD)
    (tmp_path / "s.prototxt").write_text(
        'train_net: "old.prototxt" test_net: "old.prototxt" solver_type: ADAM test_iter: 1'
    )
    config = open_config(tmp_path / "s.prototxt")
    text = text_of(config)
    message = prototxt.parse_solver(text).message
    want = upgrade_net(prototxt.parse_net(OLD).message)
    assert (message.type, message.train_net_param, list(message.test_net_param)) == ("Adam", want, [want])
    assert not message.train_net and not message.test_net
    assert re.search(r'type: "InnerProduct" +# old.prototxt:2', text) and re.search(
        r'type: "Adam" +# s.prototxt:1', text
    )
    assert upgrade_solver(config.parsed).message.type == "Adam"


def test_the_command_loads_no_tensorflow():
    code = (
        "import sys; from zoo.__main__ import main; sys.argv = ['zoo', 'train', '--config=lenet', '--print_config']\n"
    )
    code += "try: main()\nfinally: print([m for m in ('tensorflow', 'keras') if m in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == "[]\n" and done.returncode == 0
    assert done.stdout.startswith(f"# What is carried out: {pathlib.Path(ROOT, 'configs/lenet.prototxt')}.\n")


def test_the_command_says_a_mistake():
    done = command("--config=lenet", "--print_config", '--set=layer { name: "conv11" }')
    assert done.stderr == (
        'error: --set:1: layer "conv11": no net of the config has a layer of this name (did you mean "conv1"?)\n'
    )
