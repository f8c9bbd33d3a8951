"""zoo.extract_features as people type it."""

import subprocess

import numpy as np
import pytest

from tests.commands import run
from zoo.formats import caffemodel


@pytest.mark.slow
def test_a_pass_over_data(tmp_path):
    from tests.training.runs import SOLVER, make_data, train

    make_data(tmp_path)
    train(tmp_path / "run", tmp_path, changes="max_iter: 1")
    (tmp_path / "s.prototxt").write_text(SOLVER)
    (weights,) = (tmp_path / "run" / "snapshots").glob("*.caffemodel")
    how = ("--config=s.prototxt", f"--weights={weights}", "--data_dir=.")
    said = run("zoo.extract_features", *how, "--blobs=ip,label", "--output=x.npz", cwd=tmp_path)
    written, opened = said.split("  open:     ")
    assert written == "2 blobs of 20 items written.\n  ip: 20 x 4\n  label: 20\n  features: x.npz\n"
    assert subprocess.run(["bash", "-c", opened], cwd=tmp_path, capture_output=True, text=True).stdout == "(20, 4)\n"
    with np.load(tmp_path / "x.npz") as arrays:
        assert arrays["ip"].shape == (20, 4) and set(arrays["label"]) <= {0, 1, 2, 3}
    assert 'no blob "in"' in run("zoo.extract_features", *how, "--blobs=in", "--output=y.h5", cwd=tmp_path, ok=False)
    assert not (tmp_path / "y.h5").exists()


@pytest.mark.slow
def test_an_image_that_is_not_there(tmp_path):
    caffemodel.write(tmp_path / "w.caffemodel", {"ip2": [np.zeros((10, 500), np.float32), np.zeros(10, np.float32)]})
    how = ("--config=lenet", "--weights=w.caffemodel", "--blobs=ip2", "--output=x.h5", "--images=no.png")
    assert "no.png: cannot read the image, got No such file" in run(
        "zoo.extract_features", *how, cwd=tmp_path, ok=False
    )
    assert [path.name for path in tmp_path.iterdir()] == ["w.caffemodel"]


@pytest.mark.parametrize(
    "words, said",
    [
        ("--blobs=a --output=x.csv", "x.csv: unknown kind of file for features"),
        ("--blobs=a,b --output=x_lmdb,y.h5", "--output names several forms, got hdf5, lmdb"),
        ("--blobs=a,a --output=x.h5", "a blob is named twice in --blobs"),
        ("--blobs=a --output=x.h5 --images=a --list=b", "exclude each other"),
        (
            "--blobs=a --output=x.h5 --images=a --iterations=2",
            "nothing would read, got --iterations, want the net's own",
        ),
        ("--blobs=a --output=x.h5 --scale=2", "nothing would read, got --scale, want --images or --list with it"),
        ("--output=x.h5", "--blobs is missing, want Names of the blobs to write"),
    ],
)
def test_mistakes(tmp_path, words, said):
    how = ("--config=lenet", "--weights=none")
    (tmp_path / "a").write_text("no image, which is not found out here")
    assert said in run("zoo.extract_features", *how, *words.split(), cwd=tmp_path, ok=False)
