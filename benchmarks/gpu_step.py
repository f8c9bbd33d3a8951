"""On a GPU machine without TensorFlow: our StableHLO steps in JAX next to PyTorch, and LeNet next to Caffe's losses.

  python gpu_step.py --output=DIRECTORY [--parts=lenet,alexnet,resnet50,keras] [--seconds=270]

Run it in the directory that benchmarks.gpu_prepare wrote. It needs JAX, PyTorch and NumPy; the part "keras" needs
Keras. Each part stands alone, and results.json is written after each, so that one that fails, or the end of the time,
loses no other. Images/s are medians of rounds in which both take turns on one card, the batch lying on it.

Share of peak: 2 x (3 x multiply-adds of the forward pass - those of the first layer, which gives no gradient to the
images), over the card's datasheet rate for dense products: H100 SXM and H200 alike 67 (float32), 494.7 (TF32) and 989.4
(bfloat16) TFLOP/s. What a large product reaches on the card is measured too.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time
import traceback

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import numpy as np  # noqa: E402

PEAK = {"float32": 67e12, "tf32": 494.7e12, "bfloat16": 989.4e12}
HERE = pathlib.Path(__file__).resolve().parent
STARTED, LIMIT = time.perf_counter(), [0.0]


def lenet(folder):
    """Returns, for each precision, our losses on the first batches and how far they are from Caffe's."""
    from in_jax import load

    given, found = np.load(folder / "lenet_batches.npz"), {}
    images = given["images"].astype(np.float32) * np.float32(0.00390625)
    labels, wanted = given["labels"].astype(np.float32), given["losses"]
    for precision in PEAK:
        program = load(folder / f"lenet_{precision}.stablehlo")
        state, losses = program.start(), []
        for x, y in zip(images, labels):
            state, loss, _ = program.step(state, {"data": x, "label": y})
            losses.append(float(loss))
        apart = np.abs(np.array(losses) - wanted)
        found[precision] = {
            "iterations": len(losses),
            "first 8": float(apart[:8].max()),
            "all": float(apart.max()),
            "losses": losses,
        }
    return found


def speed(name, precisions, rounds, steps):
    """Returns a function from the folder to what a net's steps take, in each precision, ours and PyTorch's."""

    def part(folder):
        found = {}
        for precision in precisions:
            found[precision] = _guarded(lambda p=precision: _pair(folder, name, p, rounds, steps))
            print(name, precision, json.dumps(found[precision]), flush=True)
        return found

    return part


def _guarded(function):
    """Returns what `function` does, or why it did not: one part must not lose the others."""
    if time.perf_counter() - STARTED > LIMIT[0]:
        return {"not run": "no time left"}
    try:
        return function()
    except Exception:
        return {"failed": traceback.format_exc()[-1500:]}


def _pair(folder, name, precision, rounds, steps):
    import jax
    import torch
    from gpu_nets import Step
    from in_jax import load

    program = load(folder / f"{name}_{precision}.stablehlo")
    batch = program.inputs[0]["shape"]
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, batch).astype(np.float32)
    labels = rng.integers(0, 1000, batch[0])
    feed = jax.device_put({"data": images, "label": labels.astype(np.float32)})
    state = jax.device_put(_drawn_state(program, rng))
    begun = time.perf_counter()
    state, loss, _ = program.step(state, feed)
    losses = [float(loss)]
    compiled = time.perf_counter() - begun
    for _ in range(3):
        state, loss, _ = program.step(state, feed)
        losses.append(float(loss))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    peer = Step(name, images, labels, precision, device)
    peers = [float(peer().detach()) for _ in range(4)]

    def ours():
        nonlocal state
        for _ in range(steps):
            state, loss, _ = program.step(state, feed)
        jax.block_until_ready(state)

    def theirs():
        for _ in range(steps):
            peer()
        if device == "cuda":
            torch.cuda.synchronize()

    times = {ours: [], theirs: []}
    for turn in range(rounds):
        for side in (ours, theirs) if turn % 2 else (theirs, ours):
            begun = time.perf_counter()
            side()
            times[side].append((time.perf_counter() - begun) / steps)
    flops = 2 * (3 * program.said["multiply_adds"] - program.said["of_the_first_layer"])
    peer = None
    if device == "cuda":
        torch.cuda.empty_cache()
    return {
        "batch": batch[0],
        "first losses": {"ours": losses, "PyTorch": peers},
        "first step s": round(compiled, 1),
        "TFLOP a step": flops / 1e12,
        "ours": _rates(times[ours], batch[0], flops, precision),
        "PyTorch": _rates(times[theirs], batch[0], flops, precision),
        "ratio, median of pairs": statistics.median(b / a for a, b in zip(times[ours], times[theirs])),
    }


def _rates(times, batch, flops, precision):
    median = statistics.median(times)
    return {
        "images/s": batch / median,
        "ms a step": median * 1e3,
        "fastest, slowest ms": [min(times) * 1e3, max(times) * 1e3],
        "share of peak": flops / median / PEAK[precision],
    }


def _drawn_state(program, rng):
    """Returns a state to start from: weights by their fan-in, scales 1, biases, history and counters 0."""
    state = {}
    for a in program.state:
        shape, name = a["shape"], a["name"]
        value = np.zeros(shape, a["dtype"])
        if name.startswith("parameters/") and len(shape) > 1:
            value = rng.random(shape, np.float32) * 2 - 1
            value *= np.float32(np.sqrt(3 / np.prod(shape[:-1])))
        elif name.startswith("parameters/") and name.endswith("/0"):
            value += 1
        state[name] = value
    return state


def products(_):
    """Returns TFLOP/s of a product of two 8192 x 8192 matrices in PyTorch, in each precision."""
    import torch

    found = {}
    for precision in PEAK:
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
        a, b = (torch.randn(8192, 8192, device="cuda", dtype=kind) for _ in range(2))
        times = []
        for _ in range(8):
            torch.cuda.synchronize()
            begun = time.perf_counter()
            a @ b
            torch.cuda.synchronize()
            times.append(time.perf_counter() - begun)
        found[precision] = 2 * 8192**3 / statistics.median(times[3:]) / 1e12
    return found


def keras(folder):
    """Returns what the converted nets give on Keras's backends JAX and PyTorch, each in a process of its own."""
    found = {}
    for backend in ("jax", "torch"):
        words = [sys.executable, str(HERE / "gpu_keras.py"), str(folder)]
        left = max(LIMIT[0] - (time.perf_counter() - STARTED), 10)
        environment = os.environ | {"KERAS_BACKEND": backend}
        try:
            run = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=left / 2)
            said, problem = run.stdout, run.stderr[-600:] if run.returncode else ""
        except subprocess.TimeoutExpired as cause:
            said, problem = (cause.stdout or b"").decode(), f"stopped after {left / 2:.0f} s"
        found[backend] = {}
        for line in said.splitlines():
            if line.startswith("{"):
                found[backend] |= json.loads(line)
        if problem:
            found[backend]["failed"] = problem
    return found


def machine():
    """Returns what this runs on."""
    import jax
    import torch

    said = {"python": platform.python_version(), "jax": jax.__version__, "torch": torch.__version__}
    said |= {"jax device": str(jax.devices()[0]), "cudnn of torch": torch.backends.cudnn.version()}
    if torch.cuda.is_available():
        said |= {"card": torch.cuda.get_device_name(), "cuda of torch": torch.version.cuda}
        query = ["nvidia-smi", "--query-gpu=driver_version,clocks.max.sm,power.limit", "--format=csv,noheader"]
        said["driver, clock, power"] = subprocess.run(query, capture_output=True, text=True).stdout.strip()
    return said


def main():
    """Runs the parts in order while there is time."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--output", required=True, help="directory for results.json")
    words.add_argument("--parts", default="lenet,products,alexnet,resnet50,keras")
    words.add_argument("--precisions", default=",".join(PEAK))
    words.add_argument("--seconds", type=float, default=270, help="no part begins after so many seconds")
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--steps", type=int, default=10, help="steps in a round")
    words.add_argument("--cache", help="directory for JAX's compiled programs")
    given = words.parse_args()
    LIMIT[0] = given.seconds
    if given.cache:
        import jax

        jax.config.update("jax_compilation_cache_dir", given.cache)
    timed = {
        name: speed(name, given.precisions.split(","), given.rounds, given.steps) for name in ("alexnet", "resnet50")
    }
    parts = {"lenet": lenet, "products": products, "keras": keras, **timed}
    results = {"machine": machine()}
    print(json.dumps(results), flush=True)
    for name in given.parts.split(","):
        begun = time.perf_counter()
        results[name] = _guarded(lambda name=name: parts[name](HERE))
        results[f"{name} s"] = round(time.perf_counter() - begun, 1)
        pathlib.Path(given.output, "results.json").write_text(json.dumps(results, indent=1) + "\n")
        print(name, json.dumps(results[name]), flush=True)


if __name__ == "__main__":
    main()
