"""Trains CIFAR-10 configs by their recipes, through the StableHLO of our step, data layers and test nets, in JAX.

  python gpu_cifar.py --output=DIRECTORY [--configs=cifar10_quick,...] [--seconds=560]

Run it in the directory that benchmarks.gpu_cifar_prepare wrote; it needs JAX, NumPy and Pillow. The images lie on the
device as bytes; batches, random crops and mirrors are what `zoo.train` draws, bit for bit, since its own transform is
what was exported. Iterations run many to a call. NAME.npz (state, losses, tests) and results.json are written after
each config, and NAME.npz every half minute; a config goes on from a NAME.npz in the directory of --resume.
"""

import argparse
import concurrent.futures
import hashlib
import io
import json
import lzma
import pathlib
import platform
import time
import traceback

import jax
import jax.numpy as jnp
import numpy as np
from in_jax import load

HERE = pathlib.Path(__file__).resolve().parent
STARTED = time.perf_counter()
SAVE_EVERY = 30  # seconds
TESTS = 80  # at most about so many in a run, at multiples of the recipe's test_interval


def elapsed():
    """Returns the seconds since this script was started."""
    return time.perf_counter() - STARTED


def decode(split, wanted):
    """Returns (uint8 (N, 32, 32, 3), float32 labels (N,), whether they are those that our data layer reads)."""
    from PIL import Image

    content = lzma.decompress((HERE / f"{split}.jpegs.xz").read_bytes())
    index = np.load(HERE / f"{split}.index.npz")
    ends = np.cumsum(index["sizes"].astype(np.int64))
    starts = ends - index["sizes"]

    def image(number):
        return np.asarray(Image.open(io.BytesIO(content[starts[number] : ends[number]])).convert("RGB"))

    with concurrent.futures.ThreadPoolExecutor() as pool:
        images = np.stack(list(pool.map(image, range(len(ends)))))
    labels = index["labels"].astype(np.float32)
    return images, labels, hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest() == wanted["sha256"]


def padded(images, pad):
    """Returns images with a border of `pad` zeros, on the device."""
    return jnp.pad(jnp.asarray(images), ((0, 0), (pad, pad), (pad, pad), (0, 0)))


class Config:
    """One config, ready to be trained.

    Args:
        name: of the config.
        said: what the manifest says of it.
        data: {split: (images, labels)}.
        chunk: iterations in a call; None for what makes at most about TESTS tests.
        count: batches of a test; None for the recipe's test_iter.
    """

    def __init__(self, name, said, data, chunk=None, count=None):
        self.name, self.said = name, said
        often = said["test_interval"] * -(-said["max_iter"] // (said["test_interval"] * TESTS))
        self.chunk, self.count = chunk or often, count or said["test_iter"]
        self.program = load(HERE / f"{name}.step.stablehlo")
        self.test_program = load(HERE / f"{name}.test.stablehlo")
        self.feeds = {split: load(HERE / f"{name}.{split}.feed.stablehlo") for split in data}
        self.data = {s: (padded(x, said["feeds"][s]["pad"]), jnp.asarray(y)) for s, (x, y) in data.items()}
        self.names = [a["name"] for a in self.program.state]
        start = self.program.start()
        self.start = [start[name] for name in self.names]
        self._train_jit = jax.jit(self._train, donate_argnums=0, static_argnums=3)
        self._test_jit = jax.jit(self._test, static_argnums=3)
        self._compiled, self.compile_s = {}, 0.0

    def compile(self):
        """Compiles what `train` and `test` run; returns the config."""
        begun = time.perf_counter()
        train = self._train_jit.lower(self.start, *self.data["train"], self.chunk)
        test = self._test_jit.lower(self.start, *self.data["test"], self.count)
        self._compiled = {("train", self.chunk): train.compile(), ("test", self.count): test.compile()}
        self.compile_s = round(time.perf_counter() - begun, 1)
        return self

    def train(self, state, count):
        """Makes `count` iterations; `state` is given up to it. Returns (state, losses)."""
        compiled = self._compiled.get(("train", count))
        return compiled(state, *self.data["train"]) if compiled else self._train_jit(state, *self.data["train"], count)

    def test(self, state):
        """Returns {output: its mean over the test's batches}."""
        compiled = self._compiled.get(("test", self.count))
        data = self.data["test"]
        values = compiled(state, *data) if compiled else self._test_jit(state, *data, self.count)
        return {r["name"]: float(x) for r, x in zip(self.test_program.results, values)}

    def batch(self, split, images, labels, number):
        """Returns batch `number` of a split as the inputs of the net, in their order."""
        feed = self.feeds[split]
        given = dict(zip((r["name"] for r in feed.results), feed.call(images, labels, number)))
        program = self.program if split == "train" else self.test_program
        return [given[a["name"]] for a in program.inputs]

    def _train(self, state, images, labels, count):
        place = self.names.index("iteration")

        def body(state, _):
            values = self.program.call(*state, *self.batch("train", images, labels, state[place]))
            return list(values[: len(state)]), values[len(state)]

        return jax.lax.scan(body, state, None, length=count)

    def _test(self, state, images, labels, count):
        named = dict(zip(self.names, state))
        own = [named[a["name"]] for a in self.test_program.state]

        def body(number, _):
            values = self.test_program.call(*own, *self.batch("test", images, labels, number))
            return number + 1, values

        _, values = jax.lax.scan(body, jnp.int32(0), None, length=count)
        return [jnp.mean(x, axis=0) for x in values]


def run(config, folder, seconds, given):
    """Trains one config; returns what results.json says of it."""
    begun = time.perf_counter()
    said, found = config.said, {"compile s": config.compile_s}
    state, losses, tests = config.start, [], []
    before = pathlib.Path(given.resume or "") / f"{config.name}.npz"
    if given.resume and before.exists():
        with np.load(before) as old:
            state = [jnp.asarray(old[name]) for name in config.names]
            losses, tests = [old["losses"]], [json.loads(x) for x in old["tests"]]
    place = config.names.index("iteration")
    done, last = int(state[place]), given.iterations or said["max_iter"]
    first, stopped, saved, trained = done, None, elapsed(), 0.0
    while done < last:
        if time.perf_counter() - begun > seconds:
            stopped = f"its {seconds:.0f} s are over"
            break
        size = min(config.chunk, last - done)
        turn = time.perf_counter()
        state, new = config.train(state, size)
        losses.append(np.asarray(new))
        spent = time.perf_counter() - turn
        done += size
        tests.append({"iteration": done, **config.test(state)})
        trained += spent
        found["ms an iteration"] = round(trained / (done - first) * 1e3, 4)
        if not np.isfinite(losses[-1]).all():
            stopped = f"the loss is not finite within iteration {done}"
            break
        if elapsed() - saved > SAVE_EVERY or len(tests) == 1:
            save(folder, config, state, losses, tests)
            saved = elapsed()
            print(config.name, json.dumps(tests[-1]), f"loss {losses[-1].mean():.4f}", f"{saved:.0f} s", flush=True)
    save(folder, config, state, losses, tests)
    ours = np.concatenate(losses or [[]])[: len(said["losses"])]
    found |= {"first losses": [float(x) for x in ours], "TensorFlow's on a CPU": said["losses"]}
    found |= {"iterations": done, "of": said["max_iter"], "stopped": stopped, "products": said["products"]}
    found |= {"last tests": tests[-5:], "s": round(time.perf_counter() - begun, 1)}
    return found


def save(folder, config, state, losses, tests):
    """Writes NAME.npz, whole under its name or not at all."""
    arrays = {name: np.asarray(x) for name, x in zip(config.names, state)}
    part = folder / f"{config.name}.part"
    with open(part, "wb") as file:
        np.savez(file, **arrays, losses=np.concatenate(losses or [[]]), tests=np.array([json.dumps(t) for t in tests]))
    part.replace(folder / f"{config.name}.npz")


def machine():
    """Returns what this runs on."""
    device = jax.devices()[0]
    return {"device": device.device_kind, "platform": device.platform, "jax": jax.__version__} | {
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def _made(name, said, data, given):
    return Config(name, said, data, given.chunk, given.test_batches).compile()


def main():
    """Trains the configs in order while there is time."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--output", required=True, help="directory for results.json and NAME.npz")
    words.add_argument("--configs", help="which, in order; default: all, in the manifest's order")
    words.add_argument("--seconds", type=float, default=560, help="after so many seconds since the start all ends")
    words.add_argument("--limits", default="", help="NAME=SECONDS,...: the most that a config may take")
    words.add_argument("--resume", help="directory with NAME.npz of an earlier run to go on from")
    words.add_argument("--iterations", type=int, help="train so many, and not as many as the recipe")
    words.add_argument("--chunk", type=int, help="iterations in a call, after each of which is a test")
    words.add_argument("--test_batches", type=int, help="default: the recipe's test_iter")
    words.add_argument("--cache", help="directory for JAX's compiled programs")
    given = words.parse_args()
    if given.cache:
        jax.config.update("jax_compilation_cache_dir", given.cache)
    folder = pathlib.Path(given.output)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = json.loads((HERE / "manifest.json").read_text())
    results = {"machine": machine()}
    data = {}
    for split, wanted in manifest["splits"].items():
        *data[split], same = decode(split, wanted)
        results[f"{split} pixels"] = "those of our data layer" if same else "NOT those of our data layer"
    results["decoded after s"] = round(elapsed(), 1)
    print(json.dumps(results), flush=True)
    limits = dict(word.split("=") for word in given.limits.split(",") if word)
    names = given.configs.split(",") if given.configs else list(manifest["configs"])
    with concurrent.futures.ThreadPoolExecutor() as pool:  # together: each takes half a minute, mostly on the host
        made = {name: pool.submit(_made, name, manifest["configs"][name], data, given) for name in names}
    print(f"compiled after {elapsed():.0f} s", flush=True)
    for name in names:
        left = given.seconds - elapsed()
        try:
            if left < 10:
                results[name] = {"not run": "no time left"}
            else:
                results[name] = run(made[name].result(), folder, min(left, float(limits.get(name, left))), given)
        except Exception:
            results[name] = {"failed": traceback.format_exc()[-1500:]}
        (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        print(name, json.dumps(results[name]), f"{elapsed():.0f} s", flush=True)


if __name__ == "__main__":
    main()
