"""pycaffe's interface over this package: ``import zoo.pycaffe as caffe`` in a script that was written for Caffe.

Modules that say ``import caffe`` themselves, as files of Python layers do, find this package after `install`.
"""

import sys

from zoo.command import quiet_tensorflow

quiet_tensorflow()  # before anything below imports it, with all that it says of this machine

from zoo.formats.caffe_pb2 import TEST, TRAIN
from zoo.layers.python import Layer
from zoo.pycaffe import coord_map, draw, io, net_spec, proto
from zoo.pycaffe.classifier import Classifier
from zoo.pycaffe.detector import Detector
from zoo.pycaffe.modes import set_device, set_mode_cpu, set_mode_gpu, set_random_seed
from zoo.pycaffe.net import Net
from zoo.pycaffe.net_spec import NetSpec, layers, params, to_proto
from zoo.pycaffe.process import (
    Timer,
    __version__,
    has_nccl,
    init_log,
    layer_type_list,
    log,
    set_multiprocess,
    set_solver_count,
    set_solver_rank,
    solver_count,
    solver_rank,
)
from zoo.pycaffe.proto import caffe_pb2
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
    "Classifier",
    "Detector",
    "Layer",
    "NesterovSolver",
    "Net",
    "NetSpec",
    "RMSPropSolver",
    "SGDSolver",
    "Timer",
    "__version__",
    "caffe_pb2",
    "coord_map",
    "draw",
    "get_solver",
    "has_nccl",
    "init_log",
    "install",
    "io",
    "layer_type_list",
    "layers",
    "log",
    "net_spec",
    "params",
    "proto",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_multiprocess",
    "set_random_seed",
    "set_solver_count",
    "set_solver_rank",
    "solver_count",
    "solver_rank",
    "to_proto",
]


def install():
    """Makes ``import caffe`` in this process mean this package, for modules that cannot be changed."""
    sys.modules["caffe"] = sys.modules[__name__]
    for name in ("classifier", "coord_map", "detector", "draw", "io", "net_spec", "proto", "proto.caffe_pb2"):
        sys.modules[f"caffe.{name}"] = sys.modules[f"{__name__}.{name}"]
