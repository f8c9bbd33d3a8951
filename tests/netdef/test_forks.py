"""One type string, several meanings: which one is taken, and what is said of it."""

import pytest

from zoo.errors import NetError
from zoo.formats.prototxt import parse_net
from zoo.layers.base import registry
from zoo.layers.base.families import PointwiseType
from zoo.netdef import forks
from zoo.netdef.net import net_def

INPUT = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 } } }\n'


def layer(kind, fields="", name="l"):
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "x" top: "{name}" {fields} }}\n'


@pytest.fixture
def types(monkeypatch):
    """Registers Twofold, of two forks; Shared, of a fork and of Caffe itself; Single, of one fork; all for one test."""
    for table in ("_TYPES", "_VARIANTS"):
        monkeypatch.setattr(registry, table, {**getattr(registry, table)})
    monkeypatch.setattr(forks, "_asked", [])

    def register(name, fork, variant="", sign=None, usual=False):
        class Kind(PointwiseType):
            reads_bottom_in_backward = False
            fields = ("relu_param", "elu_param")

            def read(self, relu, elu):
                relu.no_effect("negative_slope")
                elu.no_effect("alpha")

            @classmethod
            def sign(cls, message):
                return f"{sign} is set" if sign and message.HasField(sign) else None

        Kind.usual = usual
        registry.layer_type(name, source=f"{fork} a.cpp:1-2" if fork else "a.cpp:1-2", variant=variant)(Kind)

    register("Twofold", "a/caffe@one", "one", "relu_param")
    register("Twofold", "b/caffe@two", "two", "elu_param")
    register("Shared", "", "")
    register("Shared", "b/caffe@two", "two", "elu_param")
    register("Single", "b/caffe@two")
    return register


def read(text):
    return net_def(parse_net(INPUT + text), "TEST")


def kinds(text):
    return [each.kind for each in read(text).layers[1:]]


def test_by_a_field(types):
    definition = read(layer("Twofold", "relu_param { }") + layer("Twofold", "relu_param { }", "m"))
    assert [each.kind for each in definition.layers[1:]] == ["Twofold (one)"] * 2
    assert forks.told(definition.meanings) == [
        "layers l, m: Twofold is read as in a/caffe@one (since relu_param is set)"
    ]
    assert kinds(layer("Shared", "elu_param { }")) == ["Shared (two)"]


def test_stock_unless_something_tells(types):
    definition = read(layer("Shared"))
    assert definition.layers[1].kind == "Shared" and definition.meanings == ()


def test_by_another_layer_of_the_net(types):
    text = layer("Twofold") + layer("Single", name="s")
    assert kinds(text) == ["Twofold (two)", "Single"]
    assert "since the net has a layer Single of that fork" in forks.told(read(text).meanings)[0]


def test_by_what_is_asked(types):
    assert kinds(layer("Twofold", "relu_param { }") + 'fork: "two"') == ["Twofold (two)"]
    forks.ask(["two"])
    definition = read(layer("Twofold") + layer("Shared", name="m"))
    assert [each.kind for each in definition.layers[1:]] == ["Twofold (two)", "Shared (two)"]
    assert list(definition.message.fork) == ["two"]


def test_the_usual_one(types):
    types("Twofold", "c/caffe@three", "three", usual=True)
    assert kinds(layer("Twofold")) == ["Twofold (three)"]


def test_what_cannot_be_told(types):
    with pytest.raises(NetError, match="nothing in this layer tells which, want --fork=one|two"):
        read(layer("Twofold"))
    with pytest.raises(NetError, match=r"fields of several, got relu_param is set \(one\); elu_param is set \(two\)"):
        read(layer("Twofold", "relu_param { } elu_param { }"))


def test_no_such_fork(types):
    with pytest.raises(NetError, match="no such fork"):
        read(layer("Twofold", "relu_param { }") + 'fork: "three"')
    with pytest.raises(NetError, match='no such fork, got onw, .*did you mean "one"'):
        forks.ask(["onw"])
