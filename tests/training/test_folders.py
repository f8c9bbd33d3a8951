"""What a run directory is called: by the config, and with its directory where the config's own name does not tell."""

import pathlib

import pytest

from zoo.training.folders import default

CONFIGS = sorted((pathlib.Path(__file__).resolve().parents[2] / "configs").glob("*.prototxt"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_our_configs_tell(path):
    assert default(path) == pathlib.Path("runs", path.stem)


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ("models/vgg/solver.prototxt", "vgg_solver"),
        ("models/vgg/quick_solver.prototxt", "vgg_quick_solver"),
        ("models/vgg/solver_stage2.prototxt", "vgg_solver_stage2"),
        ("models/vgg/train_val.prototxt", "vgg_train_val"),
        ("a/../models/vgg/solver.prototxt", "vgg_solver"),
        ("examples/mnist/lenet_solver.prototxt", "lenet_solver"),
        ("examples/cifar10/cifar10_quick_solver.prototxt", "cifar10_quick_solver"),
        ("/solver.prototxt", "solver"),
    ],
)
def test_names(config, name):
    assert default(config) == pathlib.Path("runs", name)


def test_one_in_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "squeezenet").mkdir()
    monkeypatch.chdir(tmp_path / "squeezenet")
    assert default("solver.prototxt") == pathlib.Path("runs", "squeezenet_solver")


def test_where_an_earlier_version_would_have_gone_on(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    default("models/a/solver.prototxt")
    assert not caplog.text
    folder = tmp_path / "runs" / "solver" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "ckpt-4.index").touch()
    assert default("models/a/solver.prototxt") == pathlib.Path("runs", "a_solver")
    assert "--run_dir=runs/solver does so" in caplog.text
