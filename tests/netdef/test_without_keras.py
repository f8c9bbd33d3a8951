"""Text becomes a net with every shape known, and a deploy net, in a process that loads neither Keras nor TensorFlow."""

from tests.training.runs import in_python

CODE = """
import sys
from zoo.netdef.deploy import deploy
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes
from zoo.netdef.splits import insert_splits
from zoo.formats import prototxt
solver = prototxt.read_solver("configs/alexnet.prototxt")
net = net_def(prototxt.Parsed(deploy(prototxt.Parsed(solver.message.net_param), {"data": (1, 3, 227, 227)})), "TEST")
print(*infer_shapes(insert_splits(net))[-1].tops[0])
print(*(name for name in ("keras", "tensorflow", "jax", "torch") if name in sys.modules))
"""


def test_shapes_are_inferred_without_keras():
    shape, loaded = in_python(CODE).split("\n")[:2]
    assert shape == "1 1000"
    assert loaded == ""
