"""Texts of forks whose fields or type names are theirs, and have no meaning or another name here."""

from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes


def test_what_nvidia_computes_in():
    text = """
default_forward_type: FLOAT16 default_backward_type: FLOAT16 default_forward_math: FLOAT default_backward_math: FLOAT
global_grad_scale: 1000 global_grad_scale_adaptive: true default_conv_algos_override: "1,1,1" reduce_buckets: 3
default_cudnn_math_override: 0
layer { name: "data" type: "Input" top: "data" forward_type: FLOAT
  input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" forward_math: FLOAT16 backward_type: FLOAT
  backward_math: FLOAT cudnn_math_override: 1
  convolution_param { num_output: 2 kernel_size: 3 conv_algos_override: "7,5,7" } }
"""
    assert infer_shapes(net_def(parse_net(text), "TRAIN"))[1].tops == ((1, 2, 6, 6),)


def test_old_names_of_segnet():
    text = """
input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layers { name: "bn" type: BN bottom: "data" top: "data" bn_param { bn_mode: INFERENCE } }
layers { name: "pool" type: POOLING bottom: "data" top: "pool" top: "mask" pooling_param { kernel_size: 2 stride: 2 } }
layers { name: "up" type: UPSAMPLE bottom: "pool" bottom: "mask" top: "up" upsample_param { scale: 2 } }
"""
    net = net_def(parse_net(text), "TEST")
    assert [layer.kind for layer in net.layers][1:] == ["BN (segnet)", "Pooling", "Upsample (segnet)"]
    assert infer_shapes(net)[-1].tops == ((1, 3, 8, 8),)
