"""Screenshots of TensorBoard's tabs over the runs of a folder, for docs/tensorboard.md and the test of them.

python -m tests.training.board.screenshots DATA_DIR docs/tensorboard
"""

import contextlib
import pathlib
import sys
import tempfile

from tests import browser
from tests.training import runs
from tests.training.board.tensorboard_pages import served

TABS = ("scalars", "images", "graphs", "times", "hparams", "histograms", "classes")


def train(folder, data_dir, iterations):
    """Trains LeNet twice, as `lenet`, with a profile, and as `lenet_fast`, with twice the rate."""
    text = (runs.ROOT / "configs" / "lenet.prototxt").read_text()
    changes = f"max_iter: {iterations} test_interval: {max(1, iterations // 6)} display: {max(1, iterations // 30)}"
    runs.train(folder / "lenet", data_dir, text, changes, profile=(10, 20))
    runs.train(folder / "lenet_fast", data_dir, text, f"{changes} base_lr: 0.02")


def take(logdir, folder, run):
    """Writes a PNG for each of `TABS` to `folder`.

    Args:
        logdir: the folder of run directories.
        folder: where the images go.
        run: the run whose graph, histograms and classes are shown; one with a profile.
    """
    folder, logdir = pathlib.Path(folder).resolve(), pathlib.Path(logdir).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # TensorBoard shows the name that it is given, and an absolute path says nothing to readers.
    with contextlib.chdir(logdir.parent), served(logdir.name) as url, browser.page(1400, 900) as page:
        for tab in TABS:
            _SHOW[tab](page, url, run)
            page.screenshot(path=folder / f"{tab}.png")
            page.set_viewport_size({"width": 1400, "height": 900})


def _open(page, url, tab, wait_for):
    page.goto("about:blank")
    page.goto(f"{url}#{tab}")
    page.wait_for_selector(wait_for, state="attached", timeout=60_000)


def _scalars(page, url, run):
    page.set_viewport_size({"width": 1400, "height": 840})
    _open(page, url, "custom_scalars", "text=accuracy by class")
    page.locator('input[type="number"]').first.fill("0")  # smoothed, few points say nothing
    page.keyboard.press("Enter")
    page.get_by_text("Ignore outliers in chart scaling").click()
    page.wait_for_timeout(4000)


def _images(page, url, run):
    page.set_viewport_size({"width": 1400, "height": 1500})
    _open(page, url, f"images&regexInput={run}%2F", "text=examples/confusion")
    page.get_by_text("Show actual image size").click()
    page.wait_for_timeout(4000)


def _graph(page, url, run):
    page.set_viewport_size({"width": 1000, "height": 900})
    _open(page, url, "graphs", 'g.node[data-name="conv1"]')
    _pick(page, 0, f"{run}/train")


def _pick(page, dropdown, text):
    page.locator("paper-dropdown-menu.run-dropdown").nth(dropdown).click()
    page.locator("paper-item", has_text=text).first.click()
    page.wait_for_timeout(2500)


def _graphs(page, url, run):
    _graph(page, url, run)
    page.locator('g.node[data-name="conv1"] .nodeshape').click(force=True)
    page.wait_for_timeout(2500)


def _times(page, url, run):
    _graph(page, url, run)
    _pick(page, 1, "iterations")
    page.get_by_role("radio", name="Profile").click()
    page.wait_for_timeout(2500)
    page.locator("#compute-time-radio-button").click()
    page.locator('g.node[data-name="conv2"] .nodeshape').click(force=True)
    page.wait_for_timeout(2500)


def _hparams(page, url, run):
    page.set_viewport_size({"width": 1720, "height": 420})
    _open(page, url, "hparams", "text=scores/accuracy")
    page.wait_for_timeout(2000)


def _histograms(page, url, run):
    _open(page, url, f"histograms&regexInput={run}%2Ftrain", "text=weights/conv1/kernel")
    page.wait_for_timeout(4000)


def _classes(page, url, run):
    page.set_viewport_size({"width": 1400, "height": 640})
    _open(page, url, f"text&regexInput={run}%2Ftest", "text=mostly taken for")
    page.wait_for_timeout(2000)


_SHOW = dict(zip(TABS, (_scalars, _images, _graphs, _times, _hparams, _histograms, _classes)))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        train(pathlib.Path(made) / "runs", sys.argv[1], 1500)
        take(pathlib.Path(made) / "runs", sys.argv[2], "lenet")
