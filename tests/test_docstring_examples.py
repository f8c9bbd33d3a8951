"""The examples in docstrings, run as they stand: every public door has one, and each gives what it says."""

import ast
import doctest
import importlib
import pathlib

import numpy as np
import pytest

from data_prep.common import write_arrays

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOORS = (
    "zoo.api.datasets.dataset",
    "zoo.api.fitting.fit",
    "zoo.api.loaded.load",
    "zoo.api.models.describe",
    "zoo.api.models.list_models",
    "zoo.api.reading.read",
    "zoo.formats.prototxt.parse_net",
    "zoo.formats.caffemodel.write",
    "zoo.netdef.config.open_config",
    "zoo.netdef.net.net_def",
    "zoo.netdef.shape_inference.infer_shapes",
    "zoo.netdef.deploy.deploy",
    "zoo.netdef.cost.cost",
    "zoo.netdef.receptive_field.receptive_fields",
    "zoo.solvers.schedules.schedule",
    "zoo.converters.blob_arrays.array_net",
    "zoo.converters.build.build",
    "zoo.converters.solver.solver_def",
    "zoo.converters.weights.load",
    "zoo.cv.files.readNetFromCaffe",
    "zoo.export.conversion.convert",
    "zoo.pycaffe.net.Net",
    "zoo.pycaffe.solver.get_solver",
    "zoo.training.session.Session",
    "zoo.training.trainer.train",
)
# Examples of functions that are no doors: no page of the reference has them.
INSIDE = ("zoo.formats.class_names.short", "zoo.pages.page.json_in_html", "zoo.pages.page.page")


@pytest.mark.parametrize("door", DOORS + INSIDE)
def test_the_example_gives_what_it_says(door, tmp_path, monkeypatch):
    module_name, _, name = door.rpartition(".")
    module = importlib.import_module(module_name)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    if door == "zoo.api.datasets.dataset":
        arrays = np.zeros((30, 28, 28, 1), np.uint8), np.zeros(30, int)
        write_arrays(tmp_path / "prepared" / "mnist", "test", *arrays, 1, "0123456789", "make it", {"source": "zeros"})
    (test,) = doctest.DocTestFinder(recurse=False).find(getattr(module, name), name, module)
    assert test.examples
    said = []
    result = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF).run(test, out=said.append)
    assert result.failed == 0, "".join(said)


def test_no_example_is_left_out():
    found = set()
    for path in [*ROOT.glob("zoo/**/*.py"), *ROOT.glob("data_prep/**/*.py")]:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if ">>>" in text else ():
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ">>>" in (
                ast.get_docstring(node) or ""
            ):
                found.add(f"{module}.{node.name}" if hasattr(node, "name") else module)
    assert found == set(DOORS + INSIDE)
