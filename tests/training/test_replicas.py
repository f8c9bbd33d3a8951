"""What several devices get, what of a net is computed of the whole batch, and what is refused; on one device."""

import json
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from tests.training import runs
from zoo.converters.build import build
from zoo.errors import ClusterError, NetError, SolverError, UnsupportedError, ZooError
from zoo.formats.prototxt import parse_net
from zoo.layers.ops.random_uniform import ReplicaSlice
from zoo.netdef.net import net_def
from zoo.training import strategy
from zoo.training.feeds import Feeds
from zoo.training.global_batch import GlobalBatchLayers
from zoo.training.replicas import Replicas
from zoo.training.signals import SNAPSHOT, STOP

DATA = """
layer { name: "in" type: "Data" top: "data" top: "label"
  transform_param { scale: 0.01 crop_size: 10 mirror: true } data_param { source: "small/train" batch_size: 12 } }
layer { name: "more" type: "DummyData" top: "noise"
  dummy_data_param { shape { dim: 12 dim: 2 } data_filler { type: "gaussian" } } }
"""


def feeds(data_dir, **replicas):
    fake = SimpleNamespace(**{"count": 1, "worker": 0, "workers": 1, "local": 1, "global_batch": False, **replicas})
    return Feeds(net_def(parse_net(DATA), "TRAIN"), data_dir, 7, fake)


@pytest.mark.parametrize("global_batch", [False, True])
@pytest.mark.parametrize(("workers", "local"), [(1, 2), (3, 1), (2, 3), (2, 2)])
def test_every_device_gets_its_rows(workers, local, global_batch, small_data, monkeypatch):
    count = workers * local
    whole = feeds(small_data).batches(0)
    whole = [np.concatenate(top) for top in zip(*(next(whole) for _ in range(4 * count)))]
    size = 12 if global_batch else 12 * count
    numbers = set()
    for worker in range(workers):
        options = {"count": count, "worker": worker, "workers": workers, "local": local, "global_batch": global_batch}
        mine = feeds(small_data, **options)
        assert next(iter(mine.replica_shapes.values()))[0] == ((12 // count if global_batch else 12), 1, 10, 10)
        stream = iter(mine.dealt(2))
        for batch in (2, 3):
            for device in range(local):
                rank = rank_of(worker * local + device, workers, local, monkeypatch)
                numbers.add(rank)
                for top, values in zip(next(stream), whole):
                    want = values[batch * size : (batch + 1) * size][rank::count]
                    np.testing.assert_array_equal(top, want)
    assert numbers == set(range(count))


def rank_of(number, workers, local, monkeypatch):
    """Returns `Replicas.rank` where TensorFlow's number of the device is `number`."""
    context = SimpleNamespace(replica_id_in_sync_group=number)
    monkeypatch.setattr("tensorflow.distribute.get_replica_context", lambda: context)
    replicas = Replicas(workers=workers)
    replicas.local = local
    rank = replicas.rank()
    monkeypatch.undo()
    return rank


def test_a_batch_that_does_not_divide(small_data):
    with pytest.raises(NetError, match=r'layer "in" \(Data\): the batch does not divide.*got 12, want a multiple of 5'):
        feeds(small_data, count=5, workers=5, global_batch=True)


def test_one_process_agrees_with_itself():
    assert Replicas().agree(STOP, 3) == (STOP, 3)
    assert Replicas().agree(None, 3) == (None, 3)


@pytest.mark.parametrize(
    ("requests", "want"),
    [([None, None], None), ([None, SNAPSHOT], SNAPSHOT), ([SNAPSHOT, STOP], STOP), ([STOP, STOP], STOP)],
)
def test_processes_agree_on_the_most_and_on_the_chief(requests, want):
    said = []
    for worker in range(2):
        replicas = Replicas(worker=worker, workers=2)
        replicas.total = lambda values: said.append(values[0]) or [np.zeros(3, np.int64)]
        replicas.agree(requests[worker], 40 + worker)
    for worker in range(2):
        replicas = Replicas(worker=worker, workers=2)
        replicas.total = lambda values: [sum(said)]
        assert replicas.agree(requests[worker], 40 + worker) == (want, 40)


def said_by(*all_parts):
    """Returns what `check_alike` says in each of several processes, here threads whose sums are those of all."""
    count, given, said = len(all_parts), {}, {}
    met = threading.Barrier(count, timeout=30)

    def process(worker):
        def total(values):
            met.wait()  # what was given last has been read by all
            given[worker] = values
            met.wait()
            return [sum(column) for column in zip(*given.values(), strict=True)]

        replicas = Replicas(worker=worker, workers=count)
        replicas.total = total
        try:
            replicas.check_alike(all_parts[worker])
            said[worker] = None
        except ClusterError as error:
            said[worker] = str(error)

    threads = [threading.Thread(target=process, args=(worker,)) for worker in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [said[worker] for worker in range(count)]


ALIKE = {"solver base_lr": "0.01", "solver type": "SGD", 'training net: data of layer "in"': "50 records", "zoo": "ab"}


def test_processes_that_train_the_same():
    assert said_by(ALIKE, dict(reversed(ALIKE.items())), {**ALIKE, "solver device_id": "1"}) == [None] * 3
    assert said_by(ALIKE) == [None]


def test_every_process_says_all_that_differs():
    """A file that only the chief can read is none of what differs; one that is another is."""
    chief = {**ALIKE, "weights a.h5": "12", "weights b.h5": "34"}
    second = {**ALIKE, "solver base_lr": "0.011", "weights b.h5": "56"}
    third = {**chief, 'training net: data of layer "in"': "49 records", 'test net 0: layer "ä"': "78"}
    first, *others = said_by(chief, second, third)
    assert others == [first, first]
    assert first == (
        "these processes do not train the same, got solver base_lr (0.01 in worker 0, 0.011 in worker 1); "
        "weights b.h5 (34 in worker 0, 56 in worker 1); "
        'training net: data of layer "in" (50 records in worker 0, 49 records in worker 2); '
        'test net 0: layer "ä" (none in worker 0, 78 in worker 2) '
        "(start all with the same command, files and versions)"
    )


# ---- the layers that see the whole batch ----------------------------------------------------------------------

BODY = """
layer { name: "in" type: "Input" top: "x" top: "label" input_param {
  shape { dim: %(n)d dim: 3 } shape { dim: %(n)d } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 4 } }
"""


def global_layers(text, items=2, count=3):
    """Returns the `GlobalBatchLayers` of a text over BODY, whose batch of items * count is split among `count`."""
    replica_slice = ReplicaSlice(count, items, None)
    small, large = (build(net_def(parse_net(BODY % {"n": n} + text), "TRAIN")) for n in (items, items * count))
    return GlobalBatchLayers(small, large, replica_slice)


def names(refs):
    return [ref.name for ref in refs]


LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }'


def test_losses_and_what_follows_are_of_the_whole_batch():
    text = LOSS + (
        'layer { name: "twice" type: "Power" bottom: "loss" top: "twice" power_param { scale: 2 } }'
        'layer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "label" top: "acc" }'
        'layer { name: "relu" type: "ReLU" bottom: "ip" top: "relu" }'
    )
    found = global_layers(text)
    assert sorted(names(found.outputs)) == ["acc", "loss", "relu", "twice"]
    assert sorted(names(found.needs)) == ["ip", "label", "relu"]


def test_a_value_of_the_batch_that_counts_is_needed_itself():
    found = global_layers('layer { name: "abs" type: "AbsVal" bottom: "ip" top: "abs" loss_weight: 1 }')
    assert sorted(names(found.needs)) == ["abs", "label"]  # nothing reads the label, which makes it an output


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ('layer { name: "mix" type: "BatchReindex" bottom: "ip" bottom: "label" top: "mix" }', "mix"),
        (
            'layer { name: "fix" type: "Reshape" bottom: "ip" top: "fix" reshape_param { shape { dim: 4 dim: -1 } } }',
            "fix",
        ),
        (LOSS + 'layer { name: "drop" type: "Dropout" bottom: "loss" top: "drop" }', "drop"),
    ],
)
def test_layers_that_a_batch_cannot_be_split_through(text, layer):
    with pytest.raises(UnsupportedError, match=rf'layer "{layer}".*cannot be split.*without --global_batch'):
        global_layers(text)


# ---- the choice -----------------------------------------------------------------------------------------------


def config(cluster, kind="worker", index=0):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


STEP = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NODELIST": "a", "SLURM_STEP_TASKS_PER_NODE": "2", "SLURM_PROCID": "0"}


@pytest.mark.parametrize(
    ("name", "env", "error", "said"),
    [
        ("many", {}, SolverError, "no such strategy, got many, want auto, one, mirrored, multiworker"),
        ("multiworker", {}, SolverError, "finds no other process"),
        ("auto", {"TF_CONFIG": "{"}, SolverError, "TF_CONFIG is not what TensorFlow reads, got {, want"),
        ("auto", {"TF_CONFIG": "[1]"}, SolverError, "TF_CONFIG is not"),
        (
            "multiworker",
            config({"worker": ["a:1", "b:1"]}, index=2),
            SolverError,
            "got worker 2, want worker 0, worker 1",
        ),
        ("multiworker", config({"worker": ["a:1"], "ps": ["b:1"]}), UnsupportedError, "no part here, got ps"),
        ("auto", {**STEP, "SLURM_STEP_NUM_TASKS": "x"}, SolverError, "SLURM_STEP_NUM_TASKS is not a number, got x"),
        ("auto", {**STEP, "SLURM_PROCID": ""}, SolverError, "SLURM_PROCID is not a number"),
        ("auto", {**STEP, "SLURM_STEP_TASKS_PER_NODE": "two"}, SolverError, "cannot be read"),
        ("auto", {**STEP, "SLURM_STEP_TASKS_PER_NODE": "3"}, SolverError, "cannot be read"),
    ],
)
def test_what_no_processes_can_be_made_of(name, env, error, said):
    with pytest.raises(error) as caught:
        strategy.choose(name, env=env)
    assert said in str(caught.value)


@pytest.mark.parametrize("env", [{}, config({"worker": ["a:1"]}), {**STEP, "SLURM_STEP_NUM_TASKS": "1"}])
@pytest.mark.parametrize("name", ["auto", "one", "mirrored"])
def test_one_device_is_one(name, env):
    found = strategy.choose(name, global_batch=True, env=env)
    assert (found.count, found.strategy, found.chief, found.global_batch) == (1, None, True, False)


@pytest.mark.parametrize(
    ("count", "env", "want"),
    [
        (4, {"SLURM_LOCALID": "1"}, [2, 3]),
        (4, {"SLURM_LOCALID": "1", "SLURM_GPUS_PER_TASK": "4"}, [0, 1, 2, 3]),
        (1, {"SLURM_LOCALID": "1"}, [0]),
        (0, {"SLURM_LOCALID": "1"}, []),
        (5, {"SLURM_LOCALID": "0", "SLURM_STEP_NUM_NODES": "2", "SLURM_STEP_NUM_TASKS": "3"}, [0, 1]),
        (4, {"SLURM_STEP_NUM_NODES": "2"}, [0, 1, 2, 3]),
    ],
)
def test_gpus_of_a_task_of_slurm(count, env, want):
    assert strategy.gpus_of_task(count, {**STEP, **env}) == want


def test_gpus_that_are_asked_for_are_those_that_are_seen():
    said = runs.in_python(
        "import types\n"
        "import tensorflow as tf\n"
        "from zoo import errors, train\n"
        "tf.config.list_physical_devices = lambda kind: ['a', 'b', 'c']\n"
        "tf.config.set_visible_devices = lambda devices, kind: print(devices, kind)\n"
        "train.flags.FLAGS(['train', '--config=solver.prototxt'])\n"
        "for which in ('0,2', '1', 'none', 'all', '0,3', '1,', '-1'):\n"
        "    try:\n        train._choose_gpus(which, None)\n"
        "    except errors.SolverError as e:\n        print(e)"
    )
    wrong = "--gpu names no GPU of this machine, got {}, want all, none, 0, 1, 2"
    assert said.splitlines() == ["['a', 'c'] GPU", "['b'] GPU", "[] GPU", *map(wrong.format, ("0,3", "1,", "-1"))]


# ---- what a net is refused for --------------------------------------------------------------------------------

CARRIES = """
base_lr: 0.1 lr_policy: "fixed" max_iter: 2
net_param {
  layer { name: "in" type: "DummyData" top: "x" top: "cont" dummy_data_param {
    shape { dim: 4 dim: 6 dim: 3 } shape { dim: 4 dim: 6 } data_filler { type: "gaussian" } } }
  layer { name: "rnn" type: "RNN" bottom: "x" bottom: "cont" top: "y"
    recurrent_param { num_output: 3 weight_filler { type: "xavier" } bias_filler { type: "constant" } } }
  layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "x" top: "loss" }
}
"""


WRITES = """
base_lr: 0.1 lr_policy: "fixed" max_iter: 2
net_param {
  layer { name: "in" type: "DummyData" top: "x" top: "y" dummy_data_param { shape { dim: 4 dim: 3 } } }
  layer { name: "out" type: "HDF5Output" bottom: "x" bottom: "y" hdf5_output_param { file_name: "x.h5" } }
  layer { name: "bias" type: "Bias" bottom: "x" top: "b" }
  layer { name: "loss" type: "EuclideanLoss" bottom: "b" bottom: "y" top: "loss" }
}
"""


@pytest.mark.parametrize(
    ("text", "args", "said"),
    [
        (WRITES, [], 'layer "out" (HDF5Output): what runs outside of the net cannot be split among several devices'),
        (CARRIES, [], "cannot be split among several devices, got rnn"),
        ("debug_info: true " + runs.SOLVER, [], "debug_info follows one device"),
        (runs.SOLVER, ["--global_batch"], "the batch does not divide among the devices, got 7"),
    ],
)
def test_nets_that_several_devices_cannot_train(text, args, said, commands, small_data, tmp_path):
    path = tmp_path / "solver.prototxt"
    path.write_text(text)
    common = (f"--config={path}", f"--data_dir={small_data}", f"--run_dir={tmp_path / 'run'}", "--strategy=mirrored")
    process = commands.run(json.dumps({"cpus": 2}), *common, *args, module="tests.training.devices")
    assert process.returncode == 1
    assert said in process.stderr
    assert "Traceback" not in process.stderr


def test_debug_info_of_a_scaled_loss(small_data, tmp_path):
    with pytest.raises(ZooError, match="debug_info follows one device whose loss is not scaled"):
        runs.train(tmp_path, small_data, "debug_info: true " + runs.SOLVER, precision="mixed_float16", summaries=False)
