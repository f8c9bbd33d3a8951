"""The nets of one run, built, with the optimizer over the training net's parameters."""

import keras
import numpy as np

from zoo.converters import weights
from zoo.converters.build import build
from zoo.converters.solver import held, optimizer
from zoo.errors import SolverError, UnsupportedError
from zoo.formats.layer_keys import UniqueNames
from zoo.layers.ops.random_uniform import ReplicaSlice
from zoo.solvers.optimizers import OPTIMIZERS
from zoo.training import tested
from zoo.training.data_parallel import DataParallelStep
from zoo.training.global_batch import GlobalBatchLayers
from zoo.training.precision import LossScale, needs_loss_scale
from zoo.training.replicas import ONE
from zoo.training.step import TrainStep


class RunNets:
    """The nets of a solver; to be built in the scope of the replicas.

    Args:
        solver: a `SolverDef`.
        data: the `RunData` that feeds them.
        seed: fixes fillers and whatever else is random.
        replicas: the `Replicas` that train.

    Attributes:
        train: the TRAIN `Net`; of one device's rows where several split a batch.
        tests: the TEST `Net`s, sharing its parameters.
        optimizer: the Keras optimizer over its learned parameters.

    Raises:
        ZooError: what is wrong with a net, or cannot be trained on these replicas.
    """

    def __init__(self, solver, data, seed, replicas=ONE):
        self._solver, self._seed, self._replicas, self._shapes = solver, seed, replicas, data.train.shapes
        replica_slice = _replica_slice(data, replicas) if replicas.global_batch else None
        arrays = 1 + len(OPTIMIZERS[solver.type].slots)  # the gradients of all are there before the first is applied
        self.train = build(
            data.train.definition, data.train.replica_shapes, seed=seed, replica_slice=replica_slice, held=arrays
        )
        if not self.train.losses:
            want = "a layer such as SoftmaxWithLoss"
            raise SolverError("the training net has no loss", at=solver.train.at, want=want)
        self.tests, unique = [], UniqueNames()
        for feeds in data.tests:
            definition = tested.sharing(feeds.definition, data.train.definition, unique)
            self.tests.append(build(definition, feeds.shapes, self.train.parameters, held=0))
            tested.check(self.tests[-1], self.train)
        self.optimizer = optimizer(solver, self.train.learnable(), solver.snapshot_diff)
        solver.schedule.reset()  # it may have followed another run
        # Where it is not needed, checkpoints have it all the same, so that a run may resume in another precision.
        self._scale, self._scaled = LossScale(self.optimizer), needs_loss_scale()
        self._scale.build([p.variable for p in sum(held(solver, self.train.learnable()), [])])
        self._global_layers = None
        if replica_slice is not None:
            whole = build(self.train.definition, self._shapes, self.train.parameters)
            self._global_layers = GlobalBatchLayers(self.train, whole, replica_slice)
        self._check_one_device()

    def _check_one_device(self):
        """Raises the UnsupportedError for what one device alone can train."""
        solver, several = self._solver, self._replicas.count > 1
        if solver.debug_info and (several or self._scaled):
            hint = "train with --strategy=one, and not in mixed_float16"
            what = "debug_info follows one device whose loss is not scaled"
            raise UnsupportedError(what, at=solver.train.at, hint=hint)
        if solver.schedule.kept is not None and several:
            hint = "train with --strategy=one"
            raise UnsupportedError(f'lr_policy "{solver.lr_policy}" follows the loss of one device', hint=hint)
        hosted = [layer for layer in self.train.layers if layer.type.runs_on_host]
        hosted += [layer for net in self.tests for layer in net.sinks]
        if hosted and several:  # as in Caffe, whose Python layer refuses (python_layer.hpp:22-27)
            what = "what runs outside of the net cannot be split among several devices"
            raise UnsupportedError(what, at=hosted[0].definition.at(), hint="train with --strategy=one")
        if self.train.state and several:
            hint = "train with --strategy=one"
            names = ", ".join(self.train.state)
            what = "what a net carries from batch to batch cannot be split among several devices"
            raise UnsupportedError(what, at=solver.train.at, got=names, hint=hint)

    def train_step(self, gradients=False, scoped=False):
        """Returns the `TrainStep` of the training net; with `gradients` its calls give them too.

        With `scoped` its operations say their layer, see `Net.model`.
        """
        optimizer = self._scale if self._scaled else self.optimizer
        size, still = self._solver.iter_size, self.still_variables()
        if self._replicas.count == 1:
            return TrainStep(self.train, optimizer, size, gradients, still, self._solver.schedule, scoped)
        several = self._replicas, self._global_layers
        return DataParallelStep(self.train, optimizer, *several, size, gradients, still, scoped)

    def still_variables(self):
        """Returns the variables that the optimizer has besides the trained ones, and whose gradient is 0."""
        return [p.variable for p in held(self._solver, self.train.learnable())[1]]

    def load_weights(self, path):
        """Copies a weights file into the nets by layer name; returns a `weights.Loaded` for the training net."""
        loaded, trained = weights.load(self.train, path), {p.key for p in self.train.learnable()}
        for net in self.tests:
            if any(p.key not in trained for p in net.learnable()):
                weights.load(net, path, but=trained)
        return loaded

    def variables(self):
        """Returns {name: variable} of parameters, optimizer, loss scale and what layers carry between batches."""
        named = {f"parameters/{p.key}": p.variable for p in self.train.parameters}
        # Keras numbers the optimizers of a process: what comes before the first "/" is not part of the name.
        kept = {id(v) for v in self.optimizer.updates} if self._solver.snapshot_diff else ()  # nothing depends on these
        named |= {f"optimizer/{v.path.partition('/')[2]}": v for v in self.optimizer.variables if id(v) not in kept}
        named |= {"loss_scale": self._scale.dynamic_scale, "loss_scale_steps": self._scale.step_counter}
        nets = enumerate((self.train, *self.tests))
        if self._solver.schedule.kept is not None:
            named["plateau"] = self._solver.schedule.kept
        named |= {f"state/{k}/{name}": v for k, net in nets for name, v in net.state.items()}
        return {name: v.value if isinstance(v, keras.Variable) else v for name, v in named.items()}

    def carried_by_tests(self):
        """Returns what the layers of the test nets carry from batch to batch, as arrays for `carry_in_tests`."""
        return [v.numpy() for net in self.tests for v in net.state.values()]

    def carry_in_tests(self, arrays):
        """Puts back what `carried_by_tests` returned."""
        for variable, array in zip((v for net in self.tests for v in net.state.values()), arrays):
            variable.assign(array)

    def stand_at(self, iteration):
        """Makes `iteration` the next one, for the optimizer and for whatever is random."""
        self.optimizer.iterations.assign(iteration)
        self.train.clock.assign(iteration * self._solver.iter_size)

    def reset(self):
        """Makes parameters what the fillers give, and everything that has been learned or carried 0."""
        fresh = build(self.train.definition, self._shapes, seed=self._seed)
        for parameter in self.train.learnable():
            parameter.assign(fresh.parameters[parameter.key].array())
        carried = (v for net in (self.train, *self.tests) for v in net.state.values())
        for variable in (*self.optimizer.variables, *carried):
            variable.assign(np.zeros(variable.shape, variable.dtype))
        self._scale.reset()
        self._solver.schedule.reset()


def _replica_slice(data, replicas):
    items = min(shape[0] for shapes in data.train.replica_shapes.values() for shape in shapes)
    return ReplicaSlice(replicas.count, items, replicas.rank)
