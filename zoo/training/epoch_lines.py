"""Progress in epochs and scores in items, next to Caffe's lines, as PyTorch's MNIST example prints them.

Train Epoch: 1 [640/60000 (1%)]	Loss: 2.300039
Test set: Average loss: 0.0513, Accuracy: 9837/10000 (98%)
"""

import math

from absl import logging

from zoo.errors import SolverError


class EpochLines:
    """What says these lines for a `Session`.

    Raises:
        SolverError: the training data do not say how many items they hold.
    """

    def __init__(self, session):
        self._session, self._epoch = session, session.data.epoch
        if not self._epoch:
            raise SolverError(
                "progress in epochs cannot be said: the training data do not say how many items they hold",
                hint="leave --epoch_lines out",
            )

    def train(self, iteration, loss):
        """Says how far `iteration` is in its epoch, and the loss there."""
        count, done = self._session.data.train.count, iteration / self._epoch
        part = done - math.floor(done)
        logging.info(
            "Train Epoch: %d [%d/%d (%.0f%%)]\tLoss: %.6f", done + 1, round(part * count), count, 100 * part, loss
        )

    def test(self, index, values):
        """Says what test net `index` gave: its first loss, and how many items its first Accuracy layer counted right.

        Of a layer that counts something else, such as pixels, or leaves some out, the share alone is said.

        Args:
            index: of the test net.
            values: {output: mean over the batches}.
        """
        net, feeds = self._session.nets.tests[index], self._session.data.tests[index]
        named = list(zip(net.definition.outputs, net.definition.output_names))
        accuracies = {layer.tops[0]: layer for layer in net.definition.layers if layer.type == "Accuracy"}
        losses = dict(net.losses)
        said = [f"Average loss: {values[name]:.4f}" for ref, name in named if losses.get(ref) and name in values][:1]
        right = [(values[name], accuracies[ref]) for ref, name in named if ref in accuracies and name in values][:1]
        batch = next(iter(feeds.shapes.values()), [(0,)])[0][0]
        items = batch * self._session.solver.test_iter[index]
        for share, layer in right:
            of_items = math.prod(net.shapes[layer.bottoms[1]]) == batch
            if of_items and not layer.message.accuracy_param.HasField("ignore_label"):
                said.append(f"Accuracy: {round(share * items)}/{items} ({100 * share:.0f}%)")
            else:
                said.append(f"Accuracy: {100 * share:.0f}%")
        if said:
            logging.info("Test set: %s", ", ".join(said))
