"""Runs a converted file and independent implementations of the same net, and reports how far apart they are."""

import dataclasses
import math
import tempfile
from pathlib import Path

import numpy as np

from zoo import reference
from zoo.converters import weights as net_weights
from zoo.export import opencv
from zoo.export.random_inputs import random_inputs
from zoo.export.stepwise import Stepwise, apart
from zoo.formats import caffe_pb2, caffemodel, prototxt
from zoo.netdef.padding import cut, padded_shapes, padded_values

REFERENCE = "NumPy"
NOTHING = "nothing finite to compare"
SAME = "the same for every input"
EMPTY = "no box was found"
CHOICES = "equal, with the reference's choices"


@dataclasses.dataclass(frozen=True)
class Row:
    """One output of a converted file, compared with one independent implementation.

    Attributes:
        output: the blob.
        by: which implementation it is compared with.
        shape: Caffe's.
        largest: largest absolute value that the other computed.
        difference: largest absolute difference.
        verdict: what it comes to.
        equal: whether it is within the tolerance.
        decides: whether the verdict counts.
    """

    output: str
    by: str
    shape: tuple[int, ...]
    largest: float
    difference: float
    verdict: str
    equal: bool
    decides: bool = True

    @property
    def relative(self):
        """The difference in parts of the largest value."""
        return self.difference / self.largest if self.largest else math.inf if self.difference else 0.0


class Comparison:
    """What independent implementations compute of a net on random inputs or given ones.

    The first, `zoo.reference`, takes the prototxt and the weights as the files have them, and shares nothing with the
    conversion but the reading of files and the net to deploy. The second is OpenCV's; it counts where it can read the
    net, and its verdict is told but does not decide, since in some layers it differs from Caffe by intention.

    Args:
        conversion: the `Conversion`.
        batch: how many items, where the net takes any number; otherwise the file's count.
        seed: of the random inputs.
        inputs: {blob: float32 array of Caffe's shape} instead of random ones.

    Attributes:
        inputs: {blob: float32 array of Caffe's shape}.
        found: {reader: {blob: array}}, the deciding one first.
        silent: {reader: why it says nothing}.
    """

    def __init__(self, conversion, batch=2, seed=0, inputs=None):
        self.conversion = conversion
        self.inputs = inputs or random_inputs(conversion, None if conversion.fixed else batch, seed)
        truth = conversion.origin or conversion  # a folded net is compared with the net as the files have it
        weights = source_weights(truth)
        simple = conversion.phase == "TEST" and conversion.origin is None
        self._stepwise = Stepwise(conversion.net) if simple else None
        see = None if self._stepwise is None else self._stepwise.see
        values = reference.run(truth.message, weights, self.inputs, phase=conversion.phase, each=see)
        self.found = {REFERENCE: {blob: values[blob] for blob in conversion.outputs}}
        self.silent = {}
        self._ask_opencv(truth, weights)

    def _ask_opencv(self, conversion, weights):
        if conversion.phase == "TRAIN":
            self.silent["OpenCV"] = "it knows no phase but TEST"
            return
        if net_weights.lost(conversion.array_net):
            self.silent["OpenCV"] = "it tells layers apart by name, and two have one"
            return
        message = caffe_pb2.NetParameter()
        message.CopyFrom(conversion.message)
        for layer in message.layer:
            if layer.type == "Input":
                del layer.input_param.shape[:]
                for top in layer.top:
                    layer.input_param.shape.add(dim=self.inputs[top].shape)
        opencv.in_its_words(message)
        givers = {top: (layer.name, i) for layer in conversion.message.layer for i, top in enumerate(layer.top)}
        wanted = {blob: givers[blob] for blob in conversion.outputs}
        with tempfile.TemporaryDirectory() as folder:
            path = _binary(conversion, weights, Path(folder))
            got, said = opencv.run(prototxt.to_text(message), path, self.inputs, wanted)
        if got is None:
            self.silent["OpenCV"] = said
        else:
            self.found[f"OpenCV {said}"] = got

    def compare(self, run, tolerance, decides=True):
        """Returns a `Row` for each output and reading.

        Args:
            run: from {input: array} to {output: array}, all of Caffe's shapes: what the converted file computes.
            tolerance: in parts of an output's largest value.
            decides: whether a difference from the reference counts.
        """
        arrays, rows = run(self.inputs), []
        for by, values in self.found.items():
            for blob, want in values.items():
                got = self._real(blob, arrays[blob], np.shape(want))
                if by != REFERENCE and self._giver(blob).type.padded_axis is not None:
                    got, want = sorted_rows(got), sorted_rows(want)
                row = compare(blob, by, got, np.asarray(want), tolerance, decides=decides and by == REFERENCE)
                if row.equal and self._giver(blob).type.padded_axis is not None and _empty(np.asarray(want)):
                    row = dataclasses.replace(row, verdict=f"{row.verdict}, but {EMPTY}")
                rows.append(row)
        return rows

    def explain(self, run, tolerance, rows):
        """Looks again, layer by layer, at what differs in the deciding `rows` that `compare` gave for the others.

        Returns:
            (rows that decide in place of those that differ, lines that say what is behind the difference). An output
            is right where the file gives what the net that it was made of gives, each layer of this alone is equal on
            what the reference gives it, and with the reference's choices between near-equal numbers the whole net
            gives the reference's output.
        """
        differing = [row for row in rows if row.decides and not row.equal]
        if not differing or self._stepwise is None:
            return [], []
        built, arrays = self._stepwise.run(self.inputs), run(self.inputs)
        for row in differing:
            if apart(arrays[row.output], built(self.conversion.outputs[row.output])) > tolerance:
                return [], [f"{row.output}: the file does not give what the net that it was made of gives"]
        if wrong := self._stepwise.wrong(tolerance):
            alone = "fed what the reference gives it, it differs by"
            return [], [f"{la.definition.at()}: {alone} {self._stepwise.apart[la.definition.key]:.1e}" for la in wrong]
        far, key = self._stepwise.worst()
        count = len(self._stepwise.apart)
        lines = [
            f'each of {count} layers alone, fed what the reference gives it, is equal: at most {far:.1e} ("{key}")'
        ]
        value, bottoms_apart, otherwise = self._stepwise.with_choices(self.inputs)
        if not otherwise or max(bottoms_apart.values()) > tolerance:
            return [], [*lines, "no choice between near-equal numbers is behind it: small differences grow in this net"]
        again = []
        for row in differing:
            layer, ref = self._giver(row.output), self.conversion.outputs[row.output]
            if layer.definition.tops.index(ref) in layer.type.choices():
                far = bottoms_apart[layer.definition.key]
                name = f"what {row.output} is chosen from"
                again.append(Row(name, f"{REFERENCE}, its choices", row.shape, 1.0, far, *_chosen(far <= tolerance)))
            else:
                want = self.found[REFERENCE][row.output]
                found = compare(row.output, f"{REFERENCE}, its choices", value(ref), np.asarray(want), tolerance)
                again.append(dataclasses.replace(found, verdict=CHOICES) if found.equal else found)
        return again, [*lines, *map(str, otherwise)]

    def _real(self, blob, array, want):
        """Returns an output of the converted file without the rows that pad it; `want` is the other's shape."""
        layer = self._giver(blob)
        if layer.type.padded_axis is not None and layer.definition.tops[0].name == blob:
            (shape,) = padded_shapes(layer.type, [array.shape], layer.type.real_rows(array))
            return cut(array, shape)
        behind = {ref.name for ref in padded_values(self.conversion.net.layers)}
        return cut(array, want) if blob in behind and len(want) == array.ndim else array

    def _giver(self, blob):
        """Returns the last layer that gives a blob."""
        layers = self.conversion.net.layers
        return {top.name: layer for layer in layers for top in layer.definition.tops}[blob]


def _empty(table):
    """Whether a table of boxes (image, label, score, ...) has none: its rows have the label -1."""
    return table.shape[-1:] == (7,) and bool((table[..., 1] == -1).all())


def _chosen(equal):
    return (CHOICES if equal else "DIFFERS"), equal


def sorted_rows(table):
    """Returns a table's rows in ascending order without those that are all zeros.

    OpenCV has the boxes of an image by their scores, where Caffe has them by label, and zeros behind them.
    """
    rows = np.reshape(table, (-1, table.shape[-1]))
    rows = rows[rows.any(axis=1)]
    return rows[np.lexsort(rows.T[::-1])]


def compare(blob, by, got, want, tolerance, decides=True):
    """Returns the `Row` for two arrays; values that are not finite must be the same, in the same places."""
    if got.shape != want.shape:
        return Row(blob, by, want.shape, 0, math.inf, f"another shape: {_shape(got.shape)}", False, decides)
    finite = np.isfinite(want)
    largest = float(np.abs(want[finite]).max(initial=0))
    if not np.array_equal(got[~finite], want[~finite], equal_nan=True) or not np.isfinite(got[finite]).all():
        return Row(blob, by, want.shape, largest, math.inf, "not finite in different places", False, decides)
    if want.size and not finite.any():
        return Row(blob, by, want.shape, 0, 0, NOTHING, False, decides)
    difference = float(np.abs(got[finite].astype(np.float64) - want[finite]).max(initial=0))
    equal = difference <= tolerance * largest
    verdict = "equal" if equal else "DIFFERS" if decides else "differs"
    if equal and len(want) > 1 and finite.all() and np.abs(want - want[:1]).max() <= tolerance * largest:
        verdict += f", but {SAME}"
    return Row(blob, by, want.shape, largest, difference, verdict, equal, decides)


def source_weights(conversion):
    """Returns {layer key: arrays of Caffe's shapes} as the weights files have them; as filled where they have none."""
    arrays, layers = net_weights.arrays(conversion.array_net), conversion.array_net.layers
    if conversion.origin is not None:
        return arrays
    for path in conversion.weights:
        weights = caffemodel.read(path)
        found = net_weights.targets(weights, [(la.definition.name, bool(la.parameters)) for la in layers])
        for source, index in found.items():
            key, blobs = layers[index].definition.key, weights[source]
            arrays[key] = [
                own if blob is None else np.reshape(blob, own.shape)
                for own, blob in zip(arrays[key], [*blobs, *[None] * (len(arrays[key]) - len(blobs))])
            ]
    return arrays


def same_bytes(conversion, path):
    """Returns (parameter blobs compared, [a line for each that is not byte for byte that of the weights files])."""
    written, count, wrong = caffemodel.read(path), 0, []
    shared = net_weights.shared(conversion.array_net)
    for key, arrays in source_weights(conversion).items():
        for index, array in enumerate(arrays):
            blobs = written.get(key, ())
            there = blobs[index] if index < len(blobs) else None
            if there is None and written.hdf5 and (key, index) in shared:
                continue
            count += 1
            if there is None or np.ascontiguousarray(there).tobytes() != np.ascontiguousarray(array).tobytes():
                wrong.append(f'blob {index} of layer "{key}" {"is missing" if there is None else "DIFFERS"}')
    return count, wrong


def _binary(conversion, weights, folder):
    """Returns the path of a binary weights file for OpenCV: the user's own where one has it all, else one written."""
    if len(conversion.weights) == 1 and caffemodel.read(conversion.weights[0]).binary and not conversion.filled:
        return conversion.weights[0]
    path = folder / "net.caffemodel"
    caffemodel.write(path, weights, conversion.message)
    return path


def _shape(shape):
    return "x".join(map(str, shape)) or "one number"
