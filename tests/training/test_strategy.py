"""Several devices: what one would compute with the same batch, and Caffe's own rule where each takes a batch.

Devices are logical CPUs of a process, or processes of this machine; no GPU is needed and none is shown to work.
"""

import json
import re
import signal
import socket

import pytest

from tests.training import runs
from tests.training.several import close, finish, free_ports, say_the_same, start, tasks, workers

HEAD = """
net_param {
  name: "several"
  layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TRAIN }
    transform_param { scale: 0.01 crop_size: 10 mirror: true } data_param { source: "small/train" batch_size: 12 } }
  layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TEST }
    transform_param { scale: 0.01 crop_size: 10 } data_param { source: "small/test" batch_size: 9 } }
  layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
    param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
    convolution_param { num_output: 6 kernel_size: 3 stride: 2 weight_filler { type: "xavier" } } }
  layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
  layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
    inner_product_param { num_output: 4 weight_filler { type: "gaussian" std: 0.1 } } }
  layer { name: "one" type: "InnerProduct" bottom: "conv" top: "one"
    inner_product_param { num_output: 1 weight_filler { type: "gaussian" std: 0.1 } } }
  layer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "label" top: "acc" }
  layer { name: "far" type: "EuclideanLoss" bottom: "one" bottom: "label" top: "far" loss_weight: 0.1 }
"""
# Where nothing but means over items counts, devices that take a batch each train as one that takes all of them.
MEANS = (
    HEAD
    + """
  layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
}
"""
)
# Otherwise a batch has to be put together again: other normalisers, ignored labels, sums; and dropout.
NET = (
    HEAD.replace(
        'top: "conv" }\n  layer { name: "ip"',
        """top: "conv" }
  layer { name: "drop" type: "Dropout" bottom: "conv" top: "conv" dropout_param { dropout_ratio: 0.3 } }
  layer { name: "ip\"""",
    )
    + """
  layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" loss_param { ignore_label: 2 } }
  layer { name: "sum" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "sum" loss_weight: 0.02
    loss_param { normalization: NONE } }
  layer { name: "size" type: "Reduction" bottom: "one" top: "size" loss_weight: 0.001
    reduction_param { operation: SUMSQ } }
}
"""
)
# The norm of the gradients is above clip_gradients in some iterations and below in others.
SOLVER = """
base_lr: 0.02 lr_policy: "inv" gamma: 0.01 power: 0.75 momentum: 0.9 weight_decay: 0.001 clip_gradients: 4
iter_size: 2
max_iter: 16 display: 4 average_loss: 3 test_iter: 3 test_interval: 6 snapshot: 6 random_seed: 5
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "several.prototxt"
    path.write_text(SOLVER + NET)
    return path


@pytest.fixture(scope="module")
def alone(commands, config, small_data, tmp_path_factory):
    """The run directory of one device's run."""
    run_dir = tmp_path_factory.mktemp("one") / "run"
    finish(start(commands, {}, config, small_data, run_dir))
    return run_dir


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_devices_that_split_a_batch_train_as_one(count, commands, config, small_data, alone, tmp_path):
    machine = {"cpus": count}
    finish(start(commands, machine, config, small_data, tmp_path, "--strategy=mirrored", "--global_batch"))
    close(alone, tmp_path, 6)
    close(alone, tmp_path, 16)
    say_the_same(alone, tmp_path)


def test_processes_that_split_a_batch_train_as_one(commands, config, small_data, alone, tmp_path):
    run_dir = tmp_path / "run"
    pair = workers(commands, 2, config, small_data, run_dir, "--global_batch")
    finish(*pair)
    close(alone, run_dir, 16)
    say_the_same(alone, run_dir)
    assert "Done at iteration 16." in pair[0].stdout
    assert pair[1].stdout == ""
    assert "Iteration" not in pair[1].stderr


def test_a_batch_for_each_device_is_a_batch_for_all(commands, small_data, tmp_path):
    config = tmp_path / "means.prototxt"
    text = SOLVER.replace("clip_gradients: 4", "clip_gradients: 3") + MEANS
    config.write_text(text)
    finish(start(commands, {}, config, small_data, tmp_path / "one"))
    config.write_text(text.replace("batch_size: 12", "batch_size: 4"))
    finish(start(commands, {"cpus": 3}, config, small_data, tmp_path / "three", "--strategy=mirrored"))
    close(tmp_path / "one", tmp_path / "three", 16)


def test_another_number_of_devices_goes_on(commands, config, small_data, alone, tmp_path):
    for count, until in ((2, 5), (1, 9), (3, 16)):
        args = ("--strategy=mirrored", "--global_batch", f"--set=max_iter: {until}")
        finish(start(commands, {"cpus": count}, config, small_data, tmp_path, *args))
    close(alone, tmp_path, 16)


# ---- processes ------------------------------------------------------------------------------------------------


def test_processes_of_slurm_train_as_one(commands, config, small_data, alone, tmp_path):
    run_dir = tmp_path / "run"
    step = {
        "SLURM_JOB_ID": str(free_job()),
        "SLURM_STEP_NUM_TASKS": "2",
        "SLURM_STEP_NUM_NODES": "1",
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_STEP_TASKS_PER_NODE": "2",
    }
    ranks = [{"env": {**step, "SLURM_PROCID": str(i), "SLURM_LOCALID": str(i)}} for i in range(2)]
    finish(*[start(commands, rank, config, small_data, run_dir, "--global_batch") for rank in ranks])
    close(alone, run_dir, 16)


def free_job():
    """Returns a job number whose two ports nothing uses."""
    for job in range(100, 400):
        with socket.socket() as a, socket.socket() as b:
            try:
                for holder, port in ((a, 12000 + job * 64 % 20000), (b, 12001 + job * 64 % 20000)):
                    holder.bind(("localhost", port))
            except OSError:
                continue
            return job
    raise OSError("no free ports")


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_four_processes(precision, commands, config, small_data, alone, tmp_path):
    args = (config, small_data, tmp_path / "run", "--global_batch", f"--precision={precision}")
    finish(*workers(commands, 4, *args))
    if precision == "float32":
        close(alone, tmp_path / "run", 16)
    else:
        assert runs.saved(tmp_path / "run", 16)["state/loss_scale/.ATTRIBUTES/VARIABLE_VALUE"] <= 2**15


@pytest.mark.parametrize(
    ("victim", "how"),
    [
        (1, signal.SIGKILL),
        pytest.param(0, signal.SIGKILL, marks=pytest.mark.slow),
        pytest.param(0, signal.SIGSTOP, marks=pytest.mark.slow),  # as where a machine or its network hangs
        pytest.param(1, signal.SIGSTOP, marks=pytest.mark.slow),
    ],
)
def test_a_lost_process_stops_the_other_and_the_run_goes_on(victim, how, commands, config, small_data, tmp_path):
    run_dir, endless = tmp_path / "run", "--set=max_iter: 1000000 test_iter: 1"
    pair = workers(commands, 2, config, small_data, run_dir, "--global_batch", endless)
    pair[0].wait_for(lambda: any(run_dir.glob("checkpoints/ckpt-*.index")))
    pair[victim].send_signal(how)
    left = pair[1 - victim]
    assert left.wait(60) == 1
    pair[victim].send_signal(signal.SIGKILL)
    pair[victim].wait()
    assert f"error: worker {1 - victim} has lost another one" in left.stderr
    assert "Traceback" not in left.stderr
    assert "start all processes again" in left.stderr
    newest = max(int(path.stem.removeprefix("ckpt-")) for path in run_dir.glob("checkpoints/ckpt-*.index"))
    until = f"--set=max_iter: {newest + 4} test_iter: 1"
    finish(*workers(commands, 2, config, small_data, run_dir, "--global_batch", until))
    finish(start(commands, {}, config, small_data, tmp_path / "one", until))
    close(tmp_path / "one", run_dir, newest + 4)


def test_a_stop_of_one_process_is_a_stop_of_all(commands, config, small_data, tmp_path):
    run_dir = tmp_path / "run"
    pair = workers(commands, 2, config, small_data, run_dir, "--global_batch", "--set=max_iter: 1000000")
    pair[0].wait_for(lambda: any(run_dir.glob("checkpoints/ckpt-*.index")))
    pair[1].send_signal(signal.SIGTERM)
    assert [process.wait(60) for process in pair] == [0, 143]
    stopped = int(pair[0].stdout.split("Stopped at iteration ")[1].split(".")[0])
    assert (run_dir / "checkpoints" / f"ckpt-{stopped}.index").is_file()


def test_an_error_of_one_process_ends_all(commands, config, small_data, tmp_path):
    datas = (tmp_path, small_data)  # the chief has no data
    pair = [start(commands, task, config, data, tmp_path / "run") for task, data in zip(tasks(2), datas)]
    assert [process.wait(60) for process in pair] == [1, 1]
    assert "small/train" in pair[0].stderr
    assert "worker 1 has lost another one" in pair[1].stderr


def test_processes_that_do_not_train_the_same_say_so(commands, config, small_data, tmp_path):
    """The second has another base_lr and the same images in other shards."""
    runs.make_data(tmp_path, shards=2)
    given = ((small_data,), (tmp_path, "--set=base_lr: 0.011"))
    pair = [
        start(commands, task, config, data, tmp_path / "run", *args) for task, (data, *args) in zip(tasks(2), given)
    ]
    assert [process.wait(60) for process in pair] == [1, 1]
    for process in pair:
        errors = [line for line in process.stderr.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1 and "Traceback" not in process.stderr
        assert "these processes do not train the same, got " in errors[0]
        assert "solver base_lr (0.02 in worker 0, 0.011 in worker 1)" in errors[0]
        assert re.search(r'data of layer "in" \(50 records in 3 shards, \S+ in worker 0, .* 2 shards', errors[0])
    assert not list((tmp_path / "run").glob("checkpoints/*"))


@pytest.mark.parametrize("timeout", [3])
def test_a_process_does_not_wait_for_ever_and_says_for_whom(timeout, commands, config, small_data, tmp_path):
    """Of three processes one never starts; one that only listens, and is no trainer, is not called missing."""
    with socket.socket() as stranger:
        stranger.bind(("localhost", 0))
        stranger.listen()
        ports = [*free_ports(2), stranger.getsockname()[1]]
        cluster = {"worker": [f"localhost:{port}" for port in ports]}
        machine = {"env": {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})}}
        process = start(commands, machine, config, small_data, tmp_path / "run", f"--join_timeout={timeout}")
        assert process.wait(60) == 1
    lines = process.stderr.splitlines()
    assert f"Waiting at most 3 s for all of {', '.join(cluster['worker'])}." in lines
    error = f"error: worker 0 has waited 3 s, got no answer from worker 1 (localhost:{ports[1]}) (start all within 3 s"
    assert [line for line in lines if line.startswith(error)], process.stderr
    assert "worker 2" not in process.stderr and "Traceback" not in process.stderr


def test_a_port_that_is_taken_is_an_error(commands, config, small_data, tmp_path):
    with socket.socket() as other:
        other.bind(("localhost", 0))
        other.listen()
        cluster = {"worker": [f"localhost:{port}" for port in (other.getsockname()[1], *free_ports(1))]}
        machine = {"env": {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})}}
        process = start(commands, machine, config, small_data, tmp_path / "run", "--join_timeout=20")
        assert process.wait(60) == 1
    assert "error: worker 0 cannot join the others, got " in process.stderr
    assert "Traceback" not in process.stderr
