"""The page of zoo.gallery: its sections, images and commands, in a browser narrow and wide."""

import numpy as np

from tests import browser
from zoo.pages import page
from zoo.pages.gallery import Section, gallery_page

IMAGE = np.random.default_rng(0).integers(0, 256, (300, 900, 3), np.uint8)
SECTIONS = [
    Section("filters", "Kernels", "Weights <of> layers.", "python -m zoo.filters --weights=a&b", IMAGE),
    Section("saliency", "What matters", "Which pixels.", why='no scores of "classes"'),
]


def test_what_stands_on_it():
    text = gallery_page("What <net> has learned", "Weights: a & b.", SECTIONS)
    assert (
        "What &lt;net&gt; has learned" in text
        and "Weights: a &amp; b." in text
        and "Weights &lt;of&gt; layers." in text
    )
    assert text.count("<img ") == 1 and 'width="900" height="300"' in text
    assert "<pre>python -m zoo.filters --weights=a&amp;b</pre>" in text
    assert "Left out: no scores of &quot;classes&quot;" in text
    assert text == gallery_page("What <net> has learned", "Weights: a & b.", SECTIONS)


def test_it_is_no_wider_than_its_window(tmp_path):
    page.write(tmp_path / "index.html", gallery_page("What a net has learned", "Weights.", SECTIONS))
    for width in (400, 1600):
        with browser.page(width, 800) as opened:
            opened.goto((tmp_path / "index.html").as_uri())
            assert opened.evaluate("document.documentElement.scrollWidth") <= width
            assert opened.evaluate("document.querySelector('img').naturalWidth") == 900
            shown = opened.evaluate("document.querySelector('img').getBoundingClientRect().width")
            assert shown == (720 if width == 400 else 900)
            opened.click("text=What matters")
            assert opened.evaluate("location.hash") == "#saliency"
