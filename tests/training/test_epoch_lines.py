"""Lines in epochs and items, as PyTorch's MNIST example prints them."""

import re
from types import SimpleNamespace

import pytest

from tests.training.runs import make_data, train
from zoo.converters.build import build
from zoo.errors import SolverError
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def
from zoo.training.epoch_lines import EpochLines


def test_lines_follow_caffes(tmp_path):
    make_data(tmp_path)
    how = {"summaries": False, "log_nets": False, "epoch_lines": True}
    scores = train(tmp_path / "run", tmp_path, changes="max_iter: 16 display: 5 average_loss: 1", **how).scores
    log = [line.partition("] ")[2] for line in (tmp_path / "run" / "train.log").read_text().splitlines()]
    losses = [float(line.rpartition("= ")[2]) for line in log if "iter/s" in line]
    said = [line for line in log if line.startswith("Train Epoch")]
    places = ["1 [0/50 (0%)]", "1 [35/50 (70%)]", "2 [20/50 (40%)]", "3 [5/50 (10%)]"]  # 7 an iteration
    assert [line.partition("\t")[0] for line in said] == [f"Train Epoch: {place}" for place in places]
    assert [float(line.rpartition(" ")[2]) for line in said] == pytest.approx(losses, abs=1e-5)
    tests = [line for line in log if line.startswith("Test set")]
    assert len(tests) == 4  # 0, 6, 12 and the end
    loss, right, percent = re.fullmatch(
        r"Test set: Average loss: (.*), Accuracy: (\d+)/27 \((\d+)%\)", tests[-1]
    ).groups()
    assert float(loss) == pytest.approx(scores["loss"].value, abs=1e-4)
    assert int(right) == round(27 * scores["acc"].value) and int(percent) == round(100 * scores["acc"].value)


@pytest.mark.parametrize(
    ("labels", "param", "said"),
    [
        ("dim: 4", "", "Test set: Accuracy: 30/40 (75%)"),
        ("dim: 4", "ignore_label: 0", "Test set: Accuracy: 75%"),
        ("dim: 4 dim: 1 dim: 5 dim: 6", "", "Test set: Accuracy: 75%"),
    ],
)
def test_only_items_are_counted(labels, param, said, caplog):
    scores = "dim: 4 dim: 3 dim: 5 dim: 6" if "5" in labels else "dim: 4 dim: 3"
    text = f"""layer {{ name: "x" type: "Input" top: "x" top: "y"
          input_param {{ shape {{ {scores} }} shape {{ {labels} }} }} }}
        layer {{ name: "a" type: "Accuracy" bottom: "x" bottom: "y" top: "a" accuracy_param {{ {param} }} }}"""
    net = build(net_def(parse_net(text), "TEST"))
    data = SimpleNamespace(epoch=7, tests=[SimpleNamespace(shapes={"x": [(4, 3)]})])
    session = SimpleNamespace(data=data, nets=SimpleNamespace(tests=[net]), solver=SimpleNamespace(test_iter=[10]))
    with caplog.at_level("INFO"):
        EpochLines(session).test(0, {"a": 0.75})
    assert caplog.messages[-1] == said


def test_data_that_have_no_end(tmp_path):
    text = """base_lr: 0.1 lr_policy: "fixed" max_iter: 3 random_seed: 1 net_param {
        layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param { shape { dim: 4 dim: 3 }
          shape { dim: 4 dim: 1 } data_filler { type: "constant" value: 1 } } }
        layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 1 } }
        layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" } }"""
    with pytest.raises(SolverError, match="progress in epochs cannot be said: the training data do not say how many"):
        train(tmp_path / "run", tmp_path, text, epoch_lines=True)
    assert not (tmp_path / "run").exists()
