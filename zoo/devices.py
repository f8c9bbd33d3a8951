"""Says what TensorFlow sees of this machine's devices, as `caffe device_query` does, and what to do where it sees none.

  python -m zoo.devices
  python -m zoo.devices --gpu=0 --json

Of each GPU: its name, compute capability and memory. Without one: whether the machine has a driver for one, and how to
install what TensorFlow needs. The exit code is 0 either way; --gpu=N of a GPU that is not there is an error.
"""

import contextlib
import os
import pathlib

from absl import flags

from zoo import command
from zoo.catalogue import machine
from zoo.errors import ZooError
from zoo.formats import memory
from zoo.report import Report

GPU = flags.DEFINE_string("gpu", "all", 'Which GPUs are asked about: "all" or indices such as "0,2".')
INSTALL = "pip install 'tensorflow[and-cuda]>=2.21,<2.22'"
_DRIVER = pathlib.Path("/proc/driver/nvidia/version")


def main():
    """Returns what there is."""
    if GPU.value != "all" and not all(index.isdecimal() for index in GPU.value.split(",")):
        raise ZooError("--gpu", got=GPU.value, want='all, or indices such as "0,2"')
    found = query()
    if GPU.value != "all":
        wanted = [int(index) for index in GPU.value.split(",")]
        for index in wanted:
            if index >= len(found["gpus"]):
                hint = "python -m zoo.devices says why" if not found["gpus"] else None
                want = ", ".join(str(gpu["index"]) for gpu in found["gpus"]) or "none: TensorFlow sees no GPU"
                raise ZooError("no such GPU", got=f"--gpu={index}", want=want, hint=hint)
        found["gpus"] = [found["gpus"][index] for index in wanted]
    report = Report().text("\n".join(lines(found)))
    report.more |= found
    return report.then("time a net", "zoo.benchmark", "--config=lenet")


def query():
    """Returns {versions, cpu, gpus, driver} of this machine as plain values, sizes in bytes; None: unknown."""
    tf = command.quiet_tensorflow()
    import keras
    from tensorflow.python.client import device_lib

    build = tf.sysconfig.get_build_info()
    names = tf.config.list_physical_devices("GPU")
    sizes = (
        [device.memory_limit for device in device_lib.list_local_devices() if device.device_type == "GPU"]
        if names
        else []
    )
    gpus = []
    for index, device in enumerate(names):
        details = tf.config.experimental.get_device_details(device)
        capability = details.get("compute_capability")
        gpus.append(
            {
                "index": index,
                "name": details.get("device_name"),
                "compute_capability": ".".join(map(str, capability)) if capability else None,
                "memory": sizes[index] if index < len(sizes) else None,
            }
        )
    cpu = {"name": machine.cpu(), "cores": command.cores(), "memory": memory.available()}
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__}
    versions |= {name: build.get(f"{name}_version") for name in ("cuda", "cudnn")}
    return {"versions": versions, "cpu": cpu, "gpus": gpus, "driver": _driver()}


def _driver():
    with contextlib.suppress(OSError):
        return _DRIVER.read_text(encoding="utf-8", errors="replace").splitlines()[0].partition(":")[2].strip()
    return None


def lines(found):
    """Returns the lines that say what `query` returned."""
    versions, cpu = found["versions"], found["cpu"]
    cuda = f"built for CUDA {versions['cuda']}, cuDNN {versions['cudnn']}" if versions["cuda"] else "built without CUDA"
    said = [f"TensorFlow {versions['tensorflow']} ({cuda}), Keras {versions['keras']}"]
    free = "" if cpu["memory"] is None else f", {_size(cpu['memory'])} of memory that may still be taken"
    said.append(
        f"CPU: {cpu['name'] or 'unknown'}, {cpu['cores']} core{'s' * (cpu['cores'] != 1)} for this process{free}"
    )
    for gpu in found["gpus"]:
        parts = [gpu["name"] or "unknown"]
        parts += [f"compute capability {gpu['compute_capability']}"] if gpu["compute_capability"] else []
        parts += [f"{_size(gpu['memory'])} of memory for TensorFlow"] if gpu["memory"] else []
        said.append(f"GPU {gpu['index']}: {', '.join(parts)}")
    if found["driver"]:
        said.append(f"NVIDIA driver: {found['driver']}")
    return said if found["gpus"] else [*said, *_without(found)]


def _without(found):
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1"):
        return ["GPU: none, for CUDA_VISIBLE_DEVICES in the environment hides them all"]
    if not found["versions"]["cuda"]:
        return ["GPU: none: this TensorFlow is built without CUDA", f"  {INSTALL}"]
    if found["driver"]:
        return ["GPU: the driver is there, but TensorFlow finds no CUDA libraries; they come with", f"  {INSTALL}"]
    return [
        "GPU: none that TensorFlow sees, and no NVIDIA driver: everything runs on the CPU",
        "  with an NVIDIA GPU, install its driver (nvidia-smi lists it), and then",
        f"  {INSTALL}",
    ]


def _size(count):
    return f"{count / 2**30:.1f} GiB"


if __name__ == "__main__":
    command.run(main)
