"""The wheel, installed where nothing of this checkout is: its commands, its configs, its version."""

import pathlib
import subprocess
import sys
import sysconfig
import zipfile

import pytest

from tests.training.runs import in_python
from zoo import __version__
from zoo.__main__ import COMMANDS, listing

ROOT = pathlib.Path(__file__).resolve().parents[1]


def run(*args, cwd=ROOT):
    return subprocess.run([*map(str, args)], cwd=cwd, capture_output=True, text=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """(bin directory, empty directory) of a fresh virtual environment that has the wheel, and its needs from here."""
    folder = tmp_path_factory.mktemp("package")
    options = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet")
    built = run(sys.executable, "-m", "pip", "wheel", ".", "-w", folder, *options)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [
        name for name in names if name.startswith(("tests/", "benchmarks/", "configs/", "zoo/configs/generate"))
    ]
    assert run(sys.executable, "-m", "venv", folder / "venv").returncode == 0
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "needs.pth").write_text(sysconfig.get_path("purelib"))
    put = run(folder / "venv" / "bin" / "python", "-m", "pip", "install", wheel, "--no-deps", *options[2:])
    assert put.returncode == 0, put.stderr
    empty = folder / "empty"
    empty.mkdir()
    return folder / "venv" / "bin", empty


def test_a_wheel_brings_its_command_and_its_configs(installed):
    bin, empty = installed
    assert run(bin / "caffe-zoo", "--version", cwd=empty).stdout == f"{__version__}\n"
    flags = ("--config=lenet", "--input_shape=data: 1,1,28,28", "--output=deploy.prototxt")
    found = run(bin / "caffe-zoo", "convert", *flags, cwd=empty)
    assert found.returncode == 0, found.stderr
    assert 'type: "Softmax"' in (empty / "deploy.prototxt").read_text()
    where = run(bin / "python", "-c", "import zoo; print(zoo.__file__)", cwd=empty).stdout
    assert str(ROOT) not in where


def test_a_config_that_is_not_there_is_one_error(installed):
    bin, empty = installed
    found = run(bin / "caffe-zoo", "convert", "--config=lenett", "--output=x.keras", cwd=empty)
    assert found.returncode != 0 and 'did you mean "lenet"?' in found.stderr and "Traceback" not in found.stderr


def test_every_command_is_listed_with_a_line():
    lines = listing().split("\n")[3:]
    assert [line.split()[0] for line in lines] == list(COMMANDS)
    assert all(len(line.split(maxsplit=1)[1]) > 10 for line in lines)
    files = [path for folder in ("zoo", "data_prep") for path in sorted((ROOT / folder).glob("[!_]*.py"))]
    commands = {f"{path.parent.name}.{path.stem}" for path in files if "\nif __name__ == " in path.read_text()}
    assert commands - {"data_prep.beam_pipeline"} == set(COMMANDS.values())  # imagenet starts that one itself


def test_an_unknown_command_is_one_error():
    found = run(sys.executable, "-m", "zoo", "trian")
    assert found.returncode == 1
    assert found.stderr.startswith("error: no command 'trian' (did you mean \"train\"?)\n")


def test_listing_and_help_load_nothing_heavy():
    said = in_python("import sys\nfrom zoo.__main__ import listing\nlisting()\nprint(*sys.modules)")
    assert not {"tensorflow", "keras", "numpy"} & set(said.split())
