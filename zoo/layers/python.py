"""Python: a layer whose rule is a class that somebody wrote for pycaffe.

Such a class is code that a config names, so it runs only where `zoo.layers.base.user_classes` says that it may. Inside
`hosting`, as zoo.pycaffe is, it is called by the host, elsewhere by a graph with NumPy arrays.
"""

import importlib
import math

import numpy as np

from zoo.errors import NetError, UnsupportedError
from zoo.formats import caffe_pb2
from zoo.layers.base import user_classes
from zoo.layers.base.blobs import BlobSpec
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.registry import layer_type


class PlainBlob:
    """The least that a Python layer sees of a blob: float32 `data` and `diff` of Caffe's shape, and `reshape`."""

    def __init__(self, *shape):
        self.shape = ()
        self.data = self.diff = np.zeros((), np.float32)
        self.reshape(*shape)

    def reshape(self, *shape):
        """Gives the blob another shape, with zeros for values."""
        shape = tuple(int(dim) for dim in shape)
        if shape != self.shape:
            self.shape = shape
            self.data, self.diff = np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    @property
    def count(self):
        """Number of values."""
        return math.prod(self.shape)

    num = property(lambda self: self._legacy(0), doc="First axis.")
    channels = property(lambda self: self._legacy(1), doc="Second axis.")
    height = property(lambda self: self._legacy(2), doc="Third axis.")
    width = property(lambda self: self._legacy(3), doc="Fourth axis.")

    def _legacy(self, axis):
        return self.shape[axis] if axis < len(self.shape) else 1


class BlobVec(list):
    """A layer's parameter blobs."""

    def add_blob(self, *shape):
        """Adds a blob of zeros."""
        self.append(PlainBlob(*shape))


class Layer:
    """What a Python layer derives from: it overrides setup, reshape, forward and backward.

    Attributes:
        param_str: python_param.param_str.
        phase: 0 in TRAIN, 1 in TEST.
        blobs: its parameters, which `setup` adds with ``self.blobs.add_blob(*shape)``.
    """

    type = "Python"

    def __init__(self, layer_param=None):
        self.param_str, self.phase, self.blobs = "", 0, BlobVec()

    def setup(self, bottom, top):
        """Called once; `bottom` and `top` are lists of blobs."""

    def reshape(self, bottom, top):
        """Called before each forward pass: gives the tops their shapes."""

    def forward(self, bottom, top):
        """Writes the tops' data."""

    def backward(self, top, propagate_down, bottom):
        """Writes the diffs of those bottoms whose flag is set."""


@layer_type("Python", source="include/caffe/layers/python_layer.hpp:14-58, layer_factory.cpp:291-302")
class Python(LayerType):
    """Tops and their shapes are what the class says. Blobs: those that its setup adds."""

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    in_place = True
    runs_on_host = True
    bottom_count = (0, None)
    top_count = (0, None)
    fields = ("python_param",)

    @classmethod
    def feeds(cls, layer):
        """Whether it has no bottoms."""
        return not layer.bottoms

    def read(self, p):
        """Reads python_param. Raises UnsupportedError where Python layers are not allowed."""
        self.module, self.cls, self.param_str = p.module, p.layer, p.param_str
        p.no_effect("share_in_parallel")  # of several GPUs' solvers, of which a Python layer is in none
        for name in ("module", "layer"):
            if not getattr(p, name):
                raise p.error(f"{name} must be given", name)
        self._instances = user_classes.instances()
        if self._instances is None:
            raise UnsupportedError(
                f"would run the class {self.cls} of the Python module {self.module}, which is not allowed here",
                at=self.layer.at("python_param"),
                hint="it is code that the net names; if you trust it: --allow_python_layers, or zoo.pycaffe",
            )

    def top_shapes(self, bottoms):
        """What the class gives in setup, at the first time, and in reshape."""
        bottom, top = [PlainBlob(*shape) for shape in bottoms], [PlainBlob() for _ in self.layer.tops]
        if self.layer.key not in self._instances:
            instance = self._new()
            instance.setup(bottom, top)
            self._instances[self.layer.key] = instance
        self._instances[self.layer.key].reshape(bottom, top)
        return tuple(blob.shape for blob in top)

    def blobs(self, bottoms):
        """One for each of the instance's."""
        blobs = self._instances[self.layer.key].blobs
        return tuple(BlobSpec(tuple(blob.shape), f"blob{index}") for index, blob in enumerate(blobs))

    def build(self, site):
        """A layer that calls the class back with NumPy arrays."""
        if site.portable:
            raise UnsupportedError("a Python layer cannot be exported", at=self.layer.at())
        instance = self._instances[self.layer.key]
        for blob, variable in zip(instance.blobs, site.variables):
            if not np.any(np.asarray(variable)):  # new; one that another net shares has been learned since
                variable.assign(np.array(blob.data))
        from zoo.layers.keras_layers.python_callback import PythonCallback

        return PythonCallback(
            instance,
            site,
            [PlainBlob(*shape) for shape in site.bottoms],
            [PlainBlob(*shape) for shape in site.tops],
            name=site.name,
        )

    def _new(self):
        at = self.layer.at("python_param")
        try:
            module = importlib.import_module(self.module)
        except ImportError as error:
            hint = "its directory must be on PYTHONPATH"
            raise NetError(f"cannot import the Python module {self.module}: {error}", at=at, hint=hint) from error
        cls = getattr(module, self.cls, None)
        if not isinstance(cls, type) or not all(hasattr(cls, name) for name in ("setup", "reshape", "forward")):
            want = "a class derived from Layer"
            raise NetError(f"{self.cls} in {self.module} is no layer", at=at, got=type(cls).__name__, want=want)
        instance = cls(self.layer.message)
        if not hasattr(instance, "blobs"):  # a constructor of its own that does not call Layer's
            instance.blobs = BlobVec()
        instance.param_str, instance.phase = self.param_str, caffe_pb2.Phase.Value(self.layer.phase)
        return instance
