"""Parameters drawn for a net that nobody has trained let its outputs depend on its inputs."""

import numpy as np

from zoo import reference
from zoo.converters import weights
from zoo.export.conversion import convert
from zoo.export.random_inputs import random_inputs

BLOCK = """
layer {{ name: "c{n}" type: "Convolution" bottom: "{x}" top: "c{n}"
  convolution_param {{ num_output: 4 kernel_size: 3 pad: 1 bias_term: false }} }}
layer {{ name: "n{n}" type: "BatchNorm" bottom: "c{n}" top: "c{n}" }}
layer {{ name: "s{n}" type: "Scale" bottom: "c{n}" top: "c{n}" scale_param {{ bias_term: true }} }}
layer {{ name: "e{n}" type: "Eltwise" bottom: "{x}" bottom: "c{n}" top: "e{n}" }}
layer {{ name: "r{n}" type: "ReLU" bottom: "e{n}" top: "e{n}" }}
"""
ENDS = (
    """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 4 dim: 6 dim: 6 } } }
""",
    """
layer { name: "ip" type: "InnerProduct" bottom: "e29" top: "ip" inner_product_param { num_output: 10 } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
""",
)


def test_a_deep_residual_net_tells_inputs_apart(tmp_path):
    """Without care its values grow with every block, and one probability is 1."""
    blocks = [BLOCK.format(n=n, x=f"e{n - 1}" if n else "data") for n in range(30)]
    path = tmp_path / "deep.prototxt"
    path.write_text("".join([ENDS[0], *blocks, ENDS[1]]))
    conversion = convert(str(path), drawn=True)
    arrays = weights.arrays(conversion.array_net)
    values = reference.run(conversion.message, arrays, random_inputs(conversion))
    prob = values["prob"]
    assert 0.11 < prob.max() < 0.95 and np.abs(prob[0] - prob[1]).max() > 1e-3
    assert 0.3 < np.sqrt(np.mean(np.square(values["ip"]))) < 5
    for key, blobs in weights.arrays(convert(str(path), drawn=True).net).items():  # the net of Keras has the same ones
        for got, want in zip(blobs, arrays[key], strict=True):
            np.testing.assert_array_equal(got, want)
