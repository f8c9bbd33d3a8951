"""What feeds the nets of one run: the training net's batches by iteration, the test nets' by position."""

from zoo.netdef.config import open_net
from zoo.training.feeds import Feeds
from zoo.training.replicas import ONE


class RunData:
    """The data of a solver's nets.

    Args:
        solver: a `SolverDef`.
        data_dir: where data and nets are looked for first.
        state: a NetState whose level and stages are merged into the training net's, or None.
        seed: fixes random crops and mirrors.
        replicas: the `Replicas` that train; test nets run on one device, as in Caffe.
        ram_cache: whether decoded training images are kept in memory.
        shards: the `ShardCheck` of what is read, or None.

    Attributes:
        train: the `Feeds` of the training net.
        tests: those of the test nets, in order.

    Raises:
        ZooError: what is wrong with a net or its data.
    """

    def __init__(self, solver, data_dir=None, state=None, seed=0, replicas=ONE, ram_cache=False, shards=None):
        self._iter_size, self._replicas, self._shards = solver.iter_size, replicas, shards
        definition = open_net(solver.train, data_dir, solver.file, state)
        self.train = Feeds(definition, data_dir, seed, replicas, ram_cache, shards)
        definitions = [open_net(source, data_dir, solver.file) for source in solver.tests]
        self.tests = [Feeds(definition, data_dir, seed, shards=shards) for definition in definitions]

    def titles(self):
        """Returns what the training net is trained on, a line for each source, for people."""
        return self.train.titles()

    @property
    def epoch(self):
        """How many iterations one pass over the training data takes, a Fraction; None where the data do not say."""
        batches, joined = self.train.epoch, 1 if self._replicas.global_batch else self._replicas.count
        return None if batches is None else batches / (self._iter_size * joined)

    def train_batches(self, iteration):
        """Returns the iterator of training batches from `iteration` on."""
        return self.train.batches(iteration * self._iter_size)

    def own_batches(self, iteration):
        """Yields the batches of one iteration, as tuples of tensors: what this process's devices get of them."""
        batches = self.train_batches(iteration)
        for _ in range(self._iter_size):
            batch = next(batches)
            if self._replicas.count == 1:
                yield batch
            else:
                yield from zip(*map(self._replicas.strategy.experimental_local_results, batch))

    def test_batches(self, index, position):
        """Returns the iterator of the batches of test net `index` from the one at `position` on."""
        return self.tests[index].batches(position)

    def reading(self, index=None):
        """Context around running the training net, or test net `index`, in which damaged data is a DataError."""
        return (self.train if index is None else self.tests[index]).reading()

    def settle(self, before):
        """Waits for the checks of the shards read so far, as `ShardCheck.settle`; raises the DataError of one."""
        if self._shards:
            self._shards.settle(before)
