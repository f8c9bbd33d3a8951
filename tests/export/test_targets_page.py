"""docs/targets.md holds: what its row of LeNet says is measured again, and nothing has become worse."""

import pytest

from benchmarks import targets

NEEDED = ("onnx", "onnxruntime", "openvino", "ai_edge_litert", "jax", "cv2")


def test_lenets_row_is_measured_again_and_no_cell_is_worse():
    for package in NEEDED:
        pytest.importorskip(package, reason=f"needs {package} (requirements-targets.txt)")
    recorded = {(row["target"], row["reader"]): row for row in targets.read()["lenet"]}
    found = {(row["target"], row["reader"]): row for row in targets.rows_of("lenet")}
    assert found.keys() == recorded.keys()
    for key, was in recorded.items():
        row = found[key]
        assert row["verdict"] == was["verdict"], key
        # A few roundings of float32 depend on the machine and its number of cores.
        assert float(row["relative"]) <= max(4 * float(was["relative"]), 2e-6), key
        assert float(row["megabytes"]) <= 1.02 * float(was["megabytes"]) + 0.001, key


def test_the_page_is_what_the_csv_says_and_has_no_blank_cell():
    text = (targets.DOCS / "targets.md").read_text(encoding="utf-8")
    assert text == targets.page(targets.read())
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({line.count("|") for line in table}) == 1
    assert all(cell.strip() for line in table for cell in line.strip("|").split("|"))
