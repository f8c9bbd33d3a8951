"""A small net with drawn weights, and the reference implementation's values for it."""

import numpy as np

from zoo.formats import caffemodel
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes
from zoo.reference import interpreter

INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: %d dim: %d dim: %d } } }\n'


def conv(name, bottom, fields):
    """Returns the text of a convolution."""
    return (
        f'layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}" '
        f"convolution_param {{ {fields} }} }}\n"
    )


def pool(name, bottom, fields):
    """Returns the text of a pooling."""
    return f'layer {{ name: "{name}" type: "Pooling" bottom: "{bottom}" top: "{name}" pooling_param {{ {fields} }} }}\n'


def relu(blob):
    """Returns the text of a ReLU in place."""
    return f'layer {{ name: "relu_{blob}" type: "ReLU" bottom: "{blob}" top: "{blob}" }}\n'


def dense(name, bottom, count):
    """Returns the text of an inner product."""
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" '
        f"inner_product_param {{ num_output: {count} }} }}\n"
    )


def softmax(bottom):
    """Returns the text of a Softmax."""
    return f'layer {{ name: "prob" type: "Softmax" bottom: "{bottom}" top: "prob" }}\n'


SMALL = (
    INPUT % (3, 12, 13)
    + conv("c1", "data", "num_output: 4 kernel_size: 3 pad: 1")
    + relu("c1")
    + pool("p1", "c1", "pool: MAX kernel_size: 3 stride: 2")
    + 'layer { name: "n1" type: "LRN" bottom: "p1" top: "n1" lrn_param { local_size: 3 alpha: 0.5 } }\n'
    + conv("c2", "n1", "num_output: 5 kernel_size: 3")
    + relu("c2")
    + dense("score", "c2", 3)
    + softmax("score")
)


class Case:
    """A net of the text `text` in a folder, its weights, and its values by the reference implementation in float64."""

    def __init__(self, folder, text=SMALL, seed=0, weights=None):
        self.config, self.weights = folder / "net.prototxt", folder / "net.caffemodel"
        self.config.write_text(text)
        self.definition = net_def(parse_net(text), "TEST")
        rng = np.random.default_rng(seed)
        self.arrays = weights or {
            layer.definition.key: [rng.normal(0, 0.4, spec.shape).astype(np.float32) for spec in layer.blobs]
            for layer in infer_shapes(self.definition)
            if layer.blobs
        }
        caffemodel.write(self.weights, self.arrays)

    def open(self):
        """Returns the `TrainedNet`."""
        from zoo.visualization.trained_net import TrainedNet

        return TrainedNet(self.config, [self.weights])

    def values(self, fed):
        """Returns {blob: float64 array in Caffe's order} for what is fed, (N, H, W, C)."""
        data = np.asarray(fed, np.float64).transpose(0, 3, 1, 2)
        return interpreter.run(self.definition.message, self.arrays, {"data": data}, dtype=np.float64)


def drawn(shape, seed=0):
    """Returns values of about 1."""
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)
