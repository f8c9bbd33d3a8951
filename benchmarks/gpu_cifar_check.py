"""Holds what gpu_cifar_prepare wrote against TensorFlow's own pipeline and steps, in JAX on this machine.

  python -m benchmarks.gpu_cifar_check --carried=DIRECTORY        a line for each config; exit code 1 where one differs

Batches must be equal bit for bit, crops and mirrors included, and the first loss to BOUND. Also shown are the losses
after it and the arrays that differ most after one iteration, in parts of their largest value. These depend on the net:
a unit near zero may pass its ReLU on one side only. ResNet-20's move by 1e-2 in TensorFlow alone where the images move
by 1e-6 of themselves.
"""

import json
import pathlib
import sys

import jax.numpy as jnp
import numpy as np
from absl import flags

from zoo import command

CARRIED = flags.DEFINE_string("carried", None, "The directory that was written.", required=True)
BOUND = 1e-5  # of the first loss


def main():
    """Compares every config; returns the exit code."""
    folder = pathlib.Path(CARRIED.value)
    sys.path.insert(0, str(folder))
    from gpu_cifar import Config, decode

    manifest, data = json.loads((folder / "manifest.json").read_text()), {}
    for split, wanted in manifest["splits"].items():
        *data[split], same = decode(split, wanted)
        print(f"{split}: pixels {'equal' if same else 'DIFFER'}")
    failed = False
    for name, said in manifest["configs"].items():
        with np.load(folder.parent / f"{folder.name}_own" / f"{name}.npz") as arrays:
            own = dict(arrays)
        config = Config(name, said, data)
        unequal = _unequal_batches(config, own)
        state, losses, after = config.program.start(), [], None
        for number in range(len(said["losses"])):
            batch = config.batch("train", *config.data["train"], jnp.int32(number))
            state, loss, _ = config.program.step(state, dict(zip((a["name"] for a in config.program.inputs), batch)))
            losses.append(float(loss))
            after = after or {name: np.array(x) for name, x in state.items()}
        apart = np.abs(np.asarray(losses) / said["losses"] - 1)
        rows = []
        for key, found in after.items():
            largest = np.abs(own[key]).max(initial=0) or 1
            rows.append((float(np.abs(found - own[key]).max(initial=0) / largest), key))
        rows.sort(reverse=True)
        failed |= bool(unequal) or apart[0] > BOUND
        print(
            f"{name}: batches {unequal or 'equal'}; losses {', '.join(f'{x:.1e}' for x in apart)}; arrays {rows[:3]}",
            flush=True,
        )
    return int(failed)


def _unequal_batches(config, own):
    """Returns the names of the batches in `own` that the exported data layers do not give."""
    found = []
    for key, wanted in own.items():
        kind, *rest = key.split("/")
        if kind not in ("batch", "test"):
            continue
        split, number = ("train", int(rest[0])) if kind == "batch" else ("test", 0)
        feed = config.feeds[split]
        given = feed.call(*config.data[split], jnp.int32(number))
        tensor = dict(zip((r["name"] for r in feed.results), given))[rest[-1]]
        if not (np.asarray(tensor) == wanted).all():
            found.append(key)
    return found


if __name__ == "__main__":
    command.run(main)
