"""Runs a .stablehlo file of zoo.convert in JAX. This one file, NumPy and JAX (0.6 or newer) are all that it needs.

  python in_jax.py step.stablehlo --batches=batches.npz --steps=20 --save=after.npz
  python in_jax.py net.stablehlo --batches=images.npz --save=prob.npz

batches.npz has an array for each input by its name, with one axis before the input's own: the batches, which are
taken in turn. In Python:

  program = load("step.stablehlo")
  state = program.start()                                        {name: array}
  state, loss, outputs = program.step(state, {"data": ..., "label": ...})
"""

import argparse
import dataclasses
import json
import pathlib
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
from jax import export


class Program:
    """A StableHLO program, and what its flat arguments and results are called.

    Args:
        path: of the .stablehlo file; its .json lies next to it.
        compiler_options: of `jax.jit`, such as {"xla_allow_excess_precision": False}.

    Attributes:
        said: the JSON.
        state, inputs: the descriptions of the arguments of either role, in order.
        call: the function of all arguments in order, for use within other functions that JAX compiles.
        flat: the same, jitted; its state is given up to it (donated).
    """

    def __init__(self, path, compiler_options=None):
        self.path = str(path)
        self.said = json.loads(pathlib.Path(f"{path}.json").read_text(encoding="utf-8"))
        self.kind, self.results = self.said["kind"], self.said["results"]
        self.state = [a for a in self.said["arguments"] if a["role"] == "state"]
        self.inputs = [a for a in self.said["arguments"] if a["role"] == "input"]
        self.call = _callable(pathlib.Path(path).read_bytes(), self.said["arguments"], self.results)
        given_up = tuple(range(len(self.state))) if self.kind == "step" else ()
        self.flat = jax.jit(self.call, donate_argnums=given_up, compiler_options=compiler_options)

    def start(self):
        """Returns {name: array} of the state as it was when the file was written, from the .npz next to it."""
        with np.load(f"{self.path}.npz") as arrays:
            return {a["name"]: jnp.array(arrays[a["name"]], a["dtype"], copy=True) for a in self.state}

    def step(self, state, inputs):
        """Makes one training step; `state` is given up to it. Returns (state, loss, {output: array})."""
        values = self._call(state, inputs)
        after = {a["name"]: x for a, x in zip(self.state, values)}
        loss, *outputs = values[len(self.state) :]
        return after, loss, self._named(outputs)

    def run(self, state, inputs):
        """Returns {output: array} of a net to deploy."""
        return self._named(self._call(state, inputs))

    def _call(self, state, inputs):
        return self.flat(*(state[a["name"]] for a in self.state), *(inputs[a["name"]] for a in self.inputs))

    def _named(self, outputs):
        return dict(zip((r["name"] for r in self.results if r["role"] == "output"), outputs))

    def caffe_blobs(self, state):
        """Returns {name: array} of the parameters and their history in Caffe's order of axes, shapes and sign."""
        return {a["name"]: to_caffe(a["blob"], state[a["name"]]) for a in self.state if "blob" in a}


def load(path, compiler_options=None):
    """Returns the `Program` at `path`."""
    return Program(path, compiler_options)


def to_caffe(blob, array):
    """Returns an array as Caffe has it, by its description's "blob"."""
    moved = np.asarray(array).reshape(blob["moved"]).transpose(blob["axes"])
    return moved.reshape(blob["shape"]) * np.float32(blob["sign"]) + np.float32(0)


def _callable(artifact, arguments, results):
    """Returns a function that JAX traces as one call of the StableHLO artifact.

    JAX itself writes what it needs to know of an exported program, for one with the same arguments and results; in
    that the program is then replaced.
    """

    def shaped(value):
        return jax.ShapeDtypeStruct(tuple(value["shape"]), jnp.dtype(value["dtype"]))

    def like(*_):
        return tuple(jnp.zeros(r["shape"], r["dtype"]) for r in results)

    platforms = (jax.default_backend(),)
    platforms = tuple({"gpu": "cuda"}.get(name, name) for name in platforms)
    stand_in = export.export(jax.jit(like, keep_unused=True), platforms=platforms)(*map(shaped, arguments))
    return dataclasses.replace(stand_in, mlir_module_serialized=artifact).call


_UNREADABLE = (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile)


def _batches(path, inputs):
    """Returns {input: array of batches} of an .npz; raises ValueError where it is not for these `inputs`."""
    with np.load(path) as found:
        missing = [a["name"] for a in inputs if a["name"] not in found]
        if missing:
            raise ValueError(f"no array for the inputs {', '.join(missing)}")
        batches = {a["name"]: found[a["name"]] for a in inputs}
    for a in inputs:
        shape = batches[a["name"]].shape
        if list(shape[1:]) != a["shape"] or not shape[0]:
            raise ValueError(f"input {a['name']} has shape {shape}, want {('batches', *a['shape'])}")
    return batches


def _save(path, arrays):
    """Writes an .npz, whole under its name or not at all."""
    path = pathlib.Path(path if path.endswith(".npz") else f"{path}.npz")  # as NumPy names it
    part = path.with_name(f".{path.name}.part")
    with open(part, "wb") as file:
        np.savez(file, **arrays)
    part.replace(path)


def main():
    """Reads the arguments, runs, prints losses."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("program", help="the .stablehlo file; its .json and .npz lie next to it")
    words.add_argument("--batches", required=True, help=".npz with an array of batches for each input")
    words.add_argument("--steps", type=int, help="how many batches to run; default: as many as there are")
    words.add_argument("--save", help=".npz for the state after the last step, or for the outputs of all batches")
    given = words.parse_args()
    if given.steps is not None and given.steps < 1:
        words.error(f"--steps is {given.steps}, want 1 or more")
    if given.save and not pathlib.Path(given.save).resolve().parent.is_dir():
        words.error(f"--save: there is no directory for {given.save}")
    try:
        program = load(given.program)
        state, saved = program.start(), []
    except _UNREADABLE as cause:
        words.error(f"{given.program}, or the .json and .npz next to it, cannot be read: {cause!r}")
    try:
        batches = _batches(given.batches, program.inputs)
    except _UNREADABLE as cause:
        words.error(f"{given.batches}: {cause}")
    count = min(len(x) for x in batches.values())
    for number in range(given.steps or count):
        batch = {name: x[number % count] for name, x in batches.items()}
        if program.kind == "step":
            state, loss, _ = program.step(state, batch)
            print(f"{number} {float(loss):.6g}", flush=True)
        else:
            saved.append(program.run(state, batch))
    if given.save and program.kind == "step":
        _save(given.save, {name: np.asarray(x) for name, x in state.items()})
    elif given.save:
        _save(given.save, {name: np.stack([x[name] for x in saved]) for name in saved[0]})


if __name__ == "__main__":
    main()
