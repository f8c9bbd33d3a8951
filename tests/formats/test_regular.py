"""Files that are none are refused without waiting for them, whatever reads them."""

import os

import pytest

from zoo.errors import ZooError
from zoo.formats import blobproto, caffemodel, image_list, prototxt, records, regular, solverstate, tfds
from zoo.input.window_file import read_windows


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    return tmp_path / "pipe.json"


def test_reads(tmp_path):
    (tmp_path / "x").write_bytes("ä\r\n".encode())
    assert regular.read_bytes(tmp_path / "x") == b"\xc3\xa4\r\n" and regular.read_text(tmp_path / "x") == "ä\r\n"
    with regular.open_binary(tmp_path / "x") as file:
        assert file.readline() == b"\xc3\xa4\r\n"


@pytest.mark.parametrize(
    "path, error", [("/dev/zero", OSError), ("/", IsADirectoryError), ("/none", FileNotFoundError)]
)
def test_refuses(path, error):
    with pytest.raises(error):
        regular.read_bytes(path)


def test_json(tmp_path):
    (tmp_path / "x").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="nested too deep"):
        regular.read_json(tmp_path / "x")


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "read",
    [
        caffemodel.read,
        caffemodel.read_layers,
        solverstate.read,
        blobproto.read,
        image_list.read_list,
        prototxt.read_net,
        read_windows,
        lambda path: records.read_card(path.with_suffix("")),
    ],
)
def test_readers_do_not_wait_for_a_pipe(pipe, read):
    with pytest.raises(ZooError, match="is a device"):
        read(pipe)


@pytest.mark.timeout(60)
def test_a_description_that_is_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "dataset_info.json")
    assert not tfds.is_folder(tmp_path)
