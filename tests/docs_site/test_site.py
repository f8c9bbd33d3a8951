"""The site, built strictly: each command, config and public function has a page, and every link leads somewhere."""

import functools
import html
import re
import urllib.parse

import pytest

from docs_site import building
from tests import browser
from tests.test_docstring_examples import DOORS
from zoo.__main__ import COMMANDS
from zoo.errors import OutputError, ZooError
from zoo.formats.packaged import packaged

OUTSIDE = ("http:", "https:", "mailto:", "data:", "javascript:")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site without the drawn nets, and with the notebooks as they are."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    assert building.build(folder, nets=False, run=False) > len(COMMANDS) + len(packaged())
    return folder


class _Page:
    """The links, the names that links may lead to, and what is loaded, of a page."""

    def __init__(self, path):
        self.text = path.read_text(encoding="utf-8")
        self.links = [html.unescape(link) for link in re.findall(r'<a\b[^>]*?\bhref="([^"]+)"', self.text)]
        self.names = {html.unescape(name) for name in re.findall(r'\b(?:id|name)="([^"]+)"', self.text)}
        self.loaded = re.findall(r'<(?:img|script|source|iframe|video)\b[^>]*?\bsrc="([^"]+)"', self.text)
        self.loaded += re.findall(r'<link\b[^>]*?rel="(?:preload|stylesheet)"[^>]*?\bhref="([^"]+)"', self.text)

    @property
    def words(self):
        """The text without its marks."""
        return html.unescape(re.sub(r"<[^>]+>", "", self.text))


_page = functools.cache(_Page)


def _fault(page, link):
    """Returns what is wrong with a link of the page at the path `page`, or None."""
    file, _, anchor = link.partition("#")
    target = (page.parent / urllib.parse.unquote(file.partition("?")[0])).resolve() if file else page
    if target.is_dir():
        target = target / "index.html"
    if not target.is_file():
        return f"{page.name}: {link} is no file"
    if anchor and target.suffix == ".html" and urllib.parse.unquote(anchor) not in _page(target).names:
        return f"{page.name}: {link} names no place in it"
    return None


def test_every_link_leads_somewhere_and_nothing_comes_from_outside(site):
    pages = sorted(path for path in site.rglob("*.html") if "_static" not in path.parts)
    faults, links = [], 0
    for path in pages:
        page = _page(path)
        inside = {link for link in page.links if not link.startswith(OUTSIDE)}
        links += len(inside)
        faults += [fault for link in sorted(inside | set(page.loaded)) if (fault := _fault(path, link))]
    assert not faults
    assert links > 5000
    assert not [path.name for path in pages if str(building.tree.ROOT) in _page(path).text]


def test_each_command_has_its_page_with_its_flags(site):
    for name in COMMANDS:
        assert _page(site / "commands" / f"{name}.html").text
    train = _page(site / "commands/train.html")
    for part in ("--restart", "--[no]summaries", "one of", "$ python -m zoo.train --config=configs/lenet.prototxt"):
        assert part in train.words
    assert "../tutorials/lenet.html" in train.links


def test_each_config_has_its_page(site):
    for name in packaged():
        text = _page(site / "models" / f"{name}.html").text
        assert "<summary>" in text and f"{name}.prototxt" in text
    lenet = _page(site / "models/lenet.html").words
    for part in ("431,080", "0.9913", "98.97 %", "ONNX Runtime", "lenet_iter_10000.caffemodel", "data_prep.mnist"):
        assert part in lenet


def test_each_door_with_an_example_is_in_the_reference(site):
    """But for the six of `zoo` and `zoo.cv`, pages have them by the names under which they are imported."""
    names = set().union(*(_page(path).names for path in (site / "api").glob("*.html")))
    short = {name.rpartition(".")[2] for name in names}
    assert [door for door in DOORS if door not in names and door.rpartition(".")[2] not in short] == []
    assert {"zoo.read", "zoo.fit", "zoo.pycaffe.Net", "zoo.pycaffe.Net.forward", "zoo.cv.readNetFromCaffe"} <= names


@pytest.mark.parametrize("width", [400, 1600])
def test_pages_fit_the_window_and_are_searched_without_a_server(site, width):
    with browser.page(width, 900, ["Got invalid theme mode"]) as page:  # the theme's own, before one has chosen
        for name in (
            "index",
            "commands/convert",
            "models/densenet169",
            "layers",
            "targets",
            "api/zoo",
            "notebooks/lenet",
        ):
            page.goto(f"file://{site}/{name}.html")
            assert page.evaluate("document.documentElement.scrollWidth") == width, name
        page.goto(f"file://{site}/search.html?q=momentum")
        page.wait_for_selector("#search-results li a")


def test_what_sphinx_warns_of_is_an_error(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as CI sets it
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/index.md").write_text("# Site\n\n[x](index.md#nothing)\n")
    with pytest.raises(ZooError, match="Sphinx finds faults in the pages of the site, got 1 lines"):
        building._sphinx(tmp_path / "pages", tmp_path / "site")
    assert capsys.readouterr().err.startswith("index.md:3: WARNING: local id not found in doc 'index': 'nothing'")


def test_other_files_are_not_replaced(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(OutputError, match="not a site that was built here"):
        building.build(tmp_path)


@pytest.mark.slow
def test_the_whole_site_shows_each_net(tmp_path):
    building.build(tmp_path / "site", run=False)
    for name in packaged():
        page = _page(tmp_path / f"site/models/{name}.html")
        assert f"{name}_net.html" in page.links and _page(tmp_path / f"site/models/{name}_net.html").text
    with browser.page(1600, 1000) as page:
        page.goto(f"file://{tmp_path}/site/models/resnet152.html")
        page.frame_locator("iframe.net").locator("#drawing text").first.wait_for(state="attached")
