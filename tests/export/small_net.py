"""A small net of what classification nets are made of, as text and weights."""

import numpy as np

from zoo.formats import caffemodel, prototxt
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes

HEAD = """
name: "small"
layer { name: "images" type: "Data" top: "data" top: "label"
  transform_param { crop_size: 17 mean_value: 104 mean_value: 117 mean_value: 123 scale: 0.017 mirror: true }
  data_param { source: "nowhere" batch_size: 4 } include { phase: TRAIN } }
layer { name: "images" type: "Data" top: "data" top: "label"
  transform_param { crop_size: 17 mean_value: 104 mean_value: 117 mean_value: 123 scale: 0.017 }
  data_param { source: "nowhere" batch_size: 6 } include { phase: TEST } }
"""

BODY = """
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 6 kernel_h: 5 kernel_w: 3 stride: 2 pad_h: 1 pad_w: 2 bias_term: false } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "norm1" type: "LRN" bottom: "conv1" top: "norm1" lrn_param { local_size: 3 alpha: 0.5 beta: 0.7 } }
layer { name: "pool1" type: "Pooling" bottom: "norm1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layer { name: "branch/a" type: "Convolution" bottom: "pool1" top: "branch/a"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 group: 2 } }
layer { name: "branch/b" type: "Pooling" bottom: "pool1" top: "branch/b"
  pooling_param { pool: AVE kernel_size: 3 stride: 1 pad: 1 } }
layer { name: "prelu" type: "PReLU" bottom: "branch/a" top: "branch/a" }
layer { name: "concat" type: "Concat" bottom: "branch/a" bottom: "branch/b" top: "concat" }
layer { name: "sum" type: "Eltwise" bottom: "concat" bottom: "concat" top: "sum"
  eltwise_param { operation: SUM coeff: 0.75 coeff: -0.25 } }
layer { name: "fc1" type: "InnerProduct" bottom: "sum" top: "fc1" inner_product_param { num_output: 9 } }
layer { name: "drop" type: "Dropout" bottom: "fc1" top: "fc1" dropout_param { dropout_ratio: 0.3 } }
layer { name: "softmax" type: "InnerProduct" bottom: "fc1" top: "fc2" inner_product_param { num_output: 5 } }
"""

TAIL = """
layer { name: "accuracy" type: "Accuracy" bottom: "fc2" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc2" bottom: "label" top: "loss" }
"""

INPUT = """
name: "small"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 19 dim: 17 } } }
"""

DEPLOY = INPUT + BODY + 'layer { name: "prob" type: "Softmax" bottom: "fc2" top: "prob" }\n'
TRAIN_VAL = HEAD + BODY + TAIL


def write(path, text):
    """Writes `text` to `path` and returns it as str."""
    path.write_text(text)
    return str(path)


def random_weights(text, path, seed=0):
    """Writes weights for every layer of a net with Input layers to `path`; returns them.

    BatchNorm's sums are those of a few batches: a variance above 0 and a factor other than 1.
    """
    rng, net = np.random.default_rng(seed), net_def(prototxt.parse_net(text), "TEST")
    arrays = {}
    for layer in infer_shapes(net):
        arrays[layer.definition.name] = [
            rng.normal(size=spec.shape, scale=0.5).astype(np.float32) for spec in layer.blobs
        ]
        if layer.definition.type == "BatchNorm":
            mean, variance, factor = arrays[layer.definition.name]
            arrays[layer.definition.name] = [mean, np.abs(variance) + np.float32(0.5), np.full_like(factor, 2.5)]
    arrays = {name: blobs for name, blobs in arrays.items() if blobs}
    caffemodel.write(path, arrays)
    return arrays
