"""What --verify says of readers that are here, that are not, and that differ; and its exit code."""

import dataclasses

import numpy as np
import pytest

from tests.export import small_net
from zoo.export import verifying
from zoo.export.conversion import convert
from zoo.export.request import Request
from zoo.export.targets import target
from zoo.export.targets.base import Absent, Reader, Target, Written


class Fake(Target):
    """A file that each of `given`, {name: function or None for one that is absent}, runs."""

    def __init__(self, path, given, opinions=(), asked=()):
        super().__init__(str(path))
        self._given, self._opinions, self._asked = given, opinions, asked

    def readers(self, conversion):
        return [
            Reader(name, lambda name=name: self._open(name), name not in self._opinions, asked=name in self._asked)
            for name in self._given
        ]

    def _open(self, name):
        if self._given[name] is None:
            raise Absent("fake is not installed")
        return self._given[name]


@pytest.fixture
def one(tmp_path):
    """(a function from readers to exit code, a right run, a wrong one) of a net of one InnerProduct."""
    text = small_net.INPUT + 'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" '
    text += 'inner_product_param { num_output: 3 weight_filler { type: "gaussian" std: 0.1 } } }'
    conversion = convert(small_net.write(tmp_path / "net.prototxt", text))
    weight = conversion.net.layers[1].parameters[0].array()

    def right(arrays):
        return {"ip": (arrays["data"].reshape(len(arrays["data"]), -1) @ weight.T)}

    def wrong(arrays):
        return {"ip": 1.01 * right(arrays)["ip"]}

    def verify(readers, opinions=(), asked=(), **options):
        (tmp_path / "x.fake").write_bytes(bytes(1234))
        fake = Fake(tmp_path / "x.fake", readers, opinions, asked)
        request = Request(config="net.prototxt", targets=[fake], verify=True, **options)
        outcome = verifying.run({fake: Written([fake.path])}, conversion, request)
        print(outcome.text)
        return outcome

    return verify, right, wrong


def test_a_reader_that_is_not_here_is_named_and_never_passed(one, capsys):
    verify, right, wrong = one
    assert verify({"Here": right, "Away": None}).code == 0
    said = capsys.readouterr().out
    assert "not checked: fake is not installed" in said and said.rstrip().endswith("verified")
    rows = {line.split()[1]: line.split() for line in said.splitlines() if "x.fake  " in line}
    assert rows["Here"][-1] == "equal" and float(rows["Here"][4]) == 0.001 and float(rows["Here"][5]) >= 0
    assert rows["Away"][2:] == ["-", "-", "0.001", "-", *["not", "checked:", "fake", "is", "not", "installed"]]


def test_what_no_reader_could_run_is_not_verified(one, capsys):
    verify, *_ = one
    assert verify({"Away": None}).code == verifying.DIFFERS
    assert "NOT verified: nothing that could run it is installed: " in capsys.readouterr().out


def test_what_was_asked_for_by_name_and_fails_is_not_verified(one, capsys):
    verify, right, _ = one
    assert verify({"Here": right, "Away": None}, asked=("Away",)).code == verifying.DIFFERS
    said = capsys.readouterr().out
    assert "  FAILED: fake is not installed" in said and "NOT verified: asked for, and failed: " in said
    assert verify({"Here": right, "Other": right}, asked=("Other",)).code == 0


def test_an_opinion_decides_nothing(one, capsys):
    verify, right, wrong = one
    assert verify({"Here": right, "Other": wrong}, opinions=("Other",)).code == 0
    assert "differs (an opinion)" in capsys.readouterr().out
    assert verify({"Other": right}, opinions=("Other",)).code == verifying.DIFFERS  # an opinion alone is no check


def test_one_reader_that_differs_is_enough(one, capsys):
    verify, right, wrong = one
    assert verify({"Here": right, "Other": wrong}).code == verifying.DIFFERS
    assert capsys.readouterr().out.rstrip().endswith("NOT verified within 0.0001 of the largest value")
    assert verify({"Here": right, "Other": wrong}, tolerance=0.1).code == 0


def test_images_are_a_second_trial(one, tmp_path, capsys):
    verify, right, _ = one
    x = np.random.default_rng(0).normal(size=(2, 3, 19, 17)).astype(np.float32)
    asked = {"images": "photos", "images_of": lambda folder: ["a", "b"], "prepare": lambda _, paths: {"data": x}}
    assert verify({"Here": right}, **asked).code == 0
    assert "verify" in (said := capsys.readouterr().out) and "on 2 of 2 images in photos" in said


def test_stablehlo_runs_in_jax(small, tmp_path):
    pytest.importorskip("jax", reason="needs JAX (requirements-targets.txt)")
    conversion = convert(small[0], [small[1]], batch=3)
    written = target(str(tmp_path / "x.stablehlo"))
    request = Request(config=small[0], targets=[written], verify=True)
    files = written.write(conversion)
    assert verifying.run({written: files}, conversion, request).code == 0
    size = verifying.size_of(files.paths)
    assert size == sum((tmp_path / f"x.stablehlo{end}").stat().st_size for end in ("", ".npz"))
    # A value changed in the arrays next to the program is found.
    with np.load(tmp_path / "x.stablehlo.npz") as found:
        arrays = dict(found)
    name = next(name for name in arrays if "fc1/0" in name)
    arrays[name].flat[7] += 1
    np.savez(tmp_path / "x.stablehlo.npz", **arrays)
    assert verifying.run({written: files}, conversion, dataclasses.replace(request)).code == verifying.DIFFERS
