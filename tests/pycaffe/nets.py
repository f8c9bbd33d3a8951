"""Nets that several tests here use, and files of them."""

import zoo.pycaffe as caffe

CONV = """
name: "small" {extra}
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 2 dim: 3 dim: 5 dim: 7 }} }} }}
layer {{ name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param {{ num_output: 4 kernel_h: 3 kernel_w: 2 weight_filler {{ type: "gaussian" std: 1 }} }} }}
layer {{ name: "relu" type: "ReLU" bottom: "conv" top: "conv" relu_param {{ negative_slope: 0.3 }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "conv" top: "ip" {ip}
  inner_product_param {{ num_output: 6 weight_filler {{ type: "gaussian" std: 0.5 }} }} }}
"""
LOSS = """
layer {{ name: "label" type: "Input" top: "label" input_param {{ shape {{ dim: 2 }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }}
"""


def write(folder, text, name="net.prototxt"):
    """Writes a file; returns its path as a string."""
    path = folder / name
    path.write_text(text)
    return str(path)


def conv_net(folder, phase=caffe.TEST, loss=False, extra="", ip="", seed=3):
    """Returns a net of a convolution, a leaky ReLU in place and an inner product, with or without a loss."""
    caffe.set_random_seed(seed)
    return caffe.Net(write(folder, (CONV + (LOSS if loss else "")).format(extra=extra, ip=ip)), phase)
