"""A solver opened: its nets built, its data found, its optimizer made, and all that a checkpoint has to hold."""

import dataclasses
from collections import deque

import keras
import numpy as np
import tensorflow as tf

from zoo.converters import weights
from zoo.converters.build import build
from zoo.converters.solver import held, optimizer
from zoo.errors import SolverError, UnsupportedError
from zoo.formats import prototxt
from zoo.formats.layer_keys import UniqueNames
from zoo.layers.ops.random_uniform import ReplicaSlice
from zoo.netdef.config import open_net
from zoo.solvers.optimizers import OPTIMIZERS
from zoo.training import tested
from zoo.training.feeds import Feeds
from zoo.training.fingerprint import fingerprint
from zoo.training.precision import LossScale, needs_loss_scale
from zoo.training.replicas import ONE
from zoo.training.replicated import ReplicatedStep
from zoo.training.step import TrainStep
from zoo.training.tail import Tail
from zoo.training.wrong_labels import check_scores


class Session:
    """The nets, data and state of one training run.

    Args:
        solver: a `SolverDef`.
        data_dir: where data, nets and weights are looked for first.
        state: a NetState whose level and stages are merged into the training net's (caffe train --level --stage).
        seed: what the solver's random_seed is where that is not set; None draws one.
        replicas: the `Replicas` that train; test nets run on one device, as in Caffe.
        cache: whether the decoded training pictures are kept in memory.
        alike: {part: text} in which several processes have to agree, besides the fingerprint.
        shards: the `ShardCheck` of what is read, or None.

    Attributes:
        train: the TRAIN `Net`; of one device's rows where several split a batch.
        tests: the TEST `Net`s, sharing its parameters.
        optimizer: the Keras optimizer over its learned parameters.
        fingerprint: {part: text} of the solver, the nets and their data, see `fingerprint.fingerprint`.
        iteration: how many updates have been made.
        test_position: for each test net, the batch that its next test begins with.

    Raises:
        ZooError: what is wrong with the solver, a net or its data.
    """

    def __init__(self, solver, data_dir=None, state=None, seed=None, replicas=ONE, cache=False, alike=(), shards=None):
        self.solver, self.replicas, self._shards = solver, replicas, shards
        seed = solver.random_seed if solver.random_seed is not None else seed
        seed = seed if seed is not None else int.from_bytes(np.random.bytes(4), "big")
        self.seed = int(replicas.from_chief([np.int64(seed)])[0])
        self._open(data_dir, state, cache)
        replicas.check_alike({**dict(alike), **self.fingerprint})
        with replicas.scope():
            self._build()
        self.iteration = 0
        self.test_position = [0] * len(self.tests)
        self._losses = deque(maxlen=solver.average_loss)
        self._position = tf.Variable(np.zeros(1 + len(self.tests), np.int64), name="position")
        self._window = tf.Variable(np.full(solver.average_loss, np.nan, np.float32), name="losses")
        self._seed = tf.Variable(np.int64(self.seed), name="seed")
        self._restored = tf.Variable(
            np.zeros(2, np.int64), name="restored"
        )  # iteration, current_step of a .solverstate

    def _open(self, data_dir, state, cache):
        solver = self.solver
        definition = open_net(solver.train, data_dir, solver.file, state)
        self._feeds = Feeds(definition, data_dir, self.seed, self.replicas, cache, self._shards)
        definitions = [open_net(source, data_dir, solver.file) for source in solver.tests]
        self._test_feeds = [Feeds(definition, data_dir, self.seed, shards=self._shards) for definition in definitions]
        self.fingerprint = fingerprint(solver, self._feeds, self._test_feeds)

    def _build(self):
        solver, definition = self.solver, self._feeds.definition
        replica_slice = self._replica_slice() if self.replicas.global_batch else None
        arrays = 1 + len(OPTIMIZERS[solver.type].slots)  # the gradients of all are there before the first is applied
        self.train = build(
            definition, self._feeds.replica_shapes, seed=self.seed, replica_slice=replica_slice, held=arrays
        )
        if not self.train.losses:
            raise SolverError(
                "the training net has no loss", at=solver.train.at, want="a layer such as SoftmaxWithLoss"
            )
        self.tests, unique = [], UniqueNames()
        for feeds in self._test_feeds:
            tested_net = tested.sharing(feeds.definition, definition, unique)
            self.tests.append(build(tested_net, feeds.shapes, self.train.parameters, held=0))
            tested.check(self.tests[-1], self.train)
        self.optimizer = optimizer(solver, self.train.learnable(), solver.snapshot_diff)
        # Where it is not needed, checkpoints have it all the same, so that a run goes on in another precision.
        self._scale, self._scaled = LossScale(self.optimizer), needs_loss_scale()
        self._scale.build([p.variable for p in sum(held(solver, self.train.learnable()), [])])
        self._tail = None
        if replica_slice is not None:
            whole = build(self.train.definition, self._feeds.shapes, self.train.parameters)
            self._tail = Tail(self.train, whole, replica_slice)
        if solver.debug_info and (self.replicas.count > 1 or self._scaled):
            hint = "train with --strategy=one, and not in mixed_float16"
            raise UnsupportedError(
                "debug_info follows one device whose loss is not scaled", at=solver.train.at, hint=hint
            )
        if self.train.state and self.replicas.count > 1:
            hint = "train with --strategy=one"
            names = ", ".join(self.train.state)
            what = "what a net carries from batch to batch cannot be split among several devices"
            raise UnsupportedError(what, at=solver.train.at, got=names, hint=hint)

    def _replica_slice(self):
        items = min(shape[0] for shapes in self._feeds.replica_shapes.values() for shape in shapes)
        return ReplicaSlice(self.replicas.count, items, self.replicas.rank)

    def train_step(self, gradients=False):
        """Returns the `TrainStep` of the training net; with `gradients` its calls give them too."""
        optimizer = self._scale if self._scaled else self.optimizer
        size, still = self.solver.iter_size, self.still_variables()
        if self.replicas.count == 1:
            return TrainStep(self.train, optimizer, size, gradients, still)
        return ReplicatedStep(self.train, optimizer, self.replicas, self._tail, size, gradients, still)

    def still_variables(self):
        """Returns the variables that the optimizer has besides the trained ones, and whose gradient is 0."""
        return [p.variable for p in held(self.solver, self.train.learnable())[1]]

    # ---- data -------------------------------------------------------------------------------------------------

    def titles(self):
        """Returns what the training net is trained on, a line for each source, for people."""
        return self._feeds.titles()

    def train_batches(self):
        """Returns the iterator of training batches from the present iteration on."""
        return self._feeds.batches(self.iteration * self.solver.iter_size)

    def own_batches(self, iteration):
        """Yields the batches of one iteration, as tuples of tensors: what this process's devices get of them."""
        batches = self._feeds.batches(iteration * self.solver.iter_size)
        for _ in range(self.solver.iter_size):
            batch = next(batches)
            if self.replicas.count == 1:
                yield batch
            else:
                yield from zip(*map(self.replicas.strategy.experimental_local_results, batch))

    def test_batches(self, index):
        """Returns the iterator of a test net's batches from where its last test ended."""
        return self._test_feeds[index].batches(self.test_position[index])

    def check_scores(self, index, values, count):
        """Raises the DataError for a label that made a score of the last `count` batches of a test NaN."""
        first = self.test_position[index] - count
        with self.reading(index):
            check_scores(self.tests[index], values, lambda: self._test_feeds[index].batches(first), count)

    def reading(self, index=None):
        """Context around running the training net, or test net `index`, in which damaged data is a DataError."""
        return (self._feeds if index is None else self._test_feeds[index]).reading()

    def settle(self, before):
        """Waits for the checks of the shards read so far, as `ShardCheck.settle`; raises the DataError of one."""
        if self._shards:
            self._shards.settle(before)

    # ---- what a run says --------------------------------------------------------------------------------------

    def smooth(self, loss):
        """Takes a loss into the window of the last `average_loss` ones."""
        self._losses.append(float(loss))

    @property
    def smoothed_loss(self):
        """Mean of the losses in the window."""
        return sum(self._losses) / max(len(self._losses), 1)

    def learning_rate(self, iteration):
        """Returns the rate of `iteration`."""
        return float(self.solver.schedule(iteration))

    def config_text(self):
        """Returns the solver as prototxt, its nets inside where they stood inside."""
        return prototxt.to_text(self.solver.message)

    def hparams(self):
        """Returns the solver's scalar fields, as TensorBoard's hyper-parameters."""
        fields = {}
        for descriptor, value in self.solver.message.ListFields():
            if isinstance(value, bool | int | float | str):
                enum = descriptor.enum_type
                fields[descriptor.name] = enum.values_by_number[value].name if enum else value
        return fields

    # ---- state ------------------------------------------------------------------------------------------------

    def load_weights(self, path):
        """Copies a weights file into the nets by layer name; returns a `weights.Loaded` for the training net."""
        loaded, trained = weights.load(self.train, path), {p.key for p in self.train.learnable()}
        for net in self.tests:
            if any(p.key not in trained for p in net.learnable()):
                weights.load(net, path, but=trained)
        return loaded

    def restore_rate(self, iteration, current_step):
        """Goes on with the rate as a .solverstate of `iteration` has it, after `current_step` drops."""
        self._restored.assign([iteration, current_step])
        self.solver = dataclasses.replace(self.solver, schedule=self.solver.schedule.restored(iteration, current_step))
        self.optimizer.learning_rate = self.solver.schedule

    def test_state(self):
        """Returns where the test nets stand, for `set_test_state`: their batches and what they carry."""
        return list(self.test_position), [v.numpy() for net in self.tests for v in net.state.values()]

    def set_test_state(self, state):
        """Makes the test nets stand where they stood when `test_state` returned `state`."""
        self.test_position = list(state[0])
        for variable, value in zip((v for net in self.tests for v in net.state.values()), state[1]):
            variable.assign(value)

    def variables(self):
        """Returns {name: tf.Variable} of everything that the rest of a run depends on."""
        nets = [self.train, *self.tests]
        named = {"position": self._position, "losses": self._window, "seed": self._seed, "restored": self._restored}
        named |= {f"parameters/{p.key}": p.variable for p in self.train.parameters}
        # Keras numbers the optimizers of a process: what comes before the first "/" is not part of the name.
        kept = {id(v) for v in self.optimizer.updates} if self.solver.snapshot_diff else ()  # nothing depends on these
        named |= {f"optimizer/{v.path.partition('/')[2]}": v for v in self.optimizer.variables if id(v) not in kept}
        named |= {"loss_scale": self._scale.dynamic_scale, "loss_scale_steps": self._scale.step_counter}
        named |= {f"state/{k}/{name}": v for k, net in enumerate(nets) for name, v in net.state.items()}
        return {name: v.value if isinstance(v, keras.Variable) else v for name, v in named.items()}

    def pack(self):
        """Writes the plain numbers into the variables, before they are saved."""
        self._position.assign([self.iteration, *self.test_position])
        self._window.assign(
            np.pad(list(self._losses), (0, self._window.shape[0] - len(self._losses)), constant_values=np.nan)
        )

    def unpack(self):
        """Takes the plain numbers from the variables, after they have been restored."""
        iteration, *self.test_position = (int(n) for n in self._position.numpy())
        self._losses.clear()
        self._losses.extend(float(loss) for loss in self._window.numpy() if not np.isnan(loss))
        self.restore_rate(*self._restored.numpy().tolist())
        self.stand_at(iteration)

    def start_alike(self):
        """Makes all processes stand where the chief stands (parallel.cpp Broadcast)."""
        if self.replicas.workers == 1:
            return
        self.pack()
        variables = list(self.variables().values())
        for variable, value in zip(variables, self.replicas.from_chief([v.numpy() for v in variables])):
            variable.assign(value)
        self.unpack()

    def reset(self):
        """Makes the session what it was when it was made: parameters as filled, nothing learned."""
        fresh = build(self.train.definition, self._feeds.shapes, seed=self.seed)
        for parameter in self.train.learnable():
            parameter.assign(fresh.parameters[parameter.key].array())
        for variable in (
            *self.optimizer.variables,
            *(v for net in (self.train, *self.tests) for v in net.state.values()),
        ):
            variable.assign(np.zeros(variable.shape, variable.dtype))
        self._scale.reset()
        self.test_position = [0] * len(self.tests)
        self._losses.clear()
        self.stand_at(0)

    def stand_at(self, iteration):
        """Makes `iteration` the next one: for the schedule, the data and whatever is random."""
        self.iteration = iteration
        self.optimizer.iterations.assign(iteration)
        self.train.clock.assign(iteration * self.solver.iter_size)
