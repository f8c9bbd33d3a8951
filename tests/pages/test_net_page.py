"""zoo.pages.net_page in a browser: what one clicks, types and reads; nothing is asked of a network."""

import json
import re

import cv2
import numpy as np
import pytest

from tests import browser
from zoo.formats import caffemodel
from zoo.pages import net_page, net_view, page
from zoo.pages.weight_facts import statistics, weight_facts

HOSTILE = "</script><img src=x onerror=alert(1)>'\\\"&"


def written(folder, config, **more):
    views, _ = net_view.of_config(config)
    said = net_page.net_page(views, **more)
    page.write(folder / "net.html", said)
    return folder / "net.html", said


def data_of(said):
    return json.loads(re.search(r'id="data">(.*?)</script>', said, re.S)[1])


@pytest.fixture(scope="module")
def googlenet(tmp_path_factory):
    return written(tmp_path_factory.mktemp("page"), "configs/googlenet.prototxt")


def test_one_file_of_bounded_size_that_is_the_same_each_time(googlenet, tmp_path):
    path, said = googlenet
    assert len(said) < 500_000
    assert said == written(tmp_path, "configs/googlenet.prototxt")[1]
    assert not re.search(
        r"(src|href)=|url\(|@import|https?://(?!www\.w3\.org/2000/svg)", said.partition('id="data"')[0]
    )
    assert "/work" not in said and str(path.parent) not in said


def test_click_search_table_and_keys(googlenet):
    with browser.page(1400, 900) as opened:
        opened.goto(googlenet[0].as_uri())
        panel, search = opened.locator("#panel"), opened.locator("#search")
        assert "13,378,280" in panel.inner_text()
        opened.locator('.part[aria-label="conv1/7x7_s2, Convolution"]').click()
        assert opened.evaluate("location.hash") == "#layer=conv1%2F7x7_s2"
        text = panel.inner_text()
        assert all(
            each in text for each in ("7 × 7, stride 2, offset −3", "9,408", "weight_filler", "go to its parameters")
        )
        # Search: by type and name; arrows and Enter.
        opened.keyboard.press("/")
        search.type("softmaxwith")
        assert opened.locator("#hits li").all_inner_texts() == [
            f"{name}\nSoftmaxWithLoss" for name in ("loss1/loss", "loss2/loss", "loss3/loss3")
        ]
        assert opened.locator("#drawing.dim .box.hit").count() == 3
        opened.keyboard.press("ArrowDown")
        opened.keyboard.press("Enter")
        assert panel.locator("h2").inner_text() == "loss2/loss" and opened.locator("#drawing.dim").count() == 0
        assert inside(opened, ".box.chosen")
        opened.keyboard.press("ArrowUp")
        assert panel.locator("h2").inner_text() == "loss2/classifier"
        opened.keyboard.press("Escape")
        assert panel.locator("h2").inner_text() == "GoogleNet" and opened.evaluate("location.hash") == ""
        # The table: sorted, filtered, and back to the net.
        opened.keyboard.press("t")
        opened.locator("#table th button", has_text="parameters").click()
        first = opened.locator("#table tbody tr").first
        assert "loss1/fc" in first.inner_text() or "loss2/fc" in first.inner_text()
        counts = [row.replace(",", "") for row in opened.locator("#table tbody td:nth-child(5)").all_inner_texts()]
        numbers = [int(count or 0) for count in counts]
        assert numbers == sorted(numbers, reverse=True) and len(numbers) == 159
        opened.keyboard.press("/")
        search.type("5b pool")
        assert opened.locator("#table tbody tr").count() == 3
        opened.locator("#table tbody tr", has_text="inception_5b/pool_proj").first.click()
        assert opened.locator("#table").is_hidden() and panel.locator("h2").inner_text() == "inception_5b/pool_proj"
        # Another phase keeps the layer.
        opened.locator("#view").select_option("TEST")
        assert "view=TEST" in opened.evaluate("location.hash")
        assert "50 × 832 × 7 × 7" in panel.inner_text()


def inside(opened, what):
    """Whether an element lies in the part of the drawing that is seen."""
    box, stage = opened.locator(what).bounding_box(), opened.locator("#drawing").bounding_box()
    return (
        stage["x"] <= box["x"]
        and box["x"] + box["width"] <= stage["x"] + stage["width"]
        and (stage["y"] <= box["y"] and box["y"] + box["height"] <= stage["y"] + stage["height"])
    )


def test_zoom_and_drag_keep_the_net_in_sight(googlenet):
    with browser.page(1400, 900) as opened:
        opened.goto(googlenet[0].as_uri())
        at = "[drawing.at.x, drawing.at.y, drawing.at.k]"
        before = opened.evaluate(at)
        opened.mouse.move(500, 500)
        opened.mouse.wheel(0, -300)
        zoomed = opened.evaluate(at)
        assert zoomed[2] > before[2]
        opened.mouse.down()
        opened.mouse.move(560, 530, steps=4)
        opened.mouse.up()
        moved = opened.evaluate(at)
        assert moved[0] - zoomed[0] == pytest.approx(60) and moved[1] - zoomed[1] == pytest.approx(30)
        assert opened.evaluate("state.layer") is None  # a drag is no click
        opened.evaluate("drawing.pan(1e6, -1e6)")
        world, stage = (opened.locator(f"#drawing{part}").bounding_box() for part in (" > g", ""))
        assert world["x"] < stage["x"] + stage["width"] and world["y"] + world["height"] > stage["y"]
        opened.keyboard.press("0")
        assert inside(opened, "#drawing > g")


def test_no_sideways_scroll_and_not_blank(googlenet, tmp_path):
    with browser.page(360, 800) as opened:
        for width in (360, 800, 1920):
            opened.set_viewport_size({"width": width, "height": 800})
            for fragment in ("#conv2/3x3", "#tab=table"):  # the first is a layer's name alone
                opened.goto("about:blank")
                opened.goto(googlenet[0].as_uri() + fragment)
                sizes = opened.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]")
                assert sizes == [width, width]
                if fragment != "#tab=table":
                    assert inside(opened, ".box.chosen")
        opened.screenshot(path=tmp_path / "seen.png")
    pixels = cv2.imread(str(tmp_path / "seen.png"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100


def test_resnet152_opens_fast(tmp_path):
    path, said = written(tmp_path, "configs/resnet152.prototxt")
    assert len(said) < 2_000_000
    with browser.page(1600, 1000) as opened:
        opened.goto(path.as_uri())
        timing = "performance.getEntriesByType('navigation')[0].loadEventEnd"
        paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        opened.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
        assert 0 < opened.evaluate(timing) < 5000 and opened.evaluate(paint) < 5000  # milliseconds
        assert opened.locator(".part").count() == 671


def test_hostile_names(tmp_path):
    name = HOSTILE.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")
    text = f'''name: "{name}"
      layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 1 dim: 2 }} }} }}
      layer {{ name: "{name}" type: "ReLU" bottom: "data" top: "{name}" }}'''
    (tmp_path / "net.prototxt").write_text(text)
    path, said = written(tmp_path, str(tmp_path / "net.prototxt"))
    assert "<img" not in said
    with browser.page() as opened:
        opened.goto(path.as_uri())
        assert opened.title() == opened.locator("h1").inner_text() == HOSTILE
        opened.locator('.part[data-layer="1"]').click()
        assert opened.locator("#panel h2").inner_text() == HOSTILE
        opened.reload()
        assert opened.locator("#panel h2").inner_text() == HOSTILE  # from the address
        assert opened.locator("img").count() == 0


def test_weights(tmp_path):
    views, _ = net_view.of_config("configs/lenet.prototxt")
    rng = np.random.default_rng(0)
    conv1 = [rng.normal(size=(20, 1, 5, 5)).astype(np.float32), np.zeros(20, np.float32)]
    caffemodel.write(tmp_path / "some.caffemodel", {"conv1": conv1})
    layers, drawn = net_view.with_weights(views, [str(tmp_path / "some.caffemodel")])
    assert drawn == {"conv2", "ip1", "ip2"}
    found = weight_facts(layers, "of some.caffemodel", drawn)
    assert list(found["blobs"]) == list(found["filters"]) == ["conv1"]
    page.write(tmp_path / "net.html", net_page.net_page(views, weights=found))
    with browser.page() as opened:
        opened.goto((tmp_path / "net.html").as_uri() + "#layer=conv1")
        text = opened.locator("#panel").inner_text()
        assert "of some.caffemodel" in text and "20 filters" in text and "100 % zeros" in text
        assert opened.locator("#panel img").evaluate("image => [image.naturalWidth, image.complete]") == [29, True]
        opened.goto((tmp_path / "net.html").as_uri() + "#tab=table")
        assert "deviation" in opened.locator("#table thead").inner_text()


def test_statistics():
    said = statistics(np.array([[0, 1], [2, 5]], np.float32))
    assert {name: said[name] for name in ("min", "max", "mean", "zeros", "bad")} == {
        "min": 0, "max": 5, "mean": 2, "zeros": 0.25, "bad": 0,
    }  # fmt: skip
    assert said["std"] == pytest.approx(1.87083) and sum(said["bins"]) == 4
    with_nan = statistics(np.array([np.nan, 1, np.inf], np.float32))
    assert (with_nan["bad"], with_nan["min"], with_nan["max"]) == (2, 1, 1)
    assert statistics(np.array([np.nan], np.float32)) is None and statistics(np.zeros((0, 3), np.float32)) is None
    flat = statistics(np.full(7, 3, np.float32))
    assert flat["std"] == 0 and sum(flat["bins"]) == 7
