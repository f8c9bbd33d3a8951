"""The tool that runs notebooks of Python 2, on cells of our own wording."""

import importlib.util
import warnings

import pytest

from tests.notebooks.changes import CHANGES
from tests.notebooks.running import ROOT, Change, Ran, run
from tests.notebooks.table import KINDS, put, table

needs_2to3 = pytest.mark.skipif(importlib.util.find_spec("lib2to3") is None, reason="no lib2to3 from Python 3.13 on")


@needs_2to3
@pytest.mark.parametrize(
    "old, new",
    [
        ("%matplotlib inline\nprint 'x =', x", "%matplotlib inline\nprint('x =', x)"),
        (
            "if full:\n    !get_it.sh \\\n        --all\nzip(a, b)",
            "if full:\n    !get_it.sh \\\n        --all\nlist(zip(a, b))",
        ),
        ("%%timeit\nfor k, v in net.blobs.iteritems(): print k", "%%timeit\nfor k, v in net.blobs.items(): print(k)"),
        ("print('a {}'.format(b))", "print('a {}'.format(b))"),
        ("for i in xrange(3): pass", "for i in range(3): pass"),
    ],
)
def test_python_2_becomes_python_3(old, new):
    from tests.notebooks.python3 import converted

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert converted(old) == new


def test_tables_of_the_page():
    page = (ROOT / "docs/classic_notebooks.md").read_text(encoding="utf-8")
    for name, changes in CHANGES.items():
        cells = [Ran(number, (), None, "") for number in range(1, 30)]
        assert put(page, name, table(name, cells)) != page
        assert {change.kind for change in changes} <= set(KINDS)
        for change in changes:  # the page was written after the last change of `changes`
            assert f"| {change.cell} | {KINDS[change.kind]} |" in page and change.why in page
    with pytest.raises(ValueError, match="no <!-- cells of x"):
        put(page, "x", "")


@needs_2to3
@pytest.mark.slow
def test_a_notebook_runs_through_pycaffe(tmp_path):
    """A dream in small: an image of another size, up to a layer in the middle, as its cells write it in Python 2."""
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    (tmp_path / "net.prototxt").write_text(
        """force_backward: true
        layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
        layer { name: "c/1" type: "Convolution" bottom: "data" top: "c/1" convolution_param { num_output: 4
            kernel_size: 3 weight_filler { type: "xavier" } } }
        layer { name: "ip" type: "InnerProduct" bottom: "c/1" top: "ip" inner_product_param { num_output: 2 } }"""
    )
    texts = [
        "import numpy as np\nimport caffe",
        "net = caffe.Net('net.prototxt', caffe.TEST)\nfor name in net.blobs.iterkeys(): print name,",
        "data = net.blobs['data']\ndata.reshape(1, 3, 20, 30)\ndata.data[0] = np.ones((3, 20, 30))\n"
        "net.forward(end='c/1')\nnet.blobs['c/1'].diff[:] = net.blobs['c/1'].data\nnet.backward(start='c/1')\n"
        "bool(np.abs(data.diff).sum() > 0)",
        "net.forward()",
        "1 / 0",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in texts])
    ran = run(notebook, tmp_path, [Change(5, "python", "", "1 / 0", "1 // 1")])
    assert [cell.changed for cell in ran] == [("import",), ("python",), (), (), ("python",)]
    assert [cell.error and cell.error.partition(":")[0] for cell in ran] == [None, None, None, "NetError", None]
    assert "data c/1 ip" in ran[1].printed and "True" in ran[2].printed
