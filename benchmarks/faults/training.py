"""Faults of a training run: it is killed, told to stop in a storm, its disk fills, its files rot, its clock jumps.

The net is small and has all that a checkpoint has to hold: crops and mirrors, Dropout, BatchNorm's sums, Adam's
moments, batches that add up, a rate that drops in steps, a test net with a cursor of its own.
"""

import functools
import re
import shutil
import signal
import subprocess
import time

from benchmarks.faults.matrix import Row, Skip, one_error, scenario
from tests.training import runs
from tests.training.fork_server import ForkServer

LIMIT = 240  # seconds in which any of these runs has to end; unloaded they take 3
LAST = 120  # max_iter
EVERY = 3  # iterations between checkpoints
SOLVER = f"""
random_seed: 11 type: "Adam" base_lr: 0.01 momentum: 0.9 weight_decay: 0.001 iter_size: 2 average_loss: 5
lr_policy: "multistep" gamma: 0.7 stepvalue: 31 stepvalue: 77
max_iter: {LAST} display: 1 test_iter: 2 test_interval: 10 snapshot: {EVERY}
net_param {{
  name: "tried"
  layer {{ name: "in" type: "Data" top: "data" top: "label" include {{ phase: TRAIN }}
    transform_param {{ scale: 0.01 crop_size: 10 mirror: true }} data_param {{ source: "small/train" batch_size: 7 }} }}
  layer {{ name: "in" type: "Data" top: "data" top: "label" include {{ phase: TEST }}
    transform_param {{ scale: 0.01 crop_size: 10 }} data_param {{ source: "small/test" batch_size: 6 }} }}
  layer {{ name: "conv" type: "Convolution" bottom: "data" top: "conv"
    convolution_param {{ num_output: 6 kernel_size: 3 stride: 2 weight_filler {{ type: "xavier" }} }} }}
  layer {{ name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }}
  layer {{ name: "relu" type: "ReLU" bottom: "conv" top: "conv" }}
  layer {{ name: "drop" type: "Dropout" bottom: "conv" top: "conv" dropout_param {{ dropout_ratio: 0.3 }} }}
  layer {{ name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
    inner_product_param {{ num_output: 4 weight_filler {{ type: "gaussian" std: 0.1 }} }} }}
  layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }}
}}
"""


class Trainer:
    """Starts and compares runs of one config on one made-up dataset, all in the campaign's directory."""

    def __init__(self, campaign):
        self.folder, self.server = campaign.folder, campaign.server
        runs.make_data(self.folder)
        (self.folder / "tried.prototxt").write_text(SOLVER)

    def start(self, run_dir, *args):
        """Starts the trainer in `run_dir`; returns its process."""
        paths = [f"--config={self.folder}/tried.prototxt", f"--data_dir={self.folder}"]
        return self.server.start(*paths, f"--run_dir={self.folder / run_dir}", "--nosummaries", *args)

    def finish(self, run_dir, *args):
        """Runs it to its end; returns (seconds, process)."""
        began = time.monotonic()
        process = self.start(run_dir, *args)
        process.wait(LIMIT)
        return time.monotonic() - began, process

    @functools.cached_property
    def whole(self):
        """All that an undisturbed run ends in."""
        seconds, process = self.finish("whole")
        if process.returncode:
            raise ChildProcessError(f"an undisturbed run failed: {process.stderr}")
        self.seconds = seconds
        return self._end("whole")

    def differs(self, run_dir):
        """Returns how the end of a run differs from that of an undisturbed one, or None where all bits are equal."""
        want, got = self.whole, self._end(run_dir)
        try:
            runs.same(want[0], got[0])
        except AssertionError as error:
            return f"the last checkpoint is another: {str(error).splitlines()[0]}"
        return None if want[1] == got[1] else "the last .caffemodel is another"

    def judge(self, row, seconds, process, run_dir):
        """Counts how a process ended that has to end well or with one error."""
        if process.returncode:
            row.error(seconds, one_error(process.returncode, process.stderr))
        elif why := self.differs(run_dir):
            row.wrong(seconds, why)
        else:
            row.equal(seconds)

    def _end(self, run_dir):
        model = self.folder / run_dir / "snapshots" / f"tried_iter_{LAST}.caffemodel"
        return runs.saved(self.folder / run_dir, LAST), model.read_bytes()

    def remove(self, run_dir):
        """Removes a run directory."""
        shutil.rmtree(self.folder / run_dir, ignore_errors=True)


def _disturbed(campaign, disturb, at_once=20):
    """Disturbs runs again and again, at most `at_once` times each, lets each end and compares what it ends in.

    Args:
        disturb: called with a running process and the seconds of an undisturbed run; returns once the process has
            ended. Returns what is wrong, or None.
    """
    trainer, row, number = Trainer(campaign), Row(), 0
    _ = trainer.whole
    while row.tried < campaign.count and not (row.tried and campaign.late):
        campaign.progress(row.tried)
        name, number, done, process = f"run{number}", number + 1, 0, None
        while done < min(at_once, campaign.count - row.tried) and not (done and campaign.late):
            began = time.monotonic()
            process = trainer.start(name)
            why = disturb(process, trainer.seconds)
            if why:
                row.wrong(time.monotonic() - began, why)
            elif process.returncode == 0 and f"Done at iteration {LAST}." in process.stdout:
                break
            else:
                done += 1
        seconds, process = trainer.finish(name)
        if process.returncode:
            row.wrong(seconds, f"does not go on: ...{process.stderr[-400:]}", done)
        elif why := trainer.differs(name):
            row.wrong(seconds, why, done)
        else:
            row.equal(seconds, done)
        trainer.remove(name)
    return row


@scenario(count=100)
def killed(campaign):
    """kill -9 of zoo.train at a random moment, then the same command again."""

    def disturb(process, whole):
        _until(process, campaign.rng.uniform(0, whole * 0.95))
        _signal(process, signal.SIGKILL)
        return None if process.wait(LIMIT) in (-signal.SIGKILL, 0) else process.stderr[-400:]

    return _disturbed(campaign, disturb)


@scenario(count=20)
def signalled(campaign):
    """A storm of SIGINT, SIGTERM and SIGHUP at a random moment, then the same command again."""

    def disturb(process, whole):
        rng = campaign.rng
        _until(process, rng.uniform(whole * 0.2, whole * 0.8))
        for _ in range(rng.randrange(2, 12)):
            _signal(process, rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
            time.sleep(rng.choice([0, 0, 0.01, 0.1]))
        _signal(process, signal.SIGTERM)
        # -SIGTERM and -SIGHUP: the signal came before the run had begun, and nothing was lost.
        good = (0, 130, 143, -signal.SIGTERM, -signal.SIGHUP)
        if process.wait(LIMIT) not in good or "Traceback" in process.stderr:
            return f"exit code {process.returncode}: ...{process.stderr[-400:]}"
        return None

    return _disturbed(campaign, disturb, at_once=5)


def _signal(process, number):
    if process.poll() is None:  # what has ended and is not waited for yet can still be signalled
        process.send_signal(number)


def _until(process, seconds):
    """Waits some seconds, or for the end of a process."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def _mounted(campaign, name, size):
    """Makes a disk of `size` kB in the campaign's directory; returns its path."""
    folder = campaign.folder / name
    folder.mkdir()
    made = _mount("-t", "tmpfs", "-o", f"size={size}k", "tmpfs", folder)
    if made.returncode:
        raise Skip(f"a small disk cannot be mounted: {made.stderr.strip()}")
    campaign.stack.callback(subprocess.run, ["umount", "-l", folder], capture_output=True)
    return folder


def _mount(*args):
    return subprocess.run(["mount", *map(str, args)], capture_output=True, text=True)


@scenario(count=24)
def disk_full(campaign):
    """The disk of the run directory is full after 4 kB more each time; then it is enlarged and the command repeated."""
    trainer, failed, after = Trainer(campaign), Row("a disk that fills up"), Row("the same, enlarged, resumes")
    for number in campaign.tries():
        size = 4 + 4 * number
        disk = _mounted(campaign, f"disk{number}", size)
        run = f"{disk.name}/run"
        seconds, process = trainer.finish(run)
        trainer.judge(failed, seconds, process, run)
        partial = [p.name for p in disk.rglob("*") if p.name.endswith((".partial", ".tmp")) or "_temp" in p.name]
        if partial:
            failed.wrong(seconds, f"{size} kB: left behind {partial}")
        _mount("-o", "remount,size=64m", disk)
        seconds, process = trainer.finish(run)
        trainer.judge(after, seconds, process, run)
        if process.returncode:
            after.wrong(seconds, f"does not go on after {size} kB: {process.stderr[-300:]}")
        subprocess.run(["umount", disk], capture_output=True)
    return [failed, after]


@scenario(count=8)
def read_only(campaign):
    """The run directory becomes read-only at a random moment; then writable, and the same command again."""
    trainer, failed, after = Trainer(campaign), Row("becomes read-only"), Row("the same, writable again, resumes")
    _ = trainer.whole
    for number in campaign.tries():
        run = f"run{number}"
        folder = trainer.folder / run
        folder.mkdir()
        began = time.monotonic()
        process = trainer.start(run)
        _until(process, campaign.rng.uniform(0.1, 0.9) * trainer.seconds)
        made = _mount("--bind", folder, folder)  # what is open stays as it is; what is opened from now on is refused
        if made.returncode:
            process.send_signal(signal.SIGKILL)
            process.wait(LIMIT)
            raise Skip(f"folders cannot be mounted: {made.stderr.strip()}")
        try:
            _mount("-o", "remount,bind,ro", folder)
            process.wait(LIMIT)
        finally:
            subprocess.run(["umount", "-l", folder], capture_output=True)
        trainer.judge(failed, time.monotonic() - began, process, run)
        seconds, process = trainer.finish(run)
        trainer.judge(after, seconds, process, run)
        if process.returncode:
            after.wrong(seconds, f"does not go on: {process.stderr[-300:]}")
    return [failed, after]


@scenario(count=48)
def rotten(campaign):
    """A checkpoint is damaged between two runs: bits flipped, cut short, emptied, a file of it missing."""
    trainer, rng = Trainer(campaign), campaign.rng
    _ = trainer.whole
    half = LAST // 2 // EVERY * EVERY
    _, process = trainer.finish("half", f"--set=max_iter: {half}")
    if process.returncode:
        raise ChildProcessError(process.stderr)
    kinds = {kind.__name__.strip("_").replace("_", " "): kind for kind in (_flip_a_bit, _cut, _empty, _remove)}
    files = [f"ckpt-{half}.data-00000-of-00001", f"ckpt-{half}.index", "checkpoint"]
    rows = {(kind, file): Row(f"{kind}: {file.replace(str(half), 'N')}") for kind in kinds for file in files}
    for number in campaign.tries():
        kind, file = list(rows)[number % len(rows)]
        shutil.copytree(trainer.folder / "half", trainer.folder / "rotten")
        kinds[kind](trainer.folder / "rotten" / "checkpoints" / file, rng)
        seconds, process = trainer.finish("rotten")
        trainer.judge(rows[kind, file], seconds, process, "rotten")
        trainer.remove("rotten")
    return [row for row in rows.values() if row.tried]


def _flip_a_bit(path, rng):
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def _cut(path, rng):
    data = path.read_bytes()
    path.write_bytes(data[: rng.randrange(1, len(data))])


def _empty(path, rng):
    path.write_bytes(b"")


def _remove(path, rng):
    path.unlink()


JUMPING = """
import pathlib, time
def jumping(was, unit):
    return lambda: was() + int(pathlib.Path({file!r}).read_text() or 0) * unit
time.time, time.time_ns = jumping(time.time, 1), jumping(time.time_ns, 10**9)
"""


@scenario(count=8)
def clock(campaign):
    """The clock that Python sees jumps by up to ten years, back or forth, at random moments."""
    trainer, row, now = Trainer(campaign), Row(), campaign.folder / "now"
    _ = trainer.whole  # with the clock as it is
    now.write_text("0")
    (campaign.folder / "python").mkdir()
    (campaign.folder / "python" / "sitecustomize.py").write_text(JUMPING.format(file=str(now)))
    trainer.server = campaign.stack.enter_context(ForkServer(campaign.folder / "python"))
    for number in campaign.tries():
        run, began = f"run{number}", time.monotonic()
        process = trainer.start(run)
        while process.poll() is None and time.monotonic() < began + LIMIT:
            now.write_text(str(campaign.rng.randrange(-315360000, 315360000)))
            time.sleep(campaign.rng.uniform(0, 0.4))
        process.wait(1)
        seconds = time.monotonic() - began
        if len(set(re.findall(r"^I(\d{4}) ", process.stderr, re.MULTILINE))) < 3:
            raise ChildProcessError("its log has too few dates: the clock did not jump")
        if process.returncode:
            row.wrong(seconds, f"a clock ended a run: {process.stderr[-300:]}")
        else:
            trainer.judge(row, seconds, process, run)
    return row
