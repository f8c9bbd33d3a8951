import pathlib

import pytest

from tests.training.runs import command, in_python
from zoo import list as zoo_list
from zoo.api.models import describe, list_models, models, score_of
from zoo.catalogue import results_file
from zoo.errors import ZooError


def test_filters_and_orders():
    assert list_models("squeezenet1_?") == ["squeezenet1_0", "squeezenet1_1"]
    assert list_models("squeezenet1_?", sort="flops") == ["squeezenet1_1", "squeezenet1_0"]
    assert list_models("squeezenet1_?", max_params=1.24e6) == ["squeezenet1_1"]
    assert list_models("squeezenet1_?", max_flops=5e8) == ["squeezenet1_1"]
    assert list_models("squeezenet1_?", min_score=50) == ["squeezenet1_0"]  # the other's top-5 does not compare
    assert list_models("squeezenet1_?", sort="score") == ["squeezenet1_0", "squeezenet1_1"]
    assert list_models("fcn*", max_flops=1e12) == []  # their multiply-adds grow with the image
    with pytest.raises(ZooError, match="no such order, got 'parms', want one of name, params"):
        list_models(sort="parms")
    with pytest.raises(ZooError, match="max_flops is no number, got '5G', want one such as 5e9"):
        list_models(max_flops="5G")
    with pytest.raises(ZooError, match="min_score is in percent, got 0.95, want 95 for that share"):
        list_models(min_score=0.95)


def test_a_model_in_words_and_numbers():
    model = describe("lenet")
    assert (model.parameters, model.flops, model.input, model.score) == (431080, 2293000, "1 x 28 x 28", 98.97)
    assert "  multiply-adds  2,293,000\n" in str(model) and "<td>2,293,000</td>" in model._repr_html_()
    assert describe("fcn8s").flops is None and "multiply-adds  by the size of an item" in str(describe("fcn8s"))
    with pytest.raises(ZooError, match="no such config, got 'lenett'.*did you mean \"lenet\""):
        describe("lenett")
    with pytest.raises(ZooError, match="^no such config, got ''"):
        describe("")


def test_a_path_of_a_config_that_is_elsewhere_says_the_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ZooError, match='^configs/lenet.prototxt: no such file .*package is called "lenet"'):
        describe("configs/lenet.prototxt")


def test_a_config_of_somebody(tmp_path):
    (tmp_path / "own.prototxt").write_text(
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 } } }\n'
        'layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 2 } }'
    )
    model = describe(tmp_path / "own.prototxt")
    assert (model.name, model.parameters, model.flops, model.published) == ("own", 8, 6, None)
    assert describe(tmp_path / "own.prototxt").input == "as its data are"
    (tmp_path / "bad.prototxt").write_text("layer { nam: 3 }")
    with pytest.raises(ZooError, match="bad.prototxt:1: .*nam"):
        describe(tmp_path / "bad.prototxt")


def test_what_was_measured_counts_first(tmp_path, monkeypatch):
    text = pathlib.Path("configs/lenet.prototxt").read_text()
    (tmp_path / "configs").mkdir()
    for name in ("a", "b", "d"):
        (tmp_path / "configs" / f"{name}.prototxt").write_text(text)
    rows = (("a", "", "0.9913"), ("b", "--set='max_iter: 5'", "0.6"), ("c", "", "0.5"), ("d", "", "0.02"))
    for name, changes, score in rows:
        output = "loss" if name == "d" else "loss3/top-1"
        words = {"config": name, "changes": changes, "output": output, "score": score}
        words = dict.fromkeys(results_file.FIELDS, "") | words
        results_file.put(tmp_path / "configs" / results_file.NAME, results_file.Measured(**words))
    monkeypatch.setattr("zoo.formats.packaged.FOLDERS", (tmp_path / "configs",))
    assert [(model.name, model.measured) for model in models()] == [("a", 99.13), ("b", None), ("d", None)]
    assert list_models(min_score=98.98) == ["a"]


@pytest.mark.parametrize(
    "text, score",
    [
        ("top-1 57.1 %, top-5 80.2 %", 57.1),
        ("mAP 72.7 % on VOC 2007 test", 72.7),
        ("63.6 mean IU", 63.6),
        ("top-5 80.3 % or better", None),
        ("98 %", 98.0),
        ("0.974 and more", 97.4),
        ("none that carries over", None),
    ],
)
def test_the_first_score_of_a_text(text, score):
    assert score_of(text) == score


def test_a_list_loads_no_layer_type():
    """All of it is in the headers: a list of the packaged models takes a moment."""
    code = "import sys, zoo; zoo.list_models(); assert not {'numpy', 'zoo.layers', 'zoo.netdef'} & set(sys.modules)"
    in_python(code)


def test_the_command():
    done = command("res*", "--max_params=30e6", "--sort=flops", module="zoo.list")
    assert done.stdout.splitlines()[0].split() == (
        ["model", "parameters", "multiply-adds", "input", "measured", "published", "published", "in"]
    )
    assert [line.split()[0] for line in done.stdout.splitlines()[1:3]] == ["resnet18", "resnet50"]
    assert command("nothing", module="zoo.list").stderr.startswith("error: no model is like that, got 'nothing'")


def test_a_pattern_that_finds_nothing_says_what_would():
    assert zoo_list._instead("resnet") == "'resnet*' finds the names that begin so"
    assert zoo_list._instead("alexnt") == 'did you mean "alexnet"?'
    assert zoo_list._instead("q?q") == "python -m zoo.list shows them all"
    assert command("lenet", "--csv", module="zoo.list").stdout.splitlines()[1].startswith("lenet,431080,2293000,1 x 28")


def test_nothing_heavy_is_loaded():
    code = (
        "import sys, zoo\nfirst = sorted(m for m in sys.modules if m in ('tensorflow', 'keras', 'numpy'))\n"
        "zoo.list_models('lenet'), str(zoo.describe('lenet')), repr(zoo.read('lenet'))\n"
        "print(first, sorted(m for m in sys.modules if m in ('tensorflow', 'keras')), 'load' in dir(zoo))"
    )
    assert in_python(code) == "[] [] True\n"
