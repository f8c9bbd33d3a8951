"""The devices that train one net together, and what they have to agree on."""

import contextlib
import hashlib
import json

import numpy as np
import tensorflow as tf

from zoo.errors import ClusterError
from zoo.training.fingerprint import FILES, OF_A_MACHINE, differences, listed
from zoo.training.signals import SNAPSHOT, STOP

LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
)


class Replicas:
    """The devices that train one net together, each a copy of it; Caffe calls them solvers (parallel.cpp:196-262).

    Each device makes the gradients of its own rows of an iteration's batch; the update is made with their mean, on all
    alike. The batch is `count` times the file's, as in Caffe, or with `global_batch` the file's, split. Either way its
    rows, in the order in which one device would take them, go round in turn: replica r has rows r, r + count,
    ... (data_layer.cpp:45-59). So which records and which crops an iteration trains on follows from its number and the
    size of the batch alone.

    Args:
        strategy: the tf.distribute strategy; None for one device.
        worker: number of this process; 0 is the chief, the one that writes.
        workers: how many processes there are, each with as many devices.
        global_batch: split the file's batch.

    Attributes:
        count: how many devices there are, in all processes.
        local: how many of them are this process's.
        chief: whether this process writes checkpoints, log and curves.
    """

    def __init__(self, strategy=None, worker=0, workers=1, global_batch=False):
        self.strategy, self.worker, self.workers = strategy, worker, workers
        self.count = strategy.num_replicas_in_sync if strategy else 1
        self.local, self.chief = self.count // workers, worker == 0
        self.global_batch = global_batch and self.count > 1
        self._sum_over_workers = tf.function(self._total, reduce_retracing=True)

    def scope(self):
        """Context in which variables are made that every device has a copy of."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def rank(self):
        """Returns the number of the replica whose function runs: that of its rows, which differs from TensorFlow's."""
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        return number % self.local * self.workers + number // self.local

    # ---- between processes ------------------------------------------------------------------------------------

    def total(self, values):
        """Returns the sums over all processes of `values`, a list of arrays; has to be called in each."""
        if self.workers == 1:
            return [np.asarray(value) for value in values]
        return [value.numpy() for value in self._sum_over_workers([tf.convert_to_tensor(v) for v in values])]

    def from_chief(self, values):
        """Returns the chief's `values`, a list of arrays whose shapes are the same everywhere."""
        return self.total([value if self.chief else np.zeros_like(value) for value in map(np.asarray, values)])

    def texts(self, text):
        """Returns the `text` of every process, in their order."""
        data = np.frombuffer(text.encode(), np.uint8).astype(np.int32)
        lengths = self.total([self._mine(np.int32(data.size))])[0]
        rows = self.total([self._mine(np.pad(data, (0, lengths.max() - data.size)))])[0]
        return [bytes(row[:length].astype(np.uint8)).decode() for row, length in zip(rows, lengths)]

    def check_alike(self, parts):
        """Raises one ClusterError, the same in every process, where these differ in `parts`; to be called in each.

        Args:
            parts: {part: text} as in `zoo.training.fingerprint`.
        """
        if self.workers == 1:
            return
        mine = {name: text for name, text in parts.items() if name not in OF_A_MACHINE}
        numbers = np.frombuffer(hashlib.sha256(repr(sorted(mine.items())).encode()).digest(), np.uint8)
        digests = self.total([self._mine(numbers.astype(np.int32))])[0]
        if (digests == digests[0]).all():
            return
        chief, *others = (json.loads(text) for text in self.texts(json.dumps(mine)))
        said = []
        for number, other in enumerate(others, 1):
            absent = {name for name in chief.keys() - other.keys() if name.startswith(FILES)}  # the chief reads them
            if found := differences(chief, other, but=absent):
                said.append(listed(found, "in worker 0", f"in worker {number}"))
        if said:
            hint = "start all with the same command, files and versions"
            raise ClusterError("these processes do not train the same", got="; ".join(said), hint=hint)

    def _mine(self, values):
        """Returns zeros (workers, ...) in which the row of this process holds `values`."""
        rows = np.zeros((self.workers, *values.shape), values.dtype)
        rows[self.worker] = values
        return rows

    def agree(self, request, number):
        """Returns what all do next: (STOP where one was asked for it, else SNAPSHOT, else None; the chief's number).

        Args:
            request: what this process was asked for, as `Signals.poll` gives it.
            number: a number on which processes may differ, such as one that follows from how fast they are.
        """
        if self.workers == 1:
            return request, number
        asked = [int(request == STOP), int(request == SNAPSHOT), number if self.chief else 0]
        stop, snapshot, number = self.total([np.array(asked, np.int64)])[0].tolist()
        return STOP if stop else SNAPSHOT if snapshot else None, number

    def _total(self, values):
        def reduce(*values):
            context = tf.distribute.get_replica_context()
            first = tf.equal(context.replica_id_in_sync_group % self.local, 0)  # one device speaks for its process
            mine = [tf.where(first, value, tf.zeros_like(value)) for value in values]
            return [all_reduce(tf.distribute.ReduceOp.SUM, value) for value in mine]

        results = self.strategy.run(reduce, values)
        return [self.strategy.experimental_local_results(value)[0] for value in results]

    @contextlib.contextmanager
    def together(self):
        """Around all work: a process that is no longer there becomes a ClusterError, in every one that is left."""
        try:
            yield
        except LOST as error:
            if self.workers == 1:
                raise
            said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            hint = "its own output says why; start all processes again, they resume from the newest checkpoint"
            raise ClusterError(f"worker {self.worker} has lost another one", got=said, hint=hint) from error


def all_reduce(operation, values):
    """Returns `values`, a tensor or a list of them, reduced over all devices; to be called in a replica's context.

    TensorFlow puts the result where the value is. In a process of one device that is nowhere for a value that comes
    from outside this context (2.21: "destinations can not be empty"), so that each is made here first.
    """
    return tf.distribute.get_replica_context().all_reduce(operation, tf.nest.map_structure(tf.identity, values))


ONE = Replicas()
