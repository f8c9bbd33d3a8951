"""The table of forward passes: rows are kept as they are made, measured once, and put between the page's marks."""

import pytest
from absl import flags
from absl.testing import flagsaver

from benchmarks import deploy


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The rows that were measured, as (net, batch), with a CSV and a page of their own."""
    if not flags.FLAGS.is_parsed():
        flags.FLAGS(["test"])
    rows = []

    def row(name, batch):
        if name == "alexnet" and batch == 16:
            raise KeyboardInterrupt
        rows.append((name, batch))
        return [name, str(batch), *["1.0 (0.9)"] * 4, "1e-7", "9", "0.3"]

    monkeypatch.setattr(deploy, "row", row)
    monkeypatch.setattr(deploy, "CSV", tmp_path / "deploy.csv")
    monkeypatch.setattr(deploy, "MARKDOWN", tmp_path / "page.md")
    begin, end = deploy.MARKS
    (tmp_path / "page.md").write_text(f"Before.\n\n{begin}\n\nold\n\n{end}\n\nBehind.\n")
    return rows


def test_a_stopped_run_goes_on_where_it_was(made, tmp_path):
    with flagsaver.flagsaver(nets=["alexnet", "lenet"]):
        with pytest.raises(KeyboardInterrupt):
            deploy.main()
        assert (tmp_path / "deploy.csv").read_text().splitlines()[1].startswith("alexnet,1,1.0 (0.9)")
        with flagsaver.flagsaver(batches=["1"]):
            deploy.main()
            deploy.main()
        assert made == [("alexnet", 1), ("lenet", 1)]
        with flagsaver.flagsaver(batches=["1"], again=True):
            deploy.main()
    assert made == [("alexnet", 1), ("lenet", 1)] * 2
    page = (tmp_path / "page.md").read_text()
    assert page.startswith("Before.\n") and page.endswith("\nBehind.\n") and "old" not in page
    assert page.index("| lenet | 1 |") < page.index("| alexnet | 1 |")


def test_no_row_begins_after_the_time_is_up(made, capsys):
    with flagsaver.flagsaver(minutes=0.0):
        deploy.main()
    assert made == [] and "lenet, 1: not begun after 0 minutes" in capsys.readouterr().out
