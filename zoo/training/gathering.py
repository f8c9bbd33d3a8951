"""What a test makes of its batches: means, and of the rows that an output gathers the mean average precision."""

import numpy as np
from absl import logging

from zoo.training.average_precision import DetectionRows
from zoo.training.caffe_log import number

COLUMNS = 5  # of the rows that a test gathers


def gathered(net):
    """Returns the outputs of a net whose rows a test gathers, as a set of BlobRef."""
    return {top for layer in net.layers if layer.type.gathers_rows for top in layer.definition.tops}


def added(net, sums, more):
    """Returns {BlobRef: array} of two stretches of a test together: sums, and for what is gathered all rows."""
    rows = gathered(net)
    return {
        ref: np.concatenate([sums[ref], value]) if ref in rows else sums[ref] + value for ref, value in more.items()
    }


def means(net, sums, batches, ap_version="Integral"):
    """Returns {BlobRef: array} of a test's outputs: the mean over its batches; of gathered rows the mean precision."""
    rows, found = gathered(net), {}
    for ref, value in sums.items():
        if ref in rows:
            table = DetectionRows()
            table.add(value)
            precisions = table.precisions(ap_version)
            found[ref] = np.float32([np.mean([*precisions.values()]) if precisions else 0])
        else:
            found[ref] = value * np.float32(1 / batches)
    return found


def precisions_said(net, sums, ap_version):
    """Logs the average precision of each class for what a test gathered (solver.cpp:527)."""
    for ref in net.outputs():
        if ref in gathered(net):
            table = DetectionRows()
            table.add(sums[ref])
            for label, precision in table.precisions(ap_version).items():
                logging.info("class%d: %s", label, number(precision))
