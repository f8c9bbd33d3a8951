"""zoo.pages.page: the shell of every page; nothing in it can end early, nothing is fetched."""

import json
import re

import pytest

from tests import browser
from zoo.errors import OutputError
from zoo.pages import page

HOSTILE = "</script><img src=x onerror=\"document.title='taken'\">\u2028 & <!-- '"


def data_of(said):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', said, re.S)[1])


def test_what_a_user_names_stays_text():
    said = page.page(HOSTILE, f'<p id="a" title="{page.text(HOSTILE)}">{page.text(HOSTILE)}</p>', {"name": HOSTILE})
    assert data_of(said) == {"name": HOSTILE}
    assert said.count("</script>") == 1 and "<img" not in said and "<!--" not in said


def test_in_a_browser(tmp_path):
    path = tmp_path / "page.html"
    body = f'<p id="a" title="{page.text(HOSTILE)}">{page.text(HOSTILE)}</p>'
    page.write(path, page.page(HOSTILE, body, {"name": HOSTILE}))
    with browser.page() as opened:
        opened.goto(path.as_uri())
        assert opened.title() == HOSTILE
        assert opened.locator("#a").text_content() == opened.locator("#a").get_attribute("title") == HOSTILE
        assert opened.evaluate("JSON.parse(document.getElementById('data').textContent).name") == HOSTILE
        assert opened.locator("img").count() == 0


def test_the_browser_refuses_what_is_not_in_the_page(tmp_path):
    path, other = tmp_path / "page.html", tmp_path / "other.png"
    other.write_bytes(b"")
    page.write(path, page.page("a", f'<img id="outside" src="{other.as_uri()}">'))
    with browser.page(expected=["Content Security Policy"]) as opened:
        said = []
        opened.on("console", lambda message: said.append(message.text))
        opened.goto(path.as_uri())
        assert any("Content Security Policy" in text for text in said), said


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_lacks(value):
    assert page.json_in_html([value, (1.5, {"a": value})]) == '[null,[1.5,{"a":null}]]'


def test_half_a_surrogate_pair():
    assert page.json_in_html("\ud800") == '"?"'


def test_one_file_whole_or_not_at_all(tmp_path):
    page.write(tmp_path / "a.html", "one")
    with pytest.raises(OutputError, match="cannot be written"):
        page.write(tmp_path / "no" / "a.html", "two")
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_styles_name_nothing_outside():
    said = page.page("a", "")
    assert not re.search(r"https?:|url\(|@import", said)
