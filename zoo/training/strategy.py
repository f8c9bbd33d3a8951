"""Which devices train together: one, several of this machine, or those of several processes (tf.distribute)."""

import json
import os
import sys

import tensorflow as tf

from zoo.errors import ClusterError, SolverError, UnsupportedError
from zoo.training.cluster_start import start_timeout
from zoo.training.replicas import Replicas

STRATEGIES = ("auto", "one", "mirrored", "multiworker")
JOIN_TIMEOUT = 600  # seconds that a process waits for the others to start


def choose(name="auto", global_batch=False, join_timeout=JOIN_TIMEOUT, env=None):
    """Returns the `Replicas` that train. Has to be called before TensorFlow runs its first operation.

    Args:
        name: "one": the first GPU, or the CPU. "mirrored": all visible GPUs of this machine, or without GPUs all
            logical CPU devices. "multiworker": the processes that TF_CONFIG or Slurm's variables of a job step name,
            each with its GPUs or its CPU. "auto": multiworker where those name several processes, else mirrored where
            there are several GPUs, else one.
        global_batch: split the file's batch among the devices; else, as in Caffe, each device takes a whole one.
        join_timeout: seconds that "multiworker" waits for the other processes to start. Then the process says which
            of them do not answer and ends with exit code 1: TensorFlow waits where no Python code can stop it.
        env: environment variables; None means os.environ.

    Raises:
        SolverError: an unknown name, or variables that contradict themselves or are not there.
        UnsupportedError: a cluster with tasks that are neither chief nor worker.
        ClusterError: this process cannot join the others.
    """
    env = os.environ if env is None else env
    if name not in STRATEGIES:
        raise SolverError("no such strategy", got=name, want=", ".join(STRATEGIES))
    if name == "multiworker" or (name == "auto" and _tasks(env) > 1):
        return _multi_worker(env, global_batch, join_timeout)
    gpus = tf.config.list_logical_devices("GPU")
    if name == "mirrored" or (name == "auto" and len(gpus) > 1):
        devices = gpus or tf.config.list_logical_devices("CPU")
        if len(devices) > 1:
            return Replicas(tf.distribute.MirroredStrategy([d.name for d in devices]), global_batch=global_batch)
    return Replicas()


def _tasks(env):
    """How many processes TF_CONFIG or Slurm names."""
    if env.get("TF_CONFIG"):
        return len(_members(_tf_config(env)[0]))
    return _slurm_number(env, "SLURM_STEP_NUM_TASKS") if "SLURM_STEP_NUM_TASKS" in env else 1


def _multi_worker(env, global_batch, join_timeout):
    if env.get("TF_CONFIG"):
        cluster, kind, index = _tf_config(env)
        gpus = len(tf.config.get_visible_devices("GPU"))
    elif "SLURM_STEP_NUM_TASKS" in env:
        cluster, kind, index = _slurm(env)
        gpus = _take_gpus(env)
    else:
        want = "TF_CONFIG, or a step of Slurm (srun)"
        raise SolverError("--strategy=multiworker finds no other process", got="neither variable", want=want)
    members = _members(cluster)
    if (kind, index) not in members:
        want = ", ".join(f"{k} {i}" for k, i in members)
        raise SolverError("this process is no task of its cluster", got=f"{kind} {index}", want=want)
    if len(members) == 1:
        return choose("mirrored", global_batch, env={})
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(cluster),
        task_type=kind,
        task_id=index,
        num_accelerators={"GPU": gpus},
        rpc_layer="grpc",
    )
    strategy = _join(resolver, {(k, i): cluster[k][i] for k, i in members}, (kind, index), join_timeout)
    return Replicas(strategy, members.index((kind, index)), len(members), global_batch)


def _join(resolver, addresses, mine, seconds):
    """Returns the strategy of a cluster once all its processes are there.

    Args:
        resolver: the cluster resolver.
        addresses: {(job, index): "host:port"} of all processes.
        mine: the (job, index) of this one.
        seconds: how long to wait.

    Raises:
        ClusterError: it cannot join, as where its port is taken or another process has given up.
    """
    print(f"Waiting at most {seconds:g} s for all of {', '.join(addresses.values())}.", file=sys.stderr, flush=True)
    others = [(" ".join(map(str, task)), address) for task, address in addresses.items() if task != mine]
    name = " ".join(map(str, mine))
    hint = f"start all within {seconds:g} s, or say --join_timeout=SECONDS"
    absent = ClusterError(f"{name} has waited {seconds:g} s", got="no answer from {names}", hint=hint)
    hint = "do all have the same TF_CONFIG or step, and is nothing else at these addresses?"
    silent = ClusterError(f"{name} has waited {seconds:g} s", got="an answer from all, but they do not join", hint=hint)
    try:
        with start_timeout(seconds, others, f"error: {absent}", f"error: {silent}"):
            return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    except tf.errors.OpError as error:
        said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ClusterError(f"{name} cannot join the others", got=said, want=", ".join(addresses.values())) from error


def _members(cluster):
    """Returns the (job, index) of a cluster's tasks in the order of their numbers, the one that leads first."""
    return [(job, i) for job in ("chief", "worker") for i in range(len(cluster.get(job, ())))]


# ---- TF_CONFIG ------------------------------------------------------------------------------------------------


def _tf_config(env):
    """Returns ({job: [address]}, job, index) of TF_CONFIG."""
    shape = '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
    try:
        config = json.loads(env["TF_CONFIG"])
        cluster = {job: [str(address) for address in tasks] for job, tasks in config["cluster"].items() if tasks}
        kind, index = str(config["task"]["type"]), int(config["task"]["index"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SolverError("TF_CONFIG is not what TensorFlow reads", got=env["TF_CONFIG"], want=shape) from error
    if other := sorted(cluster.keys() - {"chief", "worker"}):
        raise UnsupportedError("TF_CONFIG names tasks that have no part here", got=", ".join(other), want="worker")
    return cluster, kind, index


# ---- Slurm ----------------------------------------------------------------------------------------------------


def _slurm_number(env, name):
    try:
        return int(env[name])
    except (KeyError, ValueError) as error:
        raise SolverError(f"Slurm's {name} is not a number", got=env.get(name, "nothing")) from error


def _slurm(env):
    """Returns ({"worker": [address]}, "worker", rank) of a job step.

    The ports follow from the job's number, so that jobs that share a machine do not meet.
    """
    ports = 12000 + _slurm_number(env, "SLURM_JOB_ID") * 64 % 20000 if "SLURM_JOB_ID" in env else 12000
    rank = _slurm_number(env, "SLURM_PROCID")
    try:
        # GPUs are divided below: TensorFlow's resolver asks nvidia-smi, and fails where there is none.
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=ports, gpus_per_node=10**4, gpus_per_task=1, auto_set_gpu=False
        )
        cluster = resolver.cluster_spec().as_dict()
    except (RuntimeError, ValueError, AssertionError) as error:
        raise SolverError("Slurm's variables of this step cannot be read", got=str(error)) from error
    return cluster, "worker", rank


def _take_gpus(env):
    """Makes this task's share of the machine's GPUs the visible ones; returns how many they are.

    Where Slurm has bound GPUs to tasks (SLURM_GPUS_PER_TASK, or fewer GPUs here than tasks) they are its own already.
    """
    gpus = tf.config.get_visible_devices("GPU")
    mine = gpus_of_task(len(gpus), env)
    if len(mine) < len(gpus):
        tf.config.set_visible_devices([gpus[i] for i in mine], "GPU")
    return len(mine)


def gpus_of_task(count, env):
    """Returns the indices, of `count` GPUs that this task of Slurm sees, that are for it to use."""
    local = _slurm_number(env, "SLURM_LOCALID") if "SLURM_LOCALID" in env else 0
    nodes = _slurm_number(env, "SLURM_STEP_NUM_NODES") if "SLURM_STEP_NUM_NODES" in env else 1
    tasks = -(-_slurm_number(env, "SLURM_STEP_NUM_TASKS") // nodes)
    if "SLURM_GPUS_PER_TASK" in env or count < tasks:
        return list(range(count))
    share = count // tasks
    return list(range(local * share, (local + 1) * share))
