"""What is looked at after a test: predictions, activations, mistakes, the confusion matrix and accuracies by class."""

import numpy as np

from zoo.formats import class_names
from zoo.layers.ops.layout import to_caffe
from zoo.training.board import confusion, sheets, values
from zoo.training.board.classified import classified, first_image
from zoo.training.board.probe import IMAGES, Probe
from zoo.training.board.watch import Watch


class Looks:
    """Follows the first test net of a session; a session without one has nothing to look at.

    Args:
        session: the `Session`.

    Attributes:
        watch: what its test step is to be given, or None.
    """

    def __init__(self, session):
        self._session, self._probe, self._begun = session, None, False
        self._net = session.nets.tests[0] if session.nets.tests else None
        self._place = classified(self._net) if self._net else None
        self.watch = Watch(self._net, self._place) if self._place else None
        self._names = (
            class_names.short_names(self._place.classes, session.data.tests[0].classes()) if self._place else ()
        )

    def write(self):
        """Returns {run: values of a summary} of the test that has just been made."""
        if self._net is None:
            return {}
        if not self._begun:
            self._begun = True
            with self._session.reading(0):
                self._probe = Probe.of(self._net, lambda: self._session.data.test_batches(0, 0), self._place)
        found = self._probed() if self._probe is not None else []
        counts = self.watch.counts() if self.watch is not None else np.zeros((0, 0))
        if not counts.any():
            return {"test": found}
        return {"test": found + self._tested(counts), "classes": self._by_class(counts)}

    def _probed(self):
        maps, shares = self._probe()
        found = [
            values.image(f"layers/activations {k} {ref.name}", sheets.activations(array), "of the first test image")
            for k, (ref, array) in enumerate(maps.items(), 1)
        ]
        if shares is not None:
            batch, place = self._probe.batch, self._place
            images = _red_first(batch[place.image][:IMAGES].numpy(), self._session.data.tests[0], place.image)
            labels = np.ravel(to_caffe(batch[place.labels]).numpy())[:IMAGES]
            sheet = sheets.predicted(images, labels, shares, self._names)
            found.append(values.image("examples/predictions", sheet, "The first items of the test data."))
        return found

    def _by_class(self, counts):
        """In a run of its own, as HParams takes all scalars of the run "test" for scores."""
        shares = confusion.accuracies(counts)
        if len(shares) > confusion.CURVES:
            return [values.histogram("classes", shares)]
        return [values.scalar(f"classes/{name}", share) for name, share in zip(self._names, shares) if share == share]

    def _tested(self, counts):
        text = "A row a label, a column what it is taken for; each row is normalised."
        found = [
            values.image("examples/confusion", confusion.image(counts, self._names), text),
            values.text("classes", confusion.table(counts, self._names)),
        ]
        images, pairs = self.watch.wrong()
        if len(images):
            images = _red_first(images, self._session.data.tests[0], self._place.image)
            sheet = sheets.mistaken(images, pairs, self._names)
            text = "The test items that the net is most surely wrong about."
            found.append(values.image("examples/mistaken", sheet, text))
        return found


def _red_first(images, feeds, ref):
    """Returns images (N, H, W, C), as a net gets them, with three channels in R,G,B."""
    return images[..., ::-1] if images.shape[3] == 3 and feeds.channel_order(ref) == "BGR" else images


def training_inputs(session):
    """Returns the first images of the next training batch, as the net gets them, as values of a summary.

    The batch is read apart from those that are trained on; where several devices split one, nothing is shown.
    """
    net = session.nets.train
    image = first_image(net)
    if image is None or session.replicas.count > 1 or any(layer.type.runs_on_host for layer in net.layers):
        return []
    with session.reading():
        batch = dict(zip(net.inputs, next(session.data.own_batches(session.state.iteration))))
    place, labels = classified(net), None
    found = _red_first(batch[image][:IMAGES].numpy(), session.data.train, image)
    if place is not None and place.image == image and place.labels in batch:  # or a layer makes them
        labels = np.ravel(to_caffe(batch[place.labels]).numpy())[:IMAGES]
    named = class_names.short_names(place.classes, session.data.train.classes()) if place is not None else ()
    text = "The first items of a training batch, as the net gets them: cropped, mirrored, scaled."
    return [values.image("examples/training inputs", sheets.inputs(found, labels, named), text)]
