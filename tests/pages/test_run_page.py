"""zoo.pages.run_page and run_curves: the page that a run leaves in its directory."""

import json
import re

import pytest

from tests import browser
from tests.training.runs import train
from zoo.formats import prototxt
from zoo.formats.training_log import TrainingLog
from zoo.netdef.net import net_def
from zoo.pages import page, run_page
from zoo.pages.net_page import net_page
from zoo.pages.net_view import NetView
from zoo.pages.run_curves import curves

CONFIG = """base_lr: 0.1 lr_policy: "step" gamma: 0.001 stepsize: 10 max_iter: 20 random_seed: 1 display: 2
average_loss: 5 test_iter: 1 test_interval: 10
net_param { name: "small"
  layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param {
    shape { dim: 4 dim: 1 dim: 6 dim: 6 } shape { dim: 4 dim: 2 }
    data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
  layer { name: "conv" type: "Convolution" bottom: "x" top: "conv" convolution_param { num_output: 3 kernel_size: 3
    weight_filler { type: "xavier" } } }
  layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip" inner_product_param { num_output: 2
    weight_filler { type: "xavier" } } }
  layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" } }
"""


def test_the_page_of_a_run(tmp_path):
    result = train(tmp_path, tmp_path, CONFIG, summaries=False)
    path = run_page.write(result.session, tmp_path)
    text = path.read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])
    assert [view["title"] for view in data["views"]] == ["TRAIN", "TEST"] and data["views"][0]["complete"]
    assert str(tmp_path) not in text and text == run_page.write(result.session, tmp_path).read_text()
    assert set(data["weights"]["blobs"]) == {"conv", "ip"} and data["weights"]["said"] == "after 20 iterations"
    charts = {chart["title"]: chart for chart in data["run"]["charts"]}
    assert list(charts) == ["loss", "learning rate"] and charts["learning rate"]["log"]
    tests = next(one for one in charts["loss"]["series"] if one["name"] == "test")
    assert [x for x, _ in tests["points"]] == [0, 10, 20]
    with browser.page(1000, 800) as opened:
        opened.goto(path.as_uri() + "#tab=run")
        chart = opened.locator(".chart").first
        assert chart.locator("path").count() == 3 and "last of 20 iterations" in chart.inner_text()
        box = chart.locator("svg").bounding_box()
        opened.mouse.move(box["x"] + 52 + (box["width"] - 64) / 2, box["y"] + 50)  # the middle between the axes' ends
        assert "at iteration 10" in chart.inner_text() and chart.locator("line.cursor").count() == 1
        assert f"{dict(tests['points'])[10]:.4g}" in chart.inner_text()
        opened.goto("about:blank")
        opened.goto(path.as_uri() + "#layer=conv")
        assert "after 20 iterations" in opened.locator("#panel").inner_text()


def test_charts_of_a_log():
    log = TrainingLog(
        loss=[(0, 2.0), (10, 1.0)],
        rate=[(0, 0.01), (10, 0.01)],
        train={"loss": [(0, 2.0), (10, 1.0)], "aux": [(0, 1.0)]},
        test={"loss": [(0, float("nan"))], "net1:loss": [(0, 3.0)], "accuracy": [(0, 0.5)]},
    )
    charts = {chart["title"]: chart for chart in curves(log)}
    assert list(charts) == ["loss", "aux", "accuracy", "learning rate"] and not charts["learning rate"]["log"]
    assert [(one["name"], one["points"]) for one in charts["loss"]["series"]] == [
        ("training", [[0, 2.0], [10, 1.0]]),
        ("test", [[0, None]]),
        ("test (net1)", [[0, 3.0]]),
    ]
    log.loss, log.train["loss"] = [(0, 2.0), (10, float("nan"))], [(0, 2.0), (10, float("nan"))]
    assert [one["name"] for one in curves(log)[0]["series"]][0] == "training"
    log.loss = [(0, 2.0), (10, 1.5)]
    names = [one["name"] for one in curves(log)[0]["series"]]
    assert names == ["training, each", "training, smoothed", "test", "test (net1)"]


@pytest.mark.parametrize("count", [5, 1200, 1201, 100_000])
def test_long_curves_keep_their_heights_and_ends(count):
    points = [(x, float(x % 97)) for x in range(count)]
    points[count // 2] = (count // 2, 1000.0)
    (series,) = curves(TrainingLog(loss=points))[0]["series"]
    assert len(series["points"]) <= 1300
    xs, ys = zip(*series["points"])
    assert list(xs) == sorted(set(xs)) and max(ys) == 1000 and min(ys) == 0 and xs[0] == 0 and xs[-1] == count - 1


NAN, INF = float("nan"), float("inf")
INPUT = 'layer { name: "a" type: "Input" top: "a" input_param { shape { dim: 1 } } }'


@pytest.mark.parametrize(
    ("log", "paths", "said"),
    [
        ({"loss": [(0, NAN), (10, INF)], "rate": [(0, 0.0), (10, NAN)]}, 1, "no value to draw"),
        ({"loss": [(0, 2.0)], "rate": [(0, 0.01)], "test": {"accuracy": [(0, 0.0)]}}, 3, "last of 0 iterations"),
        ({"loss": [(0, 1e20)], "test": {"loss": [(5, NAN)]}}, 1, "last of 5 iterations"),
        ({"loss": [(0, 2.0), (1, 3e38), (2, -INF), (3, NAN)]}, 1, "last of 3 iterations"),
        ({"rate": [(0, 0.1), (10, 1e-9), (20, 0.0)]}, 1, "last of 20 iterations"),
        ({"test": {"accuracy": []}}, 0, "no value to draw"),
        ({}, 0, "The log holds no values yet."),
    ],
)
def test_charts_of_few_values_and_of_none_that_is_a_number(log, paths, said, opened, tmp_path):
    view, _ = NetView.of("TRAIN", net_def(prototxt.parse_net(INPUT), "TRAIN"))
    run = {"title": "run", "lines": [], "charts": curves(TrainingLog(**log))}
    page.write(tmp_path / "net.html", net_page([view], run=run))
    opened.goto((tmp_path / "net.html").as_uri() + "#tab=run")
    assert said in opened.locator("#run").inner_text()
    places = opened.evaluate("[...document.querySelectorAll('#run svg *')].map((each) => each.outerHTML).join()")
    assert not re.search("NaN|Infinity|undefined", places), places
    drawn = [path for path in re.findall(r'<path[^>]* d="(.*?)"', places) if path]
    assert len(drawn) == paths
    marks = opened.locator("#run svg circle").count()
    for svg in opened.locator("#run svg").all():
        svg.hover()
    assert marks >= paths and opened.locator("line.cursor").count() <= 1


@pytest.fixture(scope="module")
def opened():
    with browser.page(1000, 800) as opened:
        yield opened
