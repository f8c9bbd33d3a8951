"""configs/README.md is what its generator makes."""

from zoo import config_flag
from zoo.catalogue import readme


def test_the_page_and_its_generator_agree():
    folder = config_flag.checkout()
    page = (folder / readme.NAME).read_text(encoding="utf-8")
    assert page == readme.text(sorted(folder.glob("*.prototxt"))), "python -m zoo.results --readme"
