"""Where a run stands, in plain numbers, and the variables in which a checkpoint holds them."""

from collections import deque

import numpy as np
import tensorflow as tf


class TrainState:
    """The numbers of a run besides those of its nets.

    Args:
        seed: the run's.
        tests: how many test nets there are.
        average_loss: over how many iterations the displayed loss is averaged.

    Attributes:
        seed: as given.
        iteration: how many updates have been made.
        test_position: for each test net, the batch that its next test begins with.
        restored: (iteration, current_step) of the .solverstate from which the rate continues; (0, 0) without one.
    """

    def __init__(self, seed, tests, average_loss):
        self.seed, self.iteration, self.test_position, self.restored = seed, 0, [0] * tests, (0, 0)
        self._losses = deque(maxlen=average_loss)
        self._position = tf.Variable(np.zeros(1 + tests, np.int64), name="position")
        self._window = tf.Variable(np.full(average_loss, np.nan, np.float32), name="losses")
        self._seed = tf.Variable(np.int64(seed), name="seed")
        self._restored = tf.Variable(np.zeros(2, np.int64), name="restored")

    def smooth(self, loss):
        """Takes a loss into the window of the last `average_loss` ones."""
        self._losses.append(float(loss))

    @property
    def smoothed_loss(self):
        """Mean of the losses in the window."""
        return sum(self._losses) / max(len(self._losses), 1)

    def variables(self):
        """Returns {name: variable} of what `pack` writes."""
        return {"position": self._position, "losses": self._window, "seed": self._seed, "restored": self._restored}

    def pack(self):
        """Writes the numbers into the variables, before they are saved."""
        self._position.assign([self.iteration, *self.test_position])
        self._restored.assign(self.restored)
        empty = self._window.shape[0] - len(self._losses)
        self._window.assign(np.pad(list(self._losses), (0, empty), constant_values=np.nan))

    def unpack(self):
        """Takes the numbers from the variables, after they have been restored."""
        self.iteration, *self.test_position = (int(n) for n in self._position.numpy())
        self.restored = tuple(self._restored.numpy().tolist())
        self._losses.clear()
        self._losses.extend(float(loss) for loss in self._window.numpy() if not np.isnan(loss))

    def reset(self):
        """Makes the numbers those of a run that has not begun."""
        self.iteration, self.test_position = 0, [0] * len(self.test_position)
        self._losses.clear()
