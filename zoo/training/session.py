"""A solver opened: its data, its nets and where it stands, and what concerns all three."""

import contextlib
import dataclasses

import numpy as np

from zoo.training import snapshots
from zoo.training.fingerprint import fingerprint
from zoo.training.replicas import ONE
from zoo.training.run_data import RunData
from zoo.training.run_nets import RunNets
from zoo.training.step import acting
from zoo.training.train_state import TrainState
from zoo.training.wrong_labels import check_scores


class Session:
    """The data, nets and state of one training run.

    Args:
        solver: a `SolverDef`.
        data_dir: where data, nets and weights are looked for first.
        state: a NetState whose level and stages are merged into the training net's (caffe train --level --stage).
        seed: what the solver's random_seed is where that is not set; None draws one.
        replicas: the `Replicas` that train; test nets run on one device, as in Caffe.
        ram_cache: whether decoded training images are kept in memory.
        alike: {part: text} in which several processes have to agree, besides the fingerprint.
        shards: the `ShardCheck` of what is read, or None.

    Attributes:
        solver: the `SolverDef`, with the rate as a .solverstate has left it.
        replicas: as given.
        data: its `RunData`.
        nets: its `RunNets`.
        state: its `TrainState`.
        fingerprint: {part: text} of the solver, the nets and their data, see `fingerprint.fingerprint`.

    Raises:
        ZooError: what is wrong with the solver, a net or its data.

    Example:
        >>> from zoo.converters.solver import solver_def
        >>> from zoo.formats.prototxt import parse_solver
        >>> solver = parse_solver('''base_lr: 0.5 lr_policy: "step" gamma: 0.5 stepsize: 10 max_iter: 20 net_param {
        ...     layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param {
        ...         shape { dim: 4 dim: 3 } shape { dim: 4 dim: 1 } data_filler { type: "constant" value: 1 } } }
        ...     layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 1 } }
        ...     layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" } }''')
        >>> session = Session(solver_def(solver))
        >>> session.state.iteration, session.learning_rate(9), session.learning_rate(10)
        (0, 0.5, 0.25)
        >>> [parameter.key.layer for parameter in session.nets.train.learnable()]
        ['ip', 'ip']
        >>> [tuple(top.shape) for top in next(session.train_batches())]
        [(4, 3), (4, 1)]
    """

    def __init__(
        self, solver, data_dir=None, state=None, seed=None, replicas=ONE, ram_cache=False, alike=(), shards=None
    ):
        self.solver, self.replicas = solver, replicas
        seed = solver.random_seed if solver.random_seed is not None else seed
        seed = seed if seed is not None else int.from_bytes(np.random.bytes(4), "big")
        seed = int(replicas.from_chief([np.int64(seed)])[0])
        self.data = RunData(solver, data_dir, state, seed, replicas, ram_cache, shards)
        self.fingerprint = fingerprint(solver, self.data.train, self.data.tests)
        replicas.check_alike({**dict(alike), **self.fingerprint})
        with replicas.scope():
            self.nets = RunNets(solver, self.data, seed, replicas)
        self.state = TrainState(seed, len(self.nets.tests), solver.average_loss)

    def train_batches(self):
        """Returns the iterator of training batches from the present iteration on."""
        return self.data.train_batches(self.state.iteration)

    def test_batches(self, index):
        """Returns the iterator of a test net's batches from where its last test ended."""
        return self.data.test_batches(index, self.state.test_position[index])

    @contextlib.contextmanager
    def reading(self, index=None):
        """Around running the training net, or test net `index`: a file at fault is the DataError that says so."""
        with self.data.reading(index), acting(self.nets.train if index is None else self.nets.tests[index]):
            yield

    def check_scores(self, index, values, count):
        """Raises the DataError for a label that made a score of the last `count` batches of a test NaN."""
        first = self.state.test_position[index] - count
        with self.reading(index):
            check_scores(self.nets.tests[index], values, lambda: self.data.test_batches(index, first), count)

    def learning_rate(self, iteration):
        """Returns the rate of `iteration`."""
        return float(self.solver.schedule(iteration))

    def restore_rate(self, iteration, current_step):
        """Continues with the rate as a .solverstate of `iteration` has it, after `current_step` drops."""
        self.state.restored = iteration, current_step
        self.solver = dataclasses.replace(self.solver, schedule=self.solver.schedule.restored(iteration, current_step))
        self.nets.optimizer.learning_rate = self.solver.schedule

    def restore(self, path):
        """Resumes from the .solverstate at `path`: weights, history, rate and iteration.

        Raises:
            CheckpointError, WeightsError: as `snapshots.restore`.
        """
        state = snapshots.restore(path, self.nets.train, self.nets.optimizer, self.nets.load_weights)
        self.restore_rate(state.iteration, state.current_step)
        self.solver.schedule.resume(state)
        self.state.iteration = state.iteration
        self.nets.stand_at(state.iteration)

    def test_state(self):
        """Returns where the test nets stand, for `set_test_state`: their batches and what they carry."""
        return list(self.state.test_position), self.nets.carried_by_tests()

    def set_test_state(self, state):
        """Makes the test nets stand where they stood when `test_state` returned `state`."""
        self.state.test_position = list(state[0])
        self.nets.carry_in_tests(state[1])

    def variables(self):
        """Returns {name: tf.Variable} of everything that the rest of a run depends on."""
        return {**self.state.variables(), **self.nets.variables()}

    def unpack(self):
        """Takes the plain numbers from the variables, after they have been restored."""
        self.state.unpack()
        self.restore_rate(*self.state.restored)
        self.nets.stand_at(self.state.iteration)

    def start_alike(self):
        """Makes all processes stand where the chief stands (parallel.cpp Broadcast)."""
        if self.replicas.workers == 1:
            return
        self.state.pack()
        variables = list(self.variables().values())
        for variable, value in zip(variables, self.replicas.from_chief([v.numpy() for v in variables])):
            variable.assign(value)
        self.unpack()

    def reset(self):
        """Makes the session what it was when it was made: parameters as filled, nothing learned."""
        self.nets.reset()
        self.state.reset()
        self.nets.stand_at(0)
