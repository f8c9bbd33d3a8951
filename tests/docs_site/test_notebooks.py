"""The notebooks, run from their first cell to their last with few iterations on the small digits of scikit-learn."""

import pathlib

import nbformat
import pytest

from docs_site import notebooks

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs" / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def _printed(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return "".join(texts), outputs


@pytest.mark.parametrize("name", NAMES)
def test_what_is_committed_has_no_outputs(name):
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    assert notebook.cells[0].source.startswith("# ")


def _run(name, **environment):
    few = {"NOTEBOOK_ITERATIONS": "20", "NOTEBOOK_DIGITS": "digits"}
    return _printed(notebooks.executed(FOLDER / f"{name}.ipynb", **{**few, **environment}))


def test_lenet_from_text_to_curves():
    said, outputs = _run("lenet")
    assert "431,080 parameters" in said and "20 iterations, accuracy" in said
    assert "100 x 20 x 24 x 24" in "".join(output.data.get("text/html", "") for output in outputs if "data" in output)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4
    assert 'no field "kernelsize" (did you mean "kernel_size"?)' in said
    assert "INFO" not in said and "WARNING" not in said


@pytest.mark.slow
@pytest.mark.parametrize("shared", ["there", "missing"])
def test_a_caffemodel_to_keras(shared, tmp_path):
    """With Caffe's own weights, and without them with those of a few iterations."""
    folder = {} if shared == "there" else {"ZOO_SHARED": str(tmp_path)}
    if shared == "there" and not (notebooks.shared() / "pretrained").is_dir():
        pytest.skip("needs ../shared/pretrained")
    said, _ = _run("caffemodel_to_keras", **folder)
    assert ("lenet_iter_10000" if shared == "there" else "lenet_iter_20") in said
    assert "verified" in said and said.count("largest difference") == 2
