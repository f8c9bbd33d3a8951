"""A net while it is written: a `NetSpec` whose layers have names of their own and stand under headings."""

import textwrap

from configs.generate import single_file
from zoo.formats import caffe_pb2
from zoo.pycaffe.net_spec import NetSpec
from zoo.pycaffe.net_spec import layers as L

_WRAP = {"width": single_file.WIDTH - 2, "break_long_words": False, "break_on_hyphens": False}


class Sketch:
    """Layers are added in their order, each under its name; a section is a comment before the next one.

    Attributes:
        name: of the net.
        data, label: the tops of the data layer.
        sections: {name of a layer: comment before it}.
    """

    def __init__(self, name, train, test, kind="Data", layer="data", labels=None):
        """Begins with the data layer of both phases.

        Args:
            name: of the net.
            train, test: {field of the data layer: value} for each phase, such as `imagenet.data(256)` gives.
            kind: its type, with the tops data and label.
            layer: its name.
            labels: train and test of a second layer of that type, called label, where labels have one of their own.
        """
        self.name, self.sections, self._spec, self._heading = name, {}, NetSpec(), None
        self._kind, self._tests, phase = getattr(L, kind), [test], {"include": {"phase": caffe_pb2.TRAIN}}
        if labels:
            self._tests.append(labels[1])
            self.data = self._kind(name=layer, **phase, **train)
            self.label = self._kind(name="label", **phase, **labels[0])
        else:
            self.data, self.label = self._kind(ntop=2, name=layer, **phase, **train)
        self._spec["data"], self._spec["label"] = self.data, self.label

    def section(self, text):
        """Puts a comment before the next layer."""
        self._heading = text

    def add(self, name, kind, *bottoms, blob=None, **fields):
        """Adds a layer and returns its top, which has the layer's name unless `in_place=True`; several as a tuple.

        Args:
            name: of the layer.
            kind: its type.
            bottoms: tops that it reads.
            blob: the name of its top, where it is another; a tuple with one for each of several tops.
            fields: of the layer, as pycaffe's NetSpec takes them.
        """
        if self._heading:
            self.sections[name], self._heading = self._heading, None
        if isinstance(blob, tuple):
            fields["ntop"] = len(blob)
        top = getattr(L, kind)(*bottoms, **fields | ({"name": name} if blob else {}))
        for one, value in zip(blob, top) if isinstance(blob, tuple) else [(blob or name, top)]:
            self._spec[one] = value
        return top

    def accuracy(self, name, top, **fields):
        """Adds a score of the TEST phase."""
        self.add(name, "Accuracy", top, self.label, include={"phase": caffe_pb2.TEST}, **fields)

    def scores(self, top, top5=False, name="loss"):
        """Adds the accuracy of the TEST phase, top 5 too on request, and the softmax loss."""
        self.accuracy("accuracy", top)
        if top5:
            self.accuracy("accuracy_top5", top, top_k=5)
        self.add(name, "SoftmaxWithLoss", top, self.label)

    def layers(self):
        """Returns the LayerParameters."""
        layers, tests = list(self._spec.to_proto().layer), []
        for train, fields in zip(layers, self._tests):
            one = self._kind(name=train.name, include={"phase": caffe_pb2.TEST}, **fields)
            tests.append(one.to_proto().layer[0])
            tests[-1].top[:] = train.top
        return [*layers[: len(tests)], *tests, *layers[len(tests) :]]

    def text(self, config, header, solver):
        """Returns the text of the config called `config`.

        Args:
            config: its name.
            header: the comment on top: paragraphs, which are wrapped, and commands, indented by two columns.
            solver: see `single_file.text`; the prefix of snapshots and the seed are added.
        """
        solver = {**solver, "snapshot_prefix": config, "random_seed": 1}
        return single_file.text(_wrapped(header), solver, self.name, self.layers(), self.sections)


def _wrapped(text):
    """Returns the text with each paragraph wrapped, and what is indented as it is."""
    blocks = text.strip("\n").split("\n\n")
    return "\n\n".join(b if b.startswith(" ") else textwrap.fill(" ".join(b.split("\n")), **_WRAP) for b in blocks)
