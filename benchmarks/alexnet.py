"""One training step of AlexNet next to peers written by hand: forward, backward and update, as a table.

  python -m benchmarks.alexnet [--batch=32] [--rounds=5] [--groups] [--update] [--profile=20]

All take turns in one process on one batch in memory, so that they see the same machine: ours from the config, Keras
with a loop of its own (groups as two convolutions; --groups adds Keras's `groups=2`), and PyTorch where it is there.
Seconds are those of the processor, of all threads, next to the clock's: on a machine with other work only they say what
a step costs. --update times the update alone next to a plain copy of as many bytes. --profile prints the operations of
one step of ours that took longest.
"""

import importlib.util
import os
import pathlib
import platform
import statistics
import tempfile
import time
from collections import Counter

import numpy as np
from absl import flags

from zoo import command

BATCH = flags.DEFINE_integer("batch", 32, "Images a step.", lower_bound=1)
ROUNDS = flags.DEFINE_integer("rounds", 5, "How many turns each takes.", lower_bound=1)
GROUPS = flags.DEFINE_bool("groups", False, "Time Keras's groups=2 too.")
PEERS = flags.DEFINE_bool("peers", True, "Time the peers.")
UPDATE = flags.DEFINE_bool("update", False, "Time the update alone, and a copy.")
PROFILE = flags.DEFINE_integer("profile", 0, "How many operations of our step to list.", lower_bound=0)
CONFIG = "configs/alexnet.prototxt"


class Ours:
    """The step of the config, on a batch in memory."""

    def __init__(self, images, labels):
        import tensorflow as tf

        from zoo.converters.build import build
        from zoo.converters.solver import optimizer, solver_def
        from zoo.formats import prototxt
        from zoo.netdef.config import open_net
        from zoo.training.step import TrainStep

        solver = solver_def(prototxt.read_solver(CONFIG))
        n = len(images)
        definition = open_net(solver.train)
        shapes = {definition.layers[0].tops[0]: ((n, 3, *images.shape[1:3]), (n,))}
        net = build(definition, shapes, seed=1)
        self._step = TrainStep(net, optimizer(solver, net.learnable()))
        batches = tf.data.Dataset.from_tensors((images, labels.astype(np.float32))).repeat()
        self._batches = iter(batches)
        self.forward = lambda: self._step.forward(self._batches)
        self.both = tf.function(lambda: self._step._backward(next(self._batches)), autograph=False)
        zeros = [tf.zeros(v.shape) for v in self._step.variables]
        self.update = tf.function(lambda: self._step._update(zeros))
        self.bytes = sum(v.value.shape.num_elements() * 4 for v in self._step.variables)

    def step(self):
        """One iteration."""
        return self._step(self._batches, 1)


def main():
    """Times and prints."""
    command.quiet_tensorflow()
    import tensorflow as tf

    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, TensorFlow {tf.__version__}")
    rng = np.random.default_rng(0)
    images = rng.uniform(-120, 130, (BATCH.value, 227, 227, 3)).astype(np.float32)
    labels = rng.integers(0, 1000, BATCH.value).astype(np.int32)
    ours = Ours(images, labels)
    if PROFILE.value:
        _profile(ours)
    if UPDATE.value:
        _update(ours)
    if PEERS.value:
        _table({"ours": ours, **_peers(images, labels)})


def _peers(images, labels):
    from benchmarks.hand_written_alexnet import InKeras, InPyTorch

    found = {"Keras by hand, groups split": InKeras(images, labels, split=True)}
    if GROUPS.value:
        found["Keras by hand, groups=2"] = InKeras(images, labels, split=False)
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(os.cpu_count())
        found[f"PyTorch {torch.__version__}"] = InPyTorch(np.ascontiguousarray(images.transpose(0, 3, 1, 2)), labels)
    return found


def _seconds(function):
    """Returns (by the clock, of the processor) for one call."""
    clock, processor = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - clock, time.process_time() - processor


def _table(sides):
    parts = {(name, part): getattr(side, part) for name, side in sides.items() for part in ("forward", "both", "step")}
    found = {key: [] for key in parts}
    for function in parts.values():
        function()
        function()
    for _ in range(ROUNDS.value):
        for key, function in parts.items():
            found[key].append(_seconds(function))
    print("| step | images/s | processor s/step | forward | backward | update | next to ours, median of pairs |")
    print("|---|---|---|---|---|---|---|")
    first = next(iter(sides))
    for name in sides:
        forward, both, step = ([p for _, p in found[name, part]] for part in ("forward", "both", "step"))
        whole = statistics.median(step)
        shares = statistics.median(forward), statistics.median(both), whole
        forward, backward, update = shares[0], shares[1] - shares[0], shares[2] - shares[1]
        rate = BATCH.value / statistics.median(c for c, _ in found[name, "step"])
        ratio = statistics.median(b[1] / a[1] for a, b in zip(found[first, "step"], found[name, "step"]))
        share = " | ".join(f"{100 * part / whole:.0f} %" for part in (forward, backward, update))
        print(f"| {name} | {rate:.1f} | {whole:.2f} | {share} | {ratio:.2f} |", flush=True)


def _update(ours):
    source, target = np.ones(ours.bytes // 4, np.float32), np.zeros(ours.bytes // 4, np.float32)
    sides = {"update": (ours.update, 5), "copy": (lambda: np.copyto(target, source), 2)}
    for function, _ in sides.values():
        function()
    times = {name: [] for name in sides}
    for _ in range(max(ROUNDS.value, 9)):
        for name, (function, _) in sides.items():
            times[name].append(_seconds(function))
    print("| what | ms | processor ms | GB/s |\n|---|---|---|---|")
    for name, (_, streams) in sides.items():
        clock, processor = (min(column) for column in zip(*times[name]))
        rate = streams * ours.bytes / clock / 1e9
        print(f"| {name} of {ours.bytes / 1e6:.0f} MB | {clock * 1e3:.0f} | {processor * 1e3:.0f} | {rate:.1f} |")
    print("(fastest of all; the update must read weights, history and gradients and write the first two)\n")


def _profile(ours):
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    for _ in range(2):
        ours.step()
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        ours.step()
        tf.profiler.experimental.stop()
        space = xplane_pb2.XSpace()
        space.ParseFromString(next(pathlib.Path(folder).rglob("*.xplane.pb")).read_bytes())
    taken = Counter()
    for plane in space.planes:
        for line in plane.lines if plane.name == "/host:CPU" else ():
            for event in line.events:
                name, _, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if name.startswith("while/body"):
                    taken[name.removeprefix("while/body/_1/").replace("gradient_tape/while", "gradient"), kind] += (
                        event.duration_ps / 1e9
                    )
    whole = sum(taken.values())
    print("| operation | kernel | ms | share |\n|---|---|---|---|")
    for (name, kind), ms in taken.most_common(PROFILE.value):
        print(f"| {name} | {kind} | {ms:.1f} | {100 * ms / whole:.1f} % |")
    print(f"| all {len(taken)} | | {whole:.0f} | |\n")


if __name__ == "__main__":
    command.run(main)
