"""What a source may be: archives however they lie, and whatever tells the classes of validation images."""

import pytest

from data_prep import archives
from data_prep.image_files import collect
from tests.data_prep import ilsvrc
from zoo.errors import DataError


@pytest.fixture
def official(tmp_path):
    pytest.importorskip("PIL.Image", reason="needs Pillow to make a CMYK image")
    return ilsvrc.write(tmp_path)


def test_what_tells_the_classes_of_val(tmp_path, official):
    pictures, truth = ilsvrc.val_files()
    want = {name: ilsvrc.SYNSETS[index] for name, index in zip(pictures, truth)}
    (tmp_path / "unpacked").mkdir()
    for name, data in pictures.items():
        (tmp_path / "unpacked" / name).write_bytes(data)
    for name, data in ilsvrc.devkit(truth).items():
        (tmp_path / name.rsplit("/", 1)[-1]).write_bytes(data)
    (tmp_path / "synsets.txt").write_text("".join(f"{synset}\n" for synset in want.values()))
    lines = [f"{name} {index}\n" for name, index in zip(pictures, truth)]
    (tmp_path / "val.txt").write_text("".join(reversed(lines)))
    for source in (official[1], tmp_path / "unpacked"):
        for labels in (official[2], "ILSVRC2012_validation_ground_truth.txt", "synsets.txt", "val.txt"):
            files, classes = collect(source, classes=ilsvrc.SYNSETS, class_file=tmp_path / labels)
            assert {file.name: file.class_name for file in files} == want and classes == tuple(ilsvrc.SYNSETS)
    (tmp_path / "meta.mat").unlink()
    for path, said in [
        ("ILSVRC2012_validation_ground_truth.txt", "numbers of the devkit, which are not labels"),
        (None, "an image of unknown class, got ILSVRC2012_val_00000001.JPEG"),
    ]:
        with pytest.raises(DataError, match=said):
            collect(official[1], classes=ilsvrc.SYNSETS, class_file=path and tmp_path / path)
    for content, said in [
        ("n01440764\n" * 6, "one line per image is expected, got 6 lines, want 7"),
        ("n01440764\n" * 6 + "x\n", r"labels.txt:7: not the classes of images, got 'x'"),
        ("n09999999\n" * 7, "classes that training does not have, got n09999999"),
        ("".join(lines[:-1]), "does not name, got ILSVRC2012_val_00000007"),
        ("".join(lines).replace(" 3\n", " 4\n"), "labels.txt:3: a label without a class, got 4, want 0 to 3"),
    ]:
        (tmp_path / "labels.txt").write_text(content)
        with pytest.raises(DataError, match=said.replace("does not name", "the list does not name")):
            collect(official[1], classes=ilsvrc.SYNSETS, class_file=tmp_path / "labels.txt")


def test_archives_are_found_alike_however_they_lie(tmp_path, official):
    want = {name: data for files in ilsvrc.train_files().values() for name, data in files.items()}
    (tmp_path / "inner").mkdir()
    flat, nested = {}, {}
    for synset, files in ilsvrc.train_files().items():
        (tmp_path / "inner" / f"{synset}.tar").write_bytes(ilsvrc.tar(files))
        flat |= files
        nested |= {f"train/{synset}/{name}": data for name, data in files.items()}
    (tmp_path / "flat.tar").write_bytes(ilsvrc.tar({**flat, "readme.txt": b"no image"}))
    (tmp_path / "nested.tar").write_bytes(ilsvrc.tar({**nested, "train/._x.JPEG": b"of a Mac"}))
    for source in (official[0], tmp_path / "inner", tmp_path / "flat.tar", tmp_path / "nested.tar"):
        files, classes = collect(source)
        assert classes == tuple(ilsvrc.SYNSETS)
        assert {file.name: file.bytes() for file in files} == want
        assert all(file.class_name == file.name[:9] for file in files)


@pytest.mark.parametrize("length, said", [(-8192, "cut short"), (20000, "cut short"), (0, "tar")])
def test_archives_cut_short(tmp_path, official, length, said):
    data = official[0].read_bytes()[:length].rstrip(b"\0") if length else b"rubbish" * 200
    (tmp_path / "x.tar").write_bytes(data)
    with pytest.raises(DataError, match=said) as caught:
        archives.listing(tmp_path / "x.tar")
    assert "x.tar" in str(caught.value)
