"""C3D's layers: what they refuse, windows outside of the bottom, and version 1.0's way to write them."""

import numpy as np
import pytest

from tests.layers.one_layer_net import gradients, one_layer_net, run
from zoo.errors import ZooError
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes

SHAPE = (2, 3, 8, 9, 10)


@pytest.mark.parametrize(
    "layer, shape, says",
    [
        ('"Convolution3D" convolution_param { num_output: 2 kernel_size: 3 }', SHAPE, "kernel_depth and kernel_size"),
        (
            '"Convolution3D" convolution_param { num_output: 2 kernel_size: 3 kernel_depth: 3 group: 2 }',
            SHAPE,
            "groups",
        ),
        ('"Convolution3D" convolution_param { num_output: 2 kernel_size: 3 kernel_depth: 3 }', (2, 3, 8, 9), "5 axes"),
        ('"Convolution3D" convolution_param { kernel_size: 3 kernel_depth: 3 }', SHAPE, "num_output is missing"),
        (
            '"Convolution3D" convolution_param { num_output: 2 kernel_size: 3 kernel_size: 2 kernel_depth: 3 }',
            SHAPE,
            "one number",
        ),
        ('"Convolution" convolution_param { num_output: 2 kernel_size: 3 kernel_depth: 3 }', SHAPE, "has no meaning"),
        ('"Pooling3D" pooling_param { kernel_size: 2 }', SHAPE, "kernel_depth and kernel_size"),
        ('"Pooling3D" pooling_param { kernel_size: 2 kernel_depth: 2 pad: 1 }', SHAPE, "padding is for AVE only"),
        ('"Pooling3D" pooling_param { kernel_size: 2 kernel_depth: 2 pool: STOCHASTIC }', SHAPE, "STOCHASTIC"),
        ('"Pooling3D" pooling_param { kernel_size: 2 kernel_depth: 9 }', SHAPE, "the kernel is larger than"),
        ('"Pooling3D" pooling_param { kernel_size: 2 } pooling3d_param { kernel_size: 2 }', SHAPE, "are set"),
    ],
)
def test_refused(layer, shape, says):
    with pytest.raises(ZooError, match=says):
        one_layer_net(f"type: {layer}", shape)


def test_version_one():
    text = """
input: "data" input_shape { dim: 2 dim: 3 dim: 16 dim: 20 dim: 20 }
layers { name: "conv" type: CONVOLUTION3D bottom: "data" top: "conv" blobs_lr: 1 blobs_lr: 2
  convolution_param { num_output: 4 kernel_size: 3 kernel_depth: 3 pad: 1 temporal_pad: 1 } }
layers { name: "pool" type: POOLING3D bottom: "conv" top: "pool"
  pooling_param { pool: MAX kernel_size: 2 kernel_depth: 1 stride: 2 temporal_stride: 1 } }
"""
    conv, pool = infer_shapes(net_def(parse_net(text), "TEST"))[1:]
    assert conv.tops == ((2, 4, 16, 20, 20),)
    assert [blob.shape for blob in conv.blobs] == [(4, 3, 3, 3, 3), (4,)]
    assert pool.tops == ((2, 4, 16, 10, 10),)


def test_windows_outside_of_the_bottom():
    """The largest of nothing, and 0 over a size that is 0 or less; neither has a gradient."""
    x = np.random.default_rng(0).normal(size=(1, 2, 1, 1, 6))
    largest = one_layer_net('type: "Pooling3D" pooling_param { kernel_size: 1 kernel_depth: 1 stride: 2 }', x.shape)
    lowest = np.full((1, 2, 1, 1, 1), np.finfo(np.float32).min)
    np.testing.assert_array_equal(run(largest, x), np.append(np.float32(x[..., ::2]), lowest, axis=4))
    np.testing.assert_array_equal(gradients(largest, x)[0], np.broadcast_to([1, 0, 1, 0, 1, 0], x.shape))
    for stride, outside in ((3, np.nan), (4, 0)):
        fields = f"pool: AVE kernel_size: 1 kernel_depth: 1 stride: {stride}"
        top = run(one_layer_net(f'type: "Pooling3D" pooling_param {{ {fields} }}', x.shape), x)
        np.testing.assert_allclose(top, np.append(x[..., ::stride], 0 * lowest + outside, axis=4), rtol=1e-6)
