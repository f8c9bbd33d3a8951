"""The table over repositories: what a file counts as."""

import types

from benchmarks import doctor
from zoo.errors import Place
from zoo.formats import caffe_pb2
from zoo.inspection.finding import Finding
from zoo.netdef import forks

NET = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } }\n'
FILES = {
    "me+sound/net.prototxt": NET,
    "me+sound/labels.prototxt": 'item { name: "a" }',
    "me+sound/notes.txt": "no prototxt",
    "me+other/deep/net.prototxt.txt": NET + 'layer { name: "p" type: "Python" bottom: "x" top: "y" python_param { '
    'module: "m" layer: "L" } }',
    "me+other/unknown.pt": NET + 'layer { name: "p" type: "NoSuchType" bottom: "x" top: "y" }',
}


def test_the_table(tmp_path, capsys):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert doctor.main(tmp_path) == 0
    said = capsys.readouterr().out
    rows = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in said.splitlines() if line.startswith("| ")}
    assert [int(cell) for cell in rows["me/sound"]] == [2, 1, 0, 0, 1, 0]
    assert [int(cell) for cell in rows["me/other"]] == [2, 0, 0, 1, 0, 1]
    assert 'unknown layer type "NoSuchType"' in said


def test_a_fork_that_the_cure_names_is_tried(tmp_path, capsys, monkeypatch):
    (tmp_path / "me+it").mkdir()
    (tmp_path / "me+it" / "net.prototxt").write_text(NET)

    def examine(path):
        asked = forks.Meanings(caffe_pb2.NetParameter())._asked
        found = Finding("stops", "layer", Place(), "does not fit", "--fork=NAME, such as --fork=ssd|textboxes")
        return types.SimpleNamespace(sound=asked == ("textboxes",), findings=[found])

    monkeypatch.setattr(doctor, "examine", examine)
    assert doctor.main(tmp_path) == 0
    assert "| me/it | 1 | 0 | 1 | 0 | 0 | 0 |" in capsys.readouterr().out
    assert forks.Meanings(caffe_pb2.NetParameter())._asked == ()


def test_a_traceback_is_told(tmp_path, capsys, monkeypatch):
    (tmp_path / "me+it").mkdir()
    (tmp_path / "me+it" / "net.prototxt").write_text(NET)
    monkeypatch.setattr(doctor, "examine", lambda path: 1 / 0)
    assert doctor.main(tmp_path) == 1
    assert "ZeroDivisionError" in capsys.readouterr().out
