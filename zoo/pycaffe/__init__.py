"""pycaffe's interface over this package: ``import zoo.pycaffe as caffe`` in a script that was written for Caffe."""

from zoo.converters.layers.python import Layer
from zoo.formats.caffe_pb2 import TEST, TRAIN
from zoo.pycaffe.modes import set_device, set_mode_cpu, set_mode_gpu, set_random_seed
from zoo.pycaffe.net import Net
from zoo.pycaffe.solver import (
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    NesterovSolver,
    RMSPropSolver,
    SGDSolver,
    get_solver,
)

__all__ = [
    "TEST",
    "TRAIN",
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "Layer",
    "NesterovSolver",
    "Net",
    "RMSPropSolver",
    "SGDSolver",
    "get_solver",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_random_seed",
]
