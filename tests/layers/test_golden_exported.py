"""What real Caffe and its forks recorded, out of saved models that a Keras without this package loads and runs."""

import random

import pytest

from tests.layers import exported, recorded

PATHS = [each.values[0] for each in recorded.parameters() if each.values[0]]
FORKS = [path for path in PATHS if path.parent.name == "fork_layers"]


def drawn(paths, families_of=2, seed=12):
    """Returns one of the cases of every second family, or what `families_of` says, drawn by `seed`."""
    families = {}
    for path in paths:
        families.setdefault(path.stem.rpartition("-")[0], []).append(path)
    rng = random.Random(seed)
    return [rng.choice(family) for family in rng.sample(list(families.values()), len(families) // families_of)]


def check(paths, folder):
    """Writes, runs and compares; says of all that differ how."""
    if not paths:
        pytest.skip(recorded.WHY)
    exported.write(paths, folder)
    exported.run(folder)
    wrong = []
    for path in paths:
        try:
            exported.compare(path, folder)
        except AssertionError as error:
            wrong.append(f"{path.stem}: {error}")
    assert not wrong, "\n".join(wrong)


def test_cases_of_the_forks(tmp_path):
    check(drawn(FORKS), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("rest", range(4))
def test_every_case(rest, tmp_path):
    check(PATHS[rest::4], tmp_path)
