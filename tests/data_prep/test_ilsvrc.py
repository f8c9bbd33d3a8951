"""ImageNet's official archives, in small, as shards: in place, with the right labels, whole after a kill."""

import json
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from data_prep import contact_sheet, imagenet, images
from data_prep.image_files import collect
from tests.data_prep import ilsvrc
from tests.data_prep.test_imagenet import ROOT, number, read, text
from tests.data_prep.waiting import Waiting
from zoo.errors import DataError
from zoo.formats import records

ARGS = [sys.executable, "-m", "data_prep.imagenet"]


@pytest.fixture
def official(tmp_path):
    pytest.importorskip("PIL.Image", reason="needs Pillow to make a CMYK image")
    return ilsvrc.write(tmp_path)


def test_command_on_the_official_archives(tmp_path, official):
    train, val, devkit = official
    args = [*ARGS, f"--source={train}", f"--val_source={val}", f"--val_labels={devkit}", f"--output_dir={tmp_path}/out"]
    args += ["--shards=3", "--val_shards=2", "--seed=4"]
    done = subprocess.run(args, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    card, found = read(tmp_path / "out" / "train")
    want = {name: data for files in ilsvrc.train_files().values() for name, data in files.items()}
    assert card.classes == tuple(ilsvrc.SYNSETS) and len(card.shards) == 3 and card.made["per_class"] == [5] * 4
    names = [text(feature, "file_name") for feature in found]
    assert sorted(names) == sorted(want) and names != sorted(names)
    anew = {"n01530575_14.JPEG": "CMYK", "n02106662_21.JPEG": "not a JPEG"}
    for name, feature in zip(names, found):
        assert number(feature, "label") == ilsvrc.SYNSETS.index(name[:9])
        data = feature["image"].bytes_list.value[0]
        assert data[:2] == b"\xff\xd8" and (data == want[name]) == (name not in anew)
    lines = sorted(card.made["rewritten"])
    assert len(lines) == 2 and all(n in line and why in line for line, (n, why) in zip(lines, sorted(anew.items())))
    card, found = read(tmp_path / "out" / "val")
    pictures, truth = ilsvrc.val_files()
    labels = dict(zip(pictures, truth))
    assert card.count == 7 and len(card.shards) == 2 and card.made["per_class"] == [2, 2, 2, 1]
    for feature in found:
        name = text(feature, "file_name")
        assert number(feature, "label") == labels[name]
        assert feature["image"].bytes_list.value[0] == pictures[name]
    again = subprocess.run(args, cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == 0 and "Nothing to do" in again.stdout
    assert not list((tmp_path / "out").glob("*.partial*"))


def test_killed_run_goes_on_and_processes_make_the_same(tmp_path):
    """Of a run of two processes killed while one image hangs, all shards but that image's stay; a second run, of
    one process, makes the missing one; all are those of an undisturbed run."""
    for c in range(2):
        (tmp_path / "all" / f"c{c}").mkdir(parents=True)
        for i in range(12):
            (tmp_path / "all" / f"c{c}" / f"{i}.JPEG").write_bytes(ilsvrc.jpeg(12 * c + i, 20 + i, 20))
    files, classes = collect(tmp_path / "all")
    files = images.shuffled(files, 0)
    stuck = files[10].path  # within shard 2 of 6
    waiting = Waiting(tmp_path, [stuck])
    out = tmp_path / "out"
    args = [f"--source={tmp_path}/all", f"--val_source={tmp_path}/all", f"--output_dir={out}", "--shards=6"]
    run = subprocess.Popen([*ARGS, *args, "--processes=2"], cwd=ROOT, env=waiting.env, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 120
        while len(list(out.glob("*.partial.json"))) < 5 and time.monotonic() < deadline and run.poll() is None:
            time.sleep(0.05)
        finished = sorted(out.glob("*.partial.json"))
        workers = subprocess.run(["ps", "-o", "pid=", "--ppid", str(run.pid)], capture_output=True, text=True).stdout
        run.send_signal(signal.SIGKILL)
        run.wait()
    finally:
        run.kill()
        run.stderr.close()
    assert len(finished) == 5 and not (out / "train.json").exists()
    shards = {path: path.with_suffix("").stat() for path in finished}
    wait_until_gone(workers.split())
    waiting.end()
    (out / "train-00002-of-00006.tfrecord.partial").write_bytes(b"half a sha")
    options = imagenet.Options(6)
    card = imagenet.write_split(out, "train", files, classes, options, "")
    for path, before in shards.items():
        after = (out / path.name.removesuffix(".partial.json")).stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    undisturbed = imagenet.write_split(tmp_path / "other", "train", files, classes, options, "")
    assert card.shards == undisturbed.shards and card.count == 24
    assert sorted(p.name for p in out.iterdir() if "partial" in p.name) == []
    # A split that is whole is not made again, even where its run did not come to the other one.
    before = (out / "train.json").stat().st_mtime_ns
    assert imagenet.write_split(out, "train", files, classes, options, "") == card
    assert (out / "train.json").stat().st_mtime_ns == before


def wait_until_gone(pids):
    assert pids
    deadline = time.monotonic() + 20
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_alive(pid) for pid in pids)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_damaged_image_leaves_finished_shards_and_consent_goes_on(tmp_path, official):
    train = ilsvrc.train_files()
    train[ilsvrc.SYNSETS[3]]["n03000684_28.JPEG"] = b"\xff\xd8rubbish"
    ilsvrc.write(tmp_path, train)
    files, classes = collect(official[0])
    out = tmp_path / "out"
    with pytest.raises(DataError, match=r"ILSVRC2012_img_train.tar: n03000684/n03000684_28.JPEG: a damaged image"):
        imagenet.write_split(out, "train", files, classes, imagenet.Options(4), "")
    notes = sorted(out.glob("*.partial.json"))
    assert len(notes) == 3 and len(list(out.iterdir())) == 6
    times = [path.stat().st_mtime_ns for path in notes]
    card = imagenet.write_split(out, "train", files, classes, imagenet.Options(4, skip_corrupt=True), "")
    assert card.count == 19 and card.made["per_class"] == [5, 5, 5, 4] and len(card.made["skipped"]) == 1
    kept = [(out / path.name.removesuffix(".partial.json")).stat().st_mtime_ns for path in notes]
    assert all(shard <= note for shard, note in zip(kept, times))
    with pytest.raises(DataError, match="a damaged image"):  # without consent what was skipped is not passed over
        imagenet.write_split(out, "train", files, classes, imagenet.Options(4), "")


def test_other_options_make_finished_shards_anew(tmp_path, official):
    files, classes = collect(official[0])
    out = tmp_path / "out"
    imagenet.write_split(out, "train", files, classes, imagenet.Options(2, (8, 9)), "")
    card = imagenet.write_split(out, "train", files, classes, imagenet.Options(2, (9, 8)), "")
    assert card.image_shape == (9, 8)


def test_shorter_side(tmp_path, official):
    files, classes = collect(official[1], class_file=official[2], classes=ilsvrc.SYNSETS)
    imagenet.write_split(tmp_path / "out", "val", files, classes, imagenet.Options(1, 10), "")
    _, found = read(tmp_path / "out" / "val")
    pictures, _ = ilsvrc.val_files()
    for feature in found:
        size = cv2.imdecode(np.frombuffer(pictures[text(feature, "file_name")], np.uint8), 1).shape[:2]
        got = cv2.imdecode(np.frombuffer(feature["image"].bytes_list.value[0], np.uint8), 1).shape[:2]
        assert min(got) == 10 and got == tuple(int(side * 10 / min(size) + 0.5) for side in size)
    with pytest.raises(DataError, match="got --resize_shorter, want --resize"):
        imagenet.Options(1, 10, "raw")


@pytest.mark.parametrize(
    "title, wanted, scale",
    [
        ("7 truck", "7 truck", 0.35),
        ("233 Bouvier des Flandres", "233 Bouvier des Flandres", 0.28),
        ("165 black-and-tan coonhound", "165 black-and-tan coon...", 0.28),
    ],
)
def test_titles_fit_below_their_images(title, wanted, scale):
    text, found = contact_sheet.fitting(title, 124)
    assert (text, found) == (wanted, scale)
    assert cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, found, 1)[0][0] <= 124


def test_the_sheet_shows_the_images_and_the_card_reads(tmp_path, official):
    files, classes = collect(official[0])
    card = imagenet.write_split(tmp_path, "train", files, classes, imagenet.Options(1, (128, 128)), "again")
    sheet = cv2.imread(str(tmp_path / "train.png"))
    assert sheet.shape == (4 * 144, 8 * 128, 3)
    _, found = read(tmp_path / "train")
    for place in (0, 9):  # the second stands in the second row
        data = found[place]["image"].bytes_list.value[0]
        top, left = place // 8 * 144, place % 8 * 128
        want = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        np.testing.assert_array_equal(sheet[top : top + 128, left : left + 128], want)
    assert (sheet[3 * 144 :] == 255).all()  # 20 images do not reach the last row
    said = (tmp_path / "train.md").read_text()
    assert "| 3 | n03000684 | chain saw, chainsaw | 5 |" in said and "| records | 20 |" in said and "CMYK" in said
    assert card.shards[0].sha256 in said and "`again`" in said


def test_a_list_of_caffe(tmp_path):
    for name in ("a/n01530575_1.JPEG", "a/n01440764_1.JPEG", "a/n01440764_2.JPEG"):
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(ilsvrc.jpeg(len(name)))
    path = tmp_path / "train.txt"
    path.write_text("a/n01530575_1.JPEG 1\na/n01440764_1.JPEG 0\na/n01440764_2.JPEG 0\n")
    files, classes = collect(path, f"{tmp_path}/")
    assert classes == ("n01440764", "n01530575")
    assert [(file.name, file.class_name) for file in files][:2] == [
        ("n01530575_1.JPEG", "n01530575"),
        ("n01440764_1.JPEG", "n01440764"),
    ]
    card = imagenet.write_split(tmp_path / "out", "train", files, classes, imagenet.Options(2), "")
    assert card.made["per_class"] == [2, 1]
    (tmp_path / "val.txt").write_text("x.jpg 1\n")
    assert collect(tmp_path / "val.txt", classes=classes)[0][0].class_name == "n01530575"
    (tmp_path / "val.txt").write_text("x.jpg 11\ny.jpg 2\n")  # no synsets: labels are their own names, in their order
    files, classes = collect(tmp_path / "val.txt")
    assert classes == tuple(map(str, range(12))) and [file.class_name for file in files] == ["11", "2"]
    (tmp_path / "val.txt").write_text("x.jpg 1\ny.jpg -2\n")
    with pytest.raises(DataError, match="val.txt:2: a label that is no class, got -2"):
        collect(tmp_path / "val.txt")


def test_a_damaged_image_that_a_list_names_twice(tmp_path):
    (tmp_path / "good.jpg").write_bytes(ilsvrc.jpeg(1))
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    (tmp_path / "list.txt").write_text("bad.jpg 0\ngood.jpg 0\ngood.jpg 0\nbad.jpg 0\n")
    files, classes = collect(tmp_path / "list.txt", f"{tmp_path}/")
    card = imagenet.write_split(tmp_path, "train", files, classes, imagenet.Options(2, skip_corrupt=True), "")
    assert card.made["per_class"] == [2] and len(card.made["skipped"]) == 2


def test_two_classes_for_one_image(tmp_path, official):
    (tmp_path / "list.txt").write_text("a.jpg 0\nb.jpg 1\na.jpg 0\na.jpg 1\n")
    with pytest.raises(DataError, match="list.txt:4: two classes for a.jpg, got 1, want 0 as in line 1"):
        collect(tmp_path / "list.txt")
    lines = [f"ILSVRC2012_val_{i + 1:08d}.JPEG 0\n" for i in range(7)]
    (tmp_path / "val.txt").write_text("".join([*lines, "x/ILSVRC2012_val_00000002.JPEG 3\n"]))
    with pytest.raises(DataError, match="val.txt:8: two classes for x/ILSVRC2012_val_00000002.JPEG, got 3, want 0"):
        collect(official[1], classes=ilsvrc.SYNSETS, class_file=tmp_path / "val.txt")


def test_the_whole_of_imagenet_gets_1024_and_128_shards():
    assert imagenet.shard_count(1_281_167, imagenet.SHARDS) == 1024
    assert imagenet.shard_count(50_000, imagenet.VAL_SHARDS) == 128
    assert [imagenet.shard_count(n, 128) for n in (1, 256, 257)] == [1, 1, 2]


def test_notes_that_do_not_fit_are_not_believed(tmp_path, official, monkeypatch):
    files, classes = collect(official[0])
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(imagenet.SplitWriter, "finish", lambda *args, **fields: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            imagenet.write_split(out, "train", files, classes, imagenet.Options(2), "")
    shard = out / "train-00001-of-00002.tfrecord.partial"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    note = out / "train-00000-of-00002.tfrecord.partial.json"
    assert json.loads(note.read_text())["counts"]
    note.write_text("{}")
    card = imagenet.write_split(out, "train", files, classes, imagenet.Options(2), "")
    assert not card.made["skipped"] and card.count == 20
    records.check_shards(out / "train", card, contents=True)


def test_sample_images_pass(tmp_path, shared):
    folder = shared / "imagenet_sample"
    if not folder.is_dir():
        pytest.skip("no sample of ImageNet")
    some = sorted(folder.glob("n*.JPEG"))[:6]
    inner = {f"{path.name[:9]}.tar": ilsvrc.tar({path.name: path.read_bytes()}) for path in some}
    (tmp_path / "train.tar").write_bytes(ilsvrc.tar(inner))
    files, classes = collect(tmp_path / "train.tar")
    imagenet.write_split(tmp_path, "train", files, classes, imagenet.Options(2), "")
    assert contact_sheet.paths(tmp_path / "train")[1].stat().st_size > 10_000
    _, found = read(tmp_path / "train")
    assert [f["image"].bytes_list.value[0] for f in found] == [path.read_bytes() for path in some]
