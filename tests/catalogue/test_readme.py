"""configs/README.md is what its generator makes, and results.csv is what zoo.results writes."""

import dataclasses
import re

from zoo import config_flag
from zoo.catalogue import readme, results_file

FOLDER = config_flag.checkout()
ROWS = results_file.read(FOLDER / results_file.NAME)


def test_the_page_and_its_generator_agree():
    page = (FOLDER / readme.NAME).read_text(encoding="utf-8")
    assert page == readme.text(sorted(FOLDER.glob("*.prototxt")), ROWS), "python -m zoo.results --readme"


def test_the_rows_are_of_configs_that_are_here():
    for row in ROWS:
        assert (FOLDER / f"{row.config}.prototxt").is_file()
        assert re.fullmatch("[0-9a-f]{40}", row.commit)
        assert int(row.seconds) > 0 and int(row.iterations) > 0 and float(row.score) == float(row.score)


def test_a_changed_recipe_says_so():
    row = results_file.Measured(
        "lenet", "--set='max_iter: 5'", "MNIST", "0" * 40, "a CPU", "", "1", "5000", "9", "accuracy", "0.5", "", ""
    )
    page = readme.text([FOLDER / "lenet.prototxt"], [row])
    assert page.endswith("| accuracy 0.5 after 5,000 iterations on MNIST with `--set='max_iter: 5'` |\n")
    page = readme.text([FOLDER / "lenet.prototxt"], [dataclasses.replace(row, data="", changes="")])
    assert page.endswith("| accuracy 0.5 after 5,000 iterations |\n")
