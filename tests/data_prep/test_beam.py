"""Shards made on Apache Beam: the same bytes in several processes, whole after a kill, errors of ours as they are."""

import contextlib
import functools
import logging
import os
import pathlib
import pickle
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from data_prep import beam, dask_cluster, imagenet, leftovers, shards
from data_prep.image_files import collect
from tests.data_prep import ilsvrc
from tests.data_prep.test_ilsvrc import wait_until_gone
from tests.data_prep.test_imagenet import ROOT
from tests.data_prep.waiting import Waiting
from zoo.errors import DataError

ARGS = [sys.executable, "-m", "data_prep.imagenet", "--runner=DirectRunner", "--processes=2"]


@pytest.fixture
def needs_beam():
    pytest.importorskip("apache_beam", reason="needs Apache Beam: pip install -r requirements-beam.txt")


@pytest.fixture
def official(tmp_path):
    pytest.importorskip("PIL.Image", reason="needs Pillow to make a CMYK image")
    return ilsvrc.write(tmp_path)


def wait_for(what, seconds=240):
    deadline = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found, what
    return found


def digests(card):
    return [(shard.name, shard.count, shard.sha256) for shard in card.shards]


def test_the_same_shards_as_by_any_number_of_processes(tmp_path, official, needs_beam):
    files, classes = collect(official[0])
    files = imagenet.images.shuffled(files, 0)
    made = {}
    for name, options in (
        ("one", imagenet.Options(4)),
        ("four", imagenet.Options(4, processes=4)),
        ("beam", imagenet.Options(4, beam=beam.options("DirectRunner", None, 2))),
    ):
        made[name] = imagenet.write_split(tmp_path / name, "train", files, classes, options, "")
        imagenet.records.check_shards(tmp_path / name / "train", made[name], contents=True)
    assert made["one"].count == 20 and made["one"] == made["four"] == made["beam"]
    assert len({path.name for name in made for path in (tmp_path / name).glob("*.tfrecord")}) == 4
    assert not [path.name for path in (tmp_path / "beam").iterdir() if re.search(r"^\.|partial|log", path.name)]


def reader(path):
    """Returns the id of another process that has the pipe at `path` open, or None."""
    for handle in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if os.readlink(handle) == str(path) and handle.parts[2] != str(os.getpid()):
                return handle.parts[2]
    return None


class Stuck:
    """Sixteen shards of an image each; whoever reads every other one waits, and can be found."""

    def __init__(self, folder):
        (folder / "all" / "c0").mkdir(parents=True)
        for i in range(16):
            (folder / "all" / "c0" / f"{i}.JPEG").write_bytes(ilsvrc.jpeg(i, 20 + i, 20))
        self.files, self.classes = collect(folder / "all")
        self.files = imagenet.images.shuffled(self.files, 0)
        self.out, self.waiting = folder / "out", Waiting(folder, [file.path for file in self.files[1::2]])
        (folder / "val" / "c0").mkdir(parents=True)
        (folder / "val" / "c0" / "1.JPEG").write_bytes(ilsvrc.jpeg(1))
        imagenet.write_split(
            self.out, "val", *collect(folder / "val"), imagenet.Options(1), ""
        )  # is already complete then
        args = [f"--source={folder}/all", f"--val_source={folder}/val", f"--output_dir={self.out}", "--shards=16"]
        self.command = [*ARGS, *args, "--val_shards=1"]
        self.run, self.ends = None, {}

    def start(self):
        """Starts the command; returns the ids of two processes that waited at once, when a shard is finished.

        Beam deals the shards at random: one of the two is let go on until it has come to a shard without pipe.
        """
        self.run = subprocess.Popen(self.command, cwd=ROOT, env=self.waiting.env, stderr=subprocess.PIPE, text=True)
        workers = wait_for(lambda: len(found := self._readers()) == 2 and found)
        going = min(workers)
        while not self.finished():
            path = self._readers().get(going)
            if path:
                os.close(self.ends[path])
                self.ends[path] = None
            time.sleep(0.1)
        return list(workers)

    def finished(self):
        """Returns the notes of the shards that have no pipe."""
        return [path for path in self.out.glob("*.partial.json") if int(path.name.split("-")[1]) % 2 == 0]

    def _readers(self):
        """Returns {id of a process: the pipe that it waits at}."""
        assert self.run.poll() is None, self.run.stderr.read()
        for path in set(self.waiting.pipes.values()) - self.ends.keys():
            with contextlib.suppress(OSError):  # nobody reads
                self.ends[path] = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        return {pid: path for path, end in self.ends.items() if end is not None and (pid := reader(path))}

    def end(self):
        if self.run:
            self.run.kill()
            self.run.wait()
            self.run.stderr.close()
        for end in filter(None, self.ends.values()):
            os.close(end)
        self.ends = {}


@pytest.fixture
def stuck(tmp_path, needs_beam):
    stuck = Stuck(tmp_path)
    yield stuck
    stuck.end()


@pytest.mark.slow
def test_killed_run_goes_on(tmp_path, stuck):
    """The command is killed while two worker processes wait; both end with it, what was finished is kept."""
    workers = stuck.start()
    said = [pathlib.Path(f"/proc/{pid}/cmdline").read_text() for pid in workers]
    stuck.run.kill()
    assert len(workers) == 2 and all("sdk_worker_main" in line for line in said)
    wait_until_gone(workers)
    stuck.end()
    assert list(stuck.out.glob(".beam-*")) and list(stuck.out.glob(".draft-*"))
    kept = {path: path.with_suffix("").stat() for path in stuck.out.glob("*.partial.json")}  # those let go on as well
    stuck.waiting.end()
    done = subprocess.run(stuck.command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "apache" not in done.stderr
    assert f"train: {len(kept)} of 16 shards were finished by an earlier run." in done.stdout
    for path, before in kept.items():
        after = (stuck.out / path.name.removesuffix(".partial.json")).stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    card = imagenet.write_split(tmp_path / "other", "train", stuck.files, stuck.classes, imagenet.Options(16), "")
    assert digests(card) == digests(imagenet.records.read_card(stuck.out / "train"))
    assert not [path.name for path in stuck.out.iterdir() if re.search(r"^\.|partial|log", path.name)]


@pytest.mark.slow
def test_a_worker_that_is_killed_is_an_error(stuck):
    workers = stuck.start()
    os.kill(int(workers[0]), signal.SIGKILL)
    assert stuck.run.wait(60) == 1
    said = stuck.run.stderr.read()
    error = said.splitlines()[-1]
    assert error.startswith("error: the pipeline of --runner=DirectRunner ended early, got RuntimeError: Worker ")
    assert f"all that it said is in {stuck.out}/train.beam.log" in error and "Traceback" not in said
    assert "Traceback" in (stuck.out / "train.beam.log").read_text()
    wait_until_gone(workers)
    assert not list(stuck.out.glob(".[bl]*"))


def test_a_damaged_image_is_one_error(tmp_path, official, needs_beam):
    train = ilsvrc.train_files()
    train[ilsvrc.SYNSETS[3]]["n03000684_28.JPEG"] = b"\xff\xd8rubbish"
    ilsvrc.write(tmp_path, train)
    files, classes = collect(official[0])
    options = imagenet.Options(4, beam=beam.options("DirectRunner", "", 2))
    out = tmp_path / "out"
    with pytest.raises(DataError) as caught:
        imagenet.write_split(out, "train", files, classes, options, "")
    said = "ILSVRC2012_img_train.tar: n03000684/n03000684_28.JPEG: a damaged image, got Invalid JPEG data, size 9"
    assert str(caught.value) == f"{tmp_path}/{said}"
    names = sorted(path.name for path in out.iterdir())
    assert names and all(re.fullmatch(r"train-0000[012]-of-00004.tfrecord.partial(.json)?", name) for name in names)


def jobs(folder, number=2):
    """Returns the jobs of `number` shards of one class of six images."""
    (folder / "c0").mkdir()
    for i in range(6):
        (folder / "c0" / f"{i}.JPEG").write_bytes(ilsvrc.jpeg(i))
    files, classes = collect(folder)
    bounds = [6 * i // number for i in range(number + 1)]
    (folder / "out").mkdir()
    return list(imagenet._jobs(folder / "out", "train", files, classes, imagenet.Options(number), bounds))


def test_a_shard_made_twice_at_once(tmp_path):
    """As runners do that try again what they believe lost."""
    job, notes = jobs(tmp_path)[0], []
    threads = [threading.Thread(target=lambda: notes.append(shards.make(job))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(notes) == 4 and len({note.shard for note in notes}) == 1
    assert shards.make(job).resumed
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_work_leaves_a_note_or_an_error_and_stops_at_one(tmp_path):
    good, bad = jobs(tmp_path)
    bad.files[0].path.write_bytes(b"rubbish")
    with beam._run_folder(str(tmp_path / "out"), [good, bad]) as run:
        beam.work(str(run / "00000.job"))
        beam.work(str(run / "00001.job"))
        (run / "00000.note").rename(run / "kept")
        beam.work(str(run / "00000.job"))
        assert sorted(path.name for path in run.iterdir()) == ["00000.job", "00001.job", "error", "kept"]
        assert beam._get(run / "kept", shards.Note.from_json).shard.count == 3
        error = beam._get(run / "error", beam._error)
        assert type(error) is DataError and str(error).startswith(f"{bad.files[0].path}: an image that does not dec")
    with pytest.raises(DataError, match="does not see what the command wrote, got No such file .* have to lie on stor"):
        beam.work(str(run / "00000.job"))


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("text", ["pickle", "", "[1]", "{}", '{"files": 3, "resize": null}', '{"files": [[1]]}'])
def test_a_job_that_somebody_else_wrote_runs_nothing(tmp_path, text):
    """The directory lies on storage that others may share."""
    data = pickle.dumps(Evil(str(tmp_path / "ran"))) if text == "pickle" else text.encode()
    (tmp_path / "00000.job").write_bytes(data)
    with pytest.raises(DataError, match="00000.job: not what this command writes, got .*another process is writing"):
        beam.work(str(tmp_path / "00000.job"))
    assert [path.name for path in tmp_path.iterdir()] == ["00000.job"]


@pytest.mark.parametrize("data", [b"\xff" * 10**6, b"[" * 10**6, b'{"files": 3, "' + b"x" * 10**6 + b'": 3}'])
def test_what_is_said_of_a_strange_job_is_short(tmp_path, data):
    (tmp_path / "00000.job").write_bytes(data)
    with pytest.raises(DataError) as caught:
        beam.work(str(tmp_path / "00000.job"))
    assert len(str(caught.value)) < len(str(tmp_path)) + 400


def test_jobs_and_notes_as_text(tmp_path):
    job = jobs(tmp_path)[0]
    member = job.files[0]._replace(member="a/\udce9.JPEG", offset=3, size=4)  # a name that is not UTF-8
    for one in (job, job._replace(resize=(3, 4)), job._replace(resize=7, files=[member])):
        assert shards.Job.from_json(one.to_json()) == one
    note = shards.make(job)
    for one in (note, note._replace(image_shape=None, skipped=["x"], resumed=True)):
        assert shards.Note.from_json(one.to_json()) == one


@pytest.mark.parametrize(
    "log, said",
    [
        ("x\nzoo.errors.DataError: a: damaged, got b [while running 'Make']\nmore\n", "^a: damaged, got b$"),
        (
            "Traceback\n\nValueError: no region\n",
            r"the pipeline of --runner=X ended early, got ValueError: no region \(",
        ),
        ("", r"got no word \(all that it said is in \S+out/train.beam.log"),
    ],
)
def test_pipelines_that_end_early(tmp_path, monkeypatch, log, said):
    """A process that says `log` stands in for the pipeline."""
    monkeypatch.setattr(beam.subprocess, "Popen", functools.partial(stand_in, log, beam.subprocess.Popen))
    made = beam.make_all(jobs(tmp_path), ["--runner=X"])
    with pytest.raises(DataError, match=said):
        list(made)
    assert (tmp_path / "out" / "train.beam.log").read_text() == log
    assert not list((tmp_path / "out").glob(".*"))


def stand_in(log, popen, command, code=1, **how):
    return popen([sys.executable, "-c", f"import sys; sys.stderr.write({log!r}); sys.exit({code})"], **how)


def test_success_with_shards_left_out(tmp_path, monkeypatch, capsys):
    """As of a runner that computes a part of the pipeline only: what it says is no measure of what is there."""
    log = f"notice: two workers\nnothing\n{dask_cluster.NOTICE}one is gone\n"
    made = functools.partial(stand_in, log, beam.subprocess.Popen, code=0)
    monkeypatch.setattr(beam.subprocess, "Popen", made)
    monkeypatch.setattr(beam, "LATE", 0)
    with pytest.raises(
        DataError, match=r"--runner=X reports success, and left shards out, got 0 of 2 shards \(all that"
    ):
        list(beam.make_all(jobs(tmp_path), ["--runner=X"]))
    assert capsys.readouterr().err == "train: two workers\ntrain: one is gone\n"


def test_what_lies_there_of_killed_runs(tmp_path):
    all_jobs = jobs(tmp_path)
    with beam._run_folder(str(tmp_path / "out"), all_jobs), shards._draft(tmp_path / "out"):
        assert len(list((tmp_path / "out").iterdir())) == 2
        leftovers.remove(leftovers.shared(tmp_path / "out"))
        assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    "runner, text, said",
    [
        (
            "DirectRuner",
            "",
            r'is not a runner that Apache Beam knows, got DirectRuner, .*DirectRunner.* \(did you mean "DirectRunner',
        ),
        ("DirectRunner", "--direct_num_worker=2", r'got --direct_num_worker \(did you mean "direct_num_workers"'),
        ("DirectRunner", "--direct_num_workers=x", "does not take, got argument --direct_num_workers: invalid int"),
        ("FlinkRunner", "plain", "--beam_options, got plain, want --name=value"),
        ("FlinkRunner", "--runner=DirectRunner", "got --runner=DirectRunner, .* the runner by --runner"),
        ("FlinkRunner", "--a='b", "cannot be read, got --a='b"),
    ],
)
def test_options_that_are_none(needs_beam, runner, text, said):
    with pytest.raises(DataError, match=said):
        beam.options(runner, text, 2)
    assert logging.root.manager.disable == logging.NOTSET


def test_options(needs_beam):
    direct = ["--direct_running_mode=multi_processing", "--direct_num_workers=3"]
    assert beam.options("DirectRunner", None, 3)[:3] == ["--runner=DirectRunner", *direct]
    assert beam.options("DirectRunner", "--direct_num_workers=5", 3)[-1] == "--direct_num_workers=5"
    given = ["--flink_master=h:1", "--parallelism=64"]  # the second is known to the server only
    assert beam.options("FlinkRunner", " ".join(given), 3) == ["--runner=FlinkRunner", *given]


def test_without_beam(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "apache_beam"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(DataError, match=r"DirectRunner needs Apache Beam, .*\(pip install -r requirements-beam.txt\)"):
        beam.options("DirectRunner", None, 2)
