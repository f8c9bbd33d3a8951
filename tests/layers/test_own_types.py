"""docs/own_layers.md as a user follows it, and what is wrong with modules that cannot be loaded."""

import importlib.metadata
import pathlib
import re

import numpy as np
import pytest

from tests.training import runs
from zoo.converters.build import build
from zoo.errors import UnsupportedError, ZooError
from zoo.formats import extra_fields, prototxt
from zoo.layers import find
from zoo.layers.base.families import PointwiseType
from zoo.layers.base.loading import load_types
from zoo.layers.base.registry import layer_type
from zoo.netdef.net import net_def

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "own_layers.md"
MODULE = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
NET, COMMAND = (re.search(rf"```{kind}\n(.*?)```", PAGE.read_text(), re.DOTALL)[1] for kind in ("prototxt", "sh"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "swish_gate.py").write_text(MODULE)
    (folder / "gate.prototxt").write_text(NET)
    return folder


@pytest.fixture(scope="module", autouse=True)
def loaded(folder):
    """Registered once for this module's tests."""
    assert load_types(str(folder / "swish_gate.py")) == ["SwishGate"]
    assert load_types(str(folder / "swish_gate.py")) == []  # a second time changes nothing
    yield
    from zoo.layers.base import registry

    del registry._TYPES["SwishGate"]


def test_the_pages_command_writes_a_file(folder):
    module, *flags = COMMAND.split()[2:]
    done = runs.command(*flags, cwd=folder, module=module)
    assert done.returncode == 0, done.stderr
    assert (folder / "gate.keras").exists()
    without = runs.command(*(flag for flag in flags if "import" not in flag), cwd=folder, module=module)
    assert without.returncode == 1 and "SwishGate" in without.stderr and "Traceback" not in without.stderr


def test_values_and_text():
    parsed = prototxt.parse_net(NET, "gate.prototxt")
    assert "swish_gate_param {\n    slope: 1.5\n  }" in prototxt.to_text(parsed.message)
    assert prototxt.parse_net(prototxt.to_text(parsed.message)).message == parsed.message
    net = build(net_def(parsed, "TEST"))
    x = np.random.default_rng(0).standard_normal((1, 4)).astype(np.float32)
    values = {ref.name: np.asarray(value) for ref, value in net.run({net.inputs[0]: x}).items()}
    assert np.allclose(values["gate"], values["ip"] / (1 + np.exp(-1.5 * values["ip"])), atol=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("slope: 1.5", "slope: -1", r'gate.prototxt:5: layer "gate" \(SwishGate\): slope must be positive, got -1'),
        ("slope: 1.5", "slop: 1.5", r'gate.prototxt:5: layer "gate" \(SwishGate\): .*"slop".*did you mean "slope"'),
        ("slope: 1.5", "slope: x", r'gate.prototxt:5: layer "gate" \(SwishGate\): .*x'),
        ("swish_gate_param {", "scale_param {", r"gate.prototxt:5: "),
    ],
)
def test_mistakes_in_its_message_have_their_line(old, new, says):
    with pytest.raises(ZooError, match=says):
        build(net_def(prototxt.parse_net(NET.replace(old, new), "gate.prototxt"), "TEST"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, r"none.py: no such file of layer types"),
        ("x = 1", "registers no layer type"),
        ("x = 1\ny = nothing\n", r"none.py:2: cannot import layer types .*NameError: name 'nothing'"),
        ("def f(:\n", "SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_loaded_is_one_error(tmp_path, text, says):
    path = tmp_path / "none.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UnsupportedError, match=says):
        load_types(str(path))


def test_an_entry_point_is_loaded_by_its_name_only(tmp_path, monkeypatch):
    (tmp_path / "entry_gates.py").write_text(
        MODULE.replace("SwishGate", "EntryGate").replace("swish_gate", "entry_gate")
    )
    monkeypatch.syspath_prepend(tmp_path)
    point = importlib.metadata.EntryPoint("gates", "entry_gates", "caffe_zoo.layers")
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: [point] if group == "caffe_zoo.layers" else []
    )
    assert find("EntryGate") is None
    assert load_types("gates") == ["EntryGate"]
    from zoo.layers.base import registry

    del registry._TYPES["EntryGate"]


def test_a_schema_is_declared_once():
    extra_fields.declare("declared_once_param", {"a": 1, "b": [str], "c": {"d": True}, "e": ("X", "Y")})
    extra_fields.declare("declared_once_param", {"a": 1, "b": [str], "c": {"d": True}, "e": ("X", "Y")})
    with pytest.raises(ValueError, match="declared with other fields before"):
        extra_fields.declare("declared_once_param", {"a": 2})
    with pytest.raises(ValueError, match="Caffe's own schema"):
        extra_fields.declare("scale_param", {"a": 2})
    with pytest.raises(TypeError, match="bool, int, float or str"):
        extra_fields.declare("of_no_kind_param", {"a": None})


def test_nothing_is_registered_where_the_schema_is_refused():
    class Bad(PointwiseType):
        reads_bottom_in_backward = False
        parameters = {"scale_param": {"a": 1}}

    with pytest.raises(ValueError):
        layer_type("Bad", source="x.py")(Bad)
    assert find("Bad") is None
