"""LeNet's training speed and start-up next to a hand-written TensorFlow loop, as a table.

  python -m benchmarks.lenet [--rounds=7] [--iterations=200] [--starts=3]

The two take turns in one process, so that both see the same machine; the ratio is taken pair by pair. Ours reads MNIST
from TFRecords through the whole pipeline (`python -m data_prep.mnist` first), the peer has its images in memory.
Start-up is from the start of the process to the end of the first iteration, ours with its TFRecords, log and directory.
"""

import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

from absl import flags

from zoo import command

ROUNDS = flags.DEFINE_integer("rounds", 7, "How many turns each takes.", lower_bound=1)
ITERATIONS = flags.DEFINE_integer("iterations", 200, "Iterations a turn.", lower_bound=1)
STARTS = flags.DEFINE_integer("starts", 3, "How many starts of each; 0 leaves start-up out.", lower_bound=0)
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where mnist/train lies.")
CONFIG = "configs/lenet.prototxt"


def main():
    """Times and prints."""
    command.quiet_tensorflow()
    import tensorflow as tf

    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, TensorFlow {tf.__version__}")
    print("| what | ours | by hand | ratio (median of pairs) |\n|---|---|---|---|")
    ours, peer = zip(*_speed())
    ratio = statistics.median(a / b for a, b in zip(ours, peer))
    print(f"| iterations/s | {statistics.median(ours):.1f} | {statistics.median(peer):.1f} | {ratio:.3f} |", flush=True)
    if STARTS.value:
        ours, peer = zip(*_starts())
        ratio = statistics.median(a / b for a, b in zip(ours, peer))
        print(f"| start-up, s | {statistics.median(ours):.2f} | {statistics.median(peer):.2f} | {ratio:.3f} |")


def _speed():
    import numpy as np

    from benchmarks.hand_written import HandWritten
    from zoo.converters.solver import solver_def
    from zoo.formats import prototxt
    from zoo.training.session import Session
    from zoo.training.step import TrainStep

    session = Session(solver_def(prototxt.read_solver(CONFIG)), DATA_DIR.value)
    step, batches = TrainStep(session.nets.train, session.nets.optimizer), session.train_batches()
    in_memory = [next(batches) for _ in range(64)]
    images, labels = (np.concatenate([b[i].numpy() for b in in_memory]) for i in (0, 1))
    peer = HandWritten(images, labels)
    sides = (lambda n: step(batches, n)[0].numpy()), peer.run
    for side in sides:
        side(30)
    for turn in range(ROUNDS.value):
        rates = [0.0, 0.0]
        for k in (0, 1) if turn % 2 == 0 else (1, 0):  # neither always follows the other
            began = time.perf_counter()
            sides[k](ITERATIONS.value)
            rates[k] = ITERATIONS.value / (time.perf_counter() - began)
        yield rates


def _starts():
    with tempfile.TemporaryDirectory() as folder:
        changes = "--set=max_iter: 1 display: 1 snapshot_after_train: false test_initialization: false"
        for turn in range(STARTS.value + 1):
            run_dir = pathlib.Path(folder, str(turn))
            commands = (
                ["zoo.train", f"--config={CONFIG}", f"--data_dir={DATA_DIR.value}", f"--run_dir={run_dir}", changes],
                ["benchmarks.hand_written"],
            )
            seconds = []
            for command_line in commands:
                began = time.perf_counter()
                subprocess.run([sys.executable, "-m", *command_line], check=True, capture_output=True)
                seconds.append(time.perf_counter() - began)
            if turn:  # the first warms the disk's cache
                yield seconds


if __name__ == "__main__":
    command.run(main)
