"""Cards of released weights, and files that are kept only if they are what was released."""

import hashlib
import os
import pathlib
import subprocess
import sys

import pytest

from zoo import config_flag
from zoo.catalogue import weights_cards
from zoo.errors import DataError, OutputError, WeightsError

CARDS = weights_cards.read(config_flag.next_to_configs(weights_cards.NAME))
SHARED = pathlib.Path(os.environ.get("ZOO_SHARED") or pathlib.Path(__file__).resolve().parents[3] / "shared")
LENET = SHARED / "pretrained" / "lenet_iter_10000.caffemodel"


@pytest.fixture
def card(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_WEIGHTS", str(tmp_path / "kept"))
    (tmp_path / "mine").write_bytes(b"weights")
    return weights_cards.Card("x", "x.caffemodel", "http://x", hashlib.sha1(b"weights").hexdigest(), "a", "b", "c")


def test_cards_are_of_configs():
    assert CARDS.keys() <= config_flag.packaged().keys()
    with pytest.raises(DataError, match=r"no released weights are known .*, got alexnett"):
        weights_cards.find(CARDS, "alexnett")


def test_what_was_released_is_kept(card, tmp_path):
    assert weights_cards.stored(card) is None
    path = weights_cards.store(card, tmp_path / "mine")
    assert path == weights_cards.stored(card) == tmp_path / "kept" / "x.caffemodel"
    assert path.read_bytes() == b"weights"


def test_another_file_is_not(card, tmp_path):
    (tmp_path / "mine").write_bytes(b"weight")
    said = rf"mine: not x.caffemodel as it was released, got SHA-1 \w{{40}} of 6 bytes, want {card.sha1} \(another file"
    with pytest.raises(WeightsError, match=said):
        weights_cards.store(card, tmp_path / "mine")
    with pytest.raises(WeightsError, match="none: cannot be read, got No such file"):
        weights_cards.store(card, tmp_path / "none")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WeightsError, match="pipe: cannot be read"):
        weights_cards.store(card, tmp_path / "pipe")
    assert not (tmp_path / "kept").exists()
    (tmp_path / "mine").write_bytes(b"weights")
    (tmp_path / "kept").write_text("a file in the way")
    with pytest.raises(OutputError, match="cannot make the directory"):
        weights_cards.store(card, tmp_path / "mine")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("x,x.caffemodel,http://x,123,a,b,c", "w.csv:2: not a card"),
        ("x,x.caffemodel,http://x," + "1" * 40 + ",a,,c", "w.csv:2: not a card"),
        (("x,x.caffemodel,http://x," + "1" * 40 + ",a,b,c\n") * 2, "w.csv:3: a config has two cards, got x"),
    ],
)
def test_rows_that_are_none(row, says, tmp_path):
    (tmp_path / "w.csv").write_text("config,name,url,sha1,sha1_in,licence,licence_in\n" + row + "\n")
    with pytest.raises(DataError, match=says):
        weights_cards.read(tmp_path / "w.csv")


@pytest.mark.skipif(not LENET.is_file(), reason=f"no {LENET}")
def test_the_command_keeps_real_weights(tmp_path):
    def said(*words):
        env = {**os.environ, "ZOO_WEIGHTS": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-m", "zoo.fetch_weights", *words], capture_output=True, text=True, env=env, check=True
        )
        return done.stdout

    assert "kept here:   no; fetch it" in said("lenet")
    assert f"lenet_iter_10000.caffemodel: its SHA-1 is {CARDS['lenet'].sha1}" in said("lenet", f"--from={LENET}")
    assert f"kept here:   {tmp_path / 'lenet_iter_10000.caffemodel'}" in said("lenet")
